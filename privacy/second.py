"""
A second reading: some of a study's sessions labelled again, to tell how far labels can be trusted.

A plan's reading has a name, a share of the sessions, and a whole rater: the plan's own once more
(test and retest), one that is shown or asked otherwise, or another model at the same endpoint, for
reference.  Which sessions it reads follows from a
keyed hash of each session under a secret of the keeper, so nobody chooses them, and they stay the
same ones however often labelling stops and goes on.

To whoever sums, a second label is one more column of the row, called `reading.instrument`.  The
byte of a session that was not read again is no label: it lies in no level, and out of the query.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256

from .codebook import Codebook, Field
from .errors import RefusedError
from .labels import PSEUDONYM_BYTES, unpack_bucket
from .raters import Rater, is_known

NOT_READ = 255
"""The byte of an instrument that a session was not read again for; no instrument has so many."""
DOT = "."
"""Between the name of a reading and that of an instrument, in the name of a column."""
MOST_READINGS = 3
_SHARE = re.compile(r"[1-9]\d{0,5}(/[1-9]\d{0,5})?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Reading:
    """A second reading of a sample of sessions."""

    name: str
    share: str
    """Which part of the sessions is read again, an exact fraction."""
    rater: Rater

    def chooses(self, session: str, secret: bytes) -> bool:
        """
        Whether a session is of the sample.

        Args:
            session: Its key, hexadecimal.
            secret: The keeper's, which nobody else knows.
        """
        told = f"clerestory/reading/{self.name}/{session}".encode()
        place = int.from_bytes(hmac.digest(secret, told, sha256)[:8])
        return place < Fraction(self.share) * 2**64


def is_share(share: str) -> bool:
    """Whether a text is an exact fraction above 0, and 1 at most."""
    return bool(_SHARE.fullmatch(share)) and Fraction(share) <= 1


def are_readings(readings: Sequence[Reading], rater: Rater) -> bool:
    """
    Whether a plan's readings are such as its keeper can make beside its own labels.

    They are asked of the plan's rater, at its endpoint, which may be shown another view, be asked
    in another mode, or for another model: each model must be one that the policy names
    (`admission`).  Message batches carry none.
    """
    names = {reading.name for reading in readings}
    return len(names) == len(readings) <= MOST_READINGS and all(
        _NAME.fullmatch(one.name)
        and is_share(one.share)
        and is_known(one.rater)
        and not one.rater.batches
        and replace(one.rater, view=rater.view, mode=rater.mode, model=rater.model) == rater
        for one in readings
    )


def widened(codebook: Codebook, readings: Sequence[Reading]) -> Codebook:
    """The codebook of joined rows: each reading's instruments stand behind the contexts."""
    again = (
        Field(f"{reading.name}{DOT}{one.name}", one.labels)
        for reading in readings
        for one in codebook.instruments
    )
    return replace(codebook, contexts=(*codebook.contexts, *again))


def joined(
    bucket: bytes | memoryview, again: Sequence[bytes | memoryview], codebook: Codebook
) -> bytes:
    """
    Put second labels into the rows of the sessions that they are of.

    A session that a reading alone has is left out, and so is what a record of it says beside its
    instruments: who is counted, and as what, is the first reading's to say.

    Args:
        bucket: Rows of the first reading.
        again: Rows of each other one, in the plan's order, of the same accounts; empty for none.
        codebook: That of every reading.

    Returns:
        Rows of the widened codebook, in their order.

    Raises:
        RefusedError: A bucket is no whole number of rows, gives a session to another account, or
            holds two labels of one reading for it.
    """
    count, tail = len(codebook.instruments), PSEUDONYM_BYTES + 2 * len(codebook.measures)
    second = [_by_session(one, codebook) for one in again]
    nothing = bytes([NOT_READ]) * count
    rows = []
    for key, record in unpack_bucket(bytes(bucket), codebook):
        found = [one.get(key) for one in second]
        if any(one and one[-PSEUDONYM_BYTES:] != record[-PSEUDONYM_BYTES:] for one in found):
            raise _broken("a second label of a session under another account.")
        more = b"".join(one[:count] if one else nothing for one in found)
        rows.append(key + record[:-tail] + more + record[-tail:])
    return b"".join(rows)


def _by_session(bucket: bytes | memoryview, codebook: Codebook) -> dict[bytes, bytes]:
    rows = list(unpack_bucket(bytes(bucket), codebook))
    found = dict(rows)
    if len(found) < len(rows):
        raise _broken("a session that one reading labels twice.")
    return found


def _broken(found: str) -> RefusedError:
    return RefusedError(
        "BUCKET_BROKEN",
        rule="A bucket holds whole rows, sorted by account, and all rows of its accounts.",
        found=found,
        remedy="classify again into a fresh vault; no number of this run was released.",
    )


def whose(column: str, readings: Sequence[Reading]) -> tuple[Reading | None, str]:
    """The reading that a column is of, None for the first, and the instrument that it repeats."""
    name, dot, instrument = column.rpartition(DOT)
    if not dot:
        return None, column
    return next((one for one in readings if one.name == name), None), instrument


def repeats(column: str) -> str:
    """The instrument that a column holds a label of, whichever reading gave it."""
    return column.rpartition(DOT)[2]
