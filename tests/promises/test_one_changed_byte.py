"""
Promise: a byte changed between submission and release stops the next step, and is named.

Rows are things: plan, stored plan, policy, floor, codebook, prompts, code of either worker, an
approval's signature, a label bucket, a stored bundle.  Columns are steps: after submission
(`approve`), after approval and before labels (`classify`), between labels and release
(`release`), and in the bundle (`verify`).  Where a thing is not there yet at a step, the table
says so.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clerestory.keeping import running_keeper
from privacy.errors import ClerestoryError
from privacy.keeper.bundles import sign_bundle
from privacy.keeper.client import ask
from privacy.keeper.desk import Desk
from privacy.keeper.service import Keeper
from privacy.keeper.state import State
from privacy.label_sets import label_set
from privacy.plan import Plan
from privacy.sandbox.tiers import Tier
from privacy.signing import SigningKey
from privacy.vault import Vault
from privacy.verification import verify_bundle
from tests.aggregates.rows import SHARE, small_plan
from tests.support.copied import changed, copy_packages, workshop_of
from tests.support.house import House, opened, planted

PLAN = small_plan(SHARE)
STEPS = ("approve", "classify", "release")
GIVEN = {"charge", "key", "release", "labels", "run"}
"""Kinds of entries that say that something was done."""


@dataclass(frozen=True)
class Place:
    """A house whose workers are mounted from a copy, with a plan that nobody has spoilt."""

    house: House
    bound: Plan
    officer: SigningKey
    packages: Path

    @property
    def vault(self) -> Path:
        return self.house.vault.folder

    @property
    def instrument(self) -> Path:
        return self.packages / "privacy/instruments/work_mode.toml"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Planted labels; one plan that is approved and one that is only submitted."""
    folder = tmp_path_factory.mktemp("house")
    with planted(folder, accounts=60, sessions=80):
        pass
    packages = copy_packages(folder / "site")
    vault = Vault.open(folder / "vault")
    state = State(folder / "state", vault)
    with closing(state):
        keeper = Keeper(Desk(vault, state, workshop_of(packages), Tier.T0))
        house = House(folder, vault, state, keeper)
        officer = house.enrol("a@example.org")
        bound = house.submit(PLAN)
        house.approve(bound, officer)
        yield Place(house, bound, officer, packages)


Spoil = Callable[[Place], AbstractContextManager[object]]


@contextmanager
def signature_changed(place: Place) -> Iterator[None]:
    """One character of the approval that stands in the ledger, by somebody who can write it."""
    path = place.house.state.folder / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        query = "SELECT seq, line FROM entry WHERE kind = 'approval'"
        ((seq, good),) = database.execute(query).fetchall()
        cut = good.index(b"\\n", good.index(b"BEGIN SSH")) + 120
        spoilt = good[:cut] + (b"A" if good[cut : cut + 1] != b"A" else b"B") + good[cut + 1 :]
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        held = triggers.fetchall()
        for name, _ in held:
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE entry SET line = ? WHERE seq = ?", (spoilt, seq))
        try:
            yield
        finally:
            database.execute("UPDATE entry SET line = ? WHERE seq = ?", (good, seq))
            for _, sql in held:
                database.execute(sql)


def bucket_of(place: Place) -> Path:
    """One sealed bucket of the plan's labels."""
    name = label_set(place.bound, place.house.vault.floor.hash)
    return next(iter(sorted(place.house.vault.label_folder(name).iterdir())))


def middle(path: Path) -> AbstractContextManager[None]:
    """One byte in the middle of a file."""
    data = path.read_bytes()
    at = len(data) // 2
    return changed(path, data[: at + 1], data[:at] + bytes([data[at] ^ 1]))


THINGS: dict[str, tuple[Spoil, str, str, tuple[str, ...]]] = {
    "policy": (
        lambda p: changed(p.vault / "policy.toml", b"period_days = 365", b"period_days = 364"),
        "POLICY_CHANGED",
        "policy.toml",
        STEPS,
    ),
    "floor": (
        lambda p: changed(p.vault / "floor.json", b'"retention_days":365', b'"retention_days":366'),
        "FLOOR_CHANGED",
        "floor.json",
        STEPS,
    ),
    "stored plan": (
        lambda p: middle(p.house.state.folder / "plans" / f"{p.bound.hash}.json"),
        "PLAN_FILE_CHANGED",
        "plan",
        STEPS,
    ),
    "prompts": (lambda p: middle(p.instrument), "CODE_CHANGED", "code/privacy", STEPS),
    "codebook": (
        lambda p: middle(p.packages / "privacy/codebook.py"),
        "CODE_CHANGED",
        "code/privacy",
        STEPS,
    ),
    "code of classify": (
        lambda p: middle(p.packages / "classifiers/worker.py"),
        "CODE_CHANGED",
        "code/classifiers",
        STEPS,
    ),
    "code of aggregate": (
        lambda p: middle(p.packages / "aggregates/kernel.py"),
        "CODE_CHANGED",
        "code/aggregates",
        STEPS,
    ),
    # An approval is not there before it is given.
    "approval": (signature_changed, "LEDGER_BROKEN", "at position", ("classify", "release")),
    # Labels are read by the release alone; `classify` adds to buckets that it holds against
    # their hashes in the same way (tests/privacy/keeper/test_state.py).
    "label bucket": (lambda p: middle(bucket_of(p)), "BUCKET_CHANGED", ".sealed", ("release",)),
}
"""Thing → how it is changed, the refusal's code, what it names, and at which steps."""


def refusal(place: Place, step: str, plan: bytes) -> ClerestoryError:
    """How a step is refused."""
    house = place.house
    signature = place.officer.sign(place.bound.canonical, "clerestory-plan")
    request = {"plan": plan.decode(), "custody": "same-user", "signature": signature}
    with pytest.raises(ClerestoryError) as refused:
        house.keeper.ask(step, request, lambda _, __: None)
    return refused.value


@pytest.fixture(autouse=True)
def nothing_is_given(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever was refused: no charge, no key, no labels, no release came of it."""
    if "place" not in request.fixturenames or "released" in request.fixturenames:
        yield
        return
    house = request.getfixturevalue("place").house
    before = [kind for kind in house.kinds() if kind in GIVEN]
    yield
    assert [kind for kind in house.kinds() if kind in GIVEN] == before


@pytest.mark.parametrize(
    ("thing", "step"), [(thing, step) for thing, row in THINGS.items() for step in row[3]]
)
def test_a_changed_byte_stops_the_step_and_is_named(place: Place, thing: str, step: str) -> None:
    """While the keeper runs: in the vault, in the state, in what would be mounted."""
    spoil, code, named, _ = THINGS[thing]
    with spoil(place):
        error = refusal(place, step, place.bound.canonical)
    assert (error.code, error.step) == (code, step)
    assert named in error.found
    assert error.to_json()["step"] == step


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("where", ["purpose", "minimum", "codebook", "prompts"])
def test_a_changed_byte_of_the_plan_is_another_plan(place: Place, where: str, step: str) -> None:
    """Also where it is the hash of something else that it carries."""
    plan = place.bound.canonical
    place_of = {
        "purpose": plan.index(b'"purpose":"') + 12,
        "minimum": plan.index(b'"minimum_accounts":') + 20,
        "codebook": plan.index(b'"codebook":"') + 20,
        "prompts": plan.index(b'"prompts":"') + 20,
    }[where]
    byte = b"1" if plan[place_of : place_of + 1] != b"1" else b"2"
    error = refusal(place, step, plan[:place_of] + byte + plan[place_of + 1 :])
    assert (error.code, error.step) == ("PLAN_UNKNOWN", step)
    assert "plan" in error.found


def test_after_a_restart_the_same_bytes_are_named(place: Place, tmp_path: Path) -> None:
    """A keeper that starts on other code hashes it anew: then the plan is stale, part by part."""
    house = place.house
    for path, code in (
        (place.packages / "classifiers/worker.py", "PLAN_STALE_CODE"),
        (place.packages / "aggregates/kernel.py", "PLAN_STALE_CODE"),
    ):
        with comment_changed(path):
            desk = Desk(house.vault, house.state, workshop_of(place.packages), Tier.T0)
            for step in STEPS:
                spoilt = replace(place, house=replace(house, keeper=Keeper(desk)))
                error = refusal(spoilt, step, place.bound.canonical)
                assert (error.code, error.step) == (code, step)
                assert error.found.endswith("a change of: code.")


def comment_changed(path: Path) -> AbstractContextManager[None]:
    """One byte of a module's docstring: it still runs."""
    data = path.read_bytes()
    word = re.search(rb'"""\n(\w)', data)
    assert word
    return changed(path, data[: word.end()], data[: word.end() - 1] + b"_")


@pytest.fixture(scope="module")
def released(place: Place) -> tuple[Place, dict[str, bytes]]:
    """
    The control, after everything that was tried above: the unchanged plan runs.

    Classified first, as a plan is; then its bundle's files, unsigned.
    """
    house, bound = place.house, place.bound
    assert house.ask("classify", bound)["standing"] == "approved"
    assert house.ask("release", bound)["standing"] == "released"
    files = house.state.release(bound.hash)
    assert files is not None
    return place, {n: data for n, data in files.items() if not n.startswith("SHA256SUMS")}


def steps_that_fail(folder: Path, place: Place, files: dict[str, bytes]) -> set[int]:
    """Numbers of the steps of `verify` that fail when the keeper's own key signs."""
    folder.mkdir()
    for name, data in sign_bundle(files, place.house.state).items():
        (folder / name).write_bytes(data)
    return {check.number for check in verify_bundle(folder) if check.holds is False}


BUNDLED: dict[str, tuple[str, bytes, bytes, set[int]]] = {
    "nothing": ("README.txt", b"", b"", set()),
    "plan": ("plan.json", b'"purpose":"To', b'"purpose":"Ta', {5, 9, 14}),
    "policy": ("policy.toml", b"period_days = 365", b"period_days = 364", {9}),
    "floor": ("floor.json", b'"retention_days":365', b'"retention_days":366', {8}),
    "codebook": ("codebook.json", b"What is the", b"What iz the", {6}),
    "code": ("statement.json", b'"code":"', b'"cod3":"', {5}),
    "approval": ("approval-1.sig", b"\nU1NI", b"\nU1NJ", {9}),
    "checkpoint": ("checkpoint.txt", b"clerestory/", b"clerestary/", {10}),
}
"""Thing → its file in the bundle, what becomes what, and steps that must fail."""


@pytest.mark.parametrize("thing", BUNDLED)
def test_a_changed_byte_in_the_bundle_fails_its_step(
    released: tuple[Place, dict[str, bytes]], tmp_path: Path, thing: str
) -> None:
    """Signed anew by the keeper's own key, so that only what is said contradicts itself."""
    place, files = released
    name, old, new, due = BUNDLED[thing]
    assert old in files[name]
    spoilt = {**files, name: files[name].replace(old, new, 1)}
    found = steps_that_fail(tmp_path / "bundle", place, spoilt)
    assert due <= found
    assert bool(due) == bool(found)


def test_a_changed_byte_of_a_stored_bundle_is_not_handed_out(
    released: tuple[Place, dict[str, bytes]],
) -> None:
    """Who asks again gets what was released, or hears which file is not it."""
    place, files = released
    folder = place.house.state.folder / "releases" / place.bound.hash
    for name in (*files, "SHA256SUMS", "SHA256SUMS.sig"):
        with middle(folder / name):
            error = refusal(place, "release", place.bound.canonical)
        assert (error.code, error.step) == ("BUNDLE_CHANGED", "release")
        assert name in error.found
    assert place.house.ask("release", place.bound)["standing"] == "released"


def test_a_real_keeper_on_changed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of their own: a byte of an instrument, of code, while it runs, and then none."""
    with planted(tmp_path, accounts=60, sessions=80) as made:
        officer = made.enrol("a@example.org")
        bound = made.submit(PLAN)
        made.approve(bound, officer)
    packages = copy_packages(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    vault = Vault.open(tmp_path / "vault")

    def told(verb: str) -> ClerestoryError:
        with pytest.raises(ClerestoryError) as refused:
            ask(vault, verb, plan=bound.canonical.decode())
        return refused.value

    instrument = packages / "privacy/instruments/work_mode.toml"
    blank = changed(instrument, b"question = ", b"question =\t")  # the same TOML in other bytes
    with blank, running_keeper(vault.folder, tmp_path / "state"):
        error = told("classify")
    assert (error.code, error.step) == ("PLAN_STALE_CODE", "classify")

    word = re.search(rb"[Ww]hat", instrument.read_bytes())
    assert word
    asked = changed(instrument, word[0], word[0][:-1] + b"d")
    with asked, running_keeper(vault.folder, tmp_path / "state"):
        error = told("release")
    assert (error.code, error.step) == ("PLAN_STALE_PROMPTS", "release")
    assert error.found.endswith("a change of: prompts, codebook, code.")

    with running_keeper(vault.folder, tmp_path / "state"):
        with middle(packages / "aggregates/kernel.py"):
            error = told("release")
        assert (error.code, error.step) == ("CODE_CHANGED", "release")
        assert "code/aggregates" in error.found
        assert ask(vault, "release", plan=bound.canonical.decode())["standing"] == "released"
    with opened(tmp_path) as again:
        assert again.kinds().count("charge") == 1
