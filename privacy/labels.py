"""
The label record: the only thing that leaves the classify worker about a session.

A record has one width, whatever the session: a byte per categorical column (the position of
its label), two bytes per structural measure, sixteen bytes of the account's pseudonym.
`LabelRecord.decode` is the gate: bytes that are not a record of the codebook are refused, and
the refusal holds none of them.

A bucket is what is sealed and handed to the aggregate worker: rows of (session key, record),
sorted by account, an account whole in one bucket, so that contributions are bounded locally.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from struct import Struct

from .codebook import UNCLEAR, Codebook
from .errors import RefusedError

PSEUDONYM_BYTES = 16
"""Keyed hash of an account, shortened: 2⁻⁶⁴ chance that two of 2³² accounts collide once."""
SESSION_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """What is known about one session."""

    labels: tuple[int, ...]
    """Position of the label in each categorical column, in the codebook's order."""
    measures: tuple[int, ...]
    """Stored value of each structural measure, in the codebook's order."""
    account: bytes
    """The account's pseudonym.  It never leaves the aggregate worker."""

    @classmethod
    def of(
        cls,
        codebook: Codebook,
        labels: Mapping[str, str],
        measures: Mapping[str, float],
        account: bytes,
    ) -> "LabelRecord":
        """
        Make a record from names; an instrument that is not named is `unclear`.

        Raises:
            KeyError: A context is missing, or a value is outside the vocabulary.
        """
        judged = dict.fromkeys((i.name for i in codebook.instruments), UNCLEAR)
        values = {**judged, **labels}
        return cls(
            tuple(field.index(values[field.name]) for field in codebook.fields),
            tuple(measure.encode(measures[measure.name]) for measure in codebook.measures),
            account,
        )

    @classmethod
    def unrated(
        cls, codebook: Codebook, *, status: str, month: str, account: bytes, staff: str = "no"
    ) -> "LabelRecord":
        """The record of a session that nobody could rate: `status` says why."""
        contexts = {field.name: field.labels[-1] for field in codebook.contexts}
        contexts.update(status=status, month=month, length_band="lt2k", model_calls="0")
        contexts.update(share_cut="0", interactive="no", staff=staff, wrote_code="no")
        return cls.of(codebook, contexts, {m.name: 0 for m in codebook.measures}, account)

    def encode(self) -> bytes:
        """The record's bytes, always `record_width` of them."""
        measures = Struct(f">{len(self.measures)}H").pack(*self.measures)
        return bytes(self.labels) + measures + self.account

    @classmethod
    def decode(cls, data: bytes, codebook: Codebook) -> "LabelRecord":
        """
        Pass bytes through the gate.

        Raises:
            RefusedError: The bytes are no record of this codebook.
        """
        if len(data) != record_width(codebook):
            raise _refused(f"{len(data)} bytes instead of {record_width(codebook)}.")
        columns, measures = len(codebook.fields), len(codebook.measures)
        labels = tuple(data[:columns])
        stored = Struct(f">{measures}H").unpack_from(data, columns)
        for field, position in zip(codebook.fields, labels, strict=True):
            if position >= len(field.labels):
                raise _refused(f"no such label in the column {field.name}.")
        for measure, value in zip(codebook.measures, stored, strict=True):
            if value > measure.top:
                raise _refused(f"a value above the public bound of {measure.name}.")
        return cls(labels, stored, data[columns + 2 * measures :])


def record_width(codebook: Codebook) -> int:
    """Bytes of every record under a codebook."""
    return len(codebook.fields) + 2 * len(codebook.measures) + PSEUDONYM_BYTES


def row_width(codebook: Codebook) -> int:
    """Bytes of every row of a bucket."""
    return SESSION_KEY_BYTES + record_width(codebook)


def bucket_of(account: bytes, buckets: int) -> int:
    """Which bucket an account lies in: its pseudonym is a keyed hash already."""
    return int.from_bytes(account[:4]) * buckets >> 32


def pack_bucket(rows: Iterable[tuple[bytes, bytes]]) -> bytes:
    """
    Join rows of (session key, encoded record), sorted by account, then by session key.

    Two rows of one session are one session: the later of them stands.
    """
    newest = dict(rows)
    order = sorted(newest, key=lambda key: (newest[key][-PSEUDONYM_BYTES:], key))
    return b"".join(key + newest[key] for key in order)


def unpack_bucket(data: bytes, codebook: Codebook) -> Iterator[tuple[bytes, bytes]]:
    """
    Split a bucket into rows of (session key, encoded record).

    Raises:
        RefusedError: The bucket is no whole number of rows.
    """
    width = row_width(codebook)
    if len(data) % width:
        raise _refused("a bucket that is no whole number of rows.")
    for start in range(0, len(data), width):
        row = data[start : start + width]
        yield row[:SESSION_KEY_BYTES], row[SESSION_KEY_BYTES:]


def _refused(found: str) -> RefusedError:
    return RefusedError(
        "LABEL_GATE",
        rule="Only records of the codebook leave the classify worker.",
        found=found,
        remedy="treat the worker as compromised: keep its batch out and look at its code.",
    )
