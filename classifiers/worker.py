"""
The classify worker: a batch of sealed sessions in, one fixed-width label record out for each.

Promise: for every session there is exactly one record, and nothing but records leaves.  Text
is opened, read and rated inside `classify`; whatever is raised there, memory and recursion
included, ends in a status and takes no word with it.  Month and account come from the
authenticated header, and what was declared of the account from the line before the text.

`prepare` runs one made-up session through everything, so that `run`, which runs after the
process has been sealed, opens no file.
"""

import gc
import heapq  # noqa: F401 - Counter.most_common loads it on first use: too late after the seal
from contextlib import suppress
from functools import partial
from random import SystemRandom
from typing import Protocol

from privacy.batches import TELEMETRY
from privacy.codebook import UNCLEAR, codebook
from privacy.declared import Declared, split
from privacy.errors import ConfigurationError
from privacy.labels import PSEUDONYM_BYTES, LabelRecord
from privacy.plan import Plan, read_plan
from privacy.raters import OFFLINE
from privacy.sealing import KeyPair, SealedBlob, run_info, seal
from privacy.tasks import Task, rows_info
from privacy.views import UNSEEN, ViewName

from .asking import Channel, closing, unlock
from .errands import begin, rehearse
from .formats import read_session
from .raters import Halted, Rater, Unrated, rater_of
from .rendering import render
from .sessions import UnreadableError
from .structure import contexts, structure_of
from .stub import TOO_LARGE_STUB, WARM_UP
from .telemetry import ABSENT, WARM_UP_TELEMETRY, wrote_code
from .views import seen

LARGEST_FRAME = 80 * 2**20
"""bytes: the largest session, its header and its padding."""

_STATUS = {
    "NO_CONVERSATION": "invalid",
    "SUBAGENT_ALONE": "invalid",
    "NOT_A_SESSION_LOG": "invalid",
    "TOO_LARGE": "too_large",
}
"""Reason → status: what can be read and is no session is `invalid`.  All others: `unreadable`."""


class _Prepared:
    """What `prepare` leaves for `run`: a module has no other way to hand it on."""

    plan: Plan | None = None
    rater: Rater | None = None


def prepare(plan_bytes: bytes) -> None:
    """
    Get ready to execute a plan, before the seal.

    Raises:
        ConfigurationError: The plan is unreadable, of another codebook, or names a rater that
            this installation does not have.
    """
    plan = read_plan(plan_bytes)
    if (plan.codebook, plan.prompts) != (codebook().hash, codebook().prompts_hash):
        raise _mismatch("a plan compiled for another codebook.")
    try:
        rater = rater_of(plan.rater)
    except (KeyError, ValueError):
        raise _mismatch("a plan that names another rater.") from None
    _Prepared.plan, _Prepared.rater = plan, rater
    _warm_up(plan, rater)


def run(channel: Channel, key: KeyPair) -> None:
    """
    Read sealed sessions until an empty frame comes, and answer once: a row for each of them.

    A row is the session's key and its record.  Rows have one length and come in an order drawn
    here, after the last session, so that neither place nor time says whose they are.

    On a node the first frame is a `Task`, and the answer is sealed to its recipient.

    A rater that asks somebody is given its key and its allowance first, and its errand where the
    plan names batches.  Where nobody can be asked, the rows so far are the answer; its `Closing`
    stands behind them in any case.

    Args:
        channel: Frames from and to the keeper.
        key: The run's key, to which the keeper has wrapped each session's data key.
    """
    plan, rater = _Prepared.plan, _Prepared.rater
    if plan is None or rater is None:
        raise _mismatch("a worker that was not prepared.")
    rows, digests = list[bytes](), list[str]()
    said, halt, task, beside = b"", None, Task(), None
    try:
        unlock(rater, plan, channel)
        doing = begin(plan, rater, channel, key)
        while frame := channel.receive(LARGEST_FRAME):
            if not rows and (told := Task.decode(frame)):
                task = told
                continue
            blob = SealedBlob.decode(frame)
            digests.append(blob.digest)
            if blob.header.get("kind") == TELEMETRY:
                beside = blob
                continue
            info = task.info(plan.hash)
            label = partial(row_of, blob, key, info, rater, beside, plan.rater.view)
            if (row := doing.row(digests[-1], label)) is not None:
                rows.append(row)
            beside = None
        said, halt = doing.answer()
    except Halted as halted:
        halt = halted.code
        while channel.receive(LARGEST_FRAME):  # who still sends would not hear the answer
            pass
    SystemRandom().shuffle(rows)
    answer = said + b"".join(rows) + closing(rater, halt)
    if task.recipient:
        info = rows_info(plan.hash, digests)
        answer = seal(answer, {"kind": "rows"}, public=task.recipient, info=info).encode()
    channel.send(answer)


def row_of(
    blob: SealedBlob,
    key: KeyPair,
    info: bytes,
    rater: Rater,
    beside: SealedBlob | None = None,
    view: ViewName = "full",
) -> bytes:
    """A sealed session's row: its key and its record; telemetry of another session is not seen."""
    header = blob.header
    is_its = beside and all(beside.header.get(n) == header[n] for n in ("account", "session"))
    record = classify(
        partial(_opened, blob, key, info),
        month=header["month"],
        account=bytes.fromhex(header["account"]),
        rater=rater,
        view=view,
        telemetry=partial(_opened, beside, key, info) if beside and is_its else None,
    )
    return bytes.fromhex(header["session"]) + record.encode()


def _opened(blob: SealedBlob, key: KeyPair, info: bytes) -> memoryview:
    return blob.view(key.open(blob.wrapped, info=info))


class Opener(Protocol):
    """Gives what was sealed when it is wanted."""

    def __call__(self) -> memoryview:
        """Open it."""
        ...


def classify(
    session: bytes | Opener,
    *,
    month: str,
    account: bytes,
    rater: Rater | None = None,
    view: ViewName = "full",
    telemetry: bytes | Opener | None = None,
) -> LabelRecord:
    """
    Label one session; never raises on what is inside it.

    Only `Halted` comes through: that nobody could be asked says nothing about the session.

    Args:
        session: What was sealed of a session, or what opens it.
        month: `YYYY-MM` of the sealed header; one the codebook cannot name is `unknown`.
        account: The account's pseudonym, 16 bytes.
        rater: Who judges; the offline rater if none is given.
        view: What the rater is shown.
        telemetry: What was counted about it, in its closed form, or what opens that.
    """
    if month not in codebook().field("month").labels:
        month = "unknown"
    unrated = partial(LabelRecord.unrated, codebook(), month=month, account=account)
    try:
        declared, data = split(session if isinstance(session, bytes) else session())
        unrated = partial(unrated, staff=_yes_no(declared.staff))
        if data == TOO_LARGE_STUB:
            return unrated(status="too_large")
        counted = _joined(telemetry, data)
        labels, measures = _label(data, rater or rater_of(OFFLINE), view)
        labels |= {"month": month, "staff": _yes_no(declared.staff), **counted}
        return LabelRecord.of(codebook(), labels, measures, account)
    except UnreadableError as error:
        return unrated(status=_STATUS.get(error.reason, "unreadable"))
    except MemoryError:
        gc.collect()
        return unrated(status="unreadable")
    except Exception:  # noqa: BLE001 - an error may quote the text; a status cannot
        return unrated(status="unreadable")


def _joined(telemetry: bytes | Opener | None, session: bytes) -> dict[str, str]:
    """What telemetry says of a session: telemetry that says nothing spoils no label of it."""
    told = ABSENT
    if telemetry is not None:
        with suppress(Exception):  # it is beside the session, and an error may quote it
            opened = telemetry if isinstance(telemetry, bytes) else bytes(telemetry())
            told = wrote_code(opened, session)
    heard = "absent" if told == ABSENT else "present"
    return {"telemetry": heard, "telemetry_wrote_code": told}


def _label(data: bytes, rater: Rater, view: ViewName) -> tuple[dict[str, str], dict[str, float]]:
    """Labels and measures; what was counted, and what stands beside, is the whole session's."""
    session = read_session(data)
    part = seen(session, view)
    shown = render(part, view)
    status = "rated"
    try:
        labels = dict(rater.rate(part, shown))
    except Unrated as outcome:
        labels, status = {}, outcome.status
    except Exception:  # noqa: BLE001 - what was counted stands, what was judged does not
        labels, status = {}, "invalid"
    labels |= dict.fromkeys(UNSEEN[view], UNCLEAR)
    whole = shown if part is session else render(session)
    counted = structure_of(session)
    labels |= contexts(counted, whole, share_cut=shown.share_cut)
    return {**labels, "status": status}, counted.measures


def _yes_no(answer: bool) -> str:  # noqa: FBT001
    return "yes" if answer else "no"


def _warm_up(plan: Plan, rater: Rater) -> None:
    """Run everything once that `run` will run, so that all modules and codecs are loaded.

    Raises:
        ConfigurationError: The rater fails on a plain session.
    """
    pair = KeyPair.generate()
    info = run_info(plan.hash)
    task = Task.decode(Task(pair.public).encode()) or Task()
    task.info(plan.hash)
    rows_info(plan.hash, ())
    header = {"account": bytes(PSEUDONYM_BYTES).hex(), "month": "unknown"}
    sent = seal(Declared().line + WARM_UP, header, public=pair.public, info=info).encode()
    blob = SealedBlob.decode(sent)
    data = blob.open(pair.open(blob.wrapped, info=info))
    account = bytes.fromhex(blob.header["account"])
    label = partial(
        classify,
        month="unknown",
        account=account,
        rater=rater,
        view=plan.rater.view,
        telemetry=WARM_UP_TELEMETRY,
    )
    for sample in (data, b"\xff\xfe{\x00", b"\xef\xbb\xbf{]", b"[" * 100_000, b"\xe9" + data, b""):
        label(sample).encode()
    rated = codebook().field("status").index("rated")
    position = [field.name for field in codebook().fields].index("status")
    # A rater that raises on a plain session would make every session `invalid`, unnoticed.
    if label(data).labels[position] != rated:
        raise _mismatch("a rater that cannot rate a plain session.")
    rehearse(plan, rater, blob.digest, lambda: label(data).encode())


def _mismatch(found: str) -> ConfigurationError:
    return ConfigurationError(
        "CLASSIFY_MISMATCH",
        rule="The classify worker executes exactly the plan it was compiled for.",
        found=found,
        remedy="compile the study again with the installed version, and have it approved.",
    )
