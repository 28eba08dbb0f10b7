"""The worker joins a session to its own telemetry, and to nobody else's."""

import pytest

from classifiers import worker
from classifiers.telemetry import Call, Counts, Telemetry, hash_of
from classifiers.worker import classify
from privacy.codebook import codebook
from privacy.labels import LabelRecord, unpack_bucket
from privacy.sealing import KeyPair, SealedBlob, run_info, seal
from privacy.tasks import Task, rows_info
from tests.classifiers.logs import agent, call, log, person, result
from tests.classifiers.test_worker import Frames, bound_plan, told

BOOK = codebook()
ANN, BOB = bytes(range(16)), bytes(range(16, 32))
ONE, TWO = b"1" * 16, b"2" * 16
GOOD = log(
    person("fix the crash in the parser"),
    call("Edit", file_path="parser.py"),
    result("ok", extra={"structuredPatch": [{"lines": ["+a"]}]}),
    agent("Fixed."),
)
WROTE = Telemetry(Counts(lines_added=1))
Kind = tuple[str, bytes, bytes, bytes]
"""Kind, account, session, content."""


def said(record: LabelRecord) -> tuple[str, str]:
    """What a record says of telemetry."""
    return told(record, "telemetry"), told(record, "telemetry_wrote_code")


def answered(*given: Kind, recipient: KeyPair | None = None) -> dict[bytes, tuple[str, str]]:
    """Session → what a worker's answer says of its telemetry."""
    plan, pair = bound_plan(), KeyPair.generate()
    task = Task(recipient.public) if recipient else Task()
    info = task.info(plan.hash)
    frames, digests = [], []
    for kind, account, session, data in given:
        header = {"kind": kind, "account": account.hex(), "session": session.hex()}
        blob = seal(data, header | {"month": "2026-02"}, public=pair.public, info=info)
        frames.append(blob.encode())
        digests.append(blob.digest)

    worker.prepare(plan.canonical)
    channel = Frames(*([task.encode()] if recipient else []), *frames, b"")
    worker.run(channel, pair)
    (answer,) = channel.sent
    if recipient:
        blob = SealedBlob.decode(answer)
        answer = blob.open(recipient.open(blob.wrapped, info=rows_info(plan.hash, digests)))
    rows = unpack_bucket(answer, BOOK)
    return {session: said(LabelRecord.decode(record, BOOK)) for session, record in rows}


def telemetry(account: bytes, session: bytes, of: Telemetry = WROTE) -> Kind:
    """Sealed telemetry."""
    return "telemetry", account, session, of.encode()


def session(account: bytes, name: bytes) -> Kind:
    """A sealed session."""
    return "session", account, name, GOOD


@pytest.mark.parametrize("recipient", [None, KeyPair.generate()], ids=["here", "on a node"])
def test_telemetry_goes_with_the_session_behind_it(recipient: KeyPair | None) -> None:
    """Beside the keeper and on a node; a session without any says so."""
    no = Telemetry(Counts())
    found = answered(
        telemetry(ANN, ONE, no), session(ANN, ONE), session(ANN, TWO), recipient=recipient
    )
    assert found == {ONE: ("present", "no"), TWO: ("absent", "absent")}


@pytest.mark.parametrize(
    ("account", "name"), [(BOB, ONE), (ANN, TWO), (BOB, TWO)], ids=["account", "session", "both"]
)
def test_telemetry_of_another_is_not_seen(account: bytes, name: bytes) -> None:
    """The headers decide, and they are authenticated: a keeper cannot be made to mix them up."""
    assert answered(telemetry(account, name), session(ANN, ONE)) == {ONE: ("absent", "absent")}
    assert answered(telemetry(ANN, ONE), session(ANN, ONE)) == {ONE: ("present", "yes")}


def test_telemetry_serves_one_session_and_only_the_next() -> None:
    """It is not kept for a later one; without a session it answers nothing."""
    assert answered(telemetry(ANN, ONE), session(ANN, TWO), session(ANN, ONE)) == {
        ONE: ("absent", "absent"),
        TWO: ("absent", "absent"),
    }
    assert answered(session(ANN, ONE), telemetry(ANN, ONE)) == {ONE: ("absent", "absent")}
    assert answered(telemetry(ANN, ONE)) == {}


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", WROTE.encode()[:-1], GOOD, b"[" * 100_000])
def test_malformed_telemetry_spoils_no_label(data: bytes) -> None:
    """The record is the one of the session alone, whatever lies beside it."""
    alone = classify(GOOD, month="2026-02", account=ANN)
    assert classify(GOOD, month="2026-02", account=ANN, telemetry=data) == alone
    assert said(alone) == ("absent", "absent")
    heard = classify(GOOD, month="2026-02", account=ANN, telemetry=WROTE.encode())
    assert said(heard) == ("present", "yes")


def test_telemetry_that_does_not_open_spoils_no_label() -> None:
    """Bytes that were exchanged on the way cost the witness, and not the session."""
    plan, pair = bound_plan(), KeyPair.generate()
    info = run_info(plan.hash)
    worker.prepare(plan.canonical)
    header = {"account": ANN.hex(), "session": ONE.hex(), "month": "2026-02"}
    of_session = seal(GOOD, header | {"kind": "session"}, public=pair.public, info=info)
    beside = seal(
        WROTE.encode(), header | {"kind": "telemetry"}, public=pair.public, info=b"another"
    )
    rater = worker._Prepared.rater
    assert rater is not None
    row = worker.row_of(of_session, pair, info, rater, beside)
    record = LabelRecord.decode(row[16:], BOOK)
    assert (told(record, "status"), *said(record)) == ("rated", "absent", "absent")


def test_what_neither_witness_can_see() -> None:
    """A file that a shell command writes: no line in the log's count, and none in telemetry's."""
    data = log(person("write it"), call("Bash", command="echo x > a.py"), result("ok"), agent("Ok"))
    record = classify(
        data, month="2026-02", account=ANN, telemetry=Telemetry(Counts(tokens_out=5)).encode()
    )
    assert (told(record, "wrote_code"), *said(record)) == ("no", "present", "no")
    # The control: through an editing tool both see it.
    heard = classify(GOOD, month="2026-02", account=ANN, telemetry=WROTE.encode())
    assert (told(heard, "wrote_code"), *said(heard)) == ("yes", "present", "yes")


def test_nothing_but_two_labels_comes_of_it() -> None:
    """However much it holds, a record with telemetry differs from one without in these alone."""
    much = Telemetry(Counts(*[10**9] * 10), {hash_of("toolu_1"): Call(edits=True, outcome="ok")})
    alone = classify(GOOD, month="2026-02", account=ANN)
    heard = classify(GOOD, month="2026-02", account=ANN, telemetry=much.encode())
    assert alone.measures == heard.measures
    assert alone.account == heard.account
    names = [field.name for field in BOOK.fields]
    pairs = zip(names, alone.labels, heard.labels, strict=True)
    assert {name for name, one, other in pairs if one != other} == {
        "telemetry",
        "telemetry_wrote_code",
    }


@pytest.mark.parametrize("data", [b"", b"\xff\xc0", b"{}"])
def test_telemetry_makes_no_session_of_what_is_none(data: bytes) -> None:
    """What cannot be read stays so: its telemetry has nothing to be joined to."""
    alone = classify(data, month="2026-02", account=ANN)
    assert classify(data, month="2026-02", account=ANN, telemetry=WROTE.encode()) == alone
