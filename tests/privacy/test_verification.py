"""The checklist: each step fails for its own reason, also when the right key signed it."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from privacy.checkpoint import Checkpoint
from privacy.errors import ConfigurationError
from privacy.keeper.bundles import sign_bundle
from privacy.plan import Plan, read_plan
from privacy.signing import SigningKey
from privacy.verification import verify_bundle
from tests.aggregates.rows import RATE, SHARE, small_plan
from tests.support.house import House, planted

Files = dict[str, bytes]
Change = Callable[[Files], object]

TITLES = 18


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Files]]:
    """A house and the files of its release, unsigned: to be spoilt and signed anew."""
    with planted(tmp_path_factory.mktemp("v"), accounts=1500, sessions=2000) as house:
        author = house.enrol("a@example.org")
        bound = house.submit(small_plan(SHARE, RATE))
        house.approve(bound, author)
        house.ask("release", bound)
        files = house.state.release(bound.hash)
        assert files is not None
        yield house, {n: data for n, data in files.items() if not n.startswith("SHA256SUMS")}


def written(folder: Path, files: Files) -> Path:
    """The files as a bundle's folder."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def failing(folder: Path, made: tuple[House, Files], change: Change) -> list[int]:
    """Which steps fail when the keeper's own key signs changed files."""
    house, files = made
    changed = dict(files)
    change(changed)
    checks = verify_bundle(written(folder / "b", sign_bundle(changed, house.state)))
    return [check.number for check in checks if check.holds is False]


def plan_of(files: Files) -> Plan:
    """The bundle's plan."""
    return read_plan(files["plan.json"])


def tell(files: Files, **more: object) -> None:
    """Change the statement."""
    files["statement.json"] = rfc8785.dumps({**json.loads(files["statement.json"]), **more})  # type: ignore[dict-item]


BLOCKED = {f"attempt {number}": "blocked" for number in range(40)}
"""What a worker says that was probed enough."""


def in_run(place: int, **changes: object) -> Change:
    """Change what the statement says of one run, and of the weakest tier with it."""

    def change(files: Files) -> None:
        runs = json.loads(files["statement.json"])["runs"]
        runs[place].update(changes)
        tell(files, runs=runs, tier=min(run["tier"] for run in runs))

    return change


def replan(files: Files, plan: Plan) -> None:
    """Put another plan in, and a statement that speaks of it."""
    files["plan.json"] = plan.canonical
    tell(files, plan=plan.hash)
    in_run(-1, plan=plan.hash)(files)


def rows(files: Files) -> list[dict[str, str]]:
    """The table."""
    return list(csv.DictReader(StringIO(files["tables.csv"].decode(), newline="")))


def put_rows(files: Files, table: list[dict[str, str]]) -> None:
    """Write the table."""
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    files["tables.csv"] = text.getvalue().encode()


def in_row(which: str, /, **changes: str) -> Change:
    """Change the first row of a state."""

    def change(files: Files) -> None:
        table = rows(files)
        next(row for row in table if row["state"] == which).update(changes)
        put_rows(files, table)

    return change


def test_the_untouched_bundle_holds(tmp_path: Path, made: tuple[House, Files]) -> None:
    """The control of everything below; who the signer is stays open without a key."""
    house, files = made
    folder = written(tmp_path / "b", sign_bundle(files, house.state))
    checks = verify_bundle(folder)
    assert [check.number for check in checks] == list(range(1, TITLES + 1))
    assert [check.number for check in checks if check.holds is not True] == [4]
    assert {row["state"] for row in rows(files)} == {"published", "suppressed"}

    trusted = verify_bundle(folder, house.vault.keys.signing + " keeper@example.org")
    assert all(check.holds for check in trusted)
    other = SigningKey.generate().public
    assert [c.number for c in verify_bundle(folder, other) if c.holds is False] == [4]


@pytest.mark.parametrize(
    "change",
    [
        *(
            in_row("suppressed", **{column: "1.5"})
            for column in ("estimate", "raw", "low", "high", "se_noise", "se_sampling")
        ),
        in_row("suppressed", se_classifier="0.1"),
        in_row("published", se_classifier="0.1"),
        in_row("suppressed", state="not_computed"),
        lambda files: files.update({"comparisons.csv": files["comparisons.csv"] + b"\n"}),
        lambda files: files.update({"comparisons.csv": b""}),
        in_row("suppressed", accounts_at_least="21"),
        in_row("published", accounts_at_least="19"),
        in_row("published", accounts_at_least=""),
        in_row("published", accounts_at_least="1000000"),
        in_row("published", k="1/2"),
        in_row("suppressed", k="5"),
        in_row("published", accounts_at_least="many"),
        in_row("published", raw="1.0"),
        in_row("published", raw=""),
        in_row("published", raw="nan"),
        in_row("published", table="salaries"),
        in_row("published", state="shown"),
        in_row("suppressed", state="published"),
        lambda files: put_rows(files, [row for row in rows(files) if row["table"] != "modes"]),
        lambda files: put_rows(files, rows(files)[1:]),
        lambda files: put_rows(files, [*rows(files), rows(files)[0]]),
        lambda files: files.update({"tables.csv": b"\xff" + files["tables.csv"]}),
        lambda files: files.update({"tables.csv": b""}),
        lambda files: files.update({"tables.csv": files["tables.csv"] + b'"' + b"x" * 200_000}),
    ],
    ids=range(30),
)
def test_tables_that_print_what_they_may_not(
    tmp_path: Path, made: tuple[House, Files], change: Change
) -> None:
    """The keeper's signature does not make a number of too few people right."""
    assert failing(tmp_path, made, change) == [11]


@pytest.mark.parametrize("code", ["single-person", "synthetic", "low-fidelity", "T0"])
def test_a_missing_watermark_is_found(tmp_path: Path, made: tuple[House, Files], code: str) -> None:
    """Each follows from plan, floor and tier; nobody has to be believed."""

    def remove(files: Files) -> None:
        marks = json.loads(files["statement.json"])["watermarks"]
        assert code in marks
        tell(files, watermarks=[mark for mark in marks if mark != code])

    assert failing(tmp_path, made, remove) == [12]


def sign_approval(files: Files, key: SigningKey, plan: Plan | None = None) -> None:
    """Another approval in the first one's place."""
    signed = (plan or plan_of(files)).canonical
    files["approval-1.sig"] = key.sign(signed, "clerestory-plan").encode()


def test_approvals_that_do_not_stand_are_found(tmp_path: Path, made: tuple[House, Files]) -> None:
    """Removed, by somebody else, over another plan, for another purpose."""
    key = SigningKey.generate()
    for change in (
        lambda files: files.pop("approval-1.sig"),
        lambda files: sign_approval(files, key),
        lambda files: sign_approval(files, key, small_plan(SHARE)),
        lambda files: files.update({"approval-2.sig": b"none"}),
        lambda files: files.update({"approval-1.sig": b""}),
        lambda files: files.update({"policy.toml": b"approvals = 0"}),
        lambda files: files.update(
            {"policy.toml": files["policy.toml"].replace(b"approvals = 1", b"approvals = 2")}
        ),
    ):
        assert failing(tmp_path, made, change) == [9]


def test_one_officer_who_signed_twice_is_one(tmp_path: Path, made: tuple[House, Files]) -> None:
    """Two files with one signature do not make two approvals; they do no harm either."""

    def twice(files: Files) -> None:
        files["approval-2.sig"] = files["approval-1.sig"]

    assert failing(tmp_path, made, twice) == []


@pytest.mark.parametrize(("days", "steps"), [(0, []), (89, []), (91, [9]), (-1, [9])])
def test_an_approval_that_did_not_stand_at_the_charge_is_found(
    tmp_path: Path, made: tuple[House, Files], days: int, steps: list[int]
) -> None:
    """It lapses after the policy's 90 days, and one that came after the charge let nothing in."""

    def later(files: Files) -> None:
        charged = datetime.fromisoformat(json.loads(files["statement.json"])["charged"])
        tell(files, charged=(charged + timedelta(days=days)).isoformat())

    assert failing(tmp_path, made, later) == steps


def test_approvals_are_those_that_the_statement_tells_of(
    tmp_path: Path, made: tuple[House, Files]
) -> None:
    """Else a statement could keep silent about when one was given."""
    told = json.loads(made[1]["statement.json"])["approvals"]
    for changed in ([], [{**told[0], "fingerprint": "SHA256:x"}], [{"name": "olga"}]):
        assert failing(tmp_path, made, lambda files, c=changed: tell(files, approvals=c)) == [9]  # type: ignore[misc]


def test_another_plan_is_found(tmp_path: Path, made: tuple[House, Files]) -> None:
    """Even with a statement that speaks of it: the officers signed this one."""

    def other_words(files: Files) -> None:
        plan = plan_of(files)
        replan(files, replace(plan, study=replace(plan.study, purpose="Something else")))

    def unbound(files: Files) -> None:
        replan(files, replace(plan_of(files), binding=None))

    def alone(files: Files) -> None:
        plan = plan_of(files)
        files["plan.json"] = replace(plan, study=replace(plan.study, purpose="x")).canonical

    def other_code(files: Files) -> None:
        tell(files, code="0" * 64)

    assert failing(tmp_path, made, other_words) == [9]
    assert set(failing(tmp_path, made, unbound)) >= {5, 8, 9}
    assert set(failing(tmp_path, made, alone)) >= {5, 9}
    assert failing(tmp_path, made, other_code) == [5, 13]


def change_privacy(files: Files, **changes: Any) -> None:  # noqa: ANN401
    """A plan with another promise."""
    plan = plan_of(files)
    replan(files, replace(plan, privacy=replace(plan.privacy, **changes)))


def test_a_plan_that_does_not_pay_is_found(tmp_path: Path, made: tuple[House, Files]) -> None:
    """The sums are done again, from the plan's own numbers."""
    query = plan_of(made[1]).queries[0]

    def quieter(files: Files) -> None:
        plan = plan_of(files)
        quiet = replace(query, sigma=query.sigma / 2)
        replan(files, replace(plan, queries=(quiet, *plan.queries[1:])))

    for change in (
        quieter,
        lambda files: change_privacy(files, rho="1/1000"),
        lambda files: change_privacy(files, epsilon=0.1),
        lambda files: change_privacy(files, z=1.0),
        lambda files: change_privacy(files, scale=-1),
        lambda files: change_privacy(files, contribution="1/0"),
    ):
        assert 7 in failing(tmp_path, made, change)


def test_a_plan_beyond_its_floor_is_found(tmp_path: Path, made: tuple[House, Files]) -> None:
    """The floor is in the bundle, and the plan is bound to its hash."""

    def other_floor(files: Files) -> None:
        files["floor.json"] = files["floor.json"].replace(
            b'"retention_days":365', b'"retention_days":3'
        )

    def too_few(files: Files) -> None:
        change_privacy(files, minimum_accounts=2)

    assert 8 in failing(tmp_path, made, other_floor)
    assert 8 in failing(tmp_path, made, too_few)


def test_a_run_with_ways_out_is_found(tmp_path: Path, made: tuple[House, Files]) -> None:
    """A statement of isolation that nothing was probed for is none."""
    for tier, probes in (
        ("T2", {}),
        ("T1", {**BLOCKED, "write_file": "open"}),
        ("T1", dict(list(BLOCKED.items())[:32])),
        ("T1", {**BLOCKED, "fork": "perhaps"}),
    ):
        assert failing(tmp_path, made, in_run(-1, tier=tier, probes=probes)) == [14]


def test_another_codebook_or_checkpoint_is_found(tmp_path: Path, made: tuple[House, Files]) -> None:
    """What labels mean, and which history the bundle witnesses."""
    house, files = made
    book = json.loads(files["codebook.json"])
    book["instruments"][0]["question"] = "Something else?"

    def other_book(spoilt: Files) -> None:
        spoilt["codebook.json"] = rfc8785.dumps(book)

    def checkpoint(key: SigningKey, *, told: bool) -> Change:
        note = Checkpoint("clerestory/x", 3, bytes(32)).sign(key)

        def change(spoilt: Files) -> None:
            spoilt["checkpoint.txt"] = note.encode()
            if told:
                tell(spoilt, checkpoint_after=note)

        return change

    assert failing(tmp_path, made, other_book) == [6]
    stranger = SigningKey.generate()
    assert failing(tmp_path, made, checkpoint(house.state.signing, told=False)) == [10]
    assert failing(tmp_path, made, checkpoint(stranger, told=True)) == [10, 16]


BROKEN = [
    b"", b"[]", b"null", b"7", b"{}", b'"x"', b"\xff", b"[" * 100_000, b"{" + b'"a":' * 5000,
]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["statement.json", "plan.json", "floor.json", "codebook.json", "policy.toml"]
)
@pytest.mark.parametrize("data", BROKEN, ids=range(len(BROKEN)))
def test_a_file_that_is_something_else_fails_its_steps(
    tmp_path: Path, made: tuple[House, Files], name: str, data: bytes
) -> None:
    """A malicious keeper must not be able to stop a reader's verifier."""
    assert failing(tmp_path, made, lambda files: files.update({name: data}))


def test_a_key_that_did_not_sign_is_found(tmp_path: Path, made: tuple[House, Files]) -> None:
    """keeper.pub names the signer, or the list ends there."""
    other = SigningKey.generate().public.encode()
    assert failing(tmp_path, made, lambda files: files.update({"keeper.pub": other})) == [3]
    assert failing(tmp_path, made, lambda files: files.pop("keeper.pub")) == [3]
    assert failing(tmp_path, made, lambda files: files.update({"keeper.pub": b"\xff"})) == [3]


def test_a_folder_without_sums_is_no_bundle(tmp_path: Path) -> None:
    """That is a wrong path, not a failed verification."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(ConfigurationError, match="NO_BUNDLE"):
            verify_bundle(path)
