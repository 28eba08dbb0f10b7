"""
Hold a rater's labels against one's own, on one's own files.

The files are read in clear, in this process: this is for sessions that one may read, such as
one's own or public ones.  Labels come from a CSV with a column `path` (relative to the folder)
and a column for each instrument; where a path stands twice, its first row counts.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from classifiers.agreement import agreement
from classifiers.formats import read_session
from classifiers.raters import rater_of
from classifiers.rendering import render
from classifiers.sessions import UnreadableError
from privacy.codebook import codebook
from privacy.errors import ConfigurationError
from privacy.raters import RATERS, asks


@dataclass(frozen=True, slots=True)
class Rated:
    """Sessions that a rater labelled, beside the labels that were given for them."""

    rater: str
    pairs: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...]
    """For each session its right labels, as far as they are given, and the rater's."""
    refused: Mapping[str, int]
    """Files that could not be read, by reason code."""


def rate(sessions: Path, labels: Path, rater: str, progress: Callable[[str, float], None]) -> Rated:
    """
    Have a rater label sessions whose right labels are known.

    Args:
        sessions: Folder of session logs.
        labels: The CSV.
        rater: Name of a known rater that asks nobody.
        progress: Told how far it is.

    Raises:
        ConfigurationError: No such rater, folder or file, or labels outside the codebook.
    """
    here = [name for name in RATERS if not asks(name)]
    if rater not in here:  # whom it would ask stands in a plan only
        raise _bad(f"the rater {rater!r}.", f"choose one of: {', '.join(here)}.")
    if not sessions.is_dir():
        raise _bad("no folder of sessions.", "check the path given with --sessions.")
    given = _read_labels(labels)
    hand, pairs = rater_of(RATERS[rater]), []
    refused: dict[str, int] = defaultdict(int)
    for number, (path, row) in enumerate(given.items()):
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
    return Rated(rater, (*pairs,), dict(refused))


def agreements(rated: Rated) -> dict[str, Any]:
    """
    How far a rater agrees with the right labels.

    Returns:
        `instruments` (instrument, kappa, exact, adjacent, n, left_out), `read`, `refused`
        (files by reason code), `rater`.
    """
    compared = [
        agreement(
            one, [(found[one.name], row[one.name]) for row, found in rated.pairs if one.name in row]
        )
        for one in codebook().instruments
    ]
    return {
        "rater": rated.rater,
        "read": len(rated.pairs),
        "refused": dict(rated.refused),
        "instruments": [asdict(one) for one in compared if one],
    }


def _read_labels(path: Path) -> dict[str, Mapping[str, str]]:
    instruments = {i.name: i.labels for i in codebook().instruments}
    rows: dict[str, Mapping[str, str]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                wanted = {name: row[name] for name in instruments if row.get(name)}
                rows.setdefault(row["path"], wanted)
    except (OSError, UnicodeDecodeError, KeyError, csv.Error):
        raise _bad("no CSV with a column path.", "check the file given with --labels.") from None
    for labels in rows.values():
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
