"""Promise: what runs is the plan that was signed; any other is refused at every step."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.errors import ClerestoryError, VerificationError
from privacy.plan import Plan
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import House, opened, planted
from tests.support.world import World, clerestory

PLAN = small_plan(SHARE)
DATA = PLAN.canonical
ACTS = {"charge", "key", "release", "labels", "approval"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Plan]]:
    """Planted labels, and a plan that was approved and not yet released."""
    with planted(tmp_path_factory.mktemp("signed")) as made:
        author = made.enrol("a@example.org")
        bound = made.submit(PLAN)
        made.approve(bound, author)
        yield made, bound


def refused(made: House, verb: str, data: bytes, **request: str) -> str:
    """The code under which a request with an edited plan is turned down; nothing happens."""
    before = [kind for kind in made.kinds() if kind in ACTS]
    asked = {"plan": data.decode(), "custody": "same-user", **request}
    with pytest.raises(ClerestoryError) as refusal:
        made.keeper.ask(verb, asked, lambda _, __: None)
    assert [kind for kind in made.kinds() if kind in ACTS] == before
    return refusal.value.code


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    verb=st.sampled_from(["approve", "classify", "release"]),
    form=st.sampled_from(["bound", "unbound"]),
    place=st.integers(0, 10**6),
    flip=st.integers(1, 255),
)
def test_a_plan_with_one_changed_byte_does_nothing(
    house: tuple[House, Plan],
    verb: str,
    form: str,
    place: int,
    flip: int,
) -> None:
    """Neither the researcher's file nor the bound one."""
    made, signed = house
    changed = bytearray(signed.canonical if form == "bound" else DATA)
    changed[place % len(changed)] ^= flip
    text = changed.decode("utf-8", "replace").encode()
    if replace_binding_only(signed, text):
        return  # the binding is the keeper's: a request's own is not looked at
    signature = made.entries("approval")[0].body["signature"]
    code = refused(made, verb, text, signature=signature)
    assert code in {"PLAN_UNREADABLE", "PLAN_FORMAT", "PLAN_UNKNOWN"}


def replace_binding_only(signed: Plan, changed: bytes) -> bool:
    """Whether an edit touches nothing but the binding."""
    try:
        data = json.loads(changed)
    except ValueError:
        return False
    return isinstance(data, dict) and {**data, "binding": None} == json.loads(
        replace(signed, binding=None).canonical
    )


def edits() -> dict[str, Plan]:
    """The same plan with one field edited, each to somebody's advantage."""
    privacy, query = PLAN.privacy, PLAN.queries[0]
    return {
        "fewer accounts": replace(PLAN, privacy=replace(privacy, minimum_accounts=19)),
        "as few as allowed": replace(PLAN, privacy=replace(privacy, minimum_accounts=20, z=4.0)),
        "more noise-free": replace(PLAN, queries=(replace(query, sigma=query.sigma * 0.99),)),
        "more months": replace(PLAN, population=replace(PLAN.population, months=("2025-10",))),
        "another purpose": replace(PLAN, study=replace(PLAN.study, purpose="Who works hard")),
        "other authors": replace(PLAN, study=replace(PLAN.study, authors=("x@example.org",))),
        "another base": replace(PLAN, tables=(replace(PLAN.tables[0], base="everybody"),)),
        "another forecast": replace(PLAN, forecast=replace(PLAN.forecast, cells=1)),
    }


@pytest.mark.parametrize("name", edits())
def test_an_edited_plan_is_another_plan_at_every_step(house: tuple[House, Plan], name: str) -> None:
    """Approve, classify and release know only what was submitted."""
    made, _ = house
    edited = edits()[name]
    signature = made.entries("approval")[0].body["signature"]
    for verb in ("plan", "approve", "revoke", "classify", "release"):
        code = refused(made, verb, edited.canonical, signature=signature)
        assert code == "PLAN_UNKNOWN", verb


@pytest.mark.parametrize("name", edits())
def test_an_edit_inside_the_keepers_folder_is_not_approved(tmp_path: Path, name: str) -> None:
    """Who can write the stored plan still has no signature for it."""
    with planted(tmp_path, accounts=60, sessions=80) as made:
        author = made.enrol("a@example.org")
        bound = made.submit(PLAN)
        made.approve(bound, author)
        edited = edits()[name].bind(bound.binding)  # type: ignore[arg-type]
        path = made.state.folder / "plans" / f"{bound.hash}.json"
        path.write_bytes(edited.canonical)
        for given_plan in (edited, bound, PLAN):
            code = refused(made, "release", given_plan.canonical)
            assert code == "PLAN_FILE_CHANGED"
        path.write_bytes(bound.canonical)
        assert made.ask("release", bound)["standing"] == "released"


def test_a_stored_plan_cut_short_stops_in_our_words(tmp_path: Path) -> None:
    """And a restart with the whole one goes on."""
    with planted(tmp_path, accounts=60, sessions=80) as made:
        author = made.enrol("a@example.org")
        bound = made.submit(PLAN)
        made.approve(bound, author)
        path = made.state.folder / "plans" / f"{bound.hash}.json"
        path.write_bytes(bound.canonical[:-10])
        assert refused(made, "release", bound.canonical) == "PLAN_FILE_CHANGED"
        path.write_bytes(bound.canonical)
    with opened(tmp_path) as again:
        assert again.ask("release", bound)["standing"] == "released"


def test_an_approval_moved_to_another_plan_is_none(tmp_path: Path) -> None:
    """Not handed in, and not written into the ledger by somebody who can."""
    other = replace(PLAN, study=replace(PLAN.study, purpose="Who works hard"))
    with planted(tmp_path, accounts=60, sessions=80) as made:
        author = made.enrol("a@example.org")
        bound, bound_other = made.submit(PLAN), made.submit(other)
        made.approve(bound, author)
        body = dict(made.entries("approval")[0].body)
        code = refused(made, "approve", other.canonical, signature=body["signature"])
        assert code == "SIGNATURE_INVALID"
        assert refused(made, "release", other.canonical) == "NOT_APPROVED"

        made.state.ledger.append("approval", {**body, "plan": bound_other.hash})
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            made.ask("release", other)
        assert "charge" not in made.kinds()
        assert made.ask("release", bound)["standing"] == "released"
        files = made.state.release(bound.hash)
        assert files is not None
        assert files["plan.json"] == bound.canonical


def test_the_signed_one_runs(house: tuple[House, Plan]) -> None:
    """The control, after everything that was tried above: one charge, one release."""
    made, bound = house
    assert made.ask("release", PLAN)["standing"] == "released"
    assert [kind for kind in made.kinds() if kind in ACTS] == [
        "approval", "charge", "key", "release",
    ]  # fmt: skip
    assert made.entries("charge")[0].body["plan"] == bound.hash


def test_an_edited_file_on_the_command_line(released: World, tmp_path: Path) -> None:
    """Exit 3 with the code and what to do; the file as it was gives the bundle again."""
    edited = tmp_path / "plan.json"
    text = released.plan.read_text()
    assert '"minimum_accounts":20' in text
    edited.write_text(text.replace('"minimum_accounts":20', '"minimum_accounts":19', 1))
    for command in ("classify", "release"):
        more = ("--out", tmp_path / "out") if command == "release" else ()
        done = clerestory(command, released.vault, edited, *more)
        assert done.returncode == 3, done.stderr
        assert "PLAN_UNKNOWN" in done.stderr
        assert "submit" in done.stderr
    assert not (tmp_path / "out").exists()
    edited.write_text(text)
    assert clerestory("release", released.vault, edited, "--out", tmp_path / "out").returncode == 0
