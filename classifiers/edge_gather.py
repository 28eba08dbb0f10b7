"""
Sessions out of files that are not lines of Claude Code.

Files are read twice.  The first time tells which sessions there are, so that the second can
give each session away as soon as the last file that holds a piece of it has been read.  Pieces
of one session add up or are captures of one whole, as its format says; of captures the longest
stands.  A sub-agent's log goes behind that of the session that sent it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .edge_foreign import LOOKED_AT, Content, portions_of
from .edge_images import without_images
from .edge_split import Part
from .edge_types import type_in
from .formats import sniff
from .formats.lines import Damage, Record
from .formats.plugins import Splits
from .formats.portions import Part as Piece
from .formats.portions import Portion
from .formats.values import TEXT

if TYPE_CHECKING:
    from .edge import Seen

Named = tuple[str, str]
"""Whose a session is and what it is called."""


@dataclass(slots=True)
class _Expected:
    """What is known of a session before its portions are read."""

    portions: int = 0
    parts: int = 0
    """The most parts that a portion of it has."""
    parent: str = ""
    joins: bool = False
    is_taken: bool = False

    @property
    def awaited(self) -> int:
        """Portions that will be kept."""
        return self.portions if self.joins else 1


class Gatherer:
    """Makes sessions of the portions of some files: of one account, or of those the logs name."""

    def __init__(self, account: str, known: Splits, seen: "Seen", largest: int) -> None:
        self._account, self._known, self._seen, self._largest = account, known, seen, largest
        self._expected: dict[Named, _Expected] = {}
        self._families: Counter[Named] = Counter()
        self._sent: dict[Named, str] = {}
        self._held: dict[Named, list[Portion]] = {}
        self._files: dict[Named, dict[Path, bool]] = {}
        self.dropped: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        """Records of the file taken last, by type."""
        self.nobodys = 0
        """Portions for which neither the custodian nor the log says whose they are."""
        self.is_somebodys = False
        """Whether it is said of any portion in the file taken last."""

    def expect(self, content: Content) -> None:
        """Note what a file will bring; all are noted before the first is taken."""
        for stated, name, parent, joins, parts in content.sessions:
            key = (self._account or stated, name)
            expected = self._expected.setdefault(key, _Expected())
            expected.portions += 1
            expected.parts = max(expected.parts, parts)
            expected.parent = expected.parent or parent
            expected.joins = expected.joins or joins
        for (stated, name), parent in content.sent.items():
            self._sent[self._account or stated, name] = parent

    def take(self, path: Path) -> Iterator[tuple[str, str, Part]]:
        """
        Take a file's portions; gives (account, name, session) as each becomes whole.

        Raises:
            Unreadable: It cannot be read any more, or the format fails on it.
        """
        if not self._families:
            for key, expected in self._expected.items():
                self._families[self._root(key)] += expected.awaited
        damage, self.is_somebodys, self.types = Damage(), bool(self._account), Counter()
        for portion in portions_of(path, self._known, damage, self._largest):
            self.types.update(type_in(part.record) for part in portion.parts)
            owner = self._account or portion.account
            if not owner:
                self.nobodys += 1
                continue
            self.is_somebodys = True
            key = (owner, portion.name)
            if not self._wants(key, portion):
                self.dropped["REPEATED"] += len(portion.parts)
                continue
            root = self._root(key)
            self._held.setdefault(root, []).append(portion)
            files = self._files.setdefault(root, {})
            files[path] = files.get(path, False) or key == root
            self._families[root] -= 1
            if self._families[root] <= 0:
                yield self._whole(root)
        self.dropped["BAD_LINE"] += damage.bad

    def rest(self) -> Iterator[tuple[str, str, Part]]:
        """What still waits for a file that has changed or gone since it was first read."""
        for root in list(self._held):
            yield self._whole(root)

    def _wants(self, key: Named, portion: Portion) -> bool:
        expected = self._expected.setdefault(key, _Expected(1, len(portion.parts)))
        if expected.joins:
            return True
        if expected.is_taken or len(portion.parts) < expected.parts:
            return False
        expected.is_taken = True
        return True

    def _root(self, key: Named) -> Named:
        """The session at the head of a session's family."""
        owner, name = key
        met = {name}
        while (parent := self._parent((owner, name))) not in ("", *met):
            if (owner, parent) not in self._expected:
                break
            name = parent
            met.add(name)
        return owner, name

    def _parent(self, key: Named) -> str:
        """The session that sent a session, as its own log says or, failing that, the sender's."""
        known = self._expected.get(key)
        stated = known.parent if known else ""
        return self._sent.get(key, stated) if stated in ("", key[1]) else stated

    def _whole(self, root: Named) -> tuple[str, str, Part]:
        owner, name = root
        part = Part(files=self._files.pop(root))

        def place(held: Portion) -> tuple[bool, float]:
            """Sub-agents behind; what adds up as it began, whatever its file is called."""
            time = held.began.timestamp() if held.joins and held.began else 0.0
            return held.name != name, time

        is_alone = bool(self._parent(root))  # a sub-agent whose parent is not there
        for portion in sorted(self._held.pop(root), key=place):
            is_trunk = portion.name == name and not portion.parent and not is_alone
            self._add(part, portion, owner, is_trunk=is_trunk)
        return owner, name, part

    def _add(self, part: Part, portion: Portion, owner: str, *, is_trunk: bool) -> None:
        kept = self._free(part, portion, owner)
        records = portion.written([each.record for each in kept])
        if is_trunk:
            part.spoken = part.spoken or any(each.spoken for each in kept)
            part.began = min((t for t in (part.began, portion.began) if t), default=None)
        if not kept:
            return
        lines = part.trunk if is_trunk else part.sidechain
        if sniff(islice(records, LOOKED_AT)) is None:
            self.dropped["NOT_MOUNTED"] += len(records)
            part.spoken = False
            return
        for raw in self._written(records):
            part.size += len(raw) + 1
            if part.size > self._largest:
                part.too_large = True
                part.trunk.clear()
                part.sidechain.clear()
            else:
                lines.append(raw)

    def _free(self, part: Part, portion: Portion, owner: str) -> list[Piece]:
        """
        Parts that belong to this session and not to one that had them before.

        History that was copied comes first, so that a part without an id is a copy if the next
        one with an id is.
        """
        key = self._seen.session(owner, portion.name)
        kept: list[Piece] = []
        is_copy = False
        for each in reversed(portion.parts):
            identity = f"{self._known.NAME}:{each.identity}" if each.identity else ""
            if identity:
                if identity in part.records:
                    self.dropped["REPEATED"] += 1
                    continue
                is_copy = self._seen.owner(owner, identity) not in (None, key)
            if is_copy:
                self.dropped["COPY"] += 1
                part.copies += 1
                continue
            if identity:
                part.records[identity] = None
            kept.append(each)
        return kept[::-1]

    def _written(self, records: Iterable[Record]) -> Iterator[bytes]:
        for record in records:
            text = record.get(TEXT)
            if isinstance(text, str):
                yield text.encode("utf-8", "replace")
                continue
            try:
                self.dropped["IMAGE"] += without_images(record)
                yield json.dumps(record, separators=(",", ":")).encode()
            except (RecursionError, ValueError):
                self.dropped["BAD_LINE"] += 1
