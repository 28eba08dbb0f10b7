"""
The custodian's edge: the last place where a session lies in clear.

Accounts and sessions become keyed hashes under a key that never leaves the custodian's
folder; every batch of sealed sessions is signed by the custodian's key, so that nobody else can
slip one in.  An index remembers which record of an account was sealed in which session, so that
a record is sealed once per account, and which bytes a session had, so that a session that grew
supersedes its older self and never doubles it.
"""

import hmac
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from os import urandom
from pathlib import Path

import rfc8785

from .batches import Manifest, Row
from .custodian_index import SCHEMA
from .errors import ConfigurationError, RefusedError
from .labels import PSEUDONYM_BYTES, SESSION_KEY_BYTES
from .signing import SigningKey
from .vault import PublicKeys, Vault

SECRET_BYTES = 32

_NO_STAFF = "DELETE FROM staff WHERE account = ?"


@dataclass(frozen=True, slots=True)
class Target:
    """Where sessions are sealed to, read once for a whole run."""

    vault: Vault
    floor: str
    keys: PublicKeys
    retention_days: int

    @property
    def public(self) -> bytes:
        """The sealing key."""
        return self.keys.sealing_bytes

    @classmethod
    def of(cls, vault: Vault) -> "Target":
        """
        The vault's terms and its keeper's key.

        Raises:
            ConfigurationError: No keeper has adopted the vault yet.
        """
        floor = vault.floor
        return cls(vault, floor.hash, vault.keys, floor.retention_days)


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as the index remembers it."""

    number: int
    digest: str
    slots: int
    size: int


class Custodian:
    """The custodian's folder: two keys and an index, all outside the vault."""

    def __init__(self, folder: Path) -> None:
        """
        Open the folder that `Custodian.create` made.

        Raises:
            ConfigurationError: It is not there, or not readable by this user.
        """
        try:
            self._secret = (folder / "accounts.key").read_bytes()
        except OSError:
            self._secret = b""
        if len(self._secret) != SECRET_BYTES:
            raise _no_custodian("no readable custodian's folder.")
        self._source = SigningKey.read(folder / "source.key")
        self._index = sqlite3.connect(folder / "index.db", isolation_level=None)
        try:
            self._index.executescript(SCHEMA)
            self._index.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._index.close()
            if not isinstance(error, sqlite3.OperationalError):
                raise _no_custodian("an index that is none.") from None
            raise ConfigurationError(
                "CUSTODIAN_BUSY",
                rule="One process at a time seals with a custodian's folder.",
                found="an index that is in use.",
                remedy="wait for the other `clerestory seal` to end.",
            ) from None

    @classmethod
    def create(cls, folder: Path) -> "Custodian":
        """Make a custodian's folder with fresh keys, readable by its owner alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=False)
        secret = folder / "accounts.key"
        secret.touch(mode=0o600)
        secret.write_bytes(urandom(SECRET_BYTES))
        SigningKey.generate().write(folder / "source.key")
        return cls(folder)

    @property
    def public(self) -> str:
        """The key that signs sessions, as one line."""
        return self._source.public

    def close(self) -> None:
        """Keep what was sealed in the index and close it."""
        self._index.execute("COMMIT")
        self._index.close()

    def check_target(self, target: "Target") -> None:
        """
        Raise if sessions would go to another keeper, or under another floor, than before.

        Whoever can write to the vault can put a key of his own there; what was sealed to it
        would be his to read.  A sealing key changes when it is rotated: then the same signing
        key stands under it, and a higher number, since an older key may be in wrong hands.

        Raises:
            RefusedError: The vault's floor or its keeper has changed, or its key is an older one.
        """
        now = (target.floor, target.keys.signing)
        query = "SELECT floor, signing, number FROM keeper"
        floor, signing, number = self._index.execute(query).fetchone() or (*now, 0)
        if (floor, signing) == now and target.keys.number >= number:
            row = (*now, target.keys.number)
            self._index.execute("INSERT OR REPLACE INTO keeper VALUES (1, ?, ?, ?)", row)
        else:
            raise RefusedError(
                "KEEPER_CHANGED",
                rule="A custodian seals for one keeper and under one floor.",
                found="a vault with another keeper, another floor or an older key than before.",
                remedy="do not seal; find out who changed the vault, or make a new one.",
            )

    def account(self, name: str) -> bytes:
        """An account's pseudonym: 16 bytes of HMAC-SHA256."""
        return self._keyed(b"account", name)[:PSEUDONYM_BYTES]

    def session(self, account: str, name: str) -> bytes:
        """A session's key: 16 bytes of HMAC-SHA256 over account and id."""
        return self._keyed(b"session", account, name)[:SESSION_KEY_BYTES]

    def owner(self, account: str, record: str) -> bytes | None:
        """Key of the session in which a record of an account was sealed, if it was."""
        row = self._index.execute(
            "SELECT session FROM record WHERE account = ? AND record = ?",
            (self.account(account), self._keyed(b"record", record)[:8]),
        ).fetchone()
        return row[0] if row else None

    def remember(self, account: str, session: bytes, records: Iterable[str]) -> None:
        """Note in which session records were sealed."""
        pseudonym = self.account(account)
        self._index.executemany(
            "INSERT OR IGNORE INTO record VALUES (?, ?, ?)",
            ((pseudonym, self._keyed(b"record", record)[:8], session) for record in records),
        )

    def content_hash(self, data: bytes, declared: bytes = b"") -> bytes:
        """A keyed hash by which the index knows a session's bytes, and what is declared, again."""
        digest = sha256(data).digest() + declared
        return hmac.digest(self._secret, b"content\0" + digest, "sha256")

    def known(self, session: bytes) -> tuple[bytes, int, int] | None:
        """Keyed hash, length and batch of the bytes of a session, if it was sealed."""
        query = "SELECT content, size, batch FROM sealed WHERE session = ?"
        row: tuple[bytes, int, int] | None = self._index.execute(query, (session,)).fetchone()
        return row

    def note(self, session: bytes, content: bytes, size: int, batch: int) -> None:
        """Note what was sealed of a session, in which batch."""
        row = (session, content, size, batch)
        self._index.execute("INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?)", row)

    def known_telemetry(self, session: bytes) -> tuple[bytes, int, int, int] | None:
        """Keyed hash, points, first second and batch of a session's telemetry, if it was sealed."""
        query = "SELECT content, points, began, batch FROM telemetry WHERE session = ?"
        row: tuple[bytes, int, int, int] | None = self._index.execute(query, (session,)).fetchone()
        return row

    def note_telemetry(self, session: bytes, content: bytes, *told: int) -> None:
        """Note what was sealed of a session's telemetry: points, first second and batch."""
        row = (session, content, *told)
        self._index.execute("INSERT OR REPLACE INTO telemetry VALUES (?, ?, ?, ?, ?)", row)

    def batches(self) -> list["Batch"]:
        """Every batch so far, oldest first."""
        query = "SELECT number, digest, slots, size FROM batch ORDER BY number"
        return [Batch(*row) for row in self._index.execute(query)]

    def manifest(self, number: int) -> bytes:
        """A batch's manifest, kept here so that a vault that lost it gets it again."""
        query = "SELECT manifest FROM batch WHERE number = ?"
        return bytes(self._index.execute(query, (number,)).fetchone()[0])

    def add_batch(self, manifest: Manifest) -> Manifest:
        """Sign a batch and note it."""
        signed = manifest.sign(self._source)
        size = sum(row.size for row in signed.rows)
        row = (signed.number, signed.digest, len(signed.rows), size, signed.encode())
        self._index.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", row)
        return signed

    def commit(self) -> None:
        """All that was noted is lasting on return."""
        self._index.execute("COMMIT")
        self._index.execute("BEGIN IMMEDIATE")

    def roll_back(self) -> None:
        """Forget what was noted since the last `commit`."""
        if self._index.in_transaction:
            self._index.execute("ROLLBACK")
        self._index.execute("BEGIN IMMEDIATE")

    def forget(self, floor: str, account: str) -> tuple[str, str]:
        """
        Never seal an account again, and ask the keeper to erase it.

        Returns:
            Its pseudonym, hexadecimal, and the signature of that request.
        """
        pseudonym = self.account(account)
        self._index.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (pseudonym,))
        # A manifest without a row is still the one that was signed.
        for number, data in self._index.execute("SELECT number, manifest FROM batch").fetchall():
            manifest = Manifest.decode(data)
            mine = {
                slot: row.session
                for slot, row in enumerate(manifest.rows)
                if isinstance(row, Row) and row.account == pseudonym.hex()
            }
            if mine:
                without = (manifest.without(mine).encode(), number)
                self._index.execute("UPDATE batch SET manifest = ? WHERE number = ?", without)
                keys = [(bytes.fromhex(session),) for session in mine.values()]
                self._index.executemany("DELETE FROM sealed WHERE session = ?", keys)
                self._index.executemany("DELETE FROM telemetry WHERE session = ?", keys)
        self._index.execute("DELETE FROM record WHERE account = ?", (pseudonym,))
        self._index.execute(_NO_STAFF, (pseudonym,))
        message = erasure_message(floor, pseudonym.hex())
        return pseudonym.hex(), self._source.sign(message, "clerestory-erasure")

    def is_staff(self, account: str, declared: bool | None = None) -> bool:  # noqa: FBT001
        """Whether an account is declared to be staff: now, or else when it was declared last."""
        row = (self.account(account),)
        if declared is None:
            found = self._index.execute("SELECT 1 FROM staff WHERE account = ?", row)
            return found.fetchone() is not None
        change = "INSERT OR IGNORE INTO staff VALUES (?)" if declared else _NO_STAFF
        self._index.execute(change, row)
        return declared

    def has_forgotten(self, account: str) -> bool:
        """Whether an account is never to be sealed again."""
        query = "SELECT 1 FROM forgotten WHERE account = ?"
        return self._index.execute(query, (self.account(account),)).fetchone() is not None

    def _keyed(self, purpose: bytes, *parts: str) -> bytes:
        # Each part with its length: else a name with a zero byte could pass for two.
        encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
        joined = b"".join(len(part).to_bytes(8) + part for part in encoded)
        return hmac.digest(self._secret, purpose + b"\0" + joined, "sha256")


def erasure_message(floor: str, account: str) -> bytes:
    """What a custodian signs to have an account erased: the floor's SHA-256, the pseudonym."""
    return rfc8785.dumps({"floor": floor, "forget": account})


def _no_custodian(found: str) -> ConfigurationError:
    return ConfigurationError(
        "NO_CUSTODIAN",
        rule="Only a custodian seals: the folder with his keys lies beside the vault.",
        found=found,
        remedy="give its path with --custodian, or make a vault with `clerestory init`.",
    )
