"""
Sessions and labels in a house's vault, put there without a worker; and who can open them.

Sessions are sealed by the house's real custodian.  Labels are records that say nothing but
account and month, sealed into buckets as a run would seal them.
"""

from collections.abc import Iterable
from contextlib import closing

from privacy.codebook import codebook
from privacy.custodian import Custodian, Target
from privacy.declared import split
from privacy.deposit import Deposit
from privacy.errors import VerificationError
from privacy.keeper.due import Due
from privacy.label_sets import label_set_of
from privacy.labels import LabelRecord, bucket_of, pack_bucket, unpack_bucket
from privacy.raters import OFFLINE
from privacy.sealing import KeyPair, SealedBlob, floor_info, seal
from privacy.vault import Vault
from tests.support.batches import newest
from tests.support.house import House

BOOK = codebook()
WORDS = b"what a person said to an agent "


def hold(house: House, account: str, *names: str, month: str = "2025-11") -> list[str]:
    """Seal sessions of an account, take them in, label them; returns their keys."""
    sealed = deposit(house, account, *names, month=month)
    house.keeper.desk.take_in()
    label(house, account, sealed, month=month)
    return sealed


def deposit(house: House, account: str, *names: str, month: str = "2025-11") -> list[str]:
    """Seal sessions of an account in one batch; returns their keys."""
    with closing(Custodian(house.folder / "vault.custodian")) as hand:
        with Deposit(hand, Target.of(house.vault)) as batch:
            for name in names:
                batch.seal(account, name, month, WORDS + name.encode())
        return [hand.session(account, name).hex() for name in names]


def label(house: House, account: str, sessions: Iterable[str], *, month: str) -> None:
    """Put records of some sessions into their account's bucket."""
    whose, name, floor = pseudonym(house, account), label_set(house), house.vault.floor
    one = LabelRecord.unrated(BOOK, status="rated", month=month, account=whose).encode()
    number, info = bucket_of(whose, floor.buckets), floor_info(floor.hash, "labels")
    rows = dict(opened_rows(house, number)) | dict.fromkeys(sessions, one)
    data = pack_bucket((bytes.fromhex(session), record) for session, record in rows.items())
    header = {"kind": "labels", "floor": floor.hash, "set": name, "bucket": str(number)}
    blob = seal(data, header, public=house.state.sealing.public, info=info)
    digests = {session: blob.digest for session, blob in newest(house.vault).items()}
    house.state.labels.put(name, number, blob, ((s, digests.get(s, "")) for s in sessions))


def label_set(house: House) -> str:
    """Name of the labels of the offline rater in a house."""
    return label_set_of(BOOK.hash, BOOK.prompts_hash, OFFLINE, house.vault.floor.hash)


def pseudonym(house: House, account: str) -> bytes:
    """An account's pseudonym, by the house's custodian."""
    with closing(Custodian(house.folder / "vault.custodian")) as hand:
        return hand.account(account)


def opened_rows(house: House, number: int) -> list[tuple[str, bytes]]:
    """Rows of a bucket, as the keeper opens them."""
    blob = house.state.labels.bucket(label_set(house), number)
    if blob is None:
        return []
    info = floor_info(house.vault.floor.hash, "labels")
    data = blob.open(house.state.ring.of(blob).open(blob.wrapped, info=info))
    return [(session.hex(), record) for session, record in unpack_bucket(data, BOOK)]


def labelled(house: House) -> set[str]:
    """Keys of all sessions that have a record."""
    buckets = range(house.vault.floor.buckets)
    return {session for number in buckets for session, _ in opened_rows(house, number)}


def readable(house: House) -> set[str]:
    """Keys of all sessions that the keeper can open, with what was said in them."""
    info, found = floor_info(house.vault.floor.hash, "session"), set()
    for due in all_due(house):
        blob = house.state.corpus.read(due)
        sealed = blob.open(house.state.ring.of(blob).open(blob.wrapped, info=info))
        if split(sealed)[1].startswith(WORDS):
            found.add(due.session)
    return found


def held(house: House) -> int:
    """How many sessions and label buckets there are: accounts may share a bucket, by chance."""
    return len(all_due(house)) + len(list(house.state.labels.buckets()))


def all_due(house: House) -> list[Due]:
    """Every session that was taken in."""
    return house.state.corpus.due("no such set", house.state.corpus.months())


def opens_with(vault: Vault, pair: KeyPair, floor: str) -> int:
    """How many sessions and label buckets of a vault's copy somebody with a key could open."""
    count = 0
    blobs = [(blob, "session") for blob in _slots(vault)]
    for path in sorted((vault.folder / "labels").glob("*/*.sealed")):
        blobs.append((SealedBlob.decode(path.read_bytes()), "labels"))
    for blob, kind in blobs:
        try:
            blob.open(pair.open(blob.wrapped, info=floor_info(floor, kind)))
        except VerificationError:
            continue
        count += 1
    return count


def _slots(vault: Vault) -> list[SealedBlob]:
    try:
        return list(newest(vault).values())
    except VerificationError:
        return []
