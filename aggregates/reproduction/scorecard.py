"""
The scorecard: what a release gave back, of what was planted and of what was published.

Two questions.  Of each *cell*: is it printed, and does its 95 % interval hold the parameter that
the population was drawn with?  Of each *claim* of the published study: is it reproduced, not
reproduced, or can this release not tell; and is it true of the population at all?

A population drawn from published margins contains them trivially.  What is tested is that records →
weights → noise → thresholds → estimates give them back, and how many cells vanish.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from aggregates.parameters import Place
from aggregates.release import Row
from privacy.mistakes import rounded

from .claims import Claim, Interval, Verdict, by_place
from .published import claims

COLUMNS = (
    "part", "name", "statistic", "keys", "source", "said", "planted", "estimate", "low", "high",
    "verdict", "session_weighted_difference",
)  # fmt: skip
"""Columns of scorecard.csv.  `said`: what the published study says; `planted`: the parameter."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One cell of the release beside its parameter."""

    place: Place
    state: str
    printed: Interval | None
    parameter: float | None
    """None where the law knows none."""
    difference: float | None
    """This population's figure with a vote for each session, less that with one for each account:
    what the weights change.  Exact, and known only because the population is synthetic."""

    @property
    def inside(self) -> bool | None:
        """Whether the interval holds the parameter; None where there is nothing to compare."""
        if self.printed is None or self.parameter is None:
            return None
        return self.printed.low <= self.parameter <= self.printed.high


@dataclass(frozen=True, slots=True)
class Judged:
    """One claim of the published study, judged by the release."""

    claim: Claim
    verdict: Verdict
    found: tuple[Interval, ...]
    planted: tuple[float, ...]
    """What the quantities are in the population; empty where that is not known."""
    holds: bool | None
    """Whether the claim is true of the population."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Cells and claims."""

    cells: tuple[Scored, ...]
    claims: tuple[Judged, ...]

    def counts(self) -> dict[str, int]:
        """The figures of the interface, and those that say how right the verdicts are."""
        verdicts = [judged.verdict for judged in self.claims]
        insides = [cell.inside for cell in self.cells]
        told = [(judged.verdict, judged.holds) for judged in self.claims]
        return {
            "cells": len(self.cells),
            "published": sum(cell.printed is not None for cell in self.cells),
            "compared": sum(inside is not None for inside in insides),
            "inside": sum(inside is True for inside in insides),
            "claims": len(verdicts),
            "reproduced": verdicts.count("reproduced"),
            "not_reproduced": verdicts.count("not reproduced"),
            "cannot_tell": verdicts.count("cannot tell"),
            "planted": sum(holds is True for _, holds in told),
            "planted_and_reproduced": told.count(("reproduced", True)),
            "planted_and_not_reproduced": told.count(("not reproduced", True)),
            "not_planted_and_reproduced": told.count(("reproduced", False)),
        }


def score(
    rows: Sequence[Row],
    known: Mapping[Place, float],
    differences: Mapping[Place, float] | None = None,
) -> Scorecard:
    """
    Hold a release of the reproduction study against what was planted and published.

    Args:
        rows: The release.
        known: Place → planted parameter (`parameters`).
        differences: Place → session-weighted figure less account-weighted, where known.
    """
    printed = by_place(rows)
    return Scorecard(
        tuple(
            Scored(
                place,
                str(row["state"]),
                _interval(row),
                known.get(place),
                (differences or {}).get(place),
            )
            for place, row in printed.items()
        ),
        tuple(_judged(claim, printed, known) for claim in claims()),
    )


def write_scorecard(scorecard: Scorecard) -> bytes:
    """scorecard.csv: cells first, then claims; a shape has a line for each of its quantities."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in scorecard.cells:
        inside = {True: "inside", False: "outside", None: "no parameter"}[cell.inside]
        verdict = inside if cell.printed else cell.state
        place = (*cell.place, "", "")
        difference = _shown(cell.difference)
        line = ("cell", *place, _shown(cell.parameter), *_ends(cell.printed), verdict, difference)
        writer.writerow(line)
    for judged in scorecard.claims:
        claim = judged.claim
        said = "above 0" if claim.figure is None else _shown(claim.figure)
        for number in range(len(claim.quantities)):
            planted = judged.planted[number] if judged.planted else None
            found = judged.found[number] if len(judged.found) == len(claim.quantities) else None
            writer.writerow(
                (
                    *("claim", claim.name, "", "", claim.source, said, _shown(planted)),
                    *_ends(found), judged.verdict, "",
                )
            )  # fmt: skip
    return text.getvalue().encode()


def _judged(claim: Claim, rows: Mapping[Place, Row], known: Mapping[Place, float]) -> Judged:
    verdict, found = claim.judge(rows)
    planted = [quantity.of(known) for quantity in claim.quantities]
    whole = tuple(value for value in planted if value is not None)
    return Judged(
        claim, verdict, found, whole if len(whole) == len(planted) else (), claim.holds_of(known)
    )


def _interval(row: Row) -> Interval | None:
    if row["state"] != "published":
        return None
    value, low, high = (float(row[name] or 0) for name in ("estimate", "low", "high"))
    return Interval(value, low, high)


def _ends(interval: Interval | None) -> tuple[str, str, str]:
    if interval is None:
        return "", "", ""
    return _shown(interval.value), _shown(interval.low), _shown(interval.high)


def _shown(value: float | None) -> str:
    return "" if value is None else repr(rounded(value))
