"""
Give the keeper a new sealing key, and destroy the one before.

What was sealed stays as it is: only the data keys in front of it are wrapped anew, file by
file, so that a custodian's signature holds on.  While the ring holds two keys both open, so
that a crash at any point leaves nothing unreadable; the next start goes on.  When the last
file is wrapped to the new key, the old one is destroyed: whatever is still wrapped to it, in
any copy of the vault, never opens again.
"""

from pathlib import Path

from privacy.custodian import SIGNATURE_BYTES
from privacy.errors import VerificationError
from privacy.floor import Floor
from privacy.keeper.state import State
from privacy.keeper.workshop import Progress
from privacy.sealing import SealedBlob, floor_info, key_id
from privacy.vault import Vault, replace_file

PATIENCE = 60.0
"""seconds: how long a rotation waits for custodians who are sealing."""


def begin_rotation(state: State) -> None:
    """Make the new key and publish it, signed; where that was done already, nothing."""
    ring = state.ring
    ring.add()
    if ring.retiring is not None:
        ids = {"old": key_id(ring.retiring.public), "new": key_id(ring.current.public)}
        known = [dict(entry.body) for entry in state.ledger.entries("rotation")]
        if ids not in known:
            state.ledger.append("rotation", ids)
    state.publish_keys()


def finish_rotation(
    vault: Vault, state: State, progress: Progress, patience: float = PATIENCE
) -> None:
    """
    Wrap everything to the new key and destroy the old one; without a rotation, nothing.

    Raises:
        IncompleteError: Somebody is sealing and may know the old key only; both keys are kept.
        VerificationError: A label bucket was changed; both keys are kept.
    """
    if state.ring.retiring is None:
        return
    begin_rotation(state)  # a crash may have come before it was recorded or published
    # Who begins to seal from here on reads the new key.
    vault.wait_for_sealers(patience)
    floor = vault.floor
    paths = list(vault.sessions())
    for position, path in enumerate(paths):
        _rewrap_session(path, state, floor)
        progress("wrapping keys anew", (position + 1) / (len(paths) + 1))
    for label_set, number in list(state.labels.buckets()):
        blob = state.labels.bucket(label_set, number)
        if blob and (anew := _rewrapped(blob, state, floor_info(floor.hash, "labels"))):
            state.labels.put(label_set, number, anew)
    state.ring.drop()
    progress("wrapping keys anew", 1.0)


def _rewrap_session(path: Path, state: State, floor: Floor) -> None:
    data = path.read_bytes()
    try:
        blob = SealedBlob.decode(data[SIGNATURE_BYTES:])
        anew = _rewrapped(blob, state, floor_info(floor.hash, "session"))
    except VerificationError:
        return  # it opens with no key of ours: `classify` will say so, and name the file
    if anew:
        replace_file(path, data[:SIGNATURE_BYTES] + anew.encode())


def _rewrapped(blob: SealedBlob, state: State, info: bytes) -> SealedBlob | None:
    """The blob with its data key wrapped to the current key; None where it is already."""
    current = state.ring.current.public
    if blob.key == key_id(current):
        return None
    return blob.rewrap(state.ring.of(blob), current, at_rest=info, in_run=info)
