"""Beyond one machine: a Ray cluster of two nodes, which carries what it cannot read."""

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from aggregates.tally import Tally, unpack_sums
from classifiers.worker import classify
from privacy.codebook import codebook
from privacy.custodian import Custodian
from privacy.errors import IncompleteError
from privacy.keeper.nodes import Nodes
from privacy.keeper.summing import Summing
from privacy.label_sets import label_set
from privacy.labels import PSEUDONYM_BYTES, SESSION_KEY_BYTES, row_width, unpack_bucket
from privacy.nodes.checks import NodeWorker
from privacy.nodes.courier import Lease
from privacy.nodes.messages import WORK, Order, Result
from privacy.plan import Plan
from privacy.sealing import KeyPair, SealedBlob, floor_info
from privacy.signing import SigningKey, fingerprint
from privacy.tasks import sums_info
from privacy.verification import verify_bundle
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    DESIGNED,
    MEAN,
    OWN_K,
    RATE,
    REST,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
    small_plan,
)
from tests.privacy.keeper.test_labelling import Edge, log
from tests.support import cluster as machines
from tests.support.cluster import Cluster
from tests.support.house import House, founded, planted

pytestmark = pytest.mark.skipif(
    find_spec("ray") is None, reason="ray is not installed: pip install 'clerestory[ray]'"
)
PLAN = small_plan(
    SHARE, RATE, MEAN, SIZES, TOTAL, TRENDS, OWN_K, ADJUSTED, REST, ACCOUNT_SIZES, DESIGNED
)


@dataclass(frozen=True)
class Beyond:
    """Two keepers, one of labels and one of sessions, and the machines that work for both."""

    labels: House
    labels_plan: Plan
    sessions: House
    sessions_plan: Plan
    texts: dict[str, bytes]
    """Session → what was said."""
    cluster: Cluster

    @property
    def nodes(self) -> set[str]:
        """Fingerprints of both nodes."""
        return {fingerprint(key.public) for key in self.cluster.keys}


@pytest.fixture(scope="module")
def beyond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beyond]:
    """Everything is started once for this file: Ray takes its time."""
    keys = [SigningKey.generate(), SigningKey.generate()]
    with ExitStack() as stack:
        place = stack.enter_context(machines.folder())
        homes = [tmp_path_factory.mktemp(name) for name in ("labels", "sessions")]
        for home in homes:
            configured(home / "state", place / "courier.sock")
        labels = stack.enter_context(planted(homes[0]))
        sessions = stack.enter_context(founded(homes[1]))
        plans = [approved(made, keys) for made in (labels, sessions)]
        texts = {}
        with closing(Custodian(homes[1] / "vault.custodian")) as hand:
            edge = Edge(sessions, hand)
            for number in range(8):
                name = edge.seal(f"account {number}", f"s{number}", words=3 + number)
                texts[name] = log(3 + number)
        keepers = [made.state.signing.public for made in (labels, sessions)]
        cluster = stack.enter_context(machines.running(place, keepers, keys))
        yield Beyond(labels, plans[0], sessions, plans[1], texts, cluster)


def configured(state: Path, courier: Path) -> None:
    """A keeper.toml that names a scheduler."""
    state.mkdir(mode=0o700)
    path = state / "keeper.toml"
    path.write_text(f'[scheduler]\ncourier = "{courier}"\nhands = 3\n')
    path.chmod(0o600)


def approved(made: House, keys: list[SigningKey]) -> Plan:
    """The plan, bound and signed, in a house that has enrolled these nodes."""
    for number, key in enumerate(keys):
        made.ask("enrol", name=f"node {number}", key=key.public, role="node")
    olga = made.enrol("olga")
    bound = made.submit(PLAN)
    made.approve(bound, olga)
    return bound


def opened(made: House, bound: Plan) -> dict[int, bytes]:
    """Label buckets in clear, as the keeper alone could open them."""
    name, info = (
        label_set(bound, made.vault.floor.hash),
        floor_info(made.vault.floor.hash, "labels"),
    )
    blobs = {n: made.state.labels.bucket(name, n) for n in range(made.vault.floor.buckets)}
    return {
        number: blob.open(made.state.ring.of(blob).open(blob.wrapped, info=info))
        for number, blob in blobs.items()
        if blob
    }


def one_process(buckets: dict[int, bytes], bound: Plan) -> dict[str, list[int]]:
    """The sums as one process makes them."""
    tally = Tally(bound, codebook())
    for data in buckets.values():
        tally.add_bucket(data)
    return tally.sums


def summed(made: House, bound: Plan) -> tuple[dict[str, list[int]], list[str], list[str]]:
    """The sums as the nodes make them, for a key of the test's own; which buckets; which nodes."""
    name, mine, seen = label_set(bound, made.vault.floor.hash), KeyPair.generate(), list[str]()

    def saw(worker: NodeWorker) -> None:
        seen.append(worker.node)

    by = made.keeper.desk.scheduled("aggregate")
    assert by
    kind = made.keeper.desk.workshop.aggregate
    blobs = {n: made.state.labels.bucket(name, n) for n in range(made.vault.floor.buckets)}
    there = {number: blob for number, blob in blobs.items() if blob}
    tally, came = Tally(bound, codebook()), list[str]()
    with Nodes(by, bound, kind, "aggregate", 600, saw) as nodes:
        nodes.reach()
        summing = Summing(nodes, made.state, made.vault.floor.hash, there)
        for sums in summing.sums(mine.public):
            blob = SealedBlob.decode(sums)
            number = blob.header["bucket"]
            info = sums_info(bound.hash, number, there[int(number)].digest)
            packed = blob.open(mine.open(blob.wrapped, info=info))
            assert unpack_sums(bound, packed)[1]
            tally.add_sums(packed)
            came.append(number)
    return tally.sums, sorted(came, key=int), seen


def test_two_nodes_sum_what_one_process_sums(beyond: Beyond) -> None:
    """The same integers for every kind of query, each bucket once, and both nodes worked."""
    made, bound = beyond.labels, beyond.labels_plan
    buckets = opened(made, bound)
    sums, came, seen = summed(made, bound)

    assert sums == one_process(buckets, bound)
    assert any(any(vector) for vector in sums.values())
    assert came == [str(number) for number in buckets]
    assert set(seen) == beyond.nodes


def test_sessions_are_labelled_on_nodes(beyond: Beyond) -> None:
    """The records of one process, through the same gate; and the ledger knows every run."""
    made, bound = beyond.sessions, beyond.sessions_plan
    assert made.ask("classify", bound)["standing"] == "approved"
    rows = {
        key.hex(): record
        for data in opened(made, bound).values()
        for key, record in unpack_bucket(data, codebook())
    }
    assert rows.keys() == beyond.texts.keys()
    for key, record in rows.items():
        account = record[-16:]
        again = classify(beyond.texts[key], month="2025-11", account=account)
        assert again.encode() == record
    assert made.kinds().count("run") == 2
    made.keeper.desk.labelling(bound).check_complete()


@pytest.mark.parametrize("which", ["labels", "sessions"])
def test_a_release_that_nodes_worked_for_verifies(
    beyond: Beyond, which: str, tmp_path: Path
) -> None:
    """From sealed buckets to a bundle that names every machine, and the worst of them."""
    made = getattr(beyond, which)
    before = made.kinds()
    files = made.ask("release", getattr(beyond, f"{which}_plan"))["files"]
    assert made.kinds()[len(before) :] == ["charge", "key", "release"]
    for name, data in files.items():
        (tmp_path / name).write_bytes(b64decode(data))
    checks = verify_bundle(tmp_path, made.state.signing.public)
    assert [check.found for check in checks if check.holds is not True] == []
    assert all(node in checks[13].found for node in beyond.nodes)

    told = json.loads((tmp_path / "statement.json").read_bytes())
    *others, last = told["runs"]
    kinds = {"aggregate"} if which == "labels" else {"aggregate", "classify"}
    assert {run["worker"] for run in others} == kinds
    for kind in kinds:
        assert {run["node"] for run in others if run["worker"] == kind} == beyond.nodes
    assert (last["worker"], "node" in last) == ("aggregate", False)
    assert told["tier"] == "T0"  # the keeper's own worker is the weakest here
    assert told["custody"] == "same-user"


def memory(process: int) -> Iterator[bytes]:
    """All that a process may write to, shared memory too."""
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        span, rights, *_ = line.split()
        start, end = (int(place, 16) for place in span.split("-"))
        if not rights.startswith("rw") or end - start > 2**28:
            continue
        try:
            with Path(f"/proc/{process}/mem").open("rb") as file:
                file.seek(start)
                yield file.read(end - start)
        except OSError:  # it was unmapped meanwhile
            continue


def holds(beyond: Beyond, words: list[bytes]) -> set[bytes]:
    """Which of some words lie in Ray's processes, its store of objects, its files."""
    found: set[bytes] = set()
    for process in beyond.cluster.ray_processes:
        with suppress(FileNotFoundError):  # it has ended
            for piece in memory(process):
                found |= {word for word in words if word in piece}
    for path in (beyond.cluster.folder / "r").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found |= {word for word in words if word in data}
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads the memory of all processes")
def test_ray_sees_neither_text_nor_labels(beyond: Beyond) -> None:
    """Nothing of what was carried above lies in Ray; the control, which was not sealed, does."""
    houses = ((beyond.labels, beyond.labels_plan), (beyond.sessions, beyond.sessions_plan))
    carried = [b"please fix the bug number"]  # in every session
    for house in houses:
        # The first and the last record of some buckets: pseudonym and labels of an account.
        for data in [*opened(*house).values()][:2]:
            carried += [data[SESSION_KEY_BYTES : row_width(codebook())], data[-PSEUDONYM_BYTES:]]
    assert len(set(carried)) >= 6

    control = [f"control {number} {os.urandom(16).hex()}".encode() for number in range(2)]
    lease = Lease(beyond.cluster.folder / "courier.sock")
    assert lease.granted
    for word in control:
        for size in (1, 8_000):  # within a call, and by way of the store of objects
            assert lease.ask(WORK + word * size, 60.0).startswith(b"X")
    lease.close()

    assert holds(beyond, carried + control) == {*control}


@pytest.mark.parametrize("part", ["agent", "ray"])
def test_a_node_that_is_lost_is_made_up_for_once(
    beyond: Beyond, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with a bucket in its hands: the other node sums that one, and it counts once."""
    made, bound, victim = beyond.labels, beyond.labels_plan, beyond.cluster.keys[1]
    work, lost = Nodes._work, list[str]()

    def dying(
        nodes: Nodes, lease: Lease, order: Order, signer: str, frames: list[bytes]
    ) -> tuple[Result, bytes]:
        if signer == victim.public and not lost:
            lost.append(SealedBlob.decode(frames[1]).header["bucket"])
            beyond.cluster.kill(part, 1)
        return work(nodes, lease, order, signer, frames)

    monkeypatch.setattr(Nodes, "_work", dying)
    buckets = opened(made, bound)
    sums, came, seen = summed(made, bound)

    assert sums == one_process(buckets, bound)
    assert came == [str(number) for number in buckets]
    assert len(lost) == 1
    # A worker for each bucket, one that got ready on each node, and the one that was lost.
    assert len(seen) == len(buckets) + len(beyond.nodes) + 1
    assert set(seen) == beyond.nodes
    if part == "agent":
        beyond.cluster.start_agent(1)


def test_what_is_left_goes_on_and_nothing_left_is_said(beyond: Beyond) -> None:
    """With one node all is summed there; with none, and without a courier, it is said."""
    made, bound = beyond.labels, beyond.labels_plan
    sums, _, seen = summed(made, bound)
    assert sums == one_process(opened(made, bound), bound)
    assert set(seen) == {fingerprint(beyond.cluster.keys[0].public)}

    beyond.cluster.kill("agent", 0)
    with pytest.raises(IncompleteError, match="NO_NODE"):
        summed(made, bound)
    beyond.cluster.kill("courier")
    with pytest.raises(IncompleteError, match="COURIER_GONE"):
        summed(made, bound)
