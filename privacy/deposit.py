"""
How sealed sessions come into a vault: a batch at a time, whole or not at all.

A batch is filled in a folder that nobody looks into.  At the end the order is the promise: both
files on the disk; the signed manifest on the disk; the custodian's index committed; then one
rename puts the folder in its place.  A crash before the commit leaves a folder that the next
run throws away, one after it a folder that the next run puts in place: nothing is counted twice,
nothing needs a hand.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from types import TracebackType

from .batches import GENESIS, SESSION, TELEMETRY, Manifest, Row
from .custodian import Custodian, Target
from .declared import Declared
from .errors import ConfigurationError, VerificationError
from .packs import Pack, PackWriter
from .retention import is_expired, today
from .sealing import floor_info, key_id, seal
from .signing import fingerprint
from .vault import MANIFEST, replace_file, sync_folder


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a session's telemetry was read."""

    points: int
    """Points and events, each counted once."""
    began: int
    """Second (since 1970) of the first of them."""

    def covers(self, older: "Extent") -> bool:
        """Whether all of an older reading is in it, as far as can be told without it."""
        return self.points >= older.points and self.began <= older.began


class Deposit:
    """One batch on its way; leaving the block puts into the vault what was sealed in it."""

    def __init__(self, hand: Custodian, target: Target) -> None:
        self._hand, self._target = hand, target
        self._open = target.vault.open_batch(hand.public)
        self._rows: list[Row] = []
        self._standing: dict[int, bool] = {}

    def __enter__(self) -> "Deposit":
        """
        Finish what an earlier run left, and begin a batch.

        Raises:
            RefusedError: The vault's floor or its keeper's key has changed.
            ConfigurationError: The custodian's folder is older than the vault.
        """
        self._hand.check_target(self._target)
        self._target.vault.sessions.mkdir(exist_ok=True, parents=True)
        self._batches = {batch.number: batch for batch in self._hand.batches()}
        self._check_newest()
        self._settle()
        self._number = len(self._batches)
        self._info = floor_info(self._target.floor, "session")
        self._header = {
            "floor": self._target.floor,
            "key": key_id(self._target.public),
            "source": fingerprint(self._hand.public),
        }
        self._target.vault.make_room(self._open)
        self._pack = PackWriter(self._open)
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Put the batch in place, also when something failed on the way: it is whole."""
        try:
            self._finish()
        except BaseException:
            # What lies in the open folder is for the next run to judge.
            self._hand.roll_back()
            raise

    def seal(
        self, account: str, session: str, month: str, data: bytes, *, staff: bool | None = None
    ) -> str:
        """
        Seal one session.

        Args:
            account: Whose it is.
            session: Its id.
            month: `YYYY-MM` in which it began, or `unknown`.
            data: Its bytes.
            staff: Whether the account is declared to be staff; None keeps what was declared last.

        Returns:
            `sealed`, `superseded` (it grew), `unchanged`, `shrunk` (the older one stands),
            `forgotten` (so the account asked), or `expired` (it may be kept no longer).
        """
        if self._hand.has_forgotten(account):
            return "forgotten"
        if is_expired(month, self._target.retention_days, today()):
            return "expired"
        hand, key = self._hand, self._hand.session(account, session)
        declared = Declared(staff=hand.is_staff(account, staff))
        # Another declaration is another content; without any, what was sealed before still stands.
        content = hand.content_hash(data, b"" if declared == Declared() else declared.line)
        known = hand.known(key)
        if known and self._stands(known[2]):
            if known[0] == content:
                return "unchanged"
            if len(data) < known[1]:
                return "shrunk"
        self._append(SESSION, account, key, month, data, before=declared.line)
        hand.note(key, content, len(data), self._number)
        return "superseded" if known else "sealed"

    def seal_telemetry(
        self, account: str, session: bytes, month: str, data: bytes, seen: Extent
    ) -> str:
        """
        Seal what was counted about one session, beside it; whether it is here yet or not.

        Args:
            account: Whose session it is.
            session: The session's key.
            month: Month of its first point.
            data: Its closed form.
            seen: How much of it was read.

        Returns:
            As `seal`; `shrunk` where an older reading holds points that this one lacks.
        """
        if self._hand.has_forgotten(account):
            return "forgotten"
        if is_expired(month, self._target.retention_days, today()):
            return "expired"
        hand = self._hand
        content, known = hand.content_hash(data), hand.known_telemetry(session)
        if known and self._stands(known[3]):
            if known[0] == content:
                return "unchanged"
            if not seen.covers(Extent(known[1], known[2])):
                return "shrunk"
        self._append(TELEMETRY, account, session, month, data)
        hand.note_telemetry(session, content, seen.points, seen.began, self._number)
        return "superseded" if known else "sealed"

    def _append(
        self, kind: str, account: str, session: bytes, month: str, data: bytes, before: bytes = b""
    ) -> None:
        whose = self._hand.account(account).hex()
        told = {"kind": kind, "account": whose, "session": session.hex(), "month": month}
        header, public = self._header | told, self._target.public
        blob = seal(data, header, public=public, info=self._info, before=before)
        size = self._pack.append(blob)
        # The row before the note: else it would be known and yet nowhere.
        self._rows.append(Row(session.hex(), whose, month, size, blob.digest, kind))

    def _finish(self) -> None:
        hand, rows = self._hand, tuple(self._rows)
        self._pack.close(len(rows), sum(row.size for row in rows))
        if not rows:
            rmtree(self._open)
            hand.commit()
            return
        previous = self._batches[self._number - 1].digest if self._number else GENESIS
        source, floor = self._header["source"], self._target.floor
        manifest = hand.add_batch(Manifest(source, floor, self._number, previous, rows))
        replace_file(self._open / MANIFEST, manifest.encode())
        hand.commit()
        self._put_in_place(self._number)

    def _put_in_place(self, number: int) -> None:
        self._open.rename(self._place(number))
        sync_folder(self._target.vault.sessions)

    def _place(self, number: int) -> Path:
        return self._target.vault.batch(self._hand.public, number)

    def _settle(self) -> None:
        """Put in place, or throw away, what a crash left; give back what a vault has lost."""
        newest = max(self._batches, default=None)
        if self._open.exists():
            if newest is not None and self._left() == self._batches[newest].digest:
                self._put_in_place(newest)
            else:
                rmtree(self._open)
        for number in self._batches:
            path = self._place(number) / MANIFEST
            if not path.exists():
                replace_file(path, self._hand.manifest(number))

    def _left(self) -> str:
        try:
            return Manifest.decode((self._open / MANIFEST).read_bytes()).digest
        except (OSError, VerificationError):
            return ""

    def _stands(self, number: int) -> bool:
        """Whether the vault still has a batch's sessions, or its keeper's blanks for them."""
        if number == self._number:
            return True
        if number not in self._standing:
            batch = self._batches[number]
            self._standing[number] = Pack(self._place(number)).has(batch.slots, batch.size)
        return self._standing[number]

    def _check_newest(self) -> None:
        mine = self._place(0).name[:-8]
        numbers = [
            int(folder.name.removeprefix(mine))
            for folder in self._target.vault.sessions.iterdir()
            if re.fullmatch(re.escape(mine) + r"\d{8}", folder.name)
        ]
        if numbers and max(numbers) >= len(self._batches):
            raise ConfigurationError(
                "CUSTODIAN_ROLLED_BACK",
                rule="A custodian's folder knows every batch that was sealed with it.",
                found="a vault with a newer batch by this custodian's key.",
                remedy="restore the newest copy of the custodian's folder; with an older one, "
                "records would be sealed twice.",
            )
