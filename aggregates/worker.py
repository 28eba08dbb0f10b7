"""
The aggregate worker: sealed label buckets in, noisy and thresholded tables out, nothing else.

It runs in the sandbox and executes the plan it is given and only that.  Buckets are opened one at
a time and forgotten; exact sums live in this process alone and are measured once, with OpenDP's
noise, after the last bucket.  The one answer is JSON `{"rows": [...]}`; whatever goes
wrong, the answer is one byte from a closed list, since a message could carry data.

Beyond one machine the same worker has one of two halves of this (`Task`).  On a node it sums one
bucket and seals the exact sums to the recipient that it is told.  That is the worker beside the
keeper, which is given such sums in place of buckets, and draws the noise.

`prepare` runs before the seal and does once, on made-up rows, all that `run` will do: after the
seal nothing may be imported, opened or mapped.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Protocol

from privacy.codebook import Codebook
from privacy.codebook import codebook as installed
from privacy.errors import ClerestoryError, ConfigurationError
from privacy.label_sets import label_sets
from privacy.labels import SESSION_KEY_BYTES, row_width
from privacy.measurements import add_noise
from privacy.plan import Plan, Query, read_plan
from privacy.sealing import LARGEST, KeyPair, SealedBlob, run_info, seal
from privacy.second import joined, widened
from privacy.soundness import check_sound
from privacy.tasks import Task, sums_info

from .clipping import at_bounds
from .estimates.totals import choose
from .owners import broken
from .release import Row, release
from .tally import Tally, pack_sums

FRAME = LARGEST + 2**20
"""bytes: the largest frame that is read, a padded bucket with its header."""
CODES: Mapping[str, bytes] = {
    "BUCKET_BROKEN": b"B",
    "SUMS_BROKEN": b"S",
    "TASK_UNREADABLE": b"T",
    "VAULT_DAMAGED": b"D",
    "WRONG_KEY": b"K",
    "NOISE_LENGTH": b"L",
    "RELEASE_INCOMPLETE": b"I",
    "NOISE_UNDERCHARGED": b"N",
    "NOT_PREPARED": b"P",
}
"""What went wrong, as the one byte that says so.  Anything else is UNEXPECTED."""
UNEXPECTED = b"?"
_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""One line, numbers as they are.  Nobody signs it, and RFC 8785 would take as long as the sums."""


class Channel(Protocol):
    """What connects the worker with the keeper (`privacy.sandbox.channel`)."""

    def receive(self, limit: int) -> bytes: ...  # noqa: D102
    def send(self, frame: bytes, /) -> None: ...  # noqa: D102


_prepared: list[tuple[Plan, Codebook]] = []
"""The plan of this process; `prepare` leaves it here for `run`."""


def prepare(plan_bytes: bytes) -> None:
    """
    Read the plan, check it, and do everything once on made-up rows.

    Args:
        plan_bytes: Canonical bytes of the bound plan.

    Raises:
        ConfigurationError: The bytes are no plan, or one for another codebook.
        RefusedError: The plan promises more than it keeps (`soundness`).
    """
    plan, book = read_plan(plan_bytes), installed()
    if (plan.codebook, plan.prompts) != (book.hash, book.prompts_hash):
        raise ConfigurationError(
            "CODEBOOK_CHANGED",
            rule="A plan is executed under the codebook and prompts it was compiled with.",
            found="another codebook than the installed one, or other prompts.",
            remedy="compile the study again, or install the version that made the plan.",
        )
    check_sound(plan)
    pair = KeyPair.generate()
    if plan.readings:
        _check_rehearsed(_rehearsed_with_readings(plan, book, pair))
        return
    half = Task(recipient=pair.public)
    made_up, info = _made_up(plan, book), half.info(plan.hash)
    blob = seal(made_up, {"bucket": "0"}, public=pair.public, info=info)
    channel = _Rehearsal([half.encode(), blob.encode(), b""])
    _prepared[:] = [(plan, book)]
    run(channel, pair)
    # Both halves, and with them all that a run without halves does.
    whole = Task(partials={"0": blob.digest})
    channel = _Rehearsal([whole.encode(), channel.sent, b""])
    run(channel, pair)
    _check_rehearsed(channel)


def _rehearsed_with_readings(plan: Plan, book: Codebook, pair: KeyPair) -> "_Rehearsal":
    """A run in which a made-up bucket comes with every second reading; halves have none."""
    made_up, info = _made_up(plan, book), run_info(plan.hash)
    first, *again = label_sets(plan, plan.binding.floor if plan.binding else "")
    headers = [{"bucket": "0", "set": name} for name in (*again, first)]
    blobs = [seal(made_up, header, public=pair.public, info=info) for header in headers]
    channel = _Rehearsal([*(blob.encode() for blob in blobs), b""])
    _prepared[:] = [(plan, book)]
    run(channel, pair)
    return channel


def _check_rehearsed(channel: "_Rehearsal") -> None:
    if len(channel.sent) <= 1:
        _prepared.clear()
        raise ConfigurationError(
            "WORKER_UNFIT",
            rule="A worker rehearses its plan on made-up rows before it is sealed.",
            found=f"a rehearsal that ended with the code {channel.sent!r}.",
            remedy="compile the study again with this version.",
        )


def run(channel: Channel, key: KeyPair) -> None:
    """
    Receive sealed buckets until an empty frame, then send the rows; or what a task says instead.

    Args:
        channel: Frames from and to the keeper.
        key: The ephemeral key to which the keeper has wrapped the buckets' data keys.
    """
    channel.send(_answer(channel, key))


def unsafe_release_unsealed(
    plan: Plan, buckets: Iterable[bytes | memoryview], codebook: Codebook | None = None
) -> list[Row]:
    """
    Release from buckets in clear: the worker's core, for tests and synthetic populations.

    Unsafe, because label rows lie open in the calling process.  Its result is as private as
    any release: the exact sums do not leave this function.

    Args:
        plan: The plan to execute.
        buckets: Label rows, sorted by account, an account whole in one bucket; of a plan with
            second readings, joined (`privacy.second`).
        codebook: The codebook of the rows; that of this installation by default.

    Raises:
        RefusedError: A bucket is broken, or a charge does not cover its noise.
    """
    tally = Tally(plan, widened(codebook or installed(), plan.readings))
    for bucket in buckets:
        tally.add_bucket(bucket)
    return _finish(plan, tally, codebook)


def _finish(plan: Plan, tally: Tally, codebook: Codebook | None) -> list[Row]:
    """Noise, and after it everything else: once, when all is summed."""
    noisy, clips = _measure(plan, tally.sums)
    return release(plan, noisy, codebook or installed(), clips)


class _Rehearsal:
    """A channel without an other side: frames that are there, and the answer."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames, self.sent = frames, b""

    def receive(self, limit: int) -> bytes:
        return self.frames.pop(0)[:limit]

    def send(self, frame: bytes, /) -> None:
        self.sent = frame


def _made_up(plan: Plan, codebook: Codebook) -> bytes:
    """Two rows of one account that lie in the plan's population, all else being the first label."""
    row = bytearray(row_width(codebook))
    fields = [field.name for field in codebook.fields]
    for column, labels in {**plan.population.where, "month": plan.population.months}.items():
        place = SESSION_KEY_BYTES + fields.index(column)
        row[place] = codebook.field(column).index(labels[0])
    return bytes(row) + b"\1" + bytes(row[1:])  # another session's key


def _answer(channel: Channel, key: KeyPair) -> bytes:
    try:
        if not _prepared:
            return CODES["NOT_PREPARED"]
        ((plan, book),) = _prepared
        first = channel.receive(FRAME)
        task = Task.decode(first) or Task()
        blobs = _blobs(channel, first if task == Task() else channel.receive(FRAME))
        if plan.readings and task != Task():
            return CODES["TASK_UNREADABLE"]  # sums of halves know one reading only
        if task.recipient:
            return _summed(plan, book, blobs, key, task)
        rows = _released(plan, book, blobs, key, task)
        return _JSON({"rows": rows}).encode()
    except ClerestoryError as error:
        return CODES.get(error.code, UNEXPECTED)
    except Exception:  # noqa: BLE001  whatever it says could hold data: it says one byte
        return UNEXPECTED


def _summed(
    plan: Plan, book: Codebook, blobs: Iterator[SealedBlob], key: KeyPair, task: Task
) -> bytes:
    """The exact sums of the one bucket that came, for the recipient's eyes."""
    (blob,) = blobs
    sums = pack_sums(plan, _opened(blob, key, task.info(plan.hash)), book)
    number = blob.header["bucket"]
    info = sums_info(plan.hash, number, blob.digest)
    return seal(sums, {"bucket": number}, public=task.recipient, info=info).encode()


def _released(
    plan: Plan, book: Codebook, blobs: Iterator[SealedBlob], key: KeyPair, task: Task
) -> list[Row]:
    """All tables, from buckets or from the sums that were made of them."""
    tally = Tally(plan, widened(book, plan.readings), task.partials)
    if plan.readings:
        for bucket in _joined(plan, book, blobs, key):
            tally.add_bucket(bucket)
        return _finish(plan, tally, book)
    for blob in blobs:
        if task.partials:
            number = blob.header["bucket"]
            info = sums_info(plan.hash, number, tally.digest(number))
            tally.add_sums(_opened(blob, key, info))
        else:
            tally.add_bucket(_opened(blob, key, task.info(plan.hash)))
    tally.check_complete()
    return _finish(plan, tally, book)


def _joined(
    plan: Plan, book: Codebook, blobs: Iterator[SealedBlob], key: KeyPair
) -> Iterator[bytes]:
    """Each bucket of the first reading, with the second labels of it, which come before it."""
    first, *names = label_sets(plan, plan.binding.floor if plan.binding else "")
    info, held = run_info(plan.hash), dict[str, memoryview]()
    number = ""
    for blob in blobs:
        name, of = blob.header.get("set", ""), blob.header["bucket"]
        if name in held or (held and of != number):
            raise broken("second labels beside those of another bucket.")
        if name not in (first, *names):
            raise broken("labels of a set that the plan does not speak of.")
        data, number = _opened(blob, key, info), of
        if name in names:
            held[name] = data
            continue
        yield joined(data, [held.get(one, b"") for one in names], book)
        held.clear()
    if held:
        raise broken("second labels without the first.")


def _blobs(channel: Channel, frame: bytes) -> Iterator[SealedBlob]:
    """What comes until an empty frame, beginning with a frame that has come."""
    while frame:
        yield SealedBlob.decode(frame)
        frame = channel.receive(FRAME)


def _opened(blob: SealedBlob, key: KeyPair, info: bytes) -> memoryview:
    return blob.view(key.open(blob.wrapped, info=info))


def _measure(
    plan: Plan, sums: Mapping[str, Sequence[int]]
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Noisy vectors, and the bounds of totals: chosen from noisy histograms, never from sums."""
    first = {
        q.name: _noisy(q, sums[q.name], q.sensitivity, q.sigma) for q in plan.queries if not q.clips
    }
    clips = choose(plan, first)
    for query in plan.queries:
        if query.clips:
            clip = query.clips[clips[query.name]]
            vector = at_bounds(query, sums[query.name], clips)
            first[query.name] = _noisy(query, vector, clip.sensitivity, clip.sigma)
    return first, clips


def _noisy(query: Query, vector: Sequence[int], sensitivity: int, sigma: float) -> list[int]:
    return add_noise(
        vector, size=query.size, sensitivity=sensitivity, sigma=sigma, charge=Fraction(query.rho)
    )
