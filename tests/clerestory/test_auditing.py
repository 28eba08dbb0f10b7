"""The audit: an outsider's replay finds what was edited, cut or written anew."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clerestory.auditing import replay
from privacy.checkpoint import Checkpoint
from privacy.errors import ClerestoryError, ConfigurationError, VerificationError
from privacy.history import GENESIS
from privacy.merkle import head, leaf
from privacy.signing import SigningKey
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import House, planted

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


def refused(path: Path, *bundles: Path) -> str:
    """The code under which an audit ends."""
    with pytest.raises(ClerestoryError) as refusal:
        replay(path, [*bundles])
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
    (forged / "plan.json").write_bytes((bundle / "plan.json").read_bytes())
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
