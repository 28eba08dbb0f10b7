"""
The custodian's edge: logs on disk become sessions to seal, before anything else sees them.

Files are recognised by content.  One file may hold several sessions and one session lie in
several files; files that share a session are read together, a sub-agent's lines go behind its
parent's.  Whose a file is the custodian says; he may leave it to the log (`STATED`), where that
names an account: the generic form, Claude.ai's export, the Compliance API.  A record is sealed
once per account: a copy in a fork or a re-capture is dropped, so that an account's weight does
not grow with copies.  Images go, and records that no reader needs.  Every file is read or
refused by a reason code; none stops the run.  A collector's telemetry waits for the sessions
that it speaks of.

What is told is counts by code, to the custodian alone.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .edge_files import Unreadable, files_of, lines_of
from .edge_foreign import Content, content_of, recognise
from .edge_gather import Gatherer
from .edge_split import Part, Splitter
from .edge_telemetry import holds_telemetry
from .formats import FORMATS
from .formats.plugins import Splits, installed
from .stub import TOO_LARGE_STUB
from .telemetry import call_record, calls_in, hash_of

LARGEST = 64 * 2**20
"""bytes: a longer session is sealed as a stub and becomes the label `too_large`."""

STATED = "\0stated"
"""An answer to whose a file is: the accounts that it names.  Never by itself, since one person
under two names weighs double."""

_SESSION = re.compile(rb'"sessionId"\s*:\s*"([^"\\]{1,200})"')
_TIME = re.compile(rb'"timestamp"\s*:\s*"(\d{4}-\d\d-\d\dT[0-9:.]{5,20})')


class Seen(Protocol):
    """Memory of what was sealed before; the custodian keeps it."""

    def session(self, account: str, name: str, /) -> bytes:
        """A session's key."""
        ...

    def known(self, session: bytes, /) -> object | None:
        """What is known of a session that was sealed; None if it was not."""
        ...

    def owner(self, account: str, record: str, /) -> bytes | None:
        """Key of the session in which a record of an account was sealed, if it was."""
        ...

    def remember(self, account: str, session: bytes, records: "Iterator[str]", /) -> None:
        """Note in which session records were sealed."""
        ...


class RunMemory:
    """A memory that lasts as long as the process: for looking at files, and for tests."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], bytes] = {}
        self._known: set[bytes] = set()

    def session(self, account: str, name: str) -> bytes:
        """The name itself."""
        return f"{account}\0{name}".encode("utf-8", "replace")

    def known(self, session: bytes) -> object | None:
        """As in `Seen`."""
        return session if session in self._known else None

    def owner(self, account: str, record: str) -> bytes | None:
        """As in `Seen`."""
        return self._owners.get((account, record))

    def remember(self, account: str, session: bytes, records: "Iterator[str]") -> None:
        """As in `Seen`."""
        self._known.add(session)
        for record in records:
            self._owners.setdefault((account, record), session)


@dataclass(frozen=True, slots=True)
class SessionBytes:
    """One session, ready to be sealed."""

    account: str = field(repr=False)
    session: str = field(repr=False)
    """The session's id in the logs: some programs make it of what was said."""
    month: str
    """`YYYY-MM` in which it began, or `unknown`."""
    blob: bytes = field(repr=False)
    """Lines of one session, sub-agents' last; or the stub of one that is too large."""
    records: tuple[str, ...] = field(repr=False)
    """Ids of its records and calls, for `Seen.remember` once it has been sealed."""
    files: tuple[Path, ...] = field(default=(), repr=False)
    """The files that hold a piece of it; first the one where it begins."""


@dataclass(slots=True)
class Tally:
    """What became of files, sessions and records.  For the custodian."""

    files: dict[Path, str] = field(default_factory=dict)
    """READ, or the reason code of the refusal."""
    sessions: Counter[str] = field(default_factory=Counter)
    """TAKEN, and sessions left out or marked, by reason code."""
    records: Counter[str] = field(default_factory=Counter)
    """Lines, records and points dropped or changed, by reason code."""
    telemetry: list[Path] = field(default_factory=list)
    """A collector's files, to be read once all sessions are (`read_telemetry`)."""
    by_file: dict[Path, Counter[str]] = field(default_factory=dict)
    """Codes of sessions and records by file; a session's are told of where it begins."""
    types: dict[Path, Counter[str]] = field(default_factory=dict)
    """Records by file and type, in words of a closed list."""
    formats: dict[Path, str] = field(default_factory=dict)
    """The format in which a file is read."""

    @property
    def codes(self) -> Counter[str]:
        """Everything by code: files, sessions and records together."""
        return Counter(self.files.values()) + self.sessions + self.records

    def note(self, path: Path, codes: Counter[str]) -> None:
        """Add codes to a file's."""
        self.by_file.setdefault(path, Counter()).update(codes)


@dataclass(slots=True)
class _Group:
    """Files of one account and one kind that share sessions."""

    account: str
    known: Splits | None
    """Their format; None for lines of Claude Code."""
    files: list[tuple[str, Path]] = field(default_factory=list)
    """(first time in it, file)"""
    contents: list[Content] = field(default_factory=list)
    last: dict[Path, dict[bytes, int]] = field(default_factory=dict)
    """Of lines of Claude Code: file → session → the line that names it last."""


def read_source(
    source: Path, account_of: Callable[[Path], str | None], seen: Seen, tally: Tally
) -> Iterator[SessionBytes]:
    """
    Read logs into sessions.

    Args:
        source: A log, a folder of logs, or a tree such as `~/.claude/projects`.
        account_of: Whose file it is; None refuses it, STATED takes the accounts it names.
        seen: What earlier runs sealed.  Sessions are noted in it when the next one is asked for,
            that is, once the caller is done with them.
        tally: Filled with what became of everything.

    Yields:
        Sessions, the oldest files first, so that the original of a copy owns its records.
    """
    for group in _groups(source, account_of, tally):
        for account, name, part in _sessions(group, seen, tally):
            codes = Counter(_codes(part))
            tally.sessions += codes
            tally.note(part.places[0], codes)
            if part.verdict:
                continue
            blob = TOO_LARGE_STUB if part.too_large else part.blob
            calls = (call_record(hash_of(call)) for call in sorted(calls_in(blob)))
            records = (*part.records, *calls)
            yield SessionBytes(account, name, part.month, blob, records, part.places)
            seen.remember(account, seen.session(account, name), iter(records))


def _codes(part: Part) -> Iterator[str]:
    """What is told of a session: why it is left out, or that it is taken and what is odd."""
    if part.verdict:
        yield part.verdict
        return
    yield "TAKEN"
    if part.too_large:
        yield "TOO_LARGE"
    if part.month == "unknown":
        yield "NO_TIMESTAMP"


def _sessions(group: _Group, seen: Seen, tally: Tally) -> Iterator[tuple[str, str, Part]]:
    """(account, name, session) of a group's files."""
    if group.known is None:
        splitter = Splitter(group.account, seen, LARGEST)
        paths = [path for _, path in sorted(group.files)]
        splitter.expect([group.last[path] for path in paths])
        for path in paths:
            before = Counter(splitter.dropped)
            tally.files[path] = yield from splitter.take(path)
            if tally.files[path] != "READ":  # it only was not another format's
                del tally.formats[path]
            tally.note(path, splitter.dropped - before)
            tally.types[path] = splitter.types
        tally.records.update(splitter.dropped)
        yield from splitter.rest()
        return
    account = "" if group.account == STATED else group.account
    gatherer = Gatherer(account, group.known, seen, LARGEST)
    for content in group.contents:
        gatherer.expect(content)
    for _, path in sorted(group.files):
        before = Counter(gatherer.dropped)
        try:
            yield from gatherer.take(path)
            tally.files[path] = "READ" if gatherer.is_somebodys else "NO_ACCOUNT"
        except Unreadable as error:
            tally.files[path] = error.code
        tally.note(path, gatherer.dropped - before)
        tally.types[path] = gatherer.types
    yield from gatherer.rest()
    tally.records.update(+gatherer.dropped)
    tally.sessions.update({"NO_ACCOUNT": gatherer.nobodys} if gatherer.nobodys else {})


def _groups(source: Path, account_of: Callable[[Path], str | None], tally: Tally) -> list[_Group]:
    """Files that share a session of an account, together; the oldest group first."""
    more = installed()
    groups: dict[int, _Group] = {}
    of_session: dict[tuple[str, str, bytes], int] = {}
    for number, path in enumerate(files_of(source)):
        if holds_telemetry(path, LARGEST):
            tally.telemetry.append(path)
            continue
        try:
            known = recognise(path, more, LARGEST)
            content = content_of(path, known, LARGEST) if known else None
            last, time = ({}, content.began) if content else _glance(path)
            names = _named(content) if content else last.keys()
        except Unreadable as error:
            tally.files[path] = error.code
            continue
        account = account_of(path)
        if account is None or (account == STATED and known is None):
            tally.files[path] = "NO_ACCOUNT"
            continue
        tally.formats[path] = known.NAME if known else FORMATS[0].NAME
        group = groups[number] = _Group(account, known, [(time, path)])
        group.contents += [content] if content else []
        group.last[path] = last
        kind = known.NAME if known else ""
        others = {of_session.get((account, kind, name), number) for name in names} - {number}
        for other in others:
            joined = groups.pop(other)
            group.files += joined.files
            group.contents += joined.contents
            group.last |= joined.last
        if others:
            of_session.update({key: number for key, old in of_session.items() if old in others})
        of_session.update({(account, kind, name): number for name in names})
    return sorted(groups.values(), key=lambda group: min(group.files))


def _named(content: Content) -> set[bytes]:
    """Sessions that a file holds pieces of or refers to."""
    names = {each for _, name, parent, *_ in content.sessions for each in (name, parent) if each}
    names.update(child for _, child in content.sent)
    return {name.encode("utf-8", "replace") for name in names}


def _glance(path: Path) -> tuple[dict[bytes, int], str]:
    """The last line that names a session, and the first time in a file; nothing is parsed."""
    last: dict[bytes, int] = {}
    time = "~"  # after every digit: files without a time come last
    for number, line in enumerate(lines_of(path)):
        last |= dict.fromkeys(_SESSION.findall(line), number)
        if time == "~" and (found := _TIME.search(line)):
            time = found[1].decode()
    return last, time
