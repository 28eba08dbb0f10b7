"""
Everybody outside the ledger who has seen its head: the vault, stored releases, the anchors.

At its start a keeper hears all of them, and refuses a ledger that does not continue what they
saw.  After a charge it tells them, and gives no key while a required one cannot be told.
"""

from collections.abc import Sequence
from pathlib import Path

from privacy.anchors import Anchor
from privacy.checkpoint import Checkpoint, read_checkpoint
from privacy.errors import IncompleteError, VerificationError
from privacy.ledger import Ledger, rolled_back
from privacy.recovery import Recovered, recoveries, unexplained
from privacy.vault import CHECKPOINT, replace_file


class Witnesses:
    """The witnesses of one vault's ledger."""

    def __init__(
        self,
        vault: Path,
        releases: Path,
        publics: Sequence[bytes],
        needed: int,
        anchors: Sequence[Anchor] = (),
    ) -> None:
        """
        Name them.

        Args:
            vault: The vault's folder.
            releases: Folder of the stored bundles.
            publics: The keeper's public signing keys: the present one and earlier ones.
            needed: How many officers a recovery needs.
            anchors: Further places.
        """
        self._own = vault / CHECKPOINT
        self._releases, self._publics, self._needed = releases, tuple(publics), needed
        self._anchors = tuple(anchors)
        self._silent: set[str] = set()

    def known(self) -> list[Checkpoint]:
        """
        Every checkpoint that one of them has.

        Raises:
            IncompleteError: A required anchor cannot be reached.
            VerificationError: Something that they have is no checkpoint of this keeper.
        """
        paths = [self._own, *sorted(self._releases.glob("*/checkpoint.txt"))]
        notes = [_text(path) for path in paths if path.exists()]
        for anchor in self._anchors:
            try:
                notes += anchor.read()
                self._silent.discard(anchor.name)
            except IncompleteError as error:
                self._missed(anchor, error)
        return [self.read(note) for note in dict.fromkeys(notes)]

    def read(self, note: str) -> Checkpoint:
        """
        A checkpoint of this keeper.

        Raises:
            VerificationError: It is none.
        """
        return read_checkpoint(note, *self._publics)

    def check(self, ledger: Ledger) -> None:
        """
        Raise unless the ledger holds what they have seen, or says how it was lost.

        Raises:
            VerificationError: It is older, another, or holds a recovery that does not hold.
        """
        for lost in self.lost(ledger, self.known()):
            raise rolled_back(f"a ledger without a checkpoint over {lost.size} entries.")

    def lost(self, ledger: Ledger, known: Sequence[Checkpoint]) -> list[Checkpoint]:
        """Checkpoints that the ledger neither holds nor explains."""
        return unexplained(ledger.history.missing(known), self.recovered(ledger))

    def recovered(self, ledger: Ledger) -> list[Recovered]:
        """The recoveries in the ledger, checked."""
        if not ledger.history.numbers("recovery"):
            return []
        return recoveries(ledger.history, ledger.entries(), self._needed)

    def reach(self, note: str) -> None:
        """
        Tell the anchors what stands before a charge: what cannot be told costs nothing yet.

        Raises:
            IncompleteError: A required anchor cannot be reached.
            VerificationError: An anchor holds something else than notes.
        """
        for anchor in self._anchors:
            try:
                anchor.add(note)
                self._silent.discard(anchor.name)
            except IncompleteError as error:
                self._missed(anchor, error)

    def tell(self, note: str) -> None:
        """
        Tell the vault and the anchors what stands after a charge.

        Raises:
            IncompleteError, VerificationError: As `reach`; the charge stays.
        """
        # Outside the state: a restored copy of the ledger will not hold it.
        replace_file(self._own, note.encode())
        self.reach(note)

    def standing(self) -> list[dict[str, str]]:
        """The anchors, and whether each was reached when it was last tried."""
        return [
            {
                "name": anchor.name,
                "required": "yes" if anchor.required else "no",
                "reached": "no" if anchor.name in self._silent else "yes",
            }
            for anchor in self._anchors
        ]

    def _missed(self, anchor: Anchor, error: IncompleteError) -> None:
        """Go on without an anchor only if the configuration lets us; `status` tells."""
        self._silent.add(anchor.name)
        if anchor.required:
            raise error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise VerificationError(
            "CHECKPOINT_UNREADABLE",
            rule="A checkpoint is a note signed by the keeper's key.",
            found="bytes that are no text.",
            remedy="restore the file from a copy; find out who changed it.",
        ) from None
