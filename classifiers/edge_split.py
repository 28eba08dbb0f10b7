"""
Records of some files, sorted into sessions, with copies and images left out.

A sound line passes byte for byte; one that had to be repaired, or held an image, is written
anew.  Of a file in which no record is a log's, nothing is kept.
"""

import json
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.codebook import codebook

from .edge_files import Unreadable, lines_of
from .edge_images import without_images
from .edge_types import type_in
from .formats import SNIFFED, sniff
from .formats.claude_code import claims
from .formats.claude_code_records import identity, is_needed
from .formats.lines import Damage, Record, repaired, timestamp, type_of, value_of
from .sessions import UnreadableError

if TYPE_CHECKING:
    from .edge import Seen

_SPOKEN = ("user", "assistant")


@dataclass(slots=True)
class Part:
    """What has been found of one session."""

    trunk: list[bytes] = field(default_factory=list)
    sidechain: list[bytes] = field(default_factory=list)
    records: dict[str, None] = field(default_factory=dict)
    """Ids of its records, in order."""
    size: int = 0
    """bytes"""
    too_large: bool = False
    spoken: bool = False
    """Whether the trunk holds a user's or assistant's record."""
    copies: int = 0
    """Records that another session owns."""
    began: datetime | None = None
    files: dict[Path, bool] = field(default_factory=dict, repr=False)
    """Files that hold a piece of it → whether a piece of its trunk."""

    @property
    def blob(self) -> bytes:
        """The session's lines, sub-agents' last."""
        return b"\n".join((*self.trunk, *self.sidechain, b""))

    @property
    def places(self) -> tuple[Path, ...]:
        """The files that hold a piece of it; first the one where its trunk begins."""
        return tuple(sorted(self.files, key=lambda path: not self.files[path]))

    @property
    def month(self) -> str:
        """Month (UTC) in which it began, if the codebook can name it."""
        month = f"{self.began.astimezone(UTC):%Y-%m}" if self.began else "unknown"
        return month if month in codebook().field("month").labels else "unknown"

    @property
    def verdict(self) -> str:
        """Why it is no session to seal; empty if it is one."""
        if self.spoken:
            return ""
        if self.copies:
            return "DUPLICATE"
        return "SUBAGENT_ALONE" if self.sidechain else "NO_CONVERSATION"


Given = tuple[str, str, Part]
"""(account, name, session)"""


class Splitter:
    """
    Sorts the records of an account's files into sessions.

    A session is given away behind the line that names it last, so that of a file of many only
    those lie in memory that are under way.
    """

    def __init__(self, account: str, seen: "Seen", largest: int) -> None:
        self._account, self._seen, self._largest = account, seen, largest
        self._keys: dict[str, bytes] = {}
        self._name, self._path = "", Path()
        self._owner_here: dict[str, str] = {}
        self._parts: dict[str, Part] = {}
        self._due: deque[tuple[tuple[int, int], str]] = deque()
        self._place = -1
        self._given: set[str] = set()
        self.dropped: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        """Records of the file taken last, by type."""

    def expect(self, last: Sequence[Mapping[bytes, int]]) -> None:
        """Note which line names a session last, for each of the files that will be taken."""
        places = {name: (place, line) for place, of in enumerate(last) for name, line in of.items()}
        due = ((where, name.decode("utf-8", "replace")) for name, where in places.items())
        self._due.extend(sorted(due))

    def take(self, path: Path) -> Generator[Given, None, str]:
        """
        Take a file's records; gives sessions as they become whole.

        Returns:
            READ, or the reason code for which it is refused.
        """
        self._place += 1
        waiting: list[tuple[Record, bytes]] = []
        self._path, self.types = path, Counter()
        claimed, garbled, self._name, before = False, False, "", Counter(self.dropped)
        try:
            for number, line in enumerate(lines_of(path)):
                found = self._records(line) if line.strip(b"\0\r\n\t ") else []
                garbled = garbled or (not claimed and not _is_utf8(line))
                claimed = claimed or sniff(record for record, _ in found) is not None
                waiting += found
                if claimed:  # until then it may be a foreign file: nothing of it is kept
                    self._keep_all(waiting)
                    waiting.clear()
                    yield from self._whole((self._place, number))
                elif len(waiting) > SNIFFED:
                    break
        except Unreadable as error:
            if not claimed:
                return error.code
            self.dropped["UNREADABLE_FILE"] += 1
        if claimed:
            return "READ"
        self.dropped = before
        return "UNREADABLE_ENCODING" if garbled and not waiting else "NOT_A_SESSION_LOG"

    def rest(self) -> Iterator[Given]:
        """Sessions of which no line told that it is their last."""
        for name in list(self._parts):
            yield self._give(name)

    def _whole(self, now: tuple[int, int]) -> Iterator[Given]:
        """Sessions that are not named again; lines without a name are still the latest one's."""
        while self._due and self._due[0][0] <= now and self._due[0][1] != self._name:
            _, name = self._due.popleft()
            if name in self._parts:
                yield self._give(name)

    def _give(self, name: str) -> Given:
        part = self._parts.pop(name)
        self._given.add(name)
        if not part.verdict:  # once it is sealed, `Seen` knows its records
            for known in part.records:
                del self._owner_here[known]
        return self._account, name, part

    def _keep_all(self, found: list[tuple[Record, bytes]]) -> None:
        for record, raw in found:
            stated = record.get("sessionId")
            if isinstance(stated, str) and stated:
                self._name = stated
            self._keep(record, raw, self._name or _unnamed(record))

    def _records(self, line: bytes) -> list[tuple[Record, bytes]]:
        """Records of a line with the bytes that stand for them; untouched if it is sound."""
        try:
            value = value_of(line)
        except UnreadableError:  # its values would take far more room than its bytes
            self.dropped["TOO_LARGE"] += 1
            return []
        except (ValueError, RecursionError):
            damage = Damage()
            whole = repaired(line, damage)
            self.dropped["BAD_LINE"] += damage.bad
            return self._written_anew(whole)
        if not isinstance(value, dict):
            self.dropped["BAD_LINE"] += 1
            return []
        if b"base64" in line and (images := without_images(value)):
            self.dropped["IMAGE"] += images
            return self._written_anew([value])
        return [(value, line.strip())]

    def _written_anew(self, found: list[Record]) -> list[tuple[Record, bytes]]:
        try:
            return [(each, json.dumps(each, separators=(",", ":")).encode()) for each in found]
        except RecursionError:  # what could just be read may be too deep to be written
            self.dropped["BAD_LINE"] += 1
            return []

    def _keep(self, record: Record, raw: bytes, name: str) -> None:
        kind = type_of(record)
        self.types[type_in(record)] += 1
        if not name or name in self._given or not is_needed(record):
            self.dropped["NOT_NEEDED"] += 1
            return
        part = self._parts.setdefault(name, Part())
        is_sidechain = record.get("isSidechain") is True
        part.files[self._path] = part.files.get(self._path, False) or not is_sidechain
        known = _known_by(record)
        if known:
            if known in part.records:
                self.dropped["REPEATED"] += 1
                return
            if not self._is_free(known, name):
                self.dropped["COPY"] += 1
                part.copies += 1
                return
            self._owner_here[known] = name
            part.records[known] = None
        if is_sidechain:
            lines = part.sidechain
        else:
            lines = part.trunk
            if kind in _SPOKEN and claims(record):  # what a torn line leaves may hold no message
                part.spoken = True
                time = timestamp(record)
                if time and (part.began is None or time < part.began):
                    part.began = time
        part.size += len(raw) + 1
        if part.size > self._largest:
            part.too_large = True
            part.trunk.clear()
            part.sidechain.clear()
        else:
            lines.append(raw)

    def _is_free(self, known: str, name: str) -> bool:
        """Whether a record belongs to this session, and not to one that had it before."""
        if self._owner_here.get(known, name) != name:
            return False
        owner = self._seen.owner(self._account, known)
        if owner is None:
            return True
        if name not in self._keys:
            self._keys[name] = self._seen.session(self._account, name)
        return owner == self._keys[name]


def _known_by(record: Record) -> str:
    """A record's id; a queued prompt has none, so what it says stands for it."""
    if stated := identity(record):
        return stated
    if record.get("type") != "queue-operation":
        return ""
    said = [record.get(key) for key in ("operation", "timestamp", "content")]
    return "queue:" + sha256(json.dumps(said).encode()).hexdigest()[:32]


def _unnamed(record: Record) -> str:
    """A name for a session whose records carry none: its first record's id."""
    stated = record.get("uuid")
    return f"record:{stated}" if isinstance(stated, str) and sniff((record,)) else ""


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
