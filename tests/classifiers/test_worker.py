"""The classify worker: one record for each session, and nothing of its text, whatever happens."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from socket import socket
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import worker
from classifiers.formats import read_session
from classifiers.raters import Halted
from classifiers.raters.meter import Meter
from classifiers.raters.offline import OfflineRater
from classifiers.rendering import View
from classifiers.sessions import Session, UnreadableError
from classifiers.stub import TOO_LARGE_STUB, WARM_UP
from classifiers.worker import classify
from privacy.closing import CLOSING_BYTES, Closing, Pace
from privacy.codebook import codebook
from privacy.errors import ConfigurationError
from privacy.halts import Halt
from privacy.labels import LabelRecord, record_width, unpack_bucket
from privacy.plan import Forecast, Plan, Population, Privacy, Rater, Study
from privacy.raters import OFFLINE
from privacy.sealing import KeyPair, run_info, seal
from tests.classifiers.logs import agent, call, log, person, result

ACCOUNT = bytes(range(16))
CANARY = "heliotrope-canary-7731"


def label(data: bytes, column: str) -> str:
    """One column of a session's record."""
    return told(classify(data, month="2026-02", account=ACCOUNT), column)


def told(record: LabelRecord, column: str) -> str:
    """One column of a record."""
    names = [field.name for field in codebook().fields]
    return codebook().field(column).labels[record.labels[names.index(column)]]


GOOD = log(
    person("fix the crash in the parser"),
    call("Edit", file_path="parser.py"),
    result("ok", extra={"structuredPatch": [{"lines": ["+a"]}]}),
    agent("Fixed."),
)


def test_a_session_becomes_a_record() -> None:
    """The control of every test below: labels are there when a session is."""
    record = classify(GOOD, month="2026-02", account=ACCOUNT)
    assert (told(record, "status"), told(record, "month")) == ("rated", "2026-02")
    assert (told(record, "work_mode"), told(record, "wrote_code")) == ("fix", "yes")
    assert record.account == ACCOUNT


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", "unreadable"),
        (b"\xff\xc0" * 9, "unreadable"),
        (b"{}", "invalid"),
        (log(person("alone", isSidechain=True)), "invalid"),
        (b"[" * 200_000, "invalid"),
        (TOO_LARGE_STUB, "too_large"),
        (WARM_UP, "rated"),
    ],
)
def test_what_is_no_session_has_a_status_and_no_labels(data: bytes, status: str) -> None:
    """A session that cannot be read still leaves a record of full width."""
    assert label(data, "status") == status
    if status != "rated":
        assert {label(data, each.name) for each in codebook().instruments} == {"unclear"}


class Raising:
    """A rater that fails on the text and would quote it."""

    name, version = "raising", "1"
    fidelity: Literal["low", "validated"] = "low"
    errors: ClassVar[list[type[BaseException]]] = [
        ValueError, MemoryError, RecursionError, KeyError, UnicodeError
    ]  # fmt: skip

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Raise, quoting the session."""
        raise self.error("".join(view.text) + repr(session))


@pytest.mark.parametrize("error", Raising.errors)
def test_a_rater_that_raises_costs_the_labels_and_nothing_else(error: type[BaseException]) -> None:
    """What was counted stands; what was said does not get out."""
    record = classify(GOOD, month="2026-02", account=ACCOUNT, rater=Raising(error))
    assert (told(record, "status"), told(record, "wrote_code")) == ("invalid", "yes")
    assert told(record, "work_mode") == "unclear"


class Inventive:
    """A rater that answers with a person's words."""

    name, version = "inventive", "1"
    fidelity: Literal["low", "validated"] = "low"

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Answer with text."""
        return {"work_mode": "".join(view.text)}


def test_words_are_no_label() -> None:
    """The vocabulary is closed, also to a rater."""
    record = classify(GOOD, month="2026-02", account=ACCOUNT, rater=Inventive())
    assert (told(record, "status"), told(record, "work_mode")) == ("unreadable", "unclear")


def test_a_month_outside_the_codebook_is_unknown() -> None:
    """The header's month becomes a column; it may not become anything else."""
    assert told(classify(GOOD, month="1999-01", account=ACCOUNT), "month") == "unknown"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = (
    "type", "message", "content", "uuid", "sessionId", "timestamp", "isSidechain", "agentId",
    "toolUseResult", "operation", "attachment", "origin", "planContent", "isMeta", "subtype",
)  # fmt: skip


BASE: list[dict[str, Any]] = [
    person(f"fix the crash {CANARY}"),
    call("Edit", file_path=f"{CANARY}.py"),
    result(CANARY, extra={"structuredPatch": [{"lines": ["+a"]}]}),
    person([{"type": "text", "text": CANARY}]),
    agent(CANARY),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good log with values of some records replaced by anything, and bytes cut out."""
    records = deepcopy(BASE)
    for each in records:
        for key in draw(st.lists(st.sampled_from(KEYS), max_size=3)):
            target = draw(st.sampled_from([each, each.get("message")]))
            if isinstance(target, dict):
                target[key] = draw(json_values)
    data = log(*records)
    cut = draw(st.integers(0, len(data)))
    return data[:cut] + draw(st.binary(max_size=6)) + data[cut + draw(st.integers(0, 9)) :]


@settings(max_examples=150, deadline=None)
@given(data=st.one_of(mutated(), st.binary(max_size=300)))
def test_any_bytes_become_one_record_of_one_width(data: bytes) -> None:
    """Whatever a log holds, the gate lets the record through and nobody raises."""
    record = classify(data, month="2026-02", account=ACCOUNT)
    encoded = record.encode()
    assert len(encoded) == record_width(codebook())
    assert LabelRecord.decode(encoded, codebook()) == record
    assert CANARY.encode() not in encoded


@settings(max_examples=150, deadline=None)
@given(data=mutated())
def test_reading_raises_a_reason_or_nothing(data: bytes) -> None:
    """An exception of any other kind could quote the text in its message."""
    try:
        shown = repr(read_session(data))
    except UnreadableError as error:
        shown = f"{error!r}{error.args}{error.__context__!r}"
    assert CANARY not in shown


def bound_plan(rater: Rater = OFFLINE, book: str = "") -> Plan:
    """The smallest plan that a worker accepts."""
    return Plan(
        Study("s", "p", ("a@example.org",)),
        Population(("2026-02",), {}),
        Privacy(1.0, 1e-7, "0", "1", 1, 50, 0.05, 1, 2.0),
        rater,
        (),
        (),
        Forecast(1, 1, 0, 0, (), {}, 0.0),
        book or codebook().hash,
        codebook().prompts_hash,
    )


MORE = (
    log(person("検査 für alle", timestamp="2026-02-03T04:05:06+09:00"), agent("\ud800")),
    log(person("<command-name>/review</command-name>"), call("Task"), agent("x" * 60_000)),
)
CONTROL = """
from classifiers.raters.offline import OfflineRater
class Late(OfflineRater):
    def rate(self, session, view):
        import this_is_imported_late
worker._Prepared.plan, worker._Prepared.rater = plan, Late()
"""
"""A rater that was not warmed up: what the test must be able to see."""


class Frames:
    """The keeper's side: frames in a list."""

    def __init__(self, *frames: bytes) -> None:
        self._frames: Iterator[bytes] = iter(frames)
        self.sent: list[bytes] = []

    def receive(self, limit: int) -> bytes:
        """The next frame."""
        frame = next(self._frames)
        assert len(frame) <= limit
        return frame

    def send(self, frame: bytes) -> None:
        """Keep an answer."""
        self.sent.append(frame)


def sealed(data: bytes, plan: Plan, pair: KeyPair, session: bytes = bytes(16)) -> bytes:
    """A session as the keeper hands it to a worker."""
    header = {"account": ACCOUNT.hex(), "month": "2026-02", "session": session.hex()}
    return seal(data, header, public=pair.public, info=run_info(plan.hash)).encode()


def answered(*sessions: bytes) -> dict[bytes, bytes]:
    """What a prepared worker says of a batch: session's key → record."""
    plan, pair = bound_plan(), KeyPair.generate()
    worker.prepare(plan.canonical)
    keys = [bytes([place]) * 16 for place in range(len(sessions))]
    frames = [sealed(data, plan, pair, key) for data, key in zip(sessions, keys, strict=True)]
    channel = Frames(*frames, b"")
    worker.run(channel, pair)
    (answer,) = channel.sent
    return dict(unpack_bucket(answer, codebook()))


def test_the_worker_answers_a_batch_with_a_record_for_each_session() -> None:
    """Account and month come from the authenticated header; a changed blob is `unreadable`."""
    plan, pair = bound_plan(), KeyPair.generate()
    worker.prepare(plan.canonical)
    good = sealed(GOOD, plan, pair, b"1" * 16)
    noise = sealed(b"noise", plan, pair, b"2" * 16)
    torn = sealed(GOOD, plan, pair, b"3" * 16)
    channel = Frames(good, noise, torn[:-1] + bytes([torn[-1] ^ 1]), b"")
    worker.run(channel, pair)

    (answer,) = channel.sent
    records = {
        key: LabelRecord.decode(record, codebook())
        for key, record in unpack_bucket(answer, codebook())
    }
    statuses = {key[:1]: told(record, "status") for key, record in records.items()}
    assert statuses == {b"1": "rated", b"2": "invalid", b"3": "unreadable"}
    assert {each.account for each in records.values()} == {ACCOUNT}
    assert {told(each, "month") for each in records.values()} == {"2026-02"}


class Halting(OfflineRater):
    """Labels two sessions; then nobody can be asked any more."""

    def __init__(self) -> None:
        self.left, self.meter, self.pace = 2, Meter(400), Pace.SLOWER

    def unlock(self, key: bytes, control: socket | None) -> None:
        """Take a key, for nothing."""

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Label, or halt."""
        self.left -= 1
        if self.left < 0:
            raise Halted(Halt.BUSY)
        return super().rate(session, view)


def test_a_halt_comes_behind_the_rows_and_after_the_last_frame() -> None:
    """What was labelled is kept; a keeper that is still sending would not hear an answer."""
    plan, pair = bound_plan(), KeyPair.generate()
    worker.prepare(plan.canonical)
    worker._Prepared.rater = Halting()
    frames = [sealed(GOOD, plan, pair, bytes([number]) * 16) for number in range(5)]
    channel = Frames(b"key", *frames, b"", b"left")
    worker.run(channel, pair)

    (answer,) = channel.sent
    assert Closing.decode(answer[-CLOSING_BYTES:]) == Closing(Halt.BUSY, 0, Pace.SLOWER)
    keys = [key[:1] for key, _ in unpack_bucket(answer[:-CLOSING_BYTES], codebook())]
    assert sorted(keys) == [b"\0", b"\1"]
    assert channel.receive(100) == b"left"


SAMPLES = (
    GOOD,
    b"noise",
    b"",
    TOO_LARGE_STUB,
    WARM_UP,
    log(person("explain the parser to me"), agent("It reads."), person("thanks")),
    log(person("write a test"), call("Bash", command="pytest"), result("1 failed"), agent("No.")),
)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, len(SAMPLES) - 1), min_size=1, max_size=8))
def test_a_session_is_labelled_in_a_batch_as_it_is_alone(order: list[int]) -> None:
    """Non-interference: whatever else is in the batch, in any order, before or after it."""
    together = answered(*(SAMPLES[which] for which in order))
    for place, which in enumerate(order):
        (alone,) = answered(SAMPLES[which]).values()
        assert together[bytes([place]) * 16] == alone


class Swayed:
    """The control of the test above: a rater that remembers the session before."""

    def __init__(self) -> None:
        self.name, self.version, self.seen = "swayed", "1", 0
        self.fidelity: Literal["low", "validated"] = "low"

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Say how many there were."""
        self.seen += 1
        return {"work_mode": codebook().field("work_mode").labels[self.seen % 3]}


def test_a_rater_with_a_memory_would_be_noticed() -> None:
    """The same sample, twice, has two records: that is what the property above looks for."""
    rater = Swayed()
    label_it = partial(classify, GOOD, month="2026-02", account=ACCOUNT, rater=rater)
    assert label_it() != label_it()


def test_the_worker_refuses_a_plan_that_is_not_its_own() -> None:
    """Labels of another codebook or rater would pass for those that were approved."""
    worker.prepare(bound_plan().canonical)  # the control
    other = Rater("claude", "3", "validated", "m", "e", "")
    asked = replace(bound_plan(), prompts="0" * 64)
    for plan in (bound_plan(book="0" * 64), asked, bound_plan(rater=other)):
        with pytest.raises(ConfigurationError, match="CLASSIFY_MISMATCH"):
            worker.prepare(plan.canonical)


def test_the_offline_rater_is_the_one_that_plans_name() -> None:
    """Two lists of raters must not drift apart."""
    rater = OfflineRater()
    assert (rater.name, rater.version, rater.fidelity) == (
        OFFLINE.name, OFFLINE.version, OFFLINE.fidelity
    )  # fmt: skip


SEALED = """
import sys
from privacy.labels import row_width
from tests.classifiers.test_worker import *
plan, pair = bound_plan(), KeyPair.generate()
header = {"account": ACCOUNT.hex(), "month": "2026-02", "session": "00" * 16}
texts = (GOOD, b"", b"{]", GOOD.replace(b"fix", b"\\xe9"), b"\\xff\\xfe{", WARM_UP, b"[" * 9**5)
texts += MORE
frames = [
    seal(each, header, public=pair.public, info=run_info(plan.hash)).encode() for each in texts
]
channel = Frames(*frames, b"")
{prepare}
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event in ("open", "import") else None)
worker.run(channel, pair)
assert len(channel.sent[0]) == len(texts) * row_width(codebook())
print(len(opened))
"""


@pytest.mark.parametrize("prepare", ["worker.prepare(plan.canonical)", CONTROL])
def test_nothing_is_opened_after_the_seal(prepare: str) -> None:
    """After the seal a file that is opened or a module that is imported ends the worker."""
    code = SEALED.replace("{prepare}", prepare)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    opened = int(done.stdout)
    assert opened == 0 if prepare != CONTROL else opened > 0
