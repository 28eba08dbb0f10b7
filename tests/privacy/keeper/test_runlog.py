"""What is written down of runs: before a worker is given anything, and told in the release."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from privacy.custodian import Custodian
from privacy.errors import IncompleteError, VerificationError
from privacy.evidence import ANOTHER, Statement, read_statement
from privacy.keeper import workers
from privacy.keeper.runlog import RunLog, runs_of
from privacy.label_sets import label_set
from privacy.plan import Plan
from privacy.sandbox.launch import Worker, required, start
from privacy.sandbox.tiers import best_tier
from privacy.verification import verify_bundle
from tests.aggregates.rows import SHARE, small_plan
from tests.privacy.keeper.test_labelling import Edge
from tests.support.house import House, founded, opened

PLAN = small_plan(SHARE)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[House, Plan]]:
    """One sealed session and an approved plan, at the best tier of this machine."""
    with founded(tmp_path) as made, closing(Custodian(tmp_path / "vault.custodian")) as hand:
        Edge(made, hand).seal("ann", "s1")
    with opened(tmp_path, best_tier()) as made:
        olga = made.enrol("olga")
        bound = made.submit(PLAN)
        made.approve(bound, olga)
        yield made, bound


def told_by(made: House, bound: Plan) -> Statement:
    """What the release says."""
    files = made.state.release(bound.hash)
    assert files is not None
    return read_statement(files["statement.json"])


def test_a_release_tells_of_the_run_that_made_its_labels(
    house: tuple[House, Plan], tmp_path: Path
) -> None:
    """Tier, probes and code of both workers; and a stranger's verifier agrees with all of it."""
    made, bound = house
    made.ask("classify", bound)
    made.ask("release", bound)
    told = told_by(made, bound)
    assert [run.worker for run in told.runs] == ["classify", "aggregate"]
    assert not told.planted
    tier = made.keeper.desk.tier
    for run in told.runs:
        assert run.tier == tier.name
        assert set(run.probes) == {probe.name for probe in required(tier)}
        assert "open" not in run.probes.values()
        assert run.code == told.workers[run.worker]
        assert {"kernel", "landlock", "bubblewrap", "python"} <= run.host.keys()
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, data in (made.state.release(bound.hash) or {}).items():
        (folder / name).write_bytes(data)
    checks = verify_bundle(folder)
    assert [check.number for check in checks if check.holds is False] == []
    assert "1 run(s) of classify" in checks[13].found


def test_a_record_comes_before_the_first_session(
    house: tuple[House, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that breaks off has its record; the next one, being alike, adds none."""
    made, bound = house
    kinds: list[str] = []

    class BrokenError(Exception):
        """The machine stops."""

    def exchange(*_: object) -> bytes:
        kinds.extend(made.kinds())
        raise BrokenError

    monkeypatch.setattr(workers.LocalWorkers, "_exchange", exchange)
    with pytest.raises(BrokenError):
        made.ask("classify", bound)
    assert kinds[-2:] == ["labels", "run"]
    monkeypatch.undo()
    made.ask("classify", bound)
    assert made.kinds().count("run") == 1
    record = made.entries("run")[0].body
    assert record["set"] == label_set(bound, made.vault.floor.hash)
    path = made.state.folder / "runs" / f"{record['digest']}.json"
    assert sha256(path.read_bytes()).hexdigest() == record["digest"]


@pytest.mark.parametrize("folder", ["runs", "code"])
def test_a_record_that_was_changed_or_lost_stops_the_release(
    house: tuple[House, Plan], folder: str
) -> None:
    """Before the charge: a release that cannot tell how its labels were made is not made."""
    made, bound = house
    made.ask("classify", bound)
    (path,) = (made.state.folder / folder).iterdir()
    good = path.read_bytes()
    for data in (good.replace(b"a", b"b", 1), good[:-1], b"[]", b"{}", b"", None):
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(VerificationError, match="RUN_CHANGED") as error:
            made.ask("release", bound)
        assert f"{folder}/" in error.value.found
        assert "charge" not in made.kinds()
        path.write_bytes(good)
    made.ask("release", bound)


def test_the_model_that_answered_is_told_in_the_plans_words(house: tuple[House, Plan]) -> None:
    """Once for each answer; a name that nobody asked for is not repeated."""
    made, bound = house
    plan = replace(bound, rater=replace(bound.rater, model="opus"))
    desk = made.keeper.desk
    log_of = RunLog(made.state, desk.floor, plan, desk.workshop.classify, "5" * 64)
    log_of.answered("opus")
    assert made.entries("run") == []  # nobody has run yet
    kind = desk.workshop.classify
    with start(desk.tier, kind.code, kind.module, bound.canonical) as worker:
        log_of.saw(worker)
    for name in ("opus", "opus", "zephyrquince", "opus"):
        log_of.answered(name)
    runs = runs_of(made.state, "5" * 64)
    assert [run.answered for run in runs] == ["", "opus", ANOTHER]
    assert {run.asked for run in runs} == {"opus"}
    everything = b"".join(path.read_bytes() for path in (made.state.folder / "runs").iterdir())
    assert b"zephyrquince" not in everything
    assert "zephyrquince" not in json.dumps([entry.line.decode() for entry in made.entries()])


def test_a_worker_that_is_refused_is_given_no_session(
    house: tuple[House, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at it says no; then nothing is wrapped to its key."""
    made, bound = house
    given: list[object] = []

    def refuse(_: RunLog, worker: Worker) -> None:
        raise IncompleteError("REFUSED_HERE", rule="r.", found=f"{worker.tier}.", remedy="x.")

    monkeypatch.setattr(RunLog, "saw", refuse)
    monkeypatch.setattr(workers.LocalWorkers, "_exchange", lambda *_: given.append(1))
    with pytest.raises(IncompleteError, match="REFUSED_HERE"):
        made.ask("classify", bound)
    assert given == []
