"""
The keeper's own folder: keys, ledger, plans, releases.  It lies outside the vault.

Keys live with the ledger: a keeper that lost its state has lost its keys, so that a budget
cannot be reset by starting over.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import sha256
from pathlib import Path
from typing import IO

from privacy.anchors import Anchor
from privacy.errors import ConfigurationError, RefusedError, VerificationError
from privacy.keeper.corpus import Corpus
from privacy.keeper.witnesses import Witnesses
from privacy.ledger import Ledger
from privacy.plan import Plan, read_plan
from privacy.recovery import OFFICERS
from privacy.sealing import KeyPair, SealedBlob
from privacy.signing import SigningKey
from privacy.vault import HANDOVER, PublicKeys, Vault, replace_file

SEALING, SIGNING, LEDGER = "sealing.key", "signing.key", "ledger.db"
LOCK = "lock"
VAULT = "vault.floor"
"""File with the SHA-256 of the floor of the vault that the state belongs to."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS labelled (
    label_set TEXT, session TEXT, blob TEXT, PRIMARY KEY (label_set, session)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (
    label_set TEXT, number INTEGER, file TEXT, digest TEXT, PRIMARY KEY (label_set, number)
) STRICT, WITHOUT ROWID;
"""


class State:
    """The opened folder."""

    def __init__(
        self,
        folder: Path,
        vault: Vault,
        *,
        anchors: Sequence[Anchor] = (),
        recovering: bool = False,
    ) -> None:
        """
        Open the state of a vault's keeper, or begin it with fresh keys.

        Args:
            folder: The state's.
            vault: Whose keeper it is.
            anchors: Further places that have seen the ledger's head.
            recovering: Open a ledger that is older than what they have seen, to account for it.

        Raises:
            ConfigurationError: The folder belongs to another vault, or has lost its keys.
            VerificationError: The ledger is older than a checkpoint that went out.
        """
        self.folder, self._vault = folder, vault
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / VAULT).exists() and any(f.name != LOCK for f in folder.iterdir()):
            raise _lost("a folder that holds something else, or a beginning that was broken off.")
        folder.chmod(0o700)
        with ExitStack() as open_files:
            open_files.enter_context(_only_one(folder / LOCK))
            # A copied state folder has a lock of its own; the vault is one.
            open_files.enter_context(_only_one(vault.folder / "keeper.lock"))
            _begin(folder, vault)
            self.sealing, self.signing = _keys(folder)
            _check_belongs(folder, self.public_keys, vault)
            self.ledger = Ledger(folder / LEDGER, f"clerestory/{vault.floor.vault}")
            open_files.callback(self.ledger.close)
            self.witnesses = Witnesses(
                vault.folder,
                folder / "releases",
                [self.signing.public_raw],
                needed=1 if vault.floor.single_person else OFFICERS,
                anchors=anchors,
            )
            if not recovering:
                self.witnesses.check(self.ledger)
            self._labelled = sqlite3.connect(
                folder / "labelled.db", isolation_level=None, check_same_thread=False
            )
            open_files.callback(self._labelled.close)
            self._labelled.execute("PRAGMA journal_mode=WAL")
            self._labelled.execute("PRAGMA synchronous=FULL")
            self._labelled.executescript(_SCHEMA)
            self.corpus = Corpus(self._labelled, vault)
            self._open_files = open_files.pop_all()

    def close(self) -> None:
        """Close the files."""
        self._open_files.close()

    @property
    def public_keys(self) -> PublicKeys:
        """The public halves of the keeper's keys."""
        return _public(self.sealing, self.signing)

    def save_plan(self, plan: Plan) -> None:
        """Keep a bound plan."""
        replace_file(self.folder / "plans" / f"{plan.hash}.json", plan.canonical)

    def plans(self) -> list[Plan]:
        """
        All bound plans.

        Raises:
            VerificationError: A file is not the plan that it is named after.
        """
        return [_stored(path) for path in sorted((self.folder / "plans").glob("*.json"))]

    def save_release(self, plan: str, files: Mapping[str, bytes]) -> None:
        """Keep a bundle: SHA256SUMS.sig last, so that a bundle with it is whole."""
        for name in sorted(files, key=lambda name: name == "SHA256SUMS.sig"):
            replace_file(self.folder / "releases" / plan / name, files[name])

    def release(self, plan: str) -> dict[str, bytes] | None:
        """The stored bundle of a plan, if it was released."""
        folder = self.folder / "releases" / plan
        if not (folder / "SHA256SUMS.sig").exists():
            return None
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def labelled(self, label_set: str) -> dict[str, str]:
        """Session → digest of the sealed bytes from which its record was made."""
        query = "SELECT session, blob FROM labelled WHERE label_set = ?"
        return dict(self._labelled.execute(query, (label_set,)).fetchall())

    def bucket(self, label_set: str, number: int) -> SealedBlob | None:
        """
        A sealed bucket as this keeper wrote it; None if it wrote none.

        Anybody can seal to the keeper's public key, so a file counts only if its name and its
        SHA-256 are remembered here.

        Raises:
            VerificationError: The file was changed or taken away.
        """
        query = "SELECT file, digest FROM bucket WHERE label_set = ? AND number = ?"
        row = self._labelled.execute(query, (label_set, number)).fetchone()
        if row is None:
            return None
        path = self._vault.label_folder(label_set) / row[0]
        data = path.read_bytes() if path.is_file() else b""
        if sha256(data).hexdigest() != row[1]:
            raise VerificationError(
                "BUCKET_CHANGED",
                rule="Labels count only in the buckets that this keeper sealed.",
                found=f"a file that was changed or taken away: {row[0]}.",
                remedy="restore it from a copy of the vault.",
            )
        return SealedBlob.decode(data)

    def put_bucket(
        self, label_set: str, number: int, blob: SealedBlob, sessions: Iterable[tuple[str, str]]
    ) -> None:
        """
        Write a bucket, and note from which (session, sealed bytes' digest) it was made.

        The new file lies under a new name until the database names it: after a crash either
        the old bucket stands or the new one, with the sessions that belong to it.
        """
        data, folder = blob.encode(), self._vault.label_folder(label_set)
        digest = sha256(data).hexdigest()
        file = f"{number:05d}-{digest[:16]}.sealed"
        replace_file(folder / file, data)
        with self._labelled:
            self._labelled.execute("BEGIN IMMEDIATE")
            self._note_bucket(label_set, number, file, digest)
            self._labelled.executemany(
                "INSERT OR REPLACE INTO labelled VALUES (?, ?, ?)",
                ((label_set, session, sealed) for session, sealed in sessions),
            )
        for old in folder.glob(f"{number:05d}*.sealed"):
            if old.name != file:
                old.unlink()

    def adopt_buckets(self) -> bool:
        """Take over the buckets that a synthetic vault came with; whether there are any."""
        paths = sorted((self._vault.folder / "labels").glob("*/*.sealed"))
        for path in paths:
            data = path.read_bytes()
            header, digest = SealedBlob.decode(data).header, sha256(data).hexdigest()
            self._note_bucket(header["set"], int(header["bucket"]), path.name, digest)
        return bool(paths)

    def _note_bucket(self, label_set: str, number: int, file: str, digest: str) -> None:
        self._labelled.execute(
            "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?)", (label_set, number, file, digest)
        )


def _stored(path: Path) -> Plan:
    data = path.read_bytes()
    if sha256(data).hexdigest() != path.stem:
        raise VerificationError(
            "PLAN_FILE_CHANGED",
            rule="A stored plan is named after its contents, which officers signed.",
            found=f"a plan that was changed in the state folder: {path.stem[:16]}.",
            remedy="restore it from a copy of the state folder, or submit the plan again.",
        )
    return read_plan(data)


def _only_one(path: Path) -> IO[bytes]:
    """Hold a lock file for this process; the kernel lets go when the process ends."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    lock = open(descriptor, "wb")  # noqa: PTH123, SIM115 - the caller closes it
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigurationError(
            "KEEPER_RUNS_ALREADY",
            rule="One keeper at a time has a state folder and a vault.",
            found="another process that holds one of them.",
            remedy="use the keeper that runs, or stop it first.",
        ) from None
    return lock


def _begin(folder: Path, vault: Vault) -> None:
    """Make what is not there yet; the mark that the folder is begun comes last."""
    if not (folder / VAULT).exists():
        if vault.has_keeper:
            raise _lost("an empty state folder for a vault that has a keeper already.")
        # All that may refuse comes before the first file.
        floor, secret = vault.floor.hash, _first_secret(vault)
        SigningKey.generate().write(folder / SIGNING)
        _write_secret(folder / SEALING, secret)
        Ledger(folder / LEDGER, "").close()
        replace_file(folder / VAULT, floor.encode())
    # Above all the ledger: keys without it would be a budget that was never spent.
    if gone := [name for name in (SEALING, SIGNING, LEDGER) if not (folder / name).exists()]:
        raise _lost(f"a state folder without {', '.join(gone)}.")
    if not vault.has_keeper:
        _check_floor(folder, vault)
        vault.publish_keys(_public(*_keys(folder)))
    (vault.folder / HANDOVER).unlink(missing_ok=True)


def _keys(folder: Path) -> tuple[KeyPair, SigningKey]:
    try:
        sealing = KeyPair.from_secret((folder / SEALING).read_bytes())
    except ValueError:
        raise _lost("a sealing key that is none.") from None
    return sealing, SigningKey.read(folder / SIGNING)


def _public(sealing: KeyPair, signing: SigningKey) -> PublicKeys:
    return PublicKeys(sealing.public.hex(), signing.public)


def _write_secret(path: Path, secret: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a path cannot say its mode
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())


def _first_secret(vault: Vault) -> bytes:
    handover = vault.folder / HANDOVER
    if not handover.exists():
        return KeyPair.generate().secret
    if not vault.floor.synthetic:
        raise RefusedError(
            "HANDOVER_REFUSED",
            rule="A secret key crosses a vault only when its data are made up.",
            found="a handover key in a vault of real sessions.",
            remedy="treat that vault's sessions as disclosed; seal into a new one.",
        )
    return handover.read_bytes()


def _check_floor(folder: Path, vault: Vault) -> None:
    if (folder / VAULT).read_text() != vault.floor.hash:
        raise _another()


def _check_belongs(folder: Path, keys: PublicKeys, vault: Vault) -> None:
    _check_floor(folder, vault)
    if vault.keys != keys:
        raise _another()


def _lost(found: str) -> ConfigurationError:
    return ConfigurationError(
        "STATE_LOST",
        rule="A vault opens with the keys and the ledger of the keeper that adopted it.",
        found=found,
        remedy="give the right folder with --state, or restore it whole from its copy.",
    )


def _another() -> ConfigurationError:
    return ConfigurationError(
        "STATE_OF_ANOTHER_VAULT",
        rule="A keeper's state and its vault, with its floor, belong together.",
        found="keys or a floor that are not those of this vault's keeper.",
        remedy="give the folder that belongs to this vault with --state.",
    )
