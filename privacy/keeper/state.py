"""
The keeper's own folder: keys, ledger, plans, releases.  It lies outside the vault.

Keys live with the ledger: a keeper that lost its state has lost its keys, so that a budget
cannot be reset by starting over.  A beginning that was broken off is begun again, since
nothing was ever sealed to its keys; any other loss is refused.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import sha256
from pathlib import Path
from typing import IO

from privacy.anchors import read_anchors
from privacy.entries import Entry
from privacy.errors import ConfigurationError, RefusedError, VerificationError
from privacy.keeper.configuration import CONFIGURATION, read_configuration
from privacy.keeper.corpus import Corpus
from privacy.keeper.guards import Guard, guard_of
from privacy.keeper.keyring import SEALING, SIGNING, Keyring
from privacy.keeper.labels_index import LabelsIndex, open_database
from privacy.keeper.tickets import Tickets
from privacy.keeper.witnesses import Witnesses
from privacy.ledger import Ledger
from privacy.plan import Plan, read_plan
from privacy.recovery import OFFICERS
from privacy.sealing import KeyPair, key_id
from privacy.signing import SigningKey
from privacy.vault import HANDOVER, PublicKeys, Vault, replace_file

LEDGER, LOCK = "ledger.db", "lock"
VAULT = "vault.floor"
"""File with the SHA-256 of the floor of the vault that the state belongs to."""
BEGUN = "vault.begun"
"""The same, while the folder is being begun."""


class State:
    """The opened folder."""

    def __init__(
        self,
        folder: Path,
        vault: Vault,
        passphrase: bytes | None = None,
        *,
        recovering: bool = False,
    ) -> None:
        """
        Open the state of a vault's keeper, or begin it with fresh keys.

        Args:
            folder: The state folder.
            vault: The vault that it belongs to.
            passphrase: What locks its keys, where keeper.toml says so.
            recovering: Open a ledger that is older than what has been seen of it, to account
                for it.

        Raises:
            ConfigurationError: The folder belongs to another vault, has lost its keys, or they
                do not open.
            VerificationError: The ledger is older than a checkpoint that went out.
        """
        self.folder, self._vault = folder, vault
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {LOCK, CONFIGURATION}
        begun = any((folder / mark).exists() for mark in (VAULT, BEGUN))
        others = (file.name for file in folder.iterdir() if file.name not in known)
        if not begun and not all(name.startswith(f".{BEGUN}.") for name in others):
            raise _lost("a folder that holds something else, or has lost its mark.")
        folder.chmod(0o700)
        self.configuration = read_configuration(folder)
        guard = guard_of(self.configuration.key, passphrase)
        with ExitStack() as open_files:
            open_files.enter_context(_only_one(folder / LOCK))
            # A copied state folder has a lock of its own; the vault is one.
            open_files.enter_context(_only_one(vault.folder / "keeper.lock"))
            _begin(folder, vault, guard)
            self.ring = Keyring(folder, vault.floor.hash, guard)
            self.ledger = Ledger(folder / LEDGER, f"clerestory/{vault.floor.vault}")
            open_files.callback(self.ledger.close)
            self._check_belongs()
            self.witnesses = Witnesses(
                vault.folder,
                folder / "releases",
                [self.signing.public_raw],
                needed=1 if vault.floor.single_person else OFFICERS,
                anchors=read_anchors(self.configuration.anchor),
            )
            if not recovering:
                self.witnesses.check(self.ledger)
            self.publish_keys()
            database = open_database(folder / "labelled.db")
            open_files.callback(database.close)
            self.database = database
            """Of labels, sessions, tickets and spending; written under one lock in a run."""
            self.labels, self.corpus = LabelsIndex(database, vault), Corpus(database, vault)
            self.tickets = Tickets(database)
            self._open_files = open_files.pop_all()

    def close(self) -> None:
        """Close the files."""
        self._open_files.close()

    @property
    def signing(self) -> SigningKey:
        """The key that signs bundles, checkpoints and the keeper's own public keys."""
        return self.ring.signing

    @property
    def sealing(self) -> KeyPair:
        """The pair that everything new is sealed to."""
        return self.ring.current

    @property
    def public_keys(self) -> PublicKeys:
        """The public halves of the keeper's keys, signed."""
        known = [entry.body["new"] for entry in self._rotations()]
        # A crash may have come between the new key and its entry: it counts already.
        early = self.ring.retiring is not None and key_id(self.sealing.public) not in known
        number, floor = len(known) + early, self._vault.floor.hash
        return PublicKeys.signed(self.sealing.public, number, floor, self.signing)

    def publish_keys(self) -> None:
        """Put into the vault what is current, unless it lies there; know what is retired."""
        if not self._vault.has_keeper or self._vault.keys != self.public_keys:
            self._vault.publish_keys(self.public_keys)
        (self._vault.folder / HANDOVER).unlink(missing_ok=True)
        self.ring.retired = frozenset(entry.body["old"] for entry in self._rotations())

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
        folder = self.folder / "releases" / plan
        for left in folder.glob("*"):
            left.unlink()  # of a bundle that a crash broke off: it may have had other files
        for name in sorted(files, key=lambda name: name == "SHA256SUMS.sig"):
            replace_file(folder / name, files[name])

    def release(self, plan: str) -> dict[str, bytes] | None:
        """The stored bundle of a plan, if it was released."""
        folder = self.folder / "releases" / plan
        if not (folder / "SHA256SUMS.sig").exists():
            return None
        # A dot begins the name of a write that a crash broke off.
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        return {path.name: path.read_bytes() for path in paths}

    def _rotations(self) -> list[Entry]:
        return list(self.ledger.entries("rotation"))

    def _check_belongs(self) -> None:
        _check_floor(self.folder, self._vault)
        held = {key_id(pair.public) for pair in (self.ring.current, self.ring.retiring) if pair}
        entries = self._rotations()
        if self._vault.has_keeper:
            keys = self._vault.keys
            ours = held | {entry.body["old"] for entry in entries}
            if keys.signing != self.signing.public or key_id(keys.sealing_bytes) not in ours:
                raise _another()
        if entries and entries[-1].body["new"] not in held:
            # What was destroyed must not come back with a copy of one file.
            raise _lost("a sealing key from before its last rotation.")


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


def _begin(folder: Path, vault: Vault, guard: Guard | None) -> None:
    """Make what is not there yet; the mark that the folder is begun comes last."""
    if not (folder / VAULT).exists():
        if vault.has_keeper:
            raise _lost("an empty state folder for a vault that has a keeper already.")
        # All that may refuse comes before the first file.
        floor, secret = vault.floor.hash, _first_secret(vault)
        replace_file(folder / BEGUN, floor.encode())
        Keyring.begin(folder, floor, guard, secret)
        Ledger(folder / LEDGER, "").close()
        (folder / BEGUN).replace(folder / VAULT)
    # Above all the ledger: keys without it would be a budget that was never spent.
    if gone := [name for name in (SEALING, SIGNING, LEDGER) if not (folder / name).exists()]:
        raise _lost(f"a state folder without {', '.join(gone)}.")
    if not vault.has_keeper:
        _check_floor(folder, vault)


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
