"""The audit: an outsider's replay finds what was edited, cut or written anew."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clerestory.auditing import replay
from clerestory.exporting import check_proof, is_proof, write_export
from privacy.checkpoint import Checkpoint
from privacy.errors import ClerestoryError, ConfigurationError, VerificationError
from privacy.history import GENESIS, LOST, History
from privacy.keeper.recovering import complete, prepare
from privacy.keeper.state import State
from privacy.merkle import head, leaf
from privacy.plan import read_plan
from privacy.signing import SigningKey
from privacy.vault import Vault
from tests.aggregates.rows import SHARE, small_plan
from tests.support.books import Archive, approved, begun, paid
from tests.support.house import House, opened, planted

Lines = list[bytes]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Path, Lines]]:
    """A released vault: its house, its bundle's folder, and its ledger's lines."""
    folder = tmp_path_factory.mktemp("audit")
    with planted(folder, accounts=60, sessions=80) as house:
        author = house.enrol("a@example.org")
        bound = house.submit(small_plan(SHARE))
        house.approve(bound, author)
        house.ask("release", bound)
        files = house.state.release(bound.hash)
        assert files is not None
        (folder / "bundle").mkdir()
        for name, data in files.items():
            (folder / "bundle" / name).write_bytes(data)
        yield house, folder / "bundle", [entry.line for entry in house.entries()]


def export(folder: Path, lines: Lines) -> Path:
    """The lines as `clerestory ledger --export` writes them."""
    path = folder / "ledger.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def chained(records: list[dict[str, Any]]) -> Lines:
    """A history written anew, so that every entry follows from the one before."""
    lines: Lines = []
    previous = GENESIS
    for number, record in enumerate(records):
        lines.append(rfc8785.dumps({**record, "seq": number, "previous": previous}))
        previous = sha256(lines[-1]).hexdigest()
    return lines


def refused(path: Path, *given: Path, trust: str | None = None) -> str:
    """The code under which an audit ends."""
    with pytest.raises(ClerestoryError) as refusal:
        replay(path, [*given], trust)
    assert refusal.value.remedy
    return refusal.value.code


def test_the_true_history_is_replayed(tmp_path: Path, made: tuple[House, Path, Lines]) -> None:
    """The control: what was charged, to the last fraction, and the bundle in it."""
    house, bundle, lines = made
    told = replay(export(tmp_path, lines), [bundle])
    assert told["entries"] == len(lines)
    assert told["charges"] == 1
    assert told["spent_exactly"] == house.ask("status")["spent"] == str(small_plan(SHARE).loss)
    assert told["bundles"][0]["bundle"] == str(bundle)
    # A history that went on since still holds what it held.
    assert chained([json.loads(line) for line in lines]) == lines


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_any_changed_byte_of_an_export_is_found(
    tmp_path: Path, made: tuple[House, Path, Lines], place: int, flip: int
) -> None:
    """Even in the last entry, which no other follows: the bundle's checkpoint holds it."""
    _, bundle, lines = made
    path = export(tmp_path, lines[:-1])  # the release's own entry comes after its checkpoint
    data = bytearray(path.read_bytes())
    data[place % (len(data) - 1)] ^= flip
    path.write_bytes(data)
    assert refused(path, bundle) in {"LEDGER_BROKEN", "LEDGER_REWRITTEN", "NOT_CHARGED"}


def test_a_missing_entry_is_found(tmp_path: Path, made: tuple[House, Path, Lines]) -> None:
    """From the beginning, from the middle, and from the end up to the last bundle."""
    _, bundle, lines = made
    size = int((bundle / "checkpoint.txt").read_text().split("\n")[1])
    assert refused(export(tmp_path, lines[1:]), bundle) == "LEDGER_BROKEN"
    assert refused(export(tmp_path, lines[:2] + lines[3:]), bundle) == "LEDGER_BROKEN"
    assert refused(export(tmp_path, [lines[1], lines[0], *lines[2:]]), bundle) == "LEDGER_BROKEN"
    assert refused(export(tmp_path, lines[: size - 1]), bundle) == "LEDGER_REWRITTEN"
    assert refused(export(tmp_path, []), bundle) == "LEDGER_REWRITTEN"
    assert replay(export(tmp_path, lines[:size]), [bundle])["entries"] == size


def test_a_history_written_anew_is_found(tmp_path: Path, made: tuple[House, Path, Lines]) -> None:
    """Whoever rewrites the whole chain cannot rewrite the bundles that are out."""
    _, bundle, lines = made
    records = [json.loads(line) for line in lines]
    cheaper = json.loads(json.dumps(records))
    charge = next(record for record in cheaper if record["kind"] == "charge")
    charge["body"]["rho"] = "1/1000"
    path = export(tmp_path, chained(cheaper))
    assert replay(path, [])["spent_exactly"] == "1/1000"
    assert refused(path, bundle) == "LEDGER_REWRITTEN"

    unpaid = [record for record in records if record["kind"] != "charge"]
    assert refused(export(tmp_path, chained(unpaid)), bundle) == "LEDGER_REWRITTEN"


def test_a_release_that_nobody_paid_for_is_found(
    tmp_path: Path, made: tuple[House, Path, Lines]
) -> None:
    """A keeper that signs its own story still has to have charged."""
    _, bundle, lines = made
    records = [json.loads(line) for line in lines]
    key = SigningKey.generate()
    forged = tmp_path / "forged"
    forged.mkdir()
    for file in bundle.iterdir():
        (forged / file.name).write_bytes(file.read_bytes())
    (forged / "keeper.pub").write_text(key.public)

    def told(history: Lines) -> str:
        note = Checkpoint("clerestory/x", len(history), head([leaf(line) for line in history]))
        (forged / "checkpoint.txt").write_text(note.sign(key), encoding="utf-8")
        path = export(tmp_path, history)
        try:
            replay(path, [forged])
        except VerificationError as error:
            return error.code
        return "paid"

    assert told(chained(records)) == "paid"
    assert told(chained([r for r in records if r["kind"] != "charge"])) == "NOT_CHARGED"
    for field, value in (("rho", "1/1000"), ("plan", "0" * 64)):
        less = json.loads(json.dumps(records))
        next(r for r in less if r["kind"] == "charge")["body"][field] = value
        assert told(chained(less)) == "NOT_CHARGED"


def test_a_bundle_of_another_history_is_found(
    tmp_path: Path, made: tuple[House, Path, Lines]
) -> None:
    """Two vaults of one organisation do not answer for each other."""
    _, bundle, _ = made
    with planted(tmp_path, accounts=60, sessions=80) as other:
        author = other.enrol("a@example.org")
        bound = other.submit(small_plan(SHARE))
        other.approve(bound, author)
        other.ask("release", bound)
        lines = [entry.line for entry in other.entries()]
    assert replay(export(tmp_path, lines), [])["charges"] == 1
    assert refused(export(tmp_path, lines), bundle) == "LEDGER_REWRITTEN"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b"[" * 100_000,
        b'{"seq":0}',
        chained([{"kind": "charge"}])[0],
        chained([{"kind": "charge", "body": {}}])[0],
        chained([{"kind": "charge", "body": []}])[0],
        chained([{"kind": "charge", "body": {"plan": "x", "rho": "much"}}])[0],
        chained([{"kind": "charge", "body": {"plan": "x", "rho": "1/0"}}])[0],
        chained([{"kind": "charge", "body": {"plan": "x", "rho": "-1"}}])[0],
    ],
    ids=range(12),
)
def test_lines_that_are_no_entries_are_refused(tmp_path: Path, line: bytes) -> None:
    """An export comes from somebody else: it may hold anything."""
    assert refused(export(tmp_path, [line])) == "LEDGER_BROKEN"


def test_what_is_not_there_is_said(tmp_path: Path, made: tuple[House, Path, Lines]) -> None:
    """Wrong paths are wrong input, exit 2, and no failed verification."""
    _, bundle, lines = made
    path = export(tmp_path, lines)
    for wrong in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ConfigurationError, match="EXPORT_UNREADABLE"):
            replay(wrong, [])
        with pytest.raises(ConfigurationError, match="EXPORT_UNREADABLE"):
            replay(path, [wrong])
    for name in ("checkpoint.txt", "keeper.pub"):
        copy = tmp_path / name
        copy.mkdir()
        for file in bundle.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        (copy / name).write_bytes(b"\xff\xfe")
        with pytest.raises(ClerestoryError) as refusal:
            replay(path, [copy])
        assert refusal.value.exit_code in (2, 4)
    assert replay(path, [bundle])


def noted(lines: Lines, house: House, size: int) -> Checkpoint:
    """The checkpoint that the keeper gave out when its ledger had some size."""
    return History.of(lines[:size]).checkpoint(house.state.ledger.origin)


def test_checkpoints_of_any_time_are_found_in_the_history(
    tmp_path: Path, made: tuple[House, Path, Lines]
) -> None:
    """From an anchor, a witness, a mail: any number of them, with the keeper's key alone."""
    house, bundle, lines = made
    trust, path = house.vault.keys.signing, export(tmp_path, lines)
    notes = []
    for size in range(1, len(lines) + 1):
        notes.append(tmp_path / f"note-{size}")
        notes[-1].write_text(noted(lines, house, size).sign(house.state.signing))
    assert replay(path, [bundle, *notes], trust)["checkpoints"] == len(lines)
    # Cut, or written anew with fresh hashes: each later checkpoint finds it, no earlier one.
    for kept in range(1, len(lines)):
        shorter = export(tmp_path, lines[:kept])
        assert replay(shorter, notes[:kept], trust)["entries"] == kept
        assert refused(shorter, notes[kept], trust=trust) == "LEDGER_REWRITTEN"
    records = [json.loads(line) for line in lines]
    for place in range(len(records)):
        other = [*records[:place], {**records[place], "time": "2020-01-01T00:00:00+00:00"}]
        rewritten = export(tmp_path, chained([*other, *records[place + 1 :]]))
        assert replay(rewritten, notes[:place], trust)["entries"] == len(lines)
        assert refused(rewritten, notes[place], trust=trust) == "LEDGER_REWRITTEN"


def test_a_checkpoint_that_says_less_was_spent_is_found(
    tmp_path: Path, made: tuple[House, Path, Lines]
) -> None:
    """The extension line is audited: it is what a recovery counts from."""
    house, _, lines = made
    path, note = export(tmp_path, lines), tmp_path / "note"
    trust = house.vault.keys.signing
    for spent, found in ((Fraction(0), "LEDGER_REWRITTEN"), (None, "")):
        false = replace(noted(lines, house, len(lines)), spent=spent)
        note.write_text(false.sign(house.state.signing))
        if found:
            assert refused(path, note, trust=trust) == found
        else:
            assert replay(path, [note], trust)["checkpoints"] == 1
    assert refused(path, note) == "EXPORT_UNREADABLE"  # without a key there is nothing to check
    stranger = SigningKey.generate().public
    assert refused(path, note, trust=stranger) == "CHECKPOINT_UNREADABLE"


def test_each_key_and_release_has_a_charge_of_its_own(
    tmp_path: Path, made: tuple[House, Path, Lines]
) -> None:
    """One charge buys one key and one release, whatever order somebody writes them in."""
    _, _, lines = made
    records = [json.loads(line) for line in lines]
    for kind in ("key", "release"):
        (one,) = [record for record in records if record["kind"] == kind]
        assert refused(export(tmp_path, chained([*records, one]))) == "NOT_CHARGED"
    (charge,) = [record for record in records if record["kind"] == "charge"]
    again = [*records, charge, *[r for r in records if r["kind"] in ("key", "release")]]
    assert replay(export(tmp_path, chained(again)), [])["charges"] == 2
    moved = [*[r for r in records if r is not charge], charge]
    assert refused(export(tmp_path, chained(moved))) == "NOT_CHARGED"


def test_a_second_bundle_for_one_charge_is_found(
    tmp_path: Path, made: tuple[House, Path, Lines]
) -> None:
    """Two draws of noise for one charge average out: the ledger knows one of them."""
    _, bundle, lines = made
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in bundle.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    path = export(tmp_path, lines)
    assert len(replay(path, [bundle, copy])["bundles"]) == 2
    (copy / "SHA256SUMS").write_bytes((copy / "SHA256SUMS").read_bytes() + b"\n")
    assert refused(path, copy) == "NOT_RELEASED"


@pytest.mark.parametrize("limit", ["rho", "period_rho"])
def test_a_charge_beyond_the_policy_is_found(
    tmp_path: Path, made: tuple[House, Path, Lines], limit: str
) -> None:
    """The auditor has the accountant decide again: over the budget, and over a period's."""
    _, _, lines = made

    def told(value: str) -> Path:
        records = [json.loads(line) for line in lines]
        for body in (record["body"] for record in records if record["kind"] == "policy"):
            body["text"] = re.sub(
                rf"(?m)^{limit} = .*$", f'{limit} = "{value}"', body["text"], count=1
            )
        return export(tmp_path, chained(records))

    assert refused(told("1/100000")) == "OVERSPENT"
    assert refused(told("much")) == "LEDGER_POLICY"
    assert replay(told("1000"), [])["charges"] == 1


def test_the_last_period_ends_with_the_newest_entry(
    tmp_path: Path, made: tuple[House, Path, Lines]
) -> None:
    """By the ledger's own times: what was charged long before is spent, and not in it."""
    _, _, lines = made
    records = [json.loads(line) for line in lines]
    (charge,) = [record for record in records if record["kind"] == "charge"]
    later = {**charge, "time": "2099-01-01T00:00:00+00:00"}
    audited = replay(export(tmp_path, chained([*records, later])), [])
    assert audited["period"]["spent"] == charge["body"]["rho"]
    assert audited["studies"] == {small_plan(SHARE).study.name: str(2 * small_plan(SHARE).loss)}


def test_proofs_hold_without_the_ledger(tmp_path: Path, made: tuple[House, Path, Lines]) -> None:
    """One plan's entry, and the way from an older checkpoint: with the keeper's key alone."""
    house, bundle, lines = made
    told, trust = house.ask("ledger"), house.vault.keys.signing
    old = tmp_path / "old"
    old.write_bytes((bundle / "checkpoint.txt").read_bytes())
    size = int(old.read_text().split("\n")[1])
    plan = read_plan((bundle / "plan.json").read_bytes()).hash
    path = tmp_path / "ledger"
    write_export(path, told, prove=plan[:16], since=size)
    inclusion, way = Path(f"{path}.tlog-proof"), Path(f"{path}.consistency")
    assert [is_proof(one) for one in (path, inclusion, way)] == [False, True, True]
    assert check_proof(inclusion, [], trust)["kind"] == "release"
    assert check_proof(way, [old], trust)["old"] == size
    assert replay(path, [bundle, Path(f"{path}.checkpoint")], trust)["entries"] == len(lines)

    for proof, begins in ((inclusion, []), (way, [old])):
        whole = proof.read_bytes()
        for place in range(0, len(whole), 7):
            changed = bytearray(whole)
            changed[place] ^= 1
            proof.write_bytes(changed)
            with pytest.raises(ClerestoryError):
                check_proof(proof, begins, trust)
        proof.write_bytes(whole)
        assert check_proof(proof, begins, trust)
        with pytest.raises(ConfigurationError, match="NOTHING_TO_PROVE"):
            check_proof(proof, begins, None)
        with pytest.raises(VerificationError):
            check_proof(proof, begins, SigningKey.generate().public)
    with pytest.raises(ConfigurationError, match="NOTHING_TO_PROVE"):
        check_proof(way, [], trust)
    with pytest.raises(VerificationError):
        check_proof(way, [Path(f"{path}.checkpoint")], trust)  # another size than it begins from
    for wrong in ({"prove": "0" * 64, "since": None}, {"prove": None, "since": 10**6}):
        with pytest.raises(ConfigurationError, match="NOTHING_TO_PROVE"):
            write_export(path, told, **wrong)


def test_a_recovery_is_named_and_explains_its_bundle(tmp_path: Path) -> None:
    """After a disaster the reader of the lost bundle sees who accounted for it, and for what."""
    keys, archive = begun(tmp_path), Archive(tmp_path)
    with opened(tmp_path) as house:
        bound = approved(house, "lost", keys["olga"])
        house.state.save_plan(bound)
    archive.keep()
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    with opened(tmp_path) as house:
        (bundle / "checkpoint.txt").write_text(paid(house, bound))
        (bundle / "keeper.pub").write_text(house.state.signing.public)
        (bundle / "policy.toml").write_bytes((tmp_path / "vault" / "policy.toml").read_bytes())
        (bundle / "floor.json").write_bytes(house.vault.floor.canonical)
        (bundle / "plan.json").write_bytes(bound.canonical)
        (bundle / "SHA256SUMS").write_bytes(b"")
    archive.restore(0)
    state = State(tmp_path / "state", Vault.open(tmp_path / "vault"), recovering=True)
    floor = Vault.open(tmp_path / "vault").floor
    before = [entry.line for entry in state.ledger.entries()]
    statement = prepare(state, floor, [], [])
    made = [key.sign(statement.canonical, "clerestory-recovery") for key in keys.values()]
    complete(state, floor, statement, made)
    lines = [entry.line for entry in state.ledger.entries()]
    state.close()

    assert refused(export(tmp_path, before), bundle) == "LEDGER_REWRITTEN"
    told = replay(export(tmp_path, lines), [bundle])
    assert [one["officers"] for one in told["recoveries"]] == [["olga", "otto"]]
    assert told["recoveries"][0]["spent"] == str(bound.loss) == told["spent_exactly"]
    assert told["studies"] == {LOST: str(bound.loss)}

    # Officers whom the bundle's own policy does not know explain nothing about it.
    policy = (bundle / "policy.toml").read_text()
    stranger = SigningKey.generate().public
    (bundle / "policy.toml").write_text(policy.replace(keys["otto"].public, stranger))
    assert refused(export(tmp_path, lines), bundle) == "LEDGER_REWRITTEN"
    (bundle / "policy.toml").write_text(policy)
    records = [json.loads(line) for line in lines]
    for name in ("statement", "signatures"):
        spoilt = json.loads(json.dumps(records))
        spoilt[-2]["body"][name] = ""
        assert refused(export(tmp_path, chained(spoilt)), bundle) == "RECOVERY_INVALID"
