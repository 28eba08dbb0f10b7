"""
Hold a rater's labels against one's own, or against a second reading, on one's own files.

The files are read in clear, in this process: this is for sessions that one may read, such as
one's own or public ones.  Labels come from a CSV with a column `path` (relative to the folder)
and a column for each instrument; where a path stands twice, its first row counts.  Sessions
that belong together (a column `account` or `repository`, else the folder they lie in) are
drawn together when intervals are made.

A second reading (`readers`) is held against the first, and, where there are labels of one's own,
against those as well.  Two readings that agree may both be wrong; two that do not cannot both be
right.

The codes of the offline rater's rules are for here, where the text may be read anyway: they say
more about a session than its labels do, and nothing else imports them.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from classifiers.agreement import Pair
from classifiers.formats import read_session
from classifiers.raters.offline.codes import codes_of
from classifiers.raters.offline.evidence import gather
from classifiers.rendering import render
from classifiers.sessions import Session, UnreadableError
from classifiers.structure import contexts, structure_of
from privacy.codebook import codebook
from privacy.raters import OFFLINE, Rater
from privacy.views import UNSEEN

from .readers import Reader, Readings, bad

Labels = Mapping[str, str]
Given = Mapping[str, tuple[str, Labels]]
"""By path: what a session belongs to, and its right labels as far as they are known."""


@dataclass(frozen=True, slots=True)
class Rated:
    """Sessions that a rater labelled, beside the labels that count as right."""

    rater: Rater
    paths: tuple[str, ...]
    """The sessions, by the file they lie in."""
    pairs: tuple[tuple[Labels, Labels], ...]
    """For each session its right labels, as far as they are given, and the rater's."""
    groups: tuple[str, ...]
    """For each session the account, repository or folder that it belongs to."""
    keys: tuple[Labels, ...]
    """For each session what it may be grouped by: labels of who read it, and what is counted."""
    codes: tuple[Mapping[str, tuple[str, ...]], ...]
    """For each session the codes of the rules behind every label, where the rater has rules."""
    paid: tuple[float | None, ...]
    """For each session its price in US dollars, where one was given."""
    refused: Mapping[str, int]
    """Files that could not be read, by reason code."""
    unrated: Mapping[str, int]
    """Sessions that the rater was shown and gave no labels for, by status."""

    def of(self, name: str) -> Iterator[tuple[int, Pair]]:
        """The sessions whose right label of an instrument is known: place, and both labels."""
        for place, (right, found) in enumerate(self.pairs):
            if name in right:
                yield place, (right[name], found[name])


def rate(
    sessions: Path,
    labels: Path | None,
    readings: Readings,
    progress: Callable[[str, float], None],
    *,
    codes: bool = False,
    prices: Mapping[str, float] | None = None,
) -> list[Rated]:
    """
    Have sessions labelled, once or twice.

    Args:
        sessions: Folder of session logs.
        labels: The CSV; None to take the paths of the prices, or all files for two readings.
        readings: Who reads.
        progress: Told how far it is.
        codes: Whether to say which rules stood behind each label.
        prices: What somebody paid for the same result, by path.

    Returns:
        What each reading found, in their order.

    Raises:
        ConfigurationError: No such folder or file, or labels outside the codebook.
        IncompleteError: Somebody was to be asked, and could not be.
    """
    if labels is None and not prices and readings.second is None:
        raise bad("neither labels nor prices.", "give --labels, --prices or --against.")
    if not sessions.is_dir():
        raise bad("no folder of sessions.", "check the path given with --sessions.")
    given: dict[str, tuple[str, Labels]] = {
        path: (str(Path(path).parent), {}) for path in prices or ()
    }
    given |= read_labels(labels) if labels is not None else {}
    given = given or _all_of(sessions)
    rated, whole = list[Rated](), len(readings.both)
    with closing(readings.each()) as each:
        for reader in each:
            done = len(rated)

            def told(what: str, share: float, done: int = done) -> None:
                progress(what, (done + share) / whole)

            rated.append(_read(sessions, given, reader, told, codes=codes, prices=prices or {}))
    return rated


def against(first: Rated, second: Rated) -> Rated:
    """
    A second reading beside the first, whose labels stand where right ones would.

    Instruments that either was not shown are left out; so is a file that only one could read.
    """
    hidden = {*UNSEEN[first.rater.view], *UNSEEN[second.rater.view]}
    found = dict(zip(second.paths, (found for _, found in second.pairs), strict=True))
    kept = [place for place, path in enumerate(first.paths) if path in found]
    return Rated(
        second.rater,
        tuple(first.paths[place] for place in kept),
        tuple(
            (
                {n: label for n, label in first.pairs[place][1].items() if n not in hidden},
                found[first.paths[place]],
            )
            for place in kept
        ),
        tuple(first.groups[place] for place in kept),
        tuple(first.keys[place] for place in kept),
        tuple({} for _ in kept),
        tuple(None for _ in kept),
        second.refused,
        second.unrated,
    )


def _read(
    sessions: Path,
    given: Given,
    reader: Reader,
    progress: Callable[[str, float], None],
    *,
    codes: bool,
    prices: Mapping[str, float],
) -> Rated:
    paths, pairs, groups, keys, behind = list[str](), [], list[str](), [], []
    refused, unrated = Counter[str](), Counter[str]()
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
        found, status = reader.read(session)
        unrated.update([] if status == "rated" else [status])
        paths.append(path)
        pairs.append((row, found))
        groups.append(group)
        keys.append({**_counted(session), **found})
        rules = codes and reader.rater.name == OFFLINE.name
        behind.append(codes_of(gather(session)) if rules else {})
    paid = tuple(prices.get(path) for path in paths)
    return Rated(
        reader.rater, (*paths,), (*pairs,), (*groups,), (*keys,), (*behind,), paid,
        dict(refused), dict(unrated),
    )  # fmt: skip


def _counted(session: Session) -> dict[str, str]:
    whole = render(session)
    return contexts(structure_of(session), whole, share_cut=whole.share_cut)


def _all_of(sessions: Path) -> dict[str, tuple[str, Labels]]:
    """Every file below a folder, none with a right label."""
    files = sorted(path.relative_to(sessions) for path in sessions.rglob("*") if path.is_file())
    if not files:
        raise bad("a folder without files.", "check the path given with --sessions.")
    return {str(path): (str(path.parent), {}) for path in files}


def read_labels(path: Path) -> dict[str, tuple[str, Labels]]:
    """
    Right labels by path, each with what the session belongs to.

    Raises:
        ConfigurationError: No such file, no column `path`, or labels outside the codebook.
    """
    instruments = {i.name: i.labels for i in codebook().instruments}
    rows: dict[str, tuple[str, Labels]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                wanted = {name: row[name] for name in instruments if row.get(name)}
                group = row.get("account") or row.get("repository") or str(Path(row["path"]).parent)
                rows.setdefault(row["path"], (group, wanted))
    except (OSError, UnicodeDecodeError, KeyError, csv.Error):
        raise bad("no CSV with a column path.", "check the file given with --labels.") from None
    for _, labels in rows.values():
        for name, label in labels.items():
            if label not in instruments[name]:
                found = f"a label outside the instrument {name}."
                raise bad(found, f"use: {', '.join(instruments[name])}.")
    if not rows:
        raise bad("a CSV without rows.", "label some sessions first.")
    return rows
