"""A second reading at the keeper: who is read again, and how both readings meet."""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pytest

from aggregates.exact import unsafe_exact_tables
from clerestory.agreeing import agreements
from clerestory.readers import Readings, second_of
from clerestory.synthetic import write_sessions
from clerestory.validation import against, rate
from privacy.consistency import check_runs
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import IncompleteError, RefusedError, VerificationError
from privacy.evidence import read_statement
from privacy.keeper.desk import Desk
from privacy.label_sets import label_sets
from privacy.labels import LabelRecord, pack_bucket, unpack_bucket
from privacy.plan import Plan
from privacy.raters import OFFLINE
from privacy.sealing import floor_info, seal
from privacy.second import joined, widened
from privacy.signing import SigningKey
from privacy.verification import verify_bundle
from tests.aggregates.rows import AGAIN, AGREEMENT_AGAIN, BOOK, HEAD, small_plan
from tests.privacy.keeper.test_labelling import log
from tests.support.house import House, founded, planted

PLAN = small_plan(AGAIN, AGREEMENT_AGAIN)
LATER = small_plan(AGAIN.replace("again", "later"), AGREEMENT_AGAIN.replace("again", "later"))
SESSIONS = 40
BLIND = """
[[reading]]
name = "blind"
share = "1"
view = "first_turn"

[[table]]
name = "seen"
agreement_of = ["work_mode", "blind.work_mode"]
"""
PLACE = [field.name for field in BOOK.fields].index("work_mode")


@dataclass(frozen=True)
class Read:
    """A vault whose sessions were classified for a plan, and another plan that waits."""

    house: House
    bound: Plan
    later: Plan
    olga: SigningKey


def opened(made: House, name: str) -> dict[str, bytes]:
    """Session's key → record of a label set, as the keeper's key opens them."""
    info = floor_info(made.vault.floor.hash, "labels")
    found: dict[str, bytes] = {}
    for number in range(made.vault.floor.buckets):
        if blob := made.state.labels.bucket(name, number):
            data = blob.open(made.state.ring.of(blob).open(blob.wrapped, info=info))
            found.update((key.hex(), record) for key, record in unpack_bucket(data, BOOK))
    return found


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Sessions that a plan with a second reading was classified for."""
    folder = tmp_path_factory.mktemp("again")
    with founded(folder) as made, closing(Custodian(folder / "vault.custodian")) as hand:
        olga = made.enrol("olga")
        bound, later = made.submit(PLAN), made.submit(LATER)
        for one in (bound, later):
            made.approve(one, olga)
        with Deposit(hand, Target.of(made.vault)) as deposit:
            for number in range(SESSIONS):
                deposit.seal(f"person {number}", f"s{number}", "2025-11", log())
        made.ask("classify", bound)
        yield Read(made, bound, later, olga)


def test_the_sample_is_labelled_again_and_no_other_session(read: Read) -> None:
    """
    What the keyed hash chooses, and a repetition says the same.

    That a half of 40 sessions is none or all of them has a chance of 2⁻³⁹.
    """
    made, bound = read.house, read.bound
    first, again = (opened(made, name) for name in label_sets(bound, made.vault.floor.hash))
    secret = made.state.labels.sampling_secret()
    chosen = {key for key in first if bound.readings[0].chooses(key, secret)}
    assert len(first) == SESSIONS
    assert 0 < len(chosen) < SESSIONS
    assert again == {key: first[key] for key in chosen}


def test_no_release_before_the_sample_is_whole(read: Read) -> None:
    """A sample that lacks whom a crash left out would be one that somebody could choose."""
    made, bound = read.house, read.bound
    for run in (made.keeper.desk.labelling(bound), *made.keeper.desk.readings(bound)):
        run.check_complete()
    _, name = label_sets(bound, made.vault.floor.hash)
    made.state.labels.drop_set(name)
    (again,) = made.keeper.desk.readings(bound)
    with pytest.raises(IncompleteError, match="LABELS_INCOMPLETE"):
        again.check_complete()
    with pytest.raises(IncompleteError, match="LABELS_INCOMPLETE"):
        made.ask("release", bound)
    made.ask("classify", bound)
    again.check_complete()


def test_a_release_tells_of_both_readings_runs(read: Read, tmp_path: Path) -> None:
    """The second labels' worker is of the statement as the first's, under the plan it was given."""
    made, bound = read.house, read.bound
    assert made.ask("release", bound)["standing"] == "released"
    told = made.state.release(bound.hash)
    assert told
    (reading,) = bound.readings
    for plan in (bound, bound.reread(reading)):
        assert plan.hash in told["statement.json"].decode()
    for name, data in told.items():
        (tmp_path / name).write_bytes(data)
    assert not [check for check in verify_bundle(tmp_path) if check.holds is False]


def test_an_audit_finds_a_reading_that_was_kept_back(read: Read) -> None:
    """
    The statement of a real release against its ledger, forged in each way that a bundle allows.

    A repetition's run is word for word the first one's, so only the ledger tells that it was made.
    """
    made, bound = read.house, read.bound
    if made.state.release(bound.hash) is None:
        made.ask("release", bound)
    files = made.state.release(bound.hash)
    assert files
    told, entries = read_statement(files["statement.json"]), made.entries()
    until = next(
        n for n, e in enumerate(entries) if (e.kind, e.body.get("plan")) == ("key", bound.hash)
    )
    before = entries[: until + 1]
    check_runs(told, bound, before)

    (reading,) = bound.readings
    _, again = label_sets(bound, told.floor)
    blind = replace(reading, rater=replace(reading.rater, view="first_turn"))
    first = told.runs[0]
    for runs, plan, ledger in (
        ((replace(first, plan="0" * 64), *told.runs[1:]), bound, before),
        ((first, *told.runs), replace(bound, readings=(blind,)), before),
        (told.runs[-1:], bound, before),
        (told.runs, bound, [e for e in before if e.body.get("set") != again]),
        (told.runs, bound, [e for e in before if e.kind != "run"]),
    ):
        with pytest.raises(VerificationError, match="RUNS_NOT_OF_LEDGER"):
            check_runs(replace(told, runs=runs), plan, ledger)


def test_a_sample_of_nobody_leaves_its_run(read: Read) -> None:
    """
    Whether a sample is empty is nobody's business: ledger and statement look the same.

    One in a million of 40 sessions is one at all with a chance below 5e-5, and then it is labelled.
    """
    made = read.house
    rare = small_plan(AGAIN.replace('"1/2"', '"1/999999"'), AGREEMENT_AGAIN)
    bound = made.submit(rare)
    made.approve(bound, read.olga)
    made.ask("classify", bound)
    _, name = label_sets(bound, made.vault.floor.hash)
    runs = [entry for entry in made.entries("run") if entry.body["set"] == name]
    assert len(runs) == 1
    made.ask("classify", bound)
    assert [entry for entry in made.entries("run") if entry.body["set"] == name] == runs


def test_another_view_agrees_in_the_vault_as_it_does_on_files(tmp_path: Path) -> None:
    """
    The first turn against the whole, sealed: pair by pair what `validate` finds of the same files.

    One session each, so that weights are alike: then the exact κ of the table is that of the pairs.
    """
    write_sessions(tmp_path / "raw", accounts=20, sessions=40, seed=5)
    readers = Readings(OFFLINE, second_of(OFFLINE, "first_turn"))
    told = against(*rate(tmp_path / "raw", None, readers, lambda _, __: None))
    plan = small_plan(BLIND, head=HEAD.replace("where = { interactive = true, staff = false }", ""))
    with founded(tmp_path) as made, closing(Custodian(tmp_path / "vault.custodian")) as hand:
        olga = made.enrol("olga")
        bound = made.submit(plan)
        made.approve(bound, olga)
        with Deposit(hand, Target.of(made.vault)) as deposit:
            for number, path in enumerate(sorted((tmp_path / "raw" / "logs").rglob("*.jsonl"))):
                deposit.seal(f"person {number}", path.stem, "2025-11", path.read_bytes())
        made.ask("classify", bound)
        first, blind = (opened(made, name) for name in label_sets(bound, made.vault.floor.hash))

    def mode(record: bytes) -> str:
        return BOOK.field("work_mode").labels[LabelRecord.decode(record, BOOK).labels[PLACE]]

    pairs = [(mode(record), mode(blind[key])) for key, record in first.items()]
    assert Counter(pairs) == Counter((a["work_mode"], b["work_mode"]) for a, b in told.pairs)
    assert len(pairs) == 40
    apart = sum(one != other for one, other in pairs)
    assert 0 < apart < len(pairs)

    rows = [
        pack_bucket((bytes.fromhex(key), record) for key, record in found.items())
        for found in (first, blind)
    ]
    joint = [joined(rows[0], rows[1:], BOOK)]
    exact = unsafe_exact_tables(bound, joint, widened(BOOK, bound.readings))
    (right,) = (
        row["kappa"] for row in agreements(told)["instruments"] if row["instrument"] == "work_mode"
    )
    assert exact["seen", "kappa", ""] == pytest.approx(right, abs=1e-4)
    assert exact["seen", "exact", ""] == pytest.approx(1 - apart / len(pairs), abs=1e-4)


def test_nodes_read_once(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is joined beside the keeper is not sent away unjoined: refused before any charge."""
    made, bound = read.house, read.later
    before = made.kinds()
    monkeypatch.setattr(Desk, "scheduled", lambda _, carried: carried == "aggregate")
    for verb in ("classify", "release"):
        with pytest.raises(RefusedError, match="NODES_READ_ONCE"):
            made.ask(verb, bound)
    assert [*made.kinds()][len(before) :] == ["refusal", "refusal"]


def test_a_reading_that_was_never_made_costs_nothing(tmp_path: Path) -> None:
    """Planted labels of one reading: a table of nobody would have been charged for."""
    with planted(tmp_path) as made:
        author = made.enrol(PLAN.study.authors[0])
        bound = made.submit(PLAN)
        made.approve(bound, author)
        with pytest.raises(IncompleteError, match="NO_LABELS"):
            made.ask("release", bound)
        assert "charge" not in made.kinds()


def test_a_repetition_comes_out_of_the_sealed_worker_as_one(tmp_path: Path) -> None:
    """
    Planted labels, said again word for word: κ = 1 lies in the interval, widened to six deviations.

    The interval is of 1.96 deviations at least, so it is taken 3.1 times: a false alarm < 2e-9.
    """
    with planted(tmp_path, accounts=2_000, sessions=3_000) as made:
        author = made.enrol(PLAN.study.authors[0])
        bound = made.submit(PLAN)
        made.approve(bound, author)
        first, name = label_sets(bound, made.vault.floor.hash)
        info = floor_info(made.vault.floor.hash, "labels")
        for number in range(made.vault.floor.buckets):
            if blob := made.state.labels.bucket(first, number):
                data = blob.open(made.state.ring.of(blob).open(blob.wrapped, info=info))
                header = {**blob.header, "set": name}
                public = made.state.sealing.public
                made.state.labels.put(
                    name, number, seal(bytes(data), header, public=public, info=info)
                )
        made.ask("release", bound)
        files = made.state.release(bound.hash)
        assert files
        rows = csv.DictReader(StringIO(files["tables.csv"].decode(), newline=""))
        (row,) = (one for one in rows if one["statistic"] == "kappa")
        assert row["state"] == "published"
        value, low = float(row["estimate"]), float(row["low"])
        assert 1 - value < 3.1 * (value - low)
        assert value > 0.5
