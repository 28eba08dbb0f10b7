"""
The keeper's sealing key, and what ends with it: rotation, retention, erasure.

Every answer is the same whatever was found: how much was erased, and whether an account was
there at all, is told to nobody.
"""

from collections.abc import Mapping

from privacy.custodian import erasure_message
from privacy.errors import RefusedError
from privacy.keeper.desk import Desk, Request
from privacy.keeper.erasure import tend
from privacy.keeper.rotation import begin_rotation
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.workshop import Progress
from privacy.labels import PSEUDONYM_BYTES
from privacy.sealing import key_id
from privacy.signing import fingerprint, verify


def rotate(desk: Desk, _: Request, progress: Progress) -> Answer:
    """Take a new sealing key and destroy the old one."""
    tend(desk, progress)
    begin_rotation(desk.state)
    tend(desk, progress)
    return _told(desk)


def expire(desk: Desk, _: Request, progress: Progress) -> Answer:
    """Erase what the floor lets nobody keep any longer."""
    tend(desk, progress)
    return _told(desk)


def forget(desk: Desk, request: Request, progress: Progress) -> Answer:
    """Erase an account, as the custodian who sealed it asks with his signature."""
    account, signature = str(request["account"]), str(request["signature"])
    key = verify(erasure_message(desk.floor.hash, account), signature, "clerestory-erasure")
    custodian = next((person for person in desk.policy.custodian if person.key == key), None)
    if custodian is None or len(account) != 2 * PSEUDONYM_BYTES:
        raise RefusedError(
            "ERASURE_NOT_A_CUSTODIANS",
            rule="An account is forgotten when a custodian of the policy signs its pseudonym.",
            found=f"a request signed by the key {fingerprint(key)}, or no pseudonym.",
            remedy="run `clerestory forget` with the folder of the custodian who sealed it.",
        )
    desk.state.labels.begin_erasing(account, fingerprint(key))
    tend(desk, progress)
    return _told(desk)


def _told(desk: Desk) -> Answer:
    return {"key": key_id(desk.state.sealing.public)}


VERBS: Mapping[str, Verb] = {"rotate": rotate, "expire": expire, "forget": forget}
