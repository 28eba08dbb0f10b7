"""
Erase sessions and their labels, in the vault and in every copy of it.

Label buckets are sealed anew without the rows, sessions are blanked in their batches, and the
sealing key is rotated, so that what lies in copies never opens again.  The rotation is begun
first, and an account that is to be forgotten is noted: whatever happens in between, the next
occasion (`tend`) ends it.  Releases that are out stay out: nobody can call back what was
published.
"""

from collections.abc import Callable, Iterable, Iterator

from privacy.errors import IncompleteError
from privacy.keeper.desk import Desk
from privacy.keeper.rotation import PATIENCE, begin_rotation, finish_rotation
from privacy.keeper.workshop import Progress
from privacy.label_sets import label_sets
from privacy.labels import PSEUDONYM_BYTES, pack_bucket, unpack_bucket
from privacy.retention import is_expired, today
from privacy.sealing import floor_info, seal

Goes = Callable[[str, bytes], bool]
"""(session's key, record) → whether that row is to be erased."""


def resume(desk: Desk) -> None:
    """When a keeper starts: tend, but wait for nobody."""
    try:
        tend(desk, lambda _, __: None, patience=0.0)
    except IncompleteError:
        return  # somebody is sealing: both keys open on, and the next request tends again


def tend(desk: Desk, progress: Progress, patience: float = PATIENCE) -> None:
    """
    End what was begun, and erase what may be kept no longer.

    Raises:
        IncompleteError: Somebody is sealing and may know an older key only; both are kept.
        VerificationError: A label bucket was changed and cannot be sealed anew.
    """
    asked = desk.state.labels.erasing()
    for account, source in asked:
        _erase_account(desk, account, source, progress, patience)
    _erase_expired(desk, progress, patience)
    desk.state.tickets.sweep()
    finish_rotation(desk.vault, desk.state, progress, patience)
    desk.state.labels.end_erasing(asked)


def _erase_account(
    desk: Desk, account: str, source: str, progress: Progress, patience: float
) -> None:
    desk.take_in()
    # A custodian speaks for what he sealed himself, and not for another's.
    found = desk.state.corpus.sessions_of(account)
    others = {session for session, by in found.items() if by != source}

    def goes(session: str, record: bytes) -> bool:
        return record[-PSEUDONYM_BYTES:].hex() == account and session not in others

    # Whether there was anything or not, the same is done: nobody learns which.
    _erase_labels(desk, "account", list(_buckets_with(desk, goes)), goes, progress, patience)
    desk.state.corpus.forget(account, source)
    desk.state.corpus.sweep()


def _erase_expired(desk: Desk, progress: Progress, patience: float) -> None:
    now, days, corpus = today(), desk.floor.retention_days, desk.state.corpus
    labels = desk.codebook.field("month").labels
    months = {month for month in labels if is_expired(month, days, now)}
    sealed = {month for month in corpus.months() if is_expired(month, days, now)}
    names = corpus.sessions_in(sealed)
    place = [field.name for field in desk.codebook.fields].index("month")

    def goes(session: str, record: bytes) -> bool:
        return session in names or labels[record[place]] in months

    # Opening every bucket is worth it only when something can be found.
    new = (months | sealed) - desk.state.labels.expired()
    buckets = list(_buckets_with(desk, goes)) if new else []
    if sealed or buckets:
        _erase_labels(desk, "retention", buckets, goes, progress, patience)
    corpus.drop(new)
    corpus.sweep()
    desk.state.labels.note_expired(new)


def _erase_labels(
    desk: Desk,
    what: str,
    buckets: Iterable[tuple[str, int]],
    goes: Goes,
    progress: Progress,
    patience: float,
) -> None:
    """Rows go before sessions: they are found by the sessions' keys, which the corpus knows."""
    # An older rotation destroys its own old key only, and copies may hold what is newer.
    finish_rotation(desk.vault, desk.state, progress, patience)
    begin_rotation(desk.state)
    desk.state.ledger.append("erasure", {"what": what})
    for name, number in buckets:
        _without(desk, name, number, goes)


def _buckets_with(desk: Desk, goes: Goes) -> Iterator[tuple[str, int]]:
    """Buckets with a row that goes, and all of a codebook that is not ours any more."""
    unreadable = _unreadable(desk)
    for name, number in list(desk.state.labels.buckets()):
        if name in unreadable or any(goes(*row) for row in _rows(desk, name, number)):
            yield name, number


def _without(desk: Desk, name: str, number: int, goes: Goes) -> None:
    """Seal a bucket anew without the rows that go; labels that no plan can use go as a whole."""
    if name in _unreadable(desk):
        desk.state.labels.drop_set(name)
        return
    rows = list(_rows(desk, name, number))
    dropped = [session for session, record in rows if goes(session, record)]
    kept = [(bytes.fromhex(s), record) for s, record in rows if not goes(s, record)]
    info = floor_info(desk.floor.hash, "labels")
    header = {"kind": "labels", "floor": desk.floor.hash, "set": name, "bucket": str(number)}
    blob = seal(pack_bucket(kept), header, public=desk.state.sealing.public, info=info)
    desk.state.labels.put(name, number, blob, gone=dropped)


def _rows(desk: Desk, name: str, number: int) -> Iterator[tuple[str, bytes]]:
    blob = desk.state.labels.bucket(name, number)
    if blob is not None:
        info = floor_info(desk.floor.hash, "labels")
        data = blob.open(desk.state.ring.of(blob).open(blob.wrapped, info=info))
        for session, record in unpack_bucket(data, desk.codebook):
            yield session.hex(), record


def _unreadable(desk: Desk) -> set[str]:
    """Label sets under another codebook: their rows cannot be told apart, nor ever be used."""
    plans, floor = desk.state.plans(), desk.floor.hash
    old = [plan for plan in plans if plan.codebook != desk.codebook.hash]
    return {name for plan in old for name in label_sets(plan, floor)}
