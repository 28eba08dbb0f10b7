"""
What is due: a session as it was taken in, and the telemetry that was sealed beside it.

Sessions and telemetry lie in two tables of one shape, since either may come first and either may
grow.  They are joined by the session's key, which is keyed over account and id, and only where
account and custodian are the same as well: a manifest cannot attach one account's telemetry to
another's session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from privacy.batches import SESSION, TELEMETRY
from privacy.packs import Place

DUE = """SELECT session.*, telemetry.* FROM session
    LEFT JOIN telemetry ON telemetry.session = session.session
        AND (telemetry.account, telemetry.source) = (session.account, session.source)
    LEFT JOIN labelled ON labelled.label_set = ? AND labelled.session = session.session
    WHERE session.month IN (SELECT value FROM json_each(?))
        AND (labelled.blob IS NULL OR substr(labelled.blob, 1, 64) <> session.digest
            OR (? AND labelled.blob <> session.digest || ifnull('+' || telemetry.digest, '')))"""
"""Of the label set, its months, and whether telemetry alone makes a session due."""
INSERT = {
    SESSION: "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    TELEMETRY: "INSERT INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
}
DELETE = {
    SESSION: "DELETE FROM session WHERE session = ? RETURNING *",
    TELEMETRY: "DELETE FROM telemetry WHERE session = ? RETURNING *",
}
_GONE = """(account, source) IN (SELECT account, source FROM forgotten)
    OR month IN (SELECT month FROM dropped)"""
GOES = (
    "FROM telemetry WHERE " + _GONE + " OR session IN "  # noqa: S608 - our own words
    "(SELECT session FROM session WHERE month IN (SELECT month FROM dropped))",
    "FROM session WHERE " + _GONE,
)
"""What is taken out, in this order: telemetry goes with its session, whatever its own month."""


@dataclass(frozen=True, slots=True)
class Due:
    """One session as it was taken in, whose label is missing or was made of older bytes."""

    session: str
    account: bytes
    month: str
    digest: str
    source: str
    """Fingerprint of its custodian's key."""
    folder: str
    """Name of its batch."""
    place: Place
    kind: str = SESSION
    telemetry: "Due | None" = None
    """What was counted about it, of the same account and custodian, where that was sealed."""

    @property
    def found(self) -> str:
        """Where it lies, for errors: a keyed hash in a numbered batch."""
        return f"sessions/{self.folder}, {self.kind} {self.session}"

    @property
    def size(self) -> int:
        """Bytes that a worker is given."""
        return self.place.size + (self.telemetry.place.size if self.telemetry else 0)

    @property
    def labelled_from(self) -> str:
        """What its label is made of, as `labelled` notes it."""
        return f"{self.digest}+{self.telemetry.digest}" if self.telemetry else self.digest


def read_due(row: Sequence[Any]) -> Due:
    """One row of `DUE`."""
    session, telemetry = row[:9], row[9:]
    return _due(SESSION, session, _due(TELEMETRY, telemetry) if telemetry[0] else None)


def _due(kind: str, row: Sequence[Any], telemetry: Due | None = None) -> Due:
    session, account, month, digest, source, folder, *place = row
    whose = (session, bytes.fromhex(account), month, digest, source)
    return Due(*whose, folder, Place(*place), kind, telemetry)
