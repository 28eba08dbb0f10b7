"""
Give the keeper a new sealing key, and destroy the one before.

What was sealed stays as it is: only the data keys beside it are wrapped anew, file by file, so
that a custodian's signature holds on.  While the ring holds two keys both open, so
that a crash at any point leaves nothing unreadable; the next start goes on.  When the last
file is wrapped to the new key, the old one is destroyed: whatever is still wrapped to it, in
any copy of the vault, never opens again.
"""

from dataclasses import replace

from privacy.errors import VerificationError
from privacy.keeper.state import State
from privacy.keeper.workshop import Progress
from privacy.packs import KEYS, Pack
from privacy.sealing import floor_info, key_id, wrap
from privacy.tickets import ticket_info
from privacy.vault import MANIFEST, Vault

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
    sessions = floor_info(vault.floor.hash, "session")
    labels = floor_info(vault.floor.hash, "labels")

    def rewrap(key: str, wrapped: bytes) -> tuple[str, bytes]:
        return _rewrapped(state, key, wrapped, sessions)

    with vault.no_sealers(patience):
        # A batch that a crash left behind: its custodian's next run puts it in place.
        for pack in _packs(vault, hidden=True):
            pack.rewrap(rewrap)
    packs = _packs(vault, hidden=False)
    for position, pack in enumerate(packs):
        pack.rewrap(rewrap)
        progress("wrapping keys anew", (position + 1) / (len(packs) + 1))
    for label_set, number in list(state.labels.buckets()):
        blob = state.labels.bucket(label_set, number)
        if blob and blob.key != key_id(state.ring.current.public):
            state.ring.of(blob)  # a bucket that opens with neither key stops here
            key, wrapped = _rewrapped(state, blob.key, blob.wrapped, labels)
            state.labels.put(label_set, number, replace(blob, key=key, wrapped=wrapped))
    state.labels.sweep()
    for name, label_set, ticket in state.tickets.sealed():
        state.ring.of(ticket)
        key, wrapped = _rewrapped(state, ticket.key, ticket.wrapped, ticket_info(label_set))
        state.tickets.wrap_anew(name, ticket, key, wrapped)
    state.ring.drop()
    progress("wrapping keys anew", 1.0)


def _packs(vault: Vault, *, hidden: bool) -> list[Pack]:
    if not vault.sessions.is_dir():
        return []
    folders = sorted(f for f in vault.sessions.iterdir() if f.name.startswith(".") == hidden)
    return [Pack(f) for f in folders if (f / KEYS).is_file() and (f / MANIFEST).is_file()]


def _rewrapped(state: State, key: str, wrapped: bytes, info: bytes) -> tuple[str, bytes]:
    """A data key wrapped to the current key, whatever it was wrapped to."""
    retiring, current = state.ring.retiring, state.ring.current.public
    if retiring is None or key != key_id(retiring.public):
        return key, wrapped  # done already; or it opens with no key of ours: a run will say so
    try:
        return key_id(current), wrap(current, retiring.open(wrapped, info=info), info=info)
    except VerificationError:
        return key, wrapped  # it never opened: a run will say so, and name the place
