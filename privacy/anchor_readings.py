"""
What raters said of the anchor set, month by month: public, and part of every release it is about.

A reading is canonical JSON.  The keeper has each under its own hash in its state folder, and the
ledger names that hash, as it does with the records of runs; a release carries those that it rests
on, in `anchor-set.json`, under its signature.

Under one label set prompts, codebook, model, view and mode are the same: its readings differ in
their calendar month alone, and are what drift is told from.  Of every other label set the newest
reading comes along, if it is of the same sessions: what another model or other prompts changed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import pairwise
from typing import TypeVar

import rfc8785

from .anchor_set import set_hash
from .errors import VerificationError
from .raters import Rater

FORMAT = "clerestory/anchor-set/1"
ANCHOR_SET = "anchor-set.json"
"""The file of a bundle."""
UNTOLD = frozenset({"month"})
"""Columns of a record that say nothing of an anchor session."""


@dataclass(frozen=True, slots=True)
class AnchorReading:
    """Labels of all sessions of the set, by one rater, in one month."""

    anchor_set: str
    """SHA-256 of the set."""
    label_set: str
    """Name of the labels beside which these were made."""
    month: str
    """`YYYY-MM`, by the ledger's clock."""
    rater: Mapping[str, str]
    """Name, version, model, view and how it was asked; not where."""
    codebook: str
    prompts: str
    labels: Mapping[str, tuple[str, ...]]
    """Column → its label for each session, in the set's order."""

    @property
    def canonical(self) -> bytes:
        """RFC 8785 form."""
        return rfc8785.dumps(asdict(self))

    @property
    def digest(self) -> str:
        """What the ledger names."""
        return sha256(self.canonical).hexdigest()

    def fits(self, columns: Mapping[str, Collection[str]], sessions: int) -> bool:
        """Whether it is of so many sessions, with labels of some columns and of no others."""
        known = {name: labels for name, labels in columns.items() if name not in UNTOLD}
        return self.labels.keys() == known.keys() and all(
            len(told) == sessions and set(told) <= set(known[name])
            for name, told in self.labels.items()
        )


@dataclass(frozen=True, slots=True)
class AnchorReadings:
    """What a release has to say of its rater's stability: the file anchor-set.json."""

    sessions: tuple[str, ...]
    """SHA-256 of each session of the set."""
    labelled: tuple[str, ...]
    """Months in which the keeper labelled for this label set, whether or not there was work."""
    readings: tuple[AnchorReading, ...]
    """Those under the release's label set, by month."""
    others: tuple[AnchorReading, ...]
    """The newest under each other label set."""
    format: str = FORMAT

    @property
    def anchor_set(self) -> str:
        """SHA-256 of the set."""
        return set_hash(self.sessions)

    @property
    def missing(self) -> tuple[str, ...]:
        """Months in which it was labelled without these sessions being read."""
        read = {reading.month for reading in self.readings}
        return tuple(month for month in self.labelled if month not in read)

    @property
    def canonical(self) -> bytes:
        """RFC 8785 form: the bytes of the file."""
        return rfc8785.dumps(asdict(self))

    def faults(self, label_set: str, columns: Mapping[str, Collection[str]]) -> str:
        """
        What contradicts itself; empty if nothing does.

        Args:
            label_set: Name of the labels that the release is made of.
            columns: Column → labels, of the codebook of the release.
        """
        both = (*self.readings, *self.others)
        months = [reading.month for reading in self.readings]
        if {r.anchor_set for r in both} - {self.anchor_set}:
            return "a reading of another anchor set"
        if {r.label_set for r in self.readings} - {label_set}:
            return "a reading beside another label set than the release's"
        named = [reading.label_set for reading in self.others]
        if label_set in named or len(set(named)) < len(named):
            return "a reading that is told of twice"
        if not _rises(months) or not _rises(self.labelled) or not self.labelled:
            return "months that are none, or out of order"
        if not all(reading.fits(columns, len(self.sessions)) for reading in self.readings):
            return "labels that are not of the codebook, or not of every session"
        if any(len(told) != len(self.sessions) for r in both for told in r.labels.values()):
            return "labels that are not of every session"
        return ""


_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
_Told = TypeVar("_Told", AnchorReading, AnchorReadings)


def rater_told(rater: Rater) -> dict[str, str]:
    """What a reading says of who labelled."""
    told = asdict(rater)
    return {name: str(told[name]) for name in told if name not in ("endpoint", "roots", "fidelity")}


def read_anchor_reading(data: bytes) -> AnchorReading:
    """
    Read one reading.

    Raises:
        VerificationError: The bytes are none, or not in canonical form.
    """
    return _read(data, AnchorReading)


def read_anchor_readings(data: bytes) -> AnchorReadings:
    """
    Read a bundle's anchor-set.json.

    Raises:
        VerificationError: The bytes are none, not in canonical form, or of another version.
    """
    told = _read(data, AnchorReadings)
    if told.format != FORMAT:
        raise _unreadable()
    return told


def _read(data: bytes, kind: type[_Told]) -> _Told:
    from pydantic import TypeAdapter, ValidationError  # late: `--help` does without

    try:
        told = TypeAdapter(kind).validate_json(data)
        if told.canonical == data:
            return told
    except (ValidationError, ValueError):
        pass
    raise _unreadable()


def _rises(months: Sequence[str]) -> bool:
    named = all(_MONTH.fullmatch(month) for month in months)
    return named and all(one < two for one, two in pairwise(months))


def _unreadable() -> VerificationError:
    return VerificationError(
        "ANCHOR_READINGS_UNREADABLE",
        rule="What was said of the anchor set is canonical JSON that a keeper of this version "
        "wrote.",
        found="something else.",
        remedy="restore the state folder from a copy, or verify with the version that released.",
    )
