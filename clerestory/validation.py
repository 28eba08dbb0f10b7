"""
Hold a rater's labels against one's own, on one's own files.

The files are read in clear, in this process: this is for sessions that one may read, such as
one's own or public ones.  Labels come from a CSV with a column `path` (relative to the folder)
and a column for each instrument; where a path stands twice, its first row counts.  Sessions
that belong together (a column `account` or `repository`, else the folder they lie in) are
drawn together when intervals are made.

The codes of the offline rater's rules are for here, where the text may be read anyway: they say
more about a session than its labels do, and nothing else imports them.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from classifiers.agreement import Pair, agreement, interval
from classifiers.formats import read_session
from classifiers.raters import rater_of
from classifiers.raters.offline.codes import codes_of
from classifiers.raters.offline.evidence import gather
from classifiers.rendering import render
from classifiers.sessions import UnreadableError
from privacy.codebook import Instrument, codebook
from privacy.errors import ConfigurationError
from privacy.raters import OFFLINE, RATERS, asks


@dataclass(frozen=True, slots=True)
class Rated:
    """Sessions that a rater labelled, beside the labels that were given for them."""

    rater: str
    pairs: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...]
    """For each session its right labels, as far as they are given, and the rater's."""
    groups: tuple[str, ...]
    """For each session the account, repository or folder that it belongs to."""
    codes: tuple[Mapping[str, tuple[str, ...]], ...]
    """For each session the codes of the rules behind every label, where the rater has rules."""
    paid: tuple[float | None, ...]
    """For each session its price in US dollars, where one was given."""
    refused: Mapping[str, int]
    """Files that could not be read, by reason code."""

    def of(self, name: str) -> Iterator[tuple[int, Pair]]:
        """The sessions whose right label of an instrument is known: place, and both labels."""
        for place, (right, found) in enumerate(self.pairs):
            if name in right:
                yield place, (right[name], found[name])


def rate(
    sessions: Path,
    labels: Path | None,
    rater: str,
    progress: Callable[[str, float], None],
    *,
    codes: bool = False,
    prices: Mapping[str, float] | None = None,
) -> Rated:
    """
    Have a rater label sessions whose right labels are known.

    Args:
        sessions: Folder of session logs.
        labels: The CSV; None to take the paths of the prices.
        rater: Name of a known rater that asks nobody.
        progress: Told how far it is.
        codes: Whether to say which rules stood behind each label.
        prices: What somebody paid for the same result, by path.

    Raises:
        ConfigurationError: No such rater, folder or file, or labels outside the codebook.
    """
    here = [name for name in RATERS if not asks(name)]
    if rater not in here:  # whom it would ask stands in a plan only
        raise _bad(
            f"the rater {rater!r}, which asks somebody or is not known.",
            f"choose one of: {', '.join(here)}.",
        )
    if labels is None and not prices:
        raise _bad("neither labels nor prices.", "give --labels or --prices.")
    if not sessions.is_dir():
        raise _bad("no folder of sessions.", "check the path given with --sessions.")
    given: dict[str, tuple[str, Mapping[str, str]]] = {
        path: (str(Path(path).parent), {}) for path in prices or ()
    }
    given |= read_labels(labels) if labels is not None else {}
    paid = []
    hand, pairs, groups, behind = rater_of(RATERS[rater]), [], [], []
    refused: dict[str, int] = defaultdict(int)
    for number, (path, (group, row)) in enumerate(given.items()):
        progress("rating", number / len(given))
        try:
            session = read_session((sessions / path).read_bytes())
        except OSError:
            refused["NO_FILE"] += 1
            continue
        except UnreadableError as error:
            refused[error.reason] += 1
            continue
        pairs.append((row, dict(hand.rate(session, render(session)))))
        groups.append(group)
        paid.append((prices or {}).get(path))
        behind.append(codes_of(gather(session)) if codes and rater == OFFLINE.name else {})
    return Rated(rater, (*pairs,), (*groups,), (*behind,), (*paid,), dict(refused))


def agreements(rated: Rated) -> dict[str, Any]:
    """
    How far a rater agrees with the right labels.

    Returns:
        `instruments` (instrument, kappa, low, high, exact, adjacent, n, left_out, coverage,
        kappa_answered, `mistakes` as right label → rater's label → sessions, `groups` as
        group → exact, n), `read`, `groups` (how many), `refused` (files by reason code), `rater`.
    """
    return {
        "rater": rated.rater,
        "read": len(rated.pairs),
        "groups": len(set(rated.groups)),
        "refused": dict(rated.refused),
        "instruments": [
            row for one in codebook().instruments if (row := _row(rated, one)) is not None
        ],
    }


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
    groups: dict[str, list[Pair]] = defaultdict(list)
    mistakes: dict[str, Counter[str]] = defaultdict(Counter)
    for place, (right, given) in pairs:
        groups[rated.groups[place]].append((right, given))
        mistakes[right][given] += 1
    low, high = interval(instrument, groups) or (None, None)
    return {
        **asdict(found),
        "low": low,
        "high": high,
        "mistakes": {right: dict(told) for right, told in mistakes.items()},
        "groups": {
            group: {"exact": sum(r == g for r, g in told) / len(told), "n": len(told)}
            for group, told in sorted(groups.items())
        },
    }


def read_labels(path: Path) -> dict[str, tuple[str, Mapping[str, str]]]:
    """
    Right labels by path, each with what the session belongs to.

    Raises:
        ConfigurationError: No such file, no column `path`, or labels outside the codebook.
    """
    instruments = {i.name: i.labels for i in codebook().instruments}
    rows: dict[str, tuple[str, Mapping[str, str]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                wanted = {name: row[name] for name in instruments if row.get(name)}
                group = row.get("account") or row.get("repository") or str(Path(row["path"]).parent)
                rows.setdefault(row["path"], (group, wanted))
    except (OSError, UnicodeDecodeError, KeyError, csv.Error):
        raise _bad("no CSV with a column path.", "check the file given with --labels.") from None
    for _, labels in rows.values():
        for name, label in labels.items():
            if label not in instruments[name]:
                found = f"a label outside the instrument {name}."
                raise _bad(found, f"use: {', '.join(instruments[name])}.")
    if not rows:
        raise _bad("a CSV without rows.", "label some sessions first.")
    return rows


def _bad(found: str, remedy: str) -> ConfigurationError:
    rule = "Validation compares a known rater with labels of the codebook, file by file."
    return ConfigurationError("VALIDATION_INPUT", rule=rule, found=found, remedy=remedy)
