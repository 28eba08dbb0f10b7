"""
The keeper reads the anchor set: before it labels, in every calendar month anew.

The set goes the way of every session: sealed, to the same workers, through the same gate, at the
same price.  Batches of anchors hold nothing else.  What was said is kept in the state folder under
its own hash, which the ledger names; and it is there before the first label of that month, so that
no label is older than the reading that tells of its rater.

A rater that asks nobody is not read again: rules of one version say the same in any month.

Whether there was anything to label plays no part: months of readings tell nothing of sessions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from privacy.anchor_readings import (
    UNTOLD,
    AnchorReading,
    AnchorReadings,
    rater_told,
    read_anchor_reading,
)
from privacy.anchor_set import AnchorSet, read_folder, shipped
from privacy.codebook import Codebook
from privacy.declared import Declared
from privacy.entries import Entry
from privacy.errors import VerificationError
from privacy.floor import Floor
from privacy.keeper.due import Due
from privacy.keeper.state import State
from privacy.labels import PSEUDONYM_BYTES, SESSION_KEY_BYTES, LabelRecord
from privacy.packs import Place
from privacy.plan import Plan
from privacy.raters import asks
from privacy.sealing import SealedBlob, floor_info, seal
from privacy.vault import replace_file

READINGS = "anchors"
"""Folder of the state: readings by their hash."""
ENTRY = "anchor-reading"
"""Kind of their entries in the ledger."""
NOBODY = bytes(PSEUDONYM_BYTES)
"""The account of anchors: no keyed hash of anybody's."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One session of the set, as a batch holds it."""

    due: Due
    blob: SealedBlob


@dataclass(frozen=True, slots=True)
class AnchorReader:
    """The anchor set beside one label set."""

    state: State
    floor: Floor
    codebook: Codebook
    plan: Plan
    label_set: str

    @property
    def anchor_set(self) -> AnchorSet:
        """
        The set of keeper.toml; else the one that ships.

        Raises:
            ConfigurationError: The folder that keeper.toml names is none.
        """
        named = self.state.configuration.anchor_set
        if named == "none":
            return AnchorSet(())
        return read_folder(Path(named)) if named else shipped()

    @property
    def month(self) -> str:
        """The calendar month, by the ledger's clock, which never goes back."""
        return f"{self.state.ledger.now():%Y-%m}"

    def due(self) -> list[Anchor]:
        """
        The sessions of the set, if they were not read in this month yet; else none.

        Raises:
            VerificationError: An earlier reading was changed or taken away.
        """
        if not asks(self.plan.rater.name):
            return []
        wanted, read = self.anchor_set, _readings(self.state, self.label_set)
        if any((one.month, one.anchor_set) == (self.month, wanted.hash) for one in read):
            return []
        return list(self._sealed(wanted))

    def keep(self, month: str, records: Mapping[str, bytes]) -> None:
        """
        Write a reading down; on return the ledger names it.

        Args:
            month: In which it was begun.
            records: Key of each session of the set → its record, which has passed the gate.
        """
        wanted, columns = self.anchor_set, self.codebook.fields
        read = [LabelRecord.decode(records[_key(d)], self.codebook) for d in wanted.digests]
        labels = {
            field.name: tuple(field.labels[record.labels[place]] for record in read)
            for place, field in enumerate(columns)
            if field.name not in UNTOLD
        }
        plan = self.plan
        reading = AnchorReading(
            wanted.hash,
            self.label_set,
            month,
            rater_told(plan.rater),
            plan.codebook,
            plan.prompts,
            labels,
        )
        path = self.state.folder / READINGS / f"{reading.digest}.json"
        replace_file(path, reading.canonical)
        body = {"plan": plan.hash, "set": self.label_set, "digest": reading.digest}
        self.state.ledger.append(ENTRY, body)

    def told(self) -> AnchorReadings | None:
        """
        What a release has to say of its rater's stability; None where nothing can change it.

        Raises:
            VerificationError: A reading was changed or taken away.
        """
        labelled = _months(self.state.ledger.entries("labels"), self.label_set)
        if not asks(self.plan.rater.name) or not labelled:
            return None
        anchor_set = self.anchor_set
        same = [one for one in _readings(self.state) if one.anchor_set == anchor_set.hash]
        own = {one.month: one for one in same if one.label_set == self.label_set}
        others = {one.label_set: one for one in same if one.label_set != self.label_set}
        return AnchorReadings(
            anchor_set.digests,
            labelled,
            tuple(own[month] for month in sorted(own)),
            tuple(others[name] for name in sorted(others)),
        )

    def _sealed(self, anchors: AnchorSet) -> Iterator[Anchor]:
        floor = self.floor.hash
        for digest, session in zip(anchors.digests, anchors.sessions, strict=True):
            key = _key(digest)
            header = {
                "kind": "session",
                "floor": floor,
                "key": "",
                "source": "",
                "account": NOBODY.hex(),
                "session": key,
                "month": "unknown",
            }
            line, info = Declared().line, floor_info(floor, "session")
            blob = seal(line + session, header, public=self.state.sealing.public, info=info)
            place = Place(0, 0, len(session))
            yield Anchor(Due(key, NOBODY, "unknown", digest, "", READINGS, place), blob)


def _key(digest: str) -> str:
    return digest[: 2 * SESSION_KEY_BYTES]


def _months(entries: Iterator[Entry], label_set: str) -> tuple[str, ...]:
    named = {f"{entry.time:%Y-%m}" for entry in entries if entry.body["set"] == label_set}
    return tuple(sorted(named))


def _readings(state: State, label_set: str = "") -> list[AnchorReading]:
    """All readings, or those beside one label set, oldest first."""
    entries = state.ledger.entries(ENTRY)
    wanted = [one.body["digest"] for one in entries if label_set in ("", one.body["set"])]
    return [_read(state, digest) for digest in wanted]


def _read(state: State, digest: str) -> AnchorReading:
    path = state.folder / READINGS / f"{digest}.json"
    data = path.read_bytes() if path.is_file() else b""
    if sha256(data).hexdigest() != digest:
        raise VerificationError(
            "ANCHOR_READING_CHANGED",
            rule="A release tells of its rater's stability by every reading that the ledger names.",
            found=f"a reading that was changed or taken away: {READINGS}/{digest}.json.",
            remedy="restore it from a copy of the state folder.",
        )
    return read_anchor_reading(data)


def parted(anchors: Sequence[Anchor], hands: int, most: int) -> list[list[Anchor]]:
    """Batches of about one size, so many at least that no hand is idle."""
    batches = max(hands, -(-len(anchors) // most))
    return [list(anchors[n::batches]) for n in range(min(batches, len(anchors)))]
