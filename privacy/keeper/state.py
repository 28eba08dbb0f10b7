"""
The keeper's own folder: keys, ledger, plans, releases.  It lies outside the vault.

Keys live with the ledger: a keeper that lost its state has lost its keys, so that a budget
cannot be reset by starting over.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from privacy.errors import ConfigurationError, RefusedError
from privacy.ledger import Ledger
from privacy.plan import Plan, read_plan
from privacy.sealing import KeyPair
from privacy.signing import SigningKey
from privacy.vault import HANDOVER, PublicKeys, Vault, replace_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS labelled (
    label_set TEXT, session TEXT, blob TEXT, PRIMARY KEY (label_set, session)
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
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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

    def note_labelled(self, label_set: str, sessions: Iterable[tuple[str, str]]) -> None:
        """Note that records of (session, sealed bytes' SHA-256) lie in their buckets."""
        self._labelled.execute("BEGIN")
        self._labelled.executemany(
            "INSERT OR REPLACE INTO labelled VALUES (?, ?, ?)",
            ((label_set, session, blob) for session, blob in sessions),
        )
        self._labelled.execute("COMMIT")


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
