"""
Tables of agreement, of sessions that a rater labelled beside labels that count as right.

κ with its interval, how many are the same and how many next to it, which label was taken for which,
and all of it by group: `classifiers.agreement` reckons, here is what it is reckoned of.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from classifiers.agreement import Pair, agreement, interval
from privacy.codebook import Instrument, codebook

from .readers import bad
from .validation import Rated


def agreements(rated: Rated) -> dict[str, Any]:
    """
    How far a rater agrees with the right labels.

    Returns:
        `instruments` (instrument, kappa, low, high, exact, adjacent, n, left_out, coverage,
        kappa_answered, `mistakes` as right label → rater's label → sessions, `groups` as
        group → exact, n), `read`, `groups` (how many), `refused` (files by reason code), `unrated`
        (sessions without labels by status), `rater`.
    """
    return {
        "rater": rated.rater.name,
        "read": len(rated.pairs),
        "groups": len(set(rated.groups)),
        "refused": dict(rated.refused),
        "unrated": dict(rated.unrated),
        "instruments": [
            row for one in codebook().instruments if (row := _row(rated, one)) is not None
        ],
    }


def apart(rated: Rated, by: Sequence[str]) -> list[dict[str, Any]]:
    """
    Agreement by group, of every instrument that the groups are not made of.

    Args:
        rated: Sessions.
        by: Instruments or contexts; groups are their values, each crossed with the others.

    Returns:
        Rows of instrument, `group` (name → value), kappa, low, high, exact, adjacent, n.

    Raises:
        ConfigurationError: There is no such column.
    """
    known = sorted({name for keys in rated.keys for name in keys})
    if unknown := sorted(set(by) - set(known)):
        raise bad(f"groups by {', '.join(unknown)}.", f"choose among {', '.join(known)}.")
    rows = []
    for one in codebook().instruments:
        parts: dict[tuple[str, ...], list[tuple[int, Pair]]] = defaultdict(list)
        for place, pair in rated.of(one.name) if one.name not in by else ():
            parts[tuple(rated.keys[place][name] for name in by)].append((place, pair))
        for values, pairs in sorted(parts.items()):
            found = agreement(one, [pair for _, pair in pairs])
            if found is not None:
                low, high = _interval(rated, one, pairs)
                told = {"group": dict(zip(by, values, strict=True)), "low": low, "high": high}
                kept = ("instrument", "kappa", "exact", "adjacent", "n")
                rows.append({name: asdict(found)[name] for name in kept} | told)
    return rows


def rules(rated: Rated) -> list[dict[str, Any]]:
    """For each instrument and code of a rule: labels that rested on it, and how many were right."""
    counts: dict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
    for one in codebook().instruments:
        for place, (right, found) in rated.of(one.name):
            for code in rated.codes[place].get(one.name, ()):
                counts[one.name][code, right == found] += 1
    return [
        {
            "instrument": name,
            "code": code,
            "labels": told[code, True] + told[code, False],
            "right": told[code, True],
        }
        for name, told in counts.items()
        for code in sorted({code for code, _ in told})
    ]


def _row(rated: Rated, instrument: Instrument) -> dict[str, Any] | None:
    pairs = list(rated.of(instrument.name))
    found = agreement(instrument, [pair for _, pair in pairs])
    if found is None:
        return None
    mistakes: dict[str, Counter[str]] = defaultdict(Counter)
    for _, (right, given) in pairs:
        mistakes[right][given] += 1
    low, high = _interval(rated, instrument, pairs)
    return {
        **asdict(found),
        "low": low,
        "high": high,
        "mistakes": {right: dict(told) for right, told in mistakes.items()},
        "groups": {
            group: {"exact": sum(r == g for r, g in told) / len(told), "n": len(told)}
            for group, told in sorted(_grouped(rated, pairs).items())
        },
    }


def _interval(
    rated: Rated, instrument: Instrument, pairs: Sequence[tuple[int, Pair]]
) -> tuple[float | None, float | None]:
    return interval(instrument, _grouped(rated, pairs)) or (None, None)


def _grouped(rated: Rated, pairs: Sequence[tuple[int, Pair]]) -> dict[str, list[Pair]]:
    """Pairs by the account, repository or folder of their sessions."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for place, pair in pairs:
        groups[rated.groups[place]].append(pair)
    return groups
