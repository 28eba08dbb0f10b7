"""A statement that contradicts itself, its plan, its floor or its ledger is found out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from privacy.checkpoint import Checkpoint
from privacy.consistency import (
    FEWEST_PROBES,
    StepError,
    check_bound,
    checkpoints,
    hardware,
    model,
    mounted,
    runs,
)
from privacy.errors import RefusedError
from privacy.evidence import ANOTHER, Run, Statement, read_statement
from privacy.mounted import both_hash, code_hash
from privacy.plan import Plan
from privacy.second import Reading
from privacy.signing import SigningKey
from tests.aggregates.rows import RATE, SHARE, small_plan
from tests.support.house import House, planted

PROBED = {f"attempt {number}": "blocked" for number in range(FEWEST_PROBES)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Plan, Statement]]:
    """A house with two releases, and the statement of the second."""
    with planted(tmp_path_factory.mktemp("v"), accounts=60, sessions=80) as house:
        author = house.enrol("a@example.org")
        for plan in (small_plan(SHARE), small_plan(RATE)):
            bound = house.submit(plan)
            house.approve(bound, author)
            house.ask("release", bound)
        yield house, bound, told_by(house, bound)


def told_by(house: House, bound: Plan) -> Statement:
    """The statement of a release."""
    files = house.state.release(bound.hash)
    assert files is not None
    return read_statement(files["statement.json"])


def labelled(told: Statement, **changes: Any) -> Statement:  # noqa: ANN401
    """The statement with a run of the classify worker before the others, at T1 as they are."""
    last = replace(told.runs[-1], tier="T1", probes=PROBED)
    run = replace(last, worker="classify", code=told.workers["classify"])
    return replace(told, tier="T1", planted=False, runs=(replace(run, **changes), last))


def found(check: Callable[..., object], *arguments: object) -> str:
    """What a step says that does not hold."""
    with pytest.raises(StepError) as failure:
        check(*arguments)
    return str(failure.value)


def test_the_statement_of_a_real_release_agrees(made: tuple[House, Plan, Statement]) -> None:
    """The control of everything below, for each step."""
    house, plan, told = made
    check_bound(told, plan)
    assert "parts for classify" in mounted(told)
    assert "planted labels" in runs(told, plan, house.vault.floor)
    assert "asks no model" in model(told, plan)
    assert "follows the release" in checkpoints(
        told, house.vault.floor, house.state.signing.public_raw
    )
    assert hardware(told, house.vault.floor) == "none is demanded"
    assert "1 run(s) of classify" in runs(labelled(told), plan, house.vault.floor)


def test_releases_name_the_one_before(made: tuple[House, Plan, Statement]) -> None:
    """So that a release that was made and hidden is missing from the next one's words."""
    house, second, told = made
    first = next(plan for plan in house.state.plans() if plan != second)
    files = house.state.release(first.hash)
    assert files is not None
    assert told_by(house, first).previous == ""
    assert told.previous == sha256(files["SHA256SUMS"]).hexdigest()


@pytest.mark.parametrize("name", ["floor", "policy", "code", "codebook", "prompts"])
def test_a_run_under_something_else_is_found(
    made: tuple[House, Plan, Statement], name: str
) -> None:
    """Each by its name."""
    _, plan, told = made
    other: dict[str, Any] = {name: "0" * 64}
    assert f"another {name} than" in found(check_bound, replace(told, **other), plan)
    assert "another plan" in found(check_bound, replace(told, plan="0" * 64), plan)
    assert "another plan" in found(check_bound, told, replace(plan, binding=None))


def test_parts_make_the_code_and_nothing_else_does(made: tuple[House, Plan, Statement]) -> None:
    """One byte of one part of what was mounted, a part more, code that nobody tells of."""
    _, _, told = made
    code = told.workers["aggregate"]
    parts = dict(told.parts[code])

    def with_parts(**changes: str) -> Statement:
        return replace(told, parts={**told.parts, code: {**parts, **changes}})

    for changed in (
        with_parts(**{"code/aggregates": "0" * 64}),
        with_parts(**{"deps/more": "0" * 64}),
    ):
        assert "do not make the code" in found(mounted, changed)
    newer = code_hash({**parts, "code/aggregates": "0" * 64})
    swapped = {"classify": told.workers["aggregate"], "aggregate": told.workers["classify"]}
    for workers in ({**told.workers, "aggregate": newer}, swapped):
        assert "do not make the plan's" in found(mounted, replace(told, workers=workers))
    assert "other workers" in found(mounted, replace(told, workers={**told.workers, "third": code}))
    fewer = {name: list_of for name, list_of in told.parts.items() if name != code}
    more = {**told.parts, code_hash({"x": "y"}): {"x": "y"}}
    for listed in (fewer, more):
        assert "not told of" in found(mounted, replace(told, parts=listed))
    elsewhere = labelled(told, code="0" * 64)
    assert "not told of" in found(mounted, elsewhere)
    assert both_hash(*(told.workers[name] for name in ("classify", "aggregate"))) == told.code


def test_runs_that_do_not_make_the_release_are_found(
    made: tuple[House, Plan, Statement],
) -> None:
    """None, two, by other code, of another plan, or labels that came from nowhere."""
    house, plan, told = made
    floor, last = house.vault.floor, told.runs[-1]

    def says(*made_by: Run, **changes: Any) -> str:  # noqa: ANN401
        return found(runs, replace(told, runs=made_by, **changes), plan, floor)

    assert "no run that made the tables" in says()
    assert "no run that made the tables" in says(replace(last, plan="0" * 64))
    assert "no run that made the tables" in says(last, replace(last, worker="classify"))
    assert "other code" in says(replace(last, code="0" * 64))
    assert "more than one run" in says(last, last)
    assert "no run that made the labels" in says(last, planted=False)


def test_isolation_is_no_better_than_its_worst_run(made: tuple[House, Plan, Statement]) -> None:
    """Probes that are missing, open or fewer; a tier that is claimed and was not there."""
    house, plan, told = made
    floor = house.vault.floor
    good = labelled(told)
    first, last = good.runs
    few = dict(list(PROBED.items())[1:])

    def says(statement: Statement, under: Any = floor) -> str:  # noqa: ANN401
        return found(runs, statement, plan, under)

    for place, name in ((0, "classify"), (1, "aggregate")):
        for probes in ({}, few):
            both = [first, last]
            both[place] = replace(both[place], probes=probes)
            assert f"a {name} worker" in says(replace(good, runs=tuple(both)))
    leaking = replace(first, probes={**PROBED, "fork": "open"})
    assert "ways out: fork" in says(replace(good, runs=(leaking, last)))
    more = replace(first, probes={**PROBED, "fork": "blocked"})
    assert "probed differently" in says(replace(good, runs=(more, last)))
    assert "a claim of T2" in says(replace(good, tier="T2"))
    naked = replace(first, tier="T0", probes={})
    assert "a claim of T1" in says(replace(good, runs=(naked, last)))
    assert "at T1 where the floor demands T2" in says(good, replace(floor, tier="T2"))


SDK = {"deps/anthropic-2.11.0.dist-info/METADATA": "e" * 64}


def asking(
    told: Statement,
    plan: Plan,
    *,
    sdk: bool = True,
    **changes: Any,  # noqa: ANN401
) -> tuple[Statement, Plan]:
    """A release whose labels a model gave."""
    parts = {**told.parts[told.workers["classify"]], **(SDK if sdk else {})}
    code = code_hash(parts)
    run = {"asked": "opus", "answered": "opus", "code": code, **changes}
    statement = labelled(told, **run)
    return (
        replace(statement, parts={**told.parts, code: parts}),
        replace(plan, rater=replace(plan.rater, model="opus")),
    )


def test_the_model_is_the_plans_and_its_sdk_was_mounted(
    made: tuple[House, Plan, Statement],
) -> None:
    """Asked and answered, by a package of which the hash is told."""
    _, plan, told = made
    assert model(*asking(told, plan)) == "asked opus, answered opus, by anthropic 2.11.0"
    for changes, says in (
        ({"asked": "haiku"}, "another model was asked"),
        ({"asked": ""}, "another model was asked"),
        ({"answered": ANOTHER}, "another model answered"),
        ({"answered": ""}, "no model said"),
        ({"sdk": False}, "was not mounted"),
    ):
        assert says in found(model, *asking(told, plan, **changes))
    statement, asked = asking(told, plan)
    reading = Reading("again", "1", replace(asked.rater, model="haiku"))
    both = replace(asked, readings=(reading,))
    other = asking(told, plan, asked="haiku", answered="haiku")[0]
    together = replace(statement, runs=(other.runs[0], *statement.runs))
    assert model(together, both).startswith("asked haiku, opus, answered haiku, opus")
    nobody = asking(told, plan, asked="haiku", answered="")[0]
    empty = replace(statement, runs=(nobody.runs[0], *statement.runs))
    assert model(empty, both).startswith("asked haiku, opus, answered opus")
    for alone in (statement, other):
        assert "that no run asked" in found(model, alone, both)
        assert model(replace(alone, planted=True), both)
    crossed = asking(told, plan, asked="haiku", answered="opus")[0]
    assert "another model answered" in found(model, crossed, both)
    stranger = asking(told, plan, asked="sonnet", answered="sonnet")[0]
    assert "another model was asked" in found(model, stranger, both)
    assert "the plan names none" in found(model, labelled(told, answered=ANOTHER), plan)
    assert "another model was asked" in found(model, labelled(told, asked="opus"), plan)


def test_checkpoints_lie_around_the_charge(made: tuple[House, Plan, Statement]) -> None:
    """In this order, in this vault's ledger, by this keeper, with room for a charge."""
    house, _, told = made
    floor, key = house.vault.floor, house.state.signing
    origin = f"clerestory/{floor.vault}"

    def says(before: Checkpoint | str, after: Checkpoint | str, previous: str = "") -> str:
        notes = [note if isinstance(note, str) else note.sign(key) for note in (before, after)]
        spoilt = replace(
            told, checkpoint_before=notes[0], checkpoint_after=notes[1], previous=previous
        )
        return found(checkpoints, spoilt, floor, key.public_raw)

    here, later = Checkpoint(origin, 5, bytes(32)), Checkpoint(origin, 7, bytes(32))
    assert "no room" in says(later, here)
    assert "no room" in says(here, here)
    assert "no room" in says(replace(later, size=6), later)
    assert "another vault" in says(replace(here, origin="clerestory/x"), later)
    assert "another key" in says(here.sign(SigningKey.generate()), later)
    assert "another form" in says("", later)
    for previous in ("x", "0" * 63, "G" * 64):
        assert "a release before" in says(here, later, previous=previous)


def test_a_floors_hardware_is_looked_for_in_every_run(
    made: tuple[House, Plan, Statement],
) -> None:
    """A release that brings no document where one is due does not verify."""
    pytest.importorskip("cbor2", reason="cbor2 is missing: pip install 'clerestory[nitro]'")
    house, _, told = made
    demanding = replace(house.vault.floor, hardware={"PCR0": "01" * 48})
    for statement in (told, labelled(told)):
        with pytest.raises(RefusedError, match="HARDWARE_EVIDENCE_MISSING"):
            hardware(statement, demanding)


def test_nodes_are_told_of_and_were_enrolled(made: tuple[House, Plan, Statement]) -> None:
    """Sums of a stranger's machine, of another plan or code, or a custody that was not."""
    house, plan, told = made
    floor, east = house.vault.floor, "SHA256:east"
    far = replace(told.runs[-1], node=east, custody="separate-user")

    def summed(**changes: Any) -> Statement:  # noqa: ANN401
        return replace(told, runs=(replace(far, **changes), told.runs[-1]))

    enrolled = frozenset({east})
    assert f"on the nodes {east}, too" in runs(summed(), plan, floor, enrolled)
    assert "does not name" in found(runs, summed(), plan, floor)
    assert "does not name" in found(runs, summed(node="SHA256:west"), plan, floor, enrolled)
    assert "more than one run" in found(runs, summed(node=""), plan, floor, enrolled)
    for changes in ({"plan": "0" * 64}, {"code": "0" * 64}):
        assert "another plan, or by other code" in found(
            runs, summed(**changes), plan, floor, enrolled
        )
    assert "no run that made the tables" in found(
        runs, replace(told, runs=(*told.runs, far)), plan, floor, enrolled
    )
    apart = replace(summed(custody="same-user"), custody="separate-user")
    assert "a node that had none" in found(runs, apart, plan, floor, enrolled)
    assert runs(replace(summed(), custody="separate-user"), plan, floor, enrolled)
