"""A run that asks a model, from the study to the bundle, by the command line."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from clerestory.devstub import Asked, Reply, authority, running
from clerestory.devstub.answers import Json, message_of
from clerestory.devstub.batches import Batches
from clerestory.devstub.likes import LIKES, SERVED, Manners
from clerestory.devstub.script import Script
from clerestory.pages.protection import where_text_went
from clerestory.truth import unsafe_open_labels
from privacy.codebook import codebook
from privacy.labels import LabelRecord, unpack_bucket
from privacy.plan import read_plan
from privacy.vault import Vault
from tests.promises.test_only_labels_leave import canaries, found_in
from tests.support.asking import Asking, asking_world, study
from tests.support.egress import MODEL
from tests.support.messages import API_KEY, LocalServer, MessagesServer, codes, message, serving
from tests.support.world import World, clerestory, must

SESSIONS = 24
MODES = codebook().field("work_mode").labels
STRANGER = "SESSION-QUOTED-BY-THE-SERVER"


def mode(asked: Asked) -> str:
    """What the server thinks of a session: anything, but the same each time."""
    session = "\n".join(asked.text.splitlines()[2:-1])
    return MODES[sha256(session.encode()).digest()[0] % len(MODES)]


class Model:
    """Labels sessions, and is busy from the n-th on, once."""

    def __init__(self) -> None:
        self.patience: int | None = None
        self.said: Counter[str] = Counter()
        self._lock = Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            if self.patience == 0:
                words = json.dumps({"error": {"message": f"{STRANGER} {asked.text}"}})
                return Reply(words.encode(), 429, {"retry-after": "4000000"})
            if self.patience:
                self.patience -= 1
            self.said[mode(asked)] += 1
        return message(asked, codes({"work_mode": mode(asked)}))


@pytest.fixture(scope="module")
def model() -> Model:
    """The model behind the endpoint."""
    return Model()


@pytest.fixture(scope="module")
def here() -> Iterator[LocalServer]:
    """A server on the keeper's machine, in clear."""
    with running(LocalServer(Manners(LIKES["llama.cpp"]))) as server:
        yield server


@pytest.fixture(scope="module")
def asking(
    tmp_path_factory: pytest.TempPathFactory, model: Model, here: LocalServer
) -> Iterator[Asking]:
    """A world before its plan was handed in."""
    ours = authority()
    pem = ours.sign()
    folder = tmp_path_factory.mktemp("asking")
    with (
        serving(pem, model) as server,
        asking_world(folder, server, ours.roots, beside=here.url) as asking,
    ):
        must("submit", asking.world.vault, asking.world.plan)
        must("approve", asking.world.vault, asking.world.plan, "--key", asking.world.key)
        yield asking


def labels(world: World, path: Path | None = None) -> Counter[str]:
    """Every session's work_mode and status, as they rest in the keeper's buckets."""
    book, found = codebook(), Counter[str]()
    names = [field.name for field in book.fields]
    plan = read_plan((path or world.plan).read_bytes())
    for bucket in unsafe_open_labels(Vault.open(world.vault), world.state, plan):
        for _, row in unpack_bucket(bucket, book):
            record = LabelRecord.decode(row, book)
            for name in ("work_mode", "status"):
                place = names.index(name)
                found[book.fields[place].labels[record.labels[place]]] += 1
    return found


def test_the_plan_tells_where_text_goes(asking: Asking) -> None:
    """Before anybody signs: endpoint, model, calls and bits."""
    world, server = asking.world, asking.server
    study = world.folder / "study.toml"
    told = must("plan", study, "--out", world.folder / "again.json")
    assert f"goes to {server.url}" in told
    assert "35.9 bits" in told
    told = must("plan", study, "--out", world.folder / "again.json", "--json")
    assert json.loads(told)["calls"] > 0
    assert json.loads(told)["endpoint"] == server.url
    assert read_plan(world.plan.read_bytes()).rater.roots == (world.folder / "roots.pem").read_text(
        encoding="ascii"
    )


def test_without_a_key_nothing_is_asked(asking: Asking) -> None:
    """The run says so before a worker starts, and can be asked again."""
    code, said = asking.classify()
    assert code == 5
    assert "ENDPOINT_NO_KEY" in said
    assert asking.server.connections == 0


def test_a_run_that_was_stopped_goes_on_where_it_stopped(asking: Asking, model: Model) -> None:
    """A busy endpoint costs no label and no session; what was labelled is not asked again."""
    world, server = asking.world, asking.server
    model.patience = 7
    code, said = asking.classify("--api-key-file", asking.key_file)
    assert code == 5
    assert "ENDPOINT_BUSY" in said
    assert sum(model.said.values()) == 7
    assert labels(world)["rated"] == 7
    assert STRANGER not in said

    model.patience = None
    assert asking.classify("--api-key-file", asking.key_file)[0] == 0
    assert sum(model.said.values()) == SESSIONS
    assert labels(world) == model.said + Counter({"rated": SESSIONS})

    before = len(server.asked)
    assert asking.classify("--api-key-file", asking.key_file)[0] == 0
    assert len(server.asked) == before


def test_a_cap_stops_a_run_and_a_higher_one_goes_on(asking: Asking) -> None:
    """
    A call costs about 140 microdollars and 3,200 at its worst: of 4,500 some sessions, not all.

    The plan with five dollars goes on with those that are left, and each was asked about once.
    """
    world, server = asking.world, asking.server
    before, plans = len(server.asked), dict[str, Path]()
    for cap in ("0.0045", "5.0"):
        path, plans[cap] = world.folder / f"{cap}.toml", world.folder / f"{cap}.json"
        path.write_text(study(server.url, more=f'view = "tail"\ndollars = {cap}\n'), "utf-8")
        must("plan", path, "--out", plans[cap])
        must("submit", world.vault, plans[cap])
        must("approve", world.vault, plans[cap], "--key", world.key)

    def classify(cap: str) -> tuple[int, str]:
        done = clerestory("classify", world.vault, plans[cap], "--api-key-file", asking.key_file)
        return done.returncode, done.stdout + done.stderr

    code, said = classify("0.0045")
    assert code == 5
    assert "ENDPOINT_SPENT" in said
    some = labels(world, plans["0.0045"])["rated"]
    assert 0 < some < SESSIONS
    assert len(server.asked) - before == some
    code, said = classify("5.0")
    assert code == 0
    assert "its labels have cost $0.0" in said
    assert "of $5.00" in said
    assert labels(world, plans["5.0"])["rated"] == SESSIONS
    assert len(server.asked) - before == SESSIONS


def test_a_second_reading_asks_once_more_under_the_same_cap(asking: Asking) -> None:
    """
    What the first reading cost counts: its 24 calls of about 140 microdollars, of 4,500.

    So not one more call, 3,200 at its worst, fits under that cap; and all do under five dollars.
    """
    world, server = asking.world, asking.server
    before = len(server.asked)
    again = '[[reading]]\nname = "again"\nshare = "1"\n'
    found = dict[str, tuple[int, int]]()
    for cap in ("0.0045", "5.0"):
        path, plan = world.folder / f"again{cap}.toml", world.folder / f"again{cap}.json"
        more = f'view = "tail"\ndollars = {cap}\n{again}'
        path.write_text(study(server.url, more=more), "utf-8")
        must("plan", path, "--out", plan)
        must("submit", world.vault, plan)
        must("approve", world.vault, plan, "--key", world.key)
        done = clerestory("classify", world.vault, plan, "--api-key-file", asking.key_file)
        found[cap] = done.returncode, len(server.asked) - before
    assert found == {"0.0045": (5, 0), "5.0": (0, SESSIONS)}


def test_a_reference_model_reads_again_and_the_release_names_both(asking: Asking) -> None:
    """Every session goes to it as well, at the same place; `verify` takes two models for two."""
    world, server = asking.world, asking.server
    path, plan = world.folder / "reference.toml", world.folder / "reference.json"
    reading = f'[[reading]]\nname = "reference"\nshare = "1"\nmodel = "{SERVED}"\n'
    path.write_text(study(server.url, more=f'view = "tail"\n{reading}'), "utf-8")
    must("plan", path, "--out", plan)
    must("submit", world.vault, plan)
    must("approve", world.vault, plan, "--key", world.key)
    before = len(server.asked)
    done = clerestory("classify", world.vault, plan, "--api-key-file", asking.key_file)
    assert done.returncode == 0, done.stderr
    models = Counter(asked.body["model"] for asked in server.asked[before:])
    assert models[SERVED] == SESSIONS
    assert set(models) <= {MODEL, SERVED}
    out = world.folder / "reference"
    must("release", world.vault, plan, "--out", out)
    told = must("verify", out)
    assert f"asked {', '.join(sorted((MODEL, SERVED)))}" in told


def test_nothing_is_kept_of_text_or_key(asking: Asking) -> None:
    """After that run; the server had all of it, which is the control."""
    world = asking.world
    words = [*canaries(world), API_KEY.encode(), STRANGER.encode()]
    had = " ".join(asked.text for asked in asking.server.asked)
    assert {word for word in words if word.decode() in had} >= set(canaries(world))
    assert {asked.headers["Authorization"] for asked in asking.server.asked} == {
        f"Bearer {API_KEY}"
    }
    for place in ("vault", "state"):
        assert found_in(world.folder / place, words) == set()
    entries = json.dumps(world.entries())
    assert "ENDPOINT" not in entries


def test_the_keepers_own_key_serves_as_well(asking: Asking, model: Model) -> None:
    """A file in its folder, for runs that are given none; the control without it is above."""
    world = asking.world
    (world.state / "endpoint.key").write_text(API_KEY, encoding="ascii")
    try:
        assert asking.classify()[0] == 0
    finally:
        (world.state / "endpoint.key").unlink()
    assert model.patience is None


def test_the_bundle_names_the_model_that_was_asked(asking: Asking) -> None:
    """Model and endpoint stand in the plan that is published, and the release verifies."""
    world = asking.world
    out = world.folder / "bundle"
    must("release", world.vault, world.plan, "--out", out)
    assert clerestory("verify", out).returncode == 0
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert plan["rater"]["endpoint"] == asking.server.url
    assert found_in(out, [*canaries(world), API_KEY.encode()]) == set()


def test_a_server_on_the_keepers_machine_labels_in_clear(asking: Asking, here: LocalServer) -> None:
    """With no key and no roots, in another label set; the plan's forecast says who reads it."""
    world, written = asking.world, asking.world.folder / "clear.json"
    path = world.folder / "clear.toml"
    path.write_text(study(here.url, SERVED, 'answers = "tool"'), encoding="utf-8")
    told = must("plan", path, "--out", written)
    assert f"goes to {here.url} on the keeper's machine, in clear" in told
    assert "in clear" in where_text_went(read_plan(written.read_bytes()))
    must("submit", world.vault, written)
    must("approve", world.vault, written, "--key", world.key)
    must("classify", world.vault, written)
    found = labels(world, written)
    assert found["rated"] == SESSIONS
    assert found["unclear"] < SESSIONS  # the control: somebody answered
    assert {asked.headers["Authorization"] for asked in here.asked} == {"Bearer none"}
    assert {"tools" in asked.body for asked in here.asked} == {True}
    assert len(here.asked) == SESSIONS


class Mixed(Batches):
    """Batches of a model that tells sessions apart; one line comes to nothing, the first time."""

    def __init__(self, looks: int) -> None:
        super().__init__(Script(), looks)
        self.taken: list[str] = []

    def take(self, body: Mapping[str, Any], url: str) -> Json:
        """Remember the names."""
        self.taken += [request["custom_id"] for request in body["requests"]]
        return super().take(body, url)

    def _line(self, request: Mapping[str, Any]) -> Json:
        params = request["params"]
        text = codes({"work_mode": mode(Asked(params, 0, {}))})
        good = {"type": "succeeded", "message": message_of(params, text)}
        is_first = request["custom_id"] == self.taken[0]
        return {
            "custom_id": request["custom_id"],
            "result": {"type": "expired"} if is_first else good,
        }


def test_batches_from_sealed_workers_and_by_another_keeper_run(
    asking: Asking, model: Model
) -> None:
    """Sent, left with exit 5, collected: the labels that calls gave, in a set of their own."""
    world, server, written = asking.world, asking.server, asking.world.folder / "batches.json"
    path, key = world.folder / "batches.toml", ("--api-key-file", asking.key_file)
    path.write_text(study(server.url, more="batches = true\n"), encoding="utf-8")
    told = must("plan", path, "--out", written)
    assert "rest there for up to 29 days" in told
    assert "29 days" in where_text_went(read_plan(written.read_bytes()))
    assert "29 days" not in where_text_went(read_plan(world.plan.read_bytes()))
    must("submit", world.vault, written)
    must("approve", world.vault, written, "--key", world.key)
    server.batches = batches = Mixed(looks=1000)
    before = len(server.asked)
    done = clerestory("classify", world.vault, written, *key)
    assert done.returncode == 5
    assert "ENDPOINT_PENDING" in done.stderr
    assert len(batches.taken) == SESSIONS
    batches._looks = 0
    for held in batches._held.values():
        held.looks = 0
    must("classify", world.vault, written, *key)
    found = labels(world, written)
    assert found == labels(world)
    assert found["rated"] == SESSIONS
    assert len(set(batches.taken)) == SESSIONS + 1  # what had expired was sent once more
    assert len(server.asked) == before + 2  # and nothing by itself
    assert not batches._held  # deleted
    assert found_in(world.folder / "state", [*canaries(world), API_KEY.encode()]) == set()


def test_ones_own_root_is_refused_where_the_floor_is_not_for_development(
    tmp_path: Path,
) -> None:
    """Whoever can write a study must not be able to name himself as the provider."""
    ours = authority()
    server: MessagesServer
    with (
        serving(ours.sign(), Model()) as server,
        asking_world(tmp_path / "world", server, ours.roots, development=False) as asking,
    ):
        done = clerestory("submit", asking.world.vault, asking.world.plan)
        assert done.returncode == 3
        assert "ROOTS_NOT_PUBLIC" in done.stderr
        assert server.connections == 0
