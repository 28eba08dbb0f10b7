"""
What a ledger's entry may say: a closed list of kinds, fields and forms.

Nothing that is not on the list is written, so that no count, size or duration that depends on
people's data can slip in: no form below is a number but ρ, which a plan fixes before any data
are read.  Reading is wider than writing: a ledger of another version is still a ledger.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .accountant import Receipt
from .errors import ClerestoryError
from .loss import read_rho

KINDS: Mapping[str, tuple[str, ...]] = {
    "anchor-reading": ("plan", "set", "digest"),
    "approval": ("plan", "officer", "signature", "signed"),
    "batch": ("source", "manifest", "previous"),
    "charge": ("plan", "rho"),
    "corpus": ("floor", "planted"),
    "correction": ("plan", "replaces", "reason"),
    "erasure": ("what",),
    "key": ("plan", "tier"),
    "labels": ("plan", "set", "tier"),
    "plan": ("plan", "study", "rho"),
    "policy": ("hash", "text", "proposed", "signatures"),
    "proposal": ("change", "text", "proposed", "officer", "signature"),
    "recovery": ("statement", "signatures"),
    "refusal": ("verb", "code"),
    "rejection": ("plan", "officer", "signature", "reason"),
    "release": ("plan", "sums"),
    "return": ("plan", "officer", "signature", "reason"),
    "revocation": ("plan", "officer", "signature"),
    "rotation": ("old", "new"),
    "run": ("plan", "set", "digest"),
    "withdrawal": ("plan", "author", "signature"),
}
"""Kind of event → the fields that it may hold."""

_HASH = r"[0-9a-f]{64}"
_CODE = r"[A-Z][A-Z_]{2,63}"
_KEY = r"(?:ssh-ed25519|sk-ssh-ed25519@openssh\.com) [A-Za-z0-9+/]+={0,2}"
_RHO = r"(?:0|[1-9]\d{0,39})(?:/[1-9]\d{0,39})?"
_SIGNATURE = r"-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]+\n-----END SSH SIGNATURE-----\n"

FIELDS: Mapping[str, str] = {
    "author": _KEY,
    "change": _HASH,
    "code": _CODE,
    "digest": _HASH,
    "floor": _HASH,
    "hash": _HASH,
    "manifest": _HASH,
    "new": r"[0-9a-f]{16,64}",
    "officer": _KEY,
    "old": r"[0-9a-f]{16,64}",
    "plan": _HASH,
    "planted": r"yes|no",
    "previous": _HASH,
    "proposed": r"\d{4}-\d\d-\d\d",
    "reason": _CODE,
    "replaces": _HASH,
    "rho": _RHO,
    "set": _HASH,
    "signature": _SIGNATURE,
    "signatures": f"(?:{_SIGNATURE})*",
    "signed": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00",
    "source": r"SHA256:[A-Za-z0-9+/]{43}",
    "statement": r"\{.*\}",
    "study": r"[a-z0-9][a-z0-9-]{0,63}",
    "sums": _HASH,
    "text": r"#[^\n]*\n[^\0]*",
    "tier": r"T[0-2]",
    "verb": r"[a-z][a-z-]{0,31}",
    "what": r"account|retention|keys",
}
"""Field → the form of its text, whole.  A statement and a policy's text say what officers sign."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    seq: int
    kind: str
    """One of KINDS, in a ledger of this version."""
    body: Mapping[str, str]
    line: bytes
    """Canonical JSON of everything, as it is exported and hashed."""

    @property
    def time(self) -> datetime:
        """When it was written, by the ledger's own clock, which never goes back."""
        return read_time(json.loads(self.line))


def check_form(kind: str, body: Mapping[str, str]) -> None:
    """
    Raise unless an event may be written.

    Raises:
        ClerestoryError: The kind or a field is not on the list, or a text not of its form.
    """
    if kind not in KINDS:
        raise _not_listed(f"the kind {kind!r}")
    for field, value in body.items():
        if field not in KINDS[kind]:
            raise _not_listed(f"a field {field!r} in the kind {kind!r}")
        if not re.fullmatch(FIELDS[field], value, re.DOTALL):
            raise _not_listed(f"another form of {field!r} in the kind {kind!r}")


def read_entry(line: bytes) -> Entry:
    """
    One line of a ledger as an event.

    Raises:
        ValueError, LookupError, TypeError, AttributeError, ClerestoryError: It is no entry.
    """
    return entry_of(json.loads(line), line)


def entry_of(record: Mapping[str, Any], line: bytes) -> Entry:
    """The event that a line's record tells, for who has parsed it; refusals as `read_entry`."""
    body = record["body"]
    if not all(isinstance(value, str) for value in body.values()):
        raise TypeError("a body is a mapping of texts")
    if record["kind"] == "charge":
        Receipt(body["plan"], read_rho(body["rho"]))
    return Entry(record["seq"], record["kind"], body, line)


def read_time(record: Mapping[str, Any]) -> datetime:
    """
    When a record was written.

    Raises:
        ValueError, LookupError, TypeError: It does not say.
    """
    return datetime.fromisoformat(record["time"]).astimezone(UTC)


def _not_listed(found: str) -> ClerestoryError:
    return ClerestoryError(
        "ENTRY_NOT_LISTED",
        rule="A ledger holds the kinds and fields of a closed list, and no count of people's data.",
        found=f"{found}; nothing was written.",
        remedy="report it with the version: this is an error of the program.",
    )
