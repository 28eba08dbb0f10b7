"""What a keeper believes of a node, and what whoever carries between them can do: lose it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import ClerestoryError, IncompleteError, RefusedError, VerificationError
from privacy.keeper.configuration import Scheduler
from privacy.keeper.nodes import Nodes, Scheduled
from privacy.keeper.roles import MAY_ASK, asker, check_may_ask
from privacy.keeper.summing import Summing
from privacy.keeper.verbs import runs
from privacy.label_sets import label_set
from privacy.nodes.checks import NodeWorker, check_report, check_result
from privacy.nodes.messages import (
    ORDER,
    REFUSAL,
    REPORT,
    RESULT,
    WORK,
    Custody,
    Order,
    Report,
    Result,
    digest,
    fresh_nonce,
    pack,
    read,
    sign,
    unpack,
)
from privacy.plan import Plan
from privacy.sandbox.probes import PROBES
from privacy.sealing import KeyPair, SealedBlob, floor_info
from privacy.signing import SigningKey, fingerprint
from privacy.tasks import Task, sums_info
from tests.aggregates.rows import SHARE, small_plan
from tests.support.carrying import Carrying, Gone, carried
from tests.support.house import House, planted
from tests.support.workers.setting import strongest

PLAN = small_plan(SHARE)
Change = Callable[[bytes], bytes]


@dataclass
class Scene:
    """A keeper with labels, one enrolled node, and a courier between them."""

    house: House
    plan: Plan
    node: SigningKey
    between: Carrying

    def nodes(self, *, retries: int = 2, hands: int = 1) -> Nodes:
        """The nodes of one run, as the keeper reaches them."""
        by = self.house.keeper.desk.scheduled("aggregate")
        assert by
        by = replace(by, scheduler=replace(by.scheduler, retries=retries, hands=hands))
        kind = self.house.keeper.desk.workshop.aggregate
        return Nodes(by, self.plan, kind, "aggregate", 60, lambda _: None)

    def buckets(self, most: int = 3) -> dict[int, SealedBlob]:
        """Some sealed buckets."""
        name, labels = label_set(self.plan, self.house.vault.floor.hash), self.house.state.labels
        found = ((number, labels.bucket(name, number)) for number in range(most))
        return {number: blob for number, blob in found if blob}

    def summed(self, nodes: Nodes) -> list[str]:
        """Numbers of the buckets whose sums came, and opened for the one reader."""
        mine = KeyPair.generate()
        summing = Summing(nodes, self.house.state, self.house.vault.floor.hash, self.buckets())
        came = []
        for sums in summing.sums(mine.public):
            blob = SealedBlob.decode(sums)
            number = blob.header["bucket"]
            of = self.buckets()[int(number)].digest
            assert mine.open(blob.wrapped, info=sums_info(self.plan.hash, number, of))
            came.append(number)
        return came


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Made once: labels, a policy that names the node, an approved plan."""
    home, node = tmp_path_factory.mktemp("home"), SigningKey.generate()
    (home / "state").mkdir(mode=0o700)
    courier = home / "c.sock"
    (home / "state" / "keeper.toml").write_text(f'[scheduler]\ncourier = "{courier}"\n')
    (home / "state" / "keeper.toml").chmod(0o600)
    with planted(home) as made:
        made.ask("enrol", name="east", key=node.public, role="node")
        olga = made.enrol("olga")
        bound = made.submit(PLAN)
        made.approve(bound, olga)
        with carried(courier, node, made.state.signing.public) as between:
            yield Scene(made, bound, node, between)


@pytest.fixture
def scene(settled: Scene) -> Iterator[Scene]:
    """The same, with an honest courier."""
    yield settled
    settled.between.honest_again()


def on(kind: bytes, change: Change) -> Change:
    """A change of one kind of message."""
    return lambda message: message[:1] + change(message[1:]) if message[:1] == kind else message


def test_an_honest_courier_brings_every_bucket(scene: Scene) -> None:
    """The control of all that follows."""
    with scene.nodes() as nodes:
        nodes.reach()
        assert sorted(scene.summed(nodes)) == ["0", "1", "2"]


MALLORY = SigningKey.generate()
NODE = SigningKey.generate()
ASKED = Order("aggregate", "1" * 64, "2" * 64, fresh_nonce(), 60)
BLOCKED = dict.fromkeys((probe.name for probe in PROBES), "blocked")
TRUE = Report(
    nonce=ASKED.nonce,
    worker="aggregate",
    plan=ASKED.plan,
    code=ASKED.code,
    tier="T1",
    probes=BLOCKED,
    host={},
    key="00",
    custody="separate-user",
)


def checked(
    report: Report = TRUE,
    signer: SigningKey = NODE,
    weakest: str = "T1",
    carrier: Custody = "separate-user",
) -> NodeWorker:
    """What a keeper makes of a report, which is signed and read as on its way."""
    read_back, by = read(Report, *sign(report, signer))
    enrolled = frozenset({NODE.public})
    return check_report(ASKED, read_back, by, enrolled=enrolled, weakest=weakest, carrier=carrier)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("NODE_REPORT_STALE", {"nonce": fresh_nonce()}),
        ("NODE_REPORT_STALE", {"plan": "0" * 64}),
        ("NODE_REPORT_STALE", {"code": "0" * 64}),
        ("NODE_REPORT_STALE", {"worker": "classify"}),
        ("PROBE_OPEN", {"probes": {**BLOCKED, "fork": "open"}}),
        ("PROBE_OPEN", {"probes": {**BLOCKED, "fork": "fine"}}),
        ("NODE_MESSAGE_UNREADABLE", {"probes": {"fork": "blocked"}}),
        ("NODE_TIER_TOO_LOW", {"tier": "T0"}),
    ],
)
def test_a_report_that_does_not_hold_is_refused(code: str, changes: dict[str, Any]) -> None:
    """Signed by the enrolled node itself: it is the contents that are not believed."""
    assert checked().node == fingerprint(NODE.public)
    with pytest.raises(ClerestoryError, match=code):
        checked(replace(TRUE, **changes))


def test_a_key_that_nobody_enrolled_vouches_for_nothing() -> None:
    """Its fingerprint is named, so that its owner can be found."""
    with pytest.raises(RefusedError, match="NODE_NOT_ENROLLED") as refusal:
        checked(signer=MALLORY)
    assert fingerprint(MALLORY.public) in refusal.value.found


def test_custody_is_the_worst_of_both_ends() -> None:
    """A courier of the keeper's user, or an agent of Ray's: either is said."""
    ends: tuple[Custody, ...] = ("same-user", "separate-user")
    found = {
        (here, there): checked(replace(TRUE, custody=there), carrier=here).custody
        for here in ends
        for there in ends
    }
    assert {pair for pair, custody in found.items() if custody == "separate-user"} == {
        ("separate-user", "separate-user")
    }


@given(st.data())
def test_a_changed_word_is_no_word(data: st.DataObject) -> None:
    """Any byte of what was signed, or of its signature; and what is signed as something else."""
    told, signature = sign(TRUE, NODE)
    assert read(Report, told, signature) == (TRUE, NODE.public)
    place = data.draw(st.integers(0, len(told) - 1))
    flip = data.draw(st.integers(1, 255))
    spoilt = told[:place] + bytes([told[place] ^ flip]) + told[place + 1 :]
    with pytest.raises(VerificationError):
        read(Report, spoilt, signature)
    with pytest.raises(VerificationError):
        read(Report, *sign(ASKED, NODE))
    with pytest.raises(VerificationError):
        read(Result, told, signature)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_message_are_refused_in_our_own_words(data: bytes) -> None:
    """Whatever a courier makes up; parts that were joined come apart again."""
    with pytest.raises(VerificationError):
        read(Report, data, data)
    assert unpack(pack(data, b"", data)) == [data, b"", data]
    with suppress(VerificationError):
        assert pack(*unpack(data)) == data


def test_an_answer_cannot_be_put_into_a_nodes_mouth() -> None:
    """Sums that were made up, another order's result, another node's: none is taken."""
    told = Result(ASKED.nonce, "answered", digest(b"sums"))
    assert check_result(ASKED, NODE.public, *sign(told, NODE), b"sums") == told
    forged = [
        (sign(told, NODE), b"made up"),
        (sign(replace(told, answer=digest(b"made up")), MALLORY), b"made up"),
        (sign(replace(told, nonce=fresh_nonce()), NODE), b"sums"),
    ]
    for message, answer in forged:
        with pytest.raises(VerificationError, match="NODE_RESULT_FORGED"):
            check_result(ASKED, NODE.public, *message, answer)


def test_a_forgery_stops_a_release_before_the_charge(scene: Scene) -> None:
    """End to end, and nothing was given to anybody."""

    def mallorys(parts: bytes) -> bytes:
        report, _ = read(Report, *unpack(parts))
        return pack(*sign(report, MALLORY))

    scene.between.back = on(REPORT, mallorys)
    with pytest.raises(RefusedError, match="NODE_NOT_ENROLLED"):
        scene.house.ask("release", scene.plan)
    assert "charge" not in scene.house.kinds()
    assert not any(message[:1] == WORK for message in scene.between.seen)


def test_made_up_sums_end_the_run(scene: Scene) -> None:
    """End to end: an answer that its node did not sign is not given to the last worker."""

    def other(parts: bytes) -> bytes:
        told, signature, _ = unpack(parts)
        return pack(told, signature, b"made up")

    scene.between.back = on(RESULT, other)
    with scene.nodes() as nodes, pytest.raises(VerificationError, match="NODE_RESULT_FORGED"):
        scene.summed(nodes)


def test_who_carries_the_task_cannot_be_its_reader(scene: Scene) -> None:
    """Another recipient written into the task: the worker opens nothing and says one byte."""
    mine = KeyPair.generate()

    def stolen(parts: bytes) -> bytes:
        _, blob = unpack(parts)
        return pack(Task(mine.public).encode(), blob)

    scene.between.out = on(WORK, stolen)
    with scene.nodes() as nodes, pytest.raises(IncompleteError, match="WORKER_ENDED") as error:
        scene.summed(nodes)
    assert "4b" in error.value.found  # K: the data key is wrapped for another context
    answers = [unpack(m[1:])[2] for m in scene.between.seen if m[:1] == RESULT]
    assert {*answers} == {b"K"}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_lost_node_costs_its_piece_and_no_more(scene: Scene, *, after: bool) -> None:
    """Lost with the work, or with its answer: given out again, and there once."""
    lost = list[int]()

    def losing(parts: bytes) -> bytes:
        if not lost:
            lost.append(1)
            raise Gone
        return parts

    if after:
        scene.between.back = on(RESULT, losing)
    else:
        scene.between.out = on(WORK, losing)
    with scene.nodes() as nodes:
        assert sorted(scene.summed(nodes)) == ["0", "1", "2"]
    given = [m for m in scene.between.seen if m[:1] == WORK]
    assert (len(lost), len(given)) == (1, 4)


def test_it_is_given_out_so_often_and_no_oftener(scene: Scene) -> None:
    """A stated number of times; what was charged stays charged."""

    def losing(_: bytes) -> bytes:
        raise Gone

    scene.between.out = on(WORK, losing)
    for retries in (0, 2):
        scene.between.seen.clear()
        nodes = scene.nodes(retries=retries, hands=1)
        with nodes, pytest.raises(IncompleteError, match="NODES_LOST"):
            nodes.ask(lambda _: [b"x"])
        assert len([m for m in scene.between.seen if m[:1] == WORK]) == 1 + retries


def test_a_worker_that_ends_is_not_tried_again(scene: Scene) -> None:
    """That could depend on what it was given; the node's word for it is enough."""
    with scene.nodes() as nodes:
        assert nodes.ask(lambda _: [Task(b"").encode(), b"no blob"]) == b"D"
        # A frame longer than a worker reads ends it without a word.
        assert nodes.ask(lambda _: [bytes(2**26 + 2**21)]) in (None, b"?")
    assert len([m for m in scene.between.seen if m[:1] == WORK]) == 2


def test_no_room_at_all_is_said_before_the_charge(scene: Scene) -> None:
    """Every node is busy, or there is none."""
    scene.between.room = 0
    with pytest.raises(IncompleteError, match="NO_NODE"):
        scene.house.ask("release", scene.plan)
    assert "charge" not in scene.house.kinds()


def test_a_node_refuses_strangers_and_other_code(scene: Scene) -> None:
    """What it says is a code of the closed list, and nothing else of what it was sent."""
    aggregate = scene.house.keeper.desk.workshop.aggregate.code.hash

    def said(key: SigningKey, **changes: Any) -> bytes:  # noqa: ANN401
        order = Order("aggregate", scene.plan.hash, aggregate, fresh_nonce(), 60)
        message = pack(*sign(replace(order, **changes), key), scene.plan.canonical)
        scene.between.out = lambda _: ORDER + message
        heard = list[bytes]()
        scene.between.back = lambda answer: heard.append(answer) or answer  # type: ignore[func-returns-value]
        with scene.nodes() as nodes, pytest.raises(ClerestoryError):
            nodes.reach()
        return heard[0]

    keeper = scene.house.state.signing
    assert said(MALLORY) == REFUSAL + b"ORDER_NOT_FROM_A_KEEPER"
    assert said(keeper, code="0" * 64) == REFUSAL + b"NODE_CODE_DIFFERS"
    assert said(keeper, plan="0" * 64) == REFUSAL + b"NODE_MESSAGE_UNREADABLE"
    assert said(keeper)[:1] == REPORT  # well, and still not what this run asked for
    scene.between.out = lambda _: b"?"
    with scene.nodes() as nodes, pytest.raises(RefusedError, match="NODE_REFUSED"):
        nodes.reach()


def test_a_refusals_other_words_are_not_repeated(scene: Scene) -> None:
    """A code is a code; a sentence in its place could be anybody's."""
    for word, shown in ((b"SOME_CODE", "SOME_CODE"), (b"he said hello", "something else")):
        scene.between.back = lambda _, word=word: REFUSAL + word  # type: ignore[misc]
        with scene.nodes() as nodes, pytest.raises(RefusedError, match="NODE_REFUSED") as refusal:
            nodes.reach()
        assert refusal.value.found == f"a node that said {shown}."


def test_nothing_that_is_carried_is_in_clear(scene: Scene) -> None:
    """No label row and no sum crosses; what the keeper alone can open holds them."""
    name, floor = label_set(scene.plan, scene.house.vault.floor.hash), scene.house.vault.floor
    blob = scene.house.state.labels.bucket(name, 0)
    assert blob
    key = scene.house.state.ring.of(blob).open(blob.wrapped, info=floor_info(floor.hash, "labels"))
    data = blob.open(key)
    with scene.nodes() as nodes:
        scene.summed(nodes)
        nodes.ask(lambda _: [b"control " + data[:64]])
    everything = b"".join(m for m in scene.between.seen if b"control " not in m)
    assert len(everything) > 10_000
    assert not any(data[place : place + 16] in everything for place in (0, 16, 32, 48))
    assert any(data[:64] in message for message in scene.between.seen)  # the control


def test_a_sealed_node_reports_every_probe(scene: Scene, tmp_path: Path) -> None:
    """At this machine's best tier, with the probes that it must block, blocked."""
    saw = list[NodeWorker]()
    courier, tier = tmp_path / "c.sock", strongest()
    with carried(courier, scene.node, scene.house.state.signing.public, tier=tier):
        by = Scheduled(
            Scheduler(str(courier), hands=1),
            scene.house.state.signing,
            frozenset({scene.node.public}),
            tier.name,
        )
        kind = scene.house.keeper.desk.workshop.aggregate
        with Nodes(by, scene.plan, kind, "aggregate", 60, saw.append) as nodes:
            nodes.reach()
    (worker,) = saw
    assert worker.tier is tier
    assert len(worker.probes) == len(PROBES)
    assert worker.node == fingerprint(scene.node.public)


def test_a_rater_that_asks_is_refused_before_anything_is_sent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key and the way out are the keeper's; the refusal says what to do instead."""
    monkeypatch.setattr(runs, "asks", lambda _: True)
    with pytest.raises(RefusedError, match="NODES_ASK_NOBODY"):
        scene.house.ask("classify", scene.plan)
    assert scene.between.seen == []
    assert scene.house.entries("labels") == []


def test_a_node_may_ask_the_keeper_nothing(scene: Scene) -> None:
    """Its key is in the policy, and opens no verb."""
    role, person = asker(scene.node.public, scene.house.keeper.desk.policy)
    assert (role, person.name) == ("node", "east")
    assert not [verb for verb, roles in MAY_ASK.items() if role in roles]
    with pytest.raises(RefusedError, match="ROLE_NOT_ALLOWED"):
        check_may_ask(role, "status")


def test_every_bucket_is_sent_after_its_charge(scene: Scene) -> None:
    """Nodes get ready before it; a worker that ends keeps it; and the next try pays anew."""
    made, at = scene.house, dict[bytes, list[int]]()

    def watched(message: bytes) -> bytes:
        at.setdefault(message[:1], []).append(made.kinds().count("charge"))
        return message

    scene.between.out = lambda message: on(WORK, lambda _: pack(b"no blob"))(watched(message))
    with pytest.raises(IncompleteError, match="WORKER_ENDED"):
        made.ask("release", scene.plan)
    assert (made.kinds().count("charge"), made.kinds().count("release")) == (1, 0)
    assert at[ORDER][0] == 0  # ready before the charge
    assert {*at[WORK]} == {1}

    at.clear()
    scene.between.out = watched
    assert made.ask("release", scene.plan)["standing"] == "released"
    assert (made.kinds().count("charge"), made.kinds().count("release")) == (2, 1)
    assert len(at[WORK]) == made.vault.floor.buckets
    assert {*at[WORK]} == {2}
