"""
How far a rater agreed with itself on the anchor set, as a report tells it.

The first reading of a label set is held against each later one, instrument by instrument.  Each
anchor is a session of nobody's, so each is drawn by itself where an interval is made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from classifiers.agreement import Agreement, agreement, interval
from privacy.anchor_readings import AnchorReading, AnchorReadings
from privacy.codebook import Instrument, codebook


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement of two readings of the anchor set, on one instrument."""

    first: str
    """Month of the first reading."""
    month: str
    """That of the later one."""
    found: Agreement
    ends: tuple[float, float] | None
    """The 95 % interval of κ, where it can be told."""


def stabilities(told: AnchorReadings) -> list[Stability]:
    """
    For each instrument the later reading that agrees least with the first.

    Returns:
        Nothing where there is one reading only: then nothing was measured.
    """
    first, *later = told.readings or (None,)
    if first is None or not later:
        return []
    found = (list(_of(instrument, first, later)) for instrument in codebook().instruments)
    least = [min(each, key=lambda one: one[0].exact) for each in found if each]
    return [
        Stability(first.month, month, agreed, _interval(agreed.instrument, first, month, later))
        for agreed, month in least
    ]


def unlike(told: AnchorReadings) -> list[tuple[AnchorReading, float, int]]:
    """
    What other models, views, or prompts said of the same sessions.

    Returns:
        The newest reading under each other label set, and the share of answers that are those of
        the newest reading here, among how many: of instruments that both have, by their names.
    """
    if not told.readings:
        return []
    ours, rows = told.readings[-1], []
    names = [instrument.name for instrument in codebook().instruments]
    for other in told.others:
        pairs = [
            pair
            for name in names
            if name in other.labels and name in ours.labels
            for pair in zip(ours.labels[name], other.labels[name], strict=True)
        ]
        if pairs:
            same = sum(one == two for one, two in pairs)
            rows.append((other, same / len(pairs), len(pairs)))
    return rows


def _of(
    instrument: Instrument, first: AnchorReading, later: Sequence[AnchorReading]
) -> Iterator[tuple[Agreement, str]]:
    for reading in later:
        if found := agreement(instrument, _pairs(instrument.name, first, reading)):
            yield found, reading.month


def _interval(
    name: str, first: AnchorReading, month: str, later: Sequence[AnchorReading]
) -> tuple[float, float] | None:
    reading = next(one for one in later if one.month == month)
    instrument = next(one for one in codebook().instruments if one.name == name)
    pairs = _pairs(name, first, reading)
    return interval(instrument, {f"{number:04}": [pair] for number, pair in enumerate(pairs)})


def _pairs(name: str, first: AnchorReading, later: AnchorReading) -> list[tuple[str, str]]:
    return list(zip(first.labels[name], later.labels[name], strict=True))
