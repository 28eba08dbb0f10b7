"""
The keeper's own folder: keys, ledger, plans, releases.  It lies outside the vault.

Keys live with the ledger: a keeper that lost its state has lost its keys, so that a budget
cannot be reset by starting over.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from privacy.errors import ConfigurationError, RefusedError, VerificationError
from privacy.ledger import Ledger
from privacy.plan import Plan, read_plan
from privacy.sealing import KeyPair, SealedBlob
from privacy.signing import SigningKey
from privacy.vault import HANDOVER, PublicKeys, Vault, replace_file

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

    def __init__(self, folder: Path, vault: Vault) -> None:
        """
        Open the state of a vault's keeper, or begin it with fresh keys.

        Raises:
            ConfigurationError: The folder belongs to another vault, or has lost its keys.
        """
        self.folder, self._vault = folder, vault
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not (folder / "sealing.key").exists():
            _begin(folder, vault)
        self.sealing = KeyPair.from_secret((folder / "sealing.key").read_bytes())
        self.signing = SigningKey.read(folder / "signing.key")
        _check_belongs(self.public_keys, vault)
        origin = f"clerestory/{vault.floor.vault}"
        self.ledger = Ledger(folder / "ledger.db", origin)
        self._labelled = sqlite3.connect(
            folder / "labelled.db", isolation_level=None, check_same_thread=False
        )
        self._labelled.execute("PRAGMA journal_mode=WAL")
        self._labelled.execute("PRAGMA synchronous=FULL")
        self._labelled.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the files."""
        self.ledger.close()
        self._labelled.close()

    @property
    def public_keys(self) -> PublicKeys:
        """The public halves of the keeper's keys."""
        return PublicKeys(self.sealing.public.hex(), self.signing.public)

    def save_plan(self, plan: Plan) -> None:
        """Keep a bound plan."""
        replace_file(self.folder / "plans" / f"{plan.hash}.json", plan.canonical)

    def plans(self) -> list[Plan]:
        """All bound plans."""
        paths = sorted((self.folder / "plans").glob("*.json"))
        return [read_plan(path.read_bytes()) for path in paths]

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
        """Session → SHA-256 of the sealed bytes from which its record was made."""
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
        Write a bucket, and note from which (session, sealed bytes' SHA-256) it was made.

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


def _begin(folder: Path, vault: Vault) -> None:
    if vault.has_keeper:
        raise ConfigurationError(
            "STATE_LOST",
            rule="A vault opens with the keys of the keeper that adopted it, and no others.",
            found="an empty state folder for a vault that has a keeper already.",
            remedy="give the right folder with --state, or restore it from its copy.",
        )
    secret = KeyPair.generate().secret
    handover = vault.folder / HANDOVER
    if handover.exists():
        if not vault.floor.synthetic:
            raise RefusedError(
                "HANDOVER_REFUSED",
                rule="A secret key crosses a vault only when its data are made up.",
                found="a handover key in a vault of real sessions.",
                remedy="treat that vault's sessions as disclosed; seal into a new one.",
            )
        secret = handover.read_bytes()
    SigningKey.generate().write(folder / "signing.key")
    (folder / "sealing.key").touch(mode=0o600)
    replace_file(folder / "sealing.key", secret)
    (folder / "sealing.key").chmod(0o600)
    vault.publish_keys(
        PublicKeys(
            KeyPair.from_secret(secret).public.hex(),
            SigningKey.read(folder / "signing.key").public,
        )
    )
    handover.unlink(missing_ok=True)


def _check_belongs(keys: PublicKeys, vault: Vault) -> None:
    if not vault.has_keeper or vault.keys != keys:
        raise ConfigurationError(
            "STATE_OF_ANOTHER_VAULT",
            rule="A keeper's state and its vault belong together.",
            found="keys that are not those of this vault's keeper.",
            remedy="give the folder that belongs to this vault with --state.",
        )
