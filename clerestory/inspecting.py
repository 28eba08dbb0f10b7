"""
Say what raw files are, as the custodian, without their content.

What is told is numbers under words of closed lists, and paths relative to what was named: no
word, name, id or type that stands in a log.  The files are read as `seal` reads them, all as one
account's, so that the totals are what `seal` would take: a session that lies in several files
counts once, in the row of the file where it begins, and a copied record with its first session.

A vault, its keeper's state and its custodian's folder are refused, and so is a folder in which
one of them lies.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from classifiers.edge import LARGEST, RunMemory, SessionBytes, Tally, read_source
from classifiers.edge_files import Unreadable
from classifiers.edge_telemetry import look_into, read_telemetry
from classifiers.formats import read_session
from classifiers.sessions import Session, UnreadableError
from classifiers.structure import all_calls, model_family, prompts
from classifiers.stub import TOO_LARGE_STUB
from clerestory.apart import KEPT_APART, lies_apart
from clerestory.reasons import reason
from privacy.errors import ConfigurationError, RefusedError

Progress = Callable[[str, float], None]

TELEMETRY = "telemetry"
NUMBERS = ("sessions", "prompts", "actions", "subagents", "continued", "telemetry", "bytes")
GROUPS = (
    "codes", "records", "authors", "via", "kinds", "outcomes", "surfaces", "sittings", "families",
    "months", "incomplete", "unreadable",
)  # fmt: skip


@dataclass(slots=True)
class Sums:
    """What is counted of a file, a folder or everything."""

    numbers: Counter[str] = field(default_factory=Counter)
    """By `NUMBERS`; `continued` are sessions that begin in another file, `telemetry` sessions of
    which a collector's file tells."""
    groups: dict[str, Counter[str]] = field(default_factory=dict)
    """By `GROUPS`: counts by a word of a closed list."""

    def note(self, group: str, counts: Counter[str]) -> None:
        """Add counts to a group."""
        if counts:
            self.groups.setdefault(group, Counter()).update(counts)

    def add(self, other: "Sums") -> None:
        """Add another's; telemetry of one session may lie in several files, and is told apart."""
        self.numbers.update({name: n for name, n in other.numbers.items() if name != "telemetry"})
        for group, counts in other.groups.items():
            self.note(group, counts)

    def take(self, taken: SessionBytes) -> None:
        """Count a session that `seal` would take; whether a reader can read it is counted, too."""
        self.numbers["sessions"] += 1
        self.note("months", Counter([taken.month]))
        if taken.blob == TOO_LARGE_STUB:
            self.note("unreadable", Counter(["TOO_LARGE"]))
            return
        try:
            self._count(read_session(taken.blob))
        except UnreadableError as error:
            self.note("unreadable", Counter([error.reason]))

    def _count(self, session: Session) -> None:
        calls = list(all_calls(session))
        self.numbers["prompts"] += prompts(session)
        self.numbers["actions"] += len(calls)
        self.numbers["subagents"] += sum(1 for _ in session.all_sessions) - 1
        self.note("authors", _authors(session))
        self.note("via", Counter(said.via for said in session.utterances))
        self.note("kinds", Counter(call.kind for call in calls))
        self.note("outcomes", Counter(call.outcome for call in calls))
        self.note("surfaces", Counter([session.surface]))
        self.note("sittings", Counter(["interactive" if session.interactive else "headless"]))
        self.note("families", Counter([model_family(session)]))
        self.note("incomplete", +Counter(asdict(session.completeness)))

    def to_json(self) -> dict[str, Any]:
        """All numbers, and the groups in which something was counted."""
        numbers = {name: self.numbers[name] for name in NUMBERS}
        return numbers | {name: dict(counts) for name, counts in self.groups.items()}


def inspect(path: Path, progress: Progress = lambda _, __: None) -> dict[str, Any]:
    """
    Say what raw files are.

    Args:
        path: A log, or a folder of logs.
        progress: Told how far it is.

    Returns:
        `read` (files), `refused` (files by reason code), `files` (a row each: path relative to
        `path`, format, and its `Sums`), `totals` (their sums) and `reasons` (what each code
        that occurs means, and what to do).

    Raises:
        ConfigurationError: There is no such path.
        RefusedError: It is, holds or lies in what is kept apart.
    """
    files = _checked(path)
    tally, memory, rows, met = Tally(), RunMemory(), dict[Path, Sums](), 0

    def owner(_: Path) -> str:
        nonlocal met
        met += 1
        progress("looking", min(0.5, met / files / 2))
        return "one"

    for taken in read_source(path, owner, memory, tally):
        first, *others = taken.files
        rows.setdefault(first, Sums()).take(taken)
        for other in others:
            rows.setdefault(other, Sums()).numbers["continued"] += 1
        progress("looking", 0.5 + min(0.49, len(tally.files) / files / 2))
    totals = _telemetry(tally, rows, memory)
    progress("looking", 1.0)
    return _told(path if path.is_dir() else path.parent, tally, rows, totals)


def _telemetry(tally: Tally, rows: dict[Path, Sums], memory: RunMemory) -> Sums:
    """Count a collector's files; returns what they tell together, beyond each file's own codes."""
    paths, together, noted = list(tally.telemetry), Tally(), Counter[str]()
    for path in paths:
        with suppress(Unreadable):  # `read_telemetry` says so, too
            rows[path] = row = Sums()
            row.numbers["telemetry"], codes = look_into(path, LARGEST)
            tally.note(path, codes)
            noted += codes
        tally.formats[path] = TELEMETRY
    sessions = sum(1 for _ in read_telemetry(paths, lambda *_: "one", memory, together, LARGEST))
    tally.files.update(together.files)
    return Sums(Counter(telemetry=sessions), {"codes": together.records - noted})


def _told(root: Path, tally: Tally, rows: dict[Path, Sums], totals: Sums) -> dict[str, Any]:
    verdicts, told = Counter(tally.files.values()), []
    for file, verdict in sorted(tally.files.items()):
        row = rows.pop(file, None) or Sums()
        row.note("codes", tally.by_file.get(file, Counter()))
        row.note("codes", Counter([verdict] if verdict != "READ" else []))
        row.note("records", tally.types.get(file, Counter()))
        row.numbers["bytes"] = _size(file)
        totals.add(row)
        name = shown(file.relative_to(root).as_posix())
        # Every row has codes: who reads them need not ask whether there are any.
        told.append(
            {"path": name, "format": tally.formats.get(file, ""), "codes": {}} | row.to_json()
        )
    codes = sorted(
        {*verdicts, *totals.groups.get("codes", ()), *totals.groups.get("unreadable", ())}
    )
    return {
        "read": verdicts.pop("READ", 0),
        "refused": dict(verdicts),
        "files": told,
        "totals": {"files": len(told)} | totals.to_json(),
        "reasons": {code: reason(code)._asdict() for code in codes},
    }


def shown(name: str) -> str:
    """
    A file's name that a terminal prints as it is.

    What does not print, or would turn the direction of what does, is written as its number, and
    so is the backslash that such numbers begin with.
    """
    return "".join(
        each if each.isprintable() and each != "\\" else each.encode("unicode_escape").decode()
        for each in name
    )


def _authors(session: Session) -> Counter[str]:
    """What was said and answered by its author: a sub-agent's doings are its own."""
    authors = Counter[str]()
    for part in session.all_sessions:
        said = Counter(str(said.actor) for said in part.utterances)
        said["tool"] = sum(call.outcome != "missing" for call in part.calls)
        authors += Counter(subagent=said.total()) if part.is_subagent else said
    return authors


def _checked(path: Path) -> int:
    """
    Hold what was named to what may be looked at, by names alone; returns how many files it has.

    Raises:
        ConfigurationError: There is nothing of that name.
        RefusedError: It is, holds or lies in what is kept apart.
    """
    if not os.path.lexists(path):
        raise ConfigurationError(
            "NO_SOURCE",
            rule="Sources are log files or folders of them.",
            found="a path that does not exist.",
            remedy="check the path.",
        )
    if lies_apart(path):
        raise _kept_apart("a path in one of them.")
    count = 1
    for _, _, names in os.walk(path):
        count += len(names)
        if not {*KEPT_APART}.isdisjoint(names):
            raise _kept_apart("a folder in which one of them lies.")
    return count


def _kept_apart(found: str) -> RefusedError:
    return RefusedError(
        "IS_A_VAULT",
        rule="Raw files are inspected before they are sealed; a vault, its keeper's state and its "
        "custodian's folder never are.",
        found=found,
        remedy="give the folder of the raw logs, and keep the others out of it.",
    )


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:  # it has gone since: its row says so
        return 0
