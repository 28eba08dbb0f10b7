"""
The aggregate worker: sealed label buckets in, noisy and thresholded tables out, nothing else.

It runs in the sandbox and executes the plan it is given and only that.  Buckets are opened one at
a time and forgotten; exact sums live in this process alone and are measured once, with OpenDP's
noise, after the last bucket.  The one answer is JSON `{"rows": [...]}`; whatever goes
wrong, the answer is one byte from a closed list, since a message could carry data.

`prepare` runs before the seal and does once, on made-up rows, all that `run` will do: after the
seal nothing may be imported, opened or mapped.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Protocol

from privacy.codebook import Codebook
from privacy.codebook import codebook as installed
from privacy.errors import ClerestoryError, ConfigurationError
from privacy.labels import SESSION_KEY_BYTES, row_width
from privacy.measurements import add_noise
from privacy.plan import Plan, Query, read_plan
from privacy.sealing import LARGEST, KeyPair, SealedBlob, run_info, seal
from privacy.soundness import check_sound

from .clipping import at_bounds
from .estimates.totals import choose
from .kernel import Kernel, Ranges, add, view
from .release import Row, release

FRAME = LARGEST + 2**20
"""bytes: the largest frame that is read, a padded bucket with its header."""
CODES: Mapping[str, bytes] = {
    "BUCKET_BROKEN": b"B",
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
    pair, info = KeyPair.generate(), run_info(plan.hash)
    blob = seal(_made_up(plan, book), {}, public=pair.public, info=info)
    channel = _Rehearsal([blob.encode(), b""])
    _prepared[:] = [(plan, book)]
    run(channel, pair)
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
    Receive sealed buckets until an empty frame, then send the rows.

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
        buckets: Label rows, sorted by account, an account whole in one bucket.
        codebook: The codebook of the rows; that of this installation by default.

    Raises:
        RefusedError: A bucket is broken, or a charge does not cover its noise.
    """
    book = codebook or installed()
    sums: dict[str, list[int]] = {q.name: [0] * q.summed for q in plan.queries}
    kernel, ranges = Kernel(plan, book), Ranges([])
    for bucket in buckets:
        rows = view(bucket, book)
        ranges.add(rows)
        sums = add(sums, kernel.partial(rows))
    noisy, clips = _measure(plan, sums)
    return release(plan, noisy, book, clips)


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
    return bytes(row) * 2


def _answer(channel: Channel, key: KeyPair) -> bytes:
    try:
        if not _prepared:
            return CODES["NOT_PREPARED"]
        ((plan, book),) = _prepared
        rows = unsafe_release_unsealed(plan, _opened(channel, key, run_info(plan.hash)), book)
        return _JSON({"rows": rows}).encode()
    except ClerestoryError as error:
        return CODES.get(error.code, UNEXPECTED)
    except Exception:  # noqa: BLE001  whatever it says could hold data: it says one byte
        return UNEXPECTED


def _opened(channel: Channel, key: KeyPair, info: bytes) -> Iterable[memoryview]:
    while frame := channel.receive(FRAME):
        blob = SealedBlob.decode(frame)
        yield blob.view(key.open(blob.wrapped, info=info))


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
