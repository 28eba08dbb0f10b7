"""
What a custodian sealed in one run: signed, numbered, chained.

The manifest of a batch is the source's signature.  Its rows name every session of the batch, and
every session's telemetry, with account, month and the SHA-256 over header and ciphertext
(`SealedBlob.digest`), and the header names kind, floor, key and source again; so one signature
covers all of it, and none of it can be changed, exchanged or sent again under another name.  The
wrapped keys stand outside: a keeper that takes a new key leaves every manifest valid.

A manifest names the one before it.  Whoever takes manifests in, in order, finds a batch that is
withheld, put back or slipped in.

    {"floor":…,"number":…,"previous":…,"rows":…,"source":…}     the head, canonical JSON
    signature of the head, hexadecimal
    session account month size digest                           a row a session, in sealed order
    session account month size digest telemetry                 what was counted about one

A row can be taken out and its hash left in its place (`without`): the signature still holds.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import rfc8785

from .errors import VerificationError
from .signing import SigningKey, fingerprint, public_raw, verify_raw

GENESIS = sha256(b"clerestory/batches/1").hexdigest()
"""What the first batch of a custodian names as the one before it."""

_CONTEXT = b"clerestory/batch/1\0"
SESSION, TELEMETRY = "session", "telemetry"
"""What a row may be of, as its blob's header has it, too."""
_ROW = re.compile(
    rb"([0-9a-f]{32}) ([0-9a-f]{32}) (\d{4}-\d\d|unknown) (\d{1,9}) ([0-9a-f]{64})( telemetry)?"
)
_GONE = re.compile(rb"- (\d{1,9}) ([0-9a-f]{64})")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Row:
    """One sealed session, or the telemetry of one, as its manifest names it."""

    session: str
    account: str
    month: str
    size: int
    """Bytes in the batch's pack."""
    digest: str
    """`SealedBlob.digest`: header and ciphertext, not the wrapped key."""
    kind: str = SESSION

    @property
    def line(self) -> bytes:
        """As it stands in a manifest."""
        kind = "" if self.kind == SESSION else f" {self.kind}"
        told = f"{self.session} {self.account} {self.month} {self.size} {self.digest}"
        return f"{told}{kind}".encode()


@dataclass(frozen=True, slots=True)
class Gone:
    """What is left of a row that was taken out: its hash, which the signature covers."""

    size: int
    leaf: str

    @property
    def line(self) -> bytes:
        """As it stands in a manifest."""
        return f"- {self.size} {self.leaf}".encode()


@dataclass(frozen=True, slots=True)
class Manifest:
    """One batch of one custodian."""

    source: str
    """Fingerprint of the custodian's key."""
    floor: str
    number: int
    previous: str
    """Digest of the manifest before it, or GENESIS."""
    rows: tuple[Row | Gone, ...]
    signature: bytes = b""

    @property
    def head(self) -> bytes:
        """What is signed; the rows are in it by the hash over their hashes."""
        leaves = b"".join(_leaf(row) for row in self.rows)
        return rfc8785.dumps(
            {
                "source": self.source,
                "floor": self.floor,
                "number": str(self.number),
                "previous": self.previous,
                "rows": sha256(leaves).hexdigest(),
            }
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the head: the batch's name in the chain and in the ledger."""
        return sha256(self.head).hexdigest()

    def sign(self, key: SigningKey) -> "Manifest":
        """The same, signed by its custodian."""
        return replace(self, signature=key.sign_raw(_CONTEXT + self.head))

    def encode(self) -> bytes:
        """The manifest as it lies in a vault."""
        lines = [self.head, self.signature.hex().encode(), *(row.line for row in self.rows)]
        return b"\n".join([*lines, b""])

    @classmethod
    def decode(cls, data: bytes) -> "Manifest":
        """
        Read a manifest; whose it is, `check_source` says.

        Raises:
            VerificationError: It is none, or its rows are not those that its head speaks of.
        """
        try:
            head, signature, *lines, end = data.split(b"\n")
            told = json.loads(head)
            found = cls(
                str(told["source"]),
                str(told["floor"]),
                int(told["number"]),
                str(told["previous"]),
                tuple(_read_row(line) for line in lines),
                bytes.fromhex(signature.decode("ascii")),
            )
            well_formed = _HEX.fullmatch(found.previous) and found.number >= 0 and not end
            # The head is made again from the rows: one row too many or too few is another head.
            if well_formed and found.rows and found.head == head:
                return found
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
        raise VerificationError(
            "BATCH_DAMAGED",
            rule="A batch is read with the manifest that its custodian signed, whole.",
            found="a manifest that is cut off, changed, or something else in its place.",
            remedy="restore the vault from a copy, or have the custodian run `clerestory seal` "
            "again after taking the damaged manifest out: he puts it back.",
        )

    def check_source(self, sources: Mapping[str, str]) -> None:
        """
        Raise unless a custodian of the policy signed it.

        Args:
            sources: Fingerprint → public key of the custodians of the policy.

        Raises:
            VerificationError: Nobody of the policy did.
        """
        try:
            verify_raw(public_raw(sources[self.source]), self.signature, _CONTEXT + self.head)
        except (VerificationError, KeyError):
            raise source_unknown("a batch signed by nobody of the policy.") from None

    def without(self, slots: Collection[int]) -> "Manifest":
        """The same with some rows taken out: their hashes stay, so the signature holds."""
        gone = set(slots)
        kept = (
            Gone(row.size, _leaf(row).hex()) if slot in gone else row
            for slot, row in enumerate(self.rows)
        )
        return replace(self, rows=tuple(kept))


def by_fingerprint(keys: Iterable[str]) -> dict[str, str]:
    """Fingerprint → public key."""
    return {fingerprint(key): key for key in keys}


def source_unknown(found: str) -> VerificationError:
    """The refusal of whatever no custodian of the policy signed."""
    return VerificationError(
        "SOURCE_UNKNOWN",
        rule="Only sessions that a custodian of the policy sealed are classified.",
        found=found,
        remedy="take it out of the vault, or restore it from a copy.",
    )


def _leaf(row: Row | Gone) -> bytes:
    return bytes.fromhex(row.leaf) if isinstance(row, Gone) else sha256(row.line).digest()


def _read_row(line: bytes) -> Row | Gone:
    if match := _ROW.fullmatch(line):
        session, account, month, size, digest = (part.decode() for part in match.groups()[:5])
        kind = TELEMETRY if match[6] else SESSION
        row: Row | Gone = Row(session, account, month, int(size), digest, kind)
    elif match := _GONE.fullmatch(line):
        row = Gone(int(match[1]), match[2].decode())
    else:
        raise ValueError
    if row.line != line:  # one number, one spelling: no leading zeros
        raise ValueError
    return row
