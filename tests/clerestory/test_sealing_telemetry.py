"""A collector's files beside logs: sealed with them, joined in the seal, and gone with them."""

import csv
import json
from contextlib import closing
from pathlib import Path

import pytest

from classifiers.telemetry import Counts, Telemetry
from clerestory.inspecting import inspect
from clerestory.sealing import seal_sources
from clerestory.truth import unsafe_open_labels
from privacy.batches import TELEMETRY
from privacy.codebook import codebook
from privacy.custodian import Custodian
from privacy.labels import LabelRecord, unpack_bucket
from privacy.plan import read_plan
from privacy.sealing import floor_info
from privacy.vault import Vault
from tests.classifiers.exports import ANN, BOB, Json, kv, lines, logs, metrics, point, result
from tests.classifiers.test_edge_telemetry import session
from tests.support.batches import newest
from tests.support.house import House, founded
from tests.support.world import World

BOOK = codebook()
TABLE = f"path,account,telemetry\nlogs/ann,ann,{ANN}\nlogs/bob,bob,{BOB}\n"
COUNT = "lines_of_code.count"


def counted(value: float, *, at: int = 60, account: str = ANN, name: str = "s1") -> Json:
    """An export of one counter."""
    return metrics(point(COUNT, value, at=at, account=account, session=name, type="added"))


def made(folder: Path, **files: list[Json]) -> Path:
    """A folder with two accounts' sessions, and a collector's files that are both's."""
    for account, name, call in (("ann", "s1", "toolu_1"), ("bob", "s2", "toolu_2")):
        path = folder / "logs" / account / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(session(name, call))
    (folder / "otlp").mkdir(exist_ok=True)
    for file, exports in files.items():
        (folder / "otlp" / f"{file}.jsonl").write_bytes(lines(exports))
    (folder / "accounts.csv").write_text(TABLE, encoding="utf-8")
    return folder


def sealed(house: House, *sources: Path) -> dict[str, int]:
    """Seal some sources."""
    table = house.folder / "accounts.csv"
    custodian = house.folder / "vault.custodian"
    return seal_sources(house.vault.folder, custodian, [*sources], table, None, lambda _, __: None)


def opened(house: House) -> dict[str, Telemetry]:
    """Session's key → its telemetry, as the keeper could open it."""
    info = floor_info(house.vault.floor.hash, "session")
    blobs = newest(house.vault, TELEMETRY)
    keys = {key: house.state.sealing.open(blob.wrapped, info=info) for key, blob in blobs.items()}
    return {key: Telemetry.decode(blob.open(keys[key])) for key, blob in blobs.items()}


def keys(house: House) -> dict[str, str]:
    """Each account's one session."""
    with closing(Custodian(house.folder / "vault.custodian")) as hand:
        told = {"ann": hand.session("ann", "s1"), "bob": hand.session("bob", "s2")}
    return {account: key.hex() for account, key in told.items()}


def test_telemetry_is_sealed_beside_its_session(tmp_path: Path) -> None:
    """One file of many accounts, divided; again it is unchanged; more of it supersedes."""
    with founded(tmp_path) as house:
        made(tmp_path, m=[counted(3), counted(5, account=BOB, name="s2")])
        told = sealed(house, tmp_path / "otlp", tmp_path / "logs")
        assert (told["session sealed"], told["telemetry sealed"]) == (2, 2)
        assert (told["file READ"], "record TELEMETRY_EARLY" in told) == (3, False)
        whose = keys(house)
        assert {key: each.counts for key, each in opened(house).items()} == {
            whose["ann"]: Counts(lines_added=3),
            whose["bob"]: Counts(lines_added=5),
        }
        assert sealed(house, tmp_path)["telemetry unchanged"] == 2
        made(tmp_path, m2=[counted(4, at=120), counted(3)])
        told = sealed(house, tmp_path)
        assert (told["telemetry superseded"], told["telemetry unchanged"]) == (1, 1)
        assert opened(house)[whose["ann"]].counts == Counts(lines_added=7)
        # A collector that rotated its first file away: what was counted stands.
        (tmp_path / "otlp" / "m.jsonl").unlink()
        (tmp_path / "otlp" / "m2.jsonl").write_bytes(lines([counted(4, at=120)]))
        assert sealed(house, tmp_path)["telemetry shrunk"] == 1
        assert opened(house)[whose["ann"]].counts == Counts(lines_added=7)


def test_calls_are_remembered_from_run_to_run(tmp_path: Path) -> None:
    """A session that was sealed before is found by its calls; by another account's it is not."""
    with founded(tmp_path) as house:
        made(tmp_path, e=[logs(result("toolu_1", session=""), result("toolu_2", session=""))])
        sealed(house, tmp_path / "logs")
        told = sealed(house, tmp_path / "otlp")
        # Both calls are said to be ann's: bob's is in no session of hers.
        assert (told["telemetry sealed"], told["record TELEMETRY_UNJOINED"]) == (1, 1)
        whose = keys(house)
        assert set(opened(house)) == {whose["ann"]}
        made(tmp_path, e=[logs(result("toolu_2", session="", account=BOB))])
        assert sealed(house, tmp_path / "otlp")["telemetry sealed"] == 1
        assert set(opened(house)) == {whose["ann"], whose["bob"]}


def test_nothing_of_it_lies_in_clear(tmp_path: Path) -> None:
    """Not in the vault, not with the custodian, and not in what he is told."""
    word = "heliotrope-7731"
    one = counted(3)
    for export in (one, happened := logs(result("toolu_1"))):
        text = json.dumps(export)
        attributes = json.dumps([kv("user.email", f"{word}@example.org"), kv("prompt", word)])
        export.clear()
        export.update(
            json.loads(text.replace('"attributes": [', f'"attributes": {attributes[:-1]}, '))
        )
    with founded(tmp_path / "house") as house:
        made(house.folder, m=[one], e=[happened])
        told = sealed(house, house.folder / "logs", house.folder / "otlp")
        assert told["telemetry sealed"] == 1
        places = (house.vault.folder, house.folder / "vault.custodian")
        lying = [p.read_bytes() for at in places for p in at.rglob("*") if p.is_file()]
        assert len(lying) > 6
        secrets = (word, ANN, "toolu_1", "lines_of_code")
        raw = b"".join(path.read_bytes() for path in (house.folder / "otlp").iterdir())
        assert all(secret.encode() in raw for secret in secrets)
        assert not any(secret.encode() in data for secret in secrets for data in lying)
        assert word not in repr(told)
        (only,) = opened(house).values()
        assert word.encode() not in only.encode()


def test_inspecting_tells_a_collectors_file(tmp_path: Path) -> None:
    """Its format, its sessions and its codes; no id and no word of it."""
    made(tmp_path, m=[counted(3), counted(1, name="s2"), {"resourceSpans": [{}]}])
    told = inspect(tmp_path)
    (row,) = [row for row in told["files"] if row["path"] == "otlp/m.jsonl"]
    assert row.pop("bytes") == (tmp_path / "otlp" / "m.jsonl").stat().st_size
    assert row == {
        "path": "otlp/m.jsonl",
        "format": "telemetry",
        "sessions": 0,
        "prompts": 0,
        "actions": 0,
        "subagents": 0,
        "continued": 0,
        "telemetry": 2,
        "codes": {"TELEMETRY_TRACES": 1},
    }
    assert told["read"] == 3
    assert ANN not in repr(told)


def test_labels_of_made_up_sessions_are_those_that_were_planted(classified: World) -> None:
    """Through the command line, a real keeper and sealed workers: the whole way of the join."""
    with (classified.folder / "raw" / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    planted = [(row["telemetry"], row["telemetry_wrote_code"]) for row in rows]
    plan = read_plan(classified.plan.read_bytes())
    names = [field.name for field in BOOK.fields]
    found = []
    for bucket in unsafe_open_labels(Vault.open(classified.vault), classified.state, plan):
        for _, record in unpack_bucket(bucket, BOOK):
            labels = LabelRecord.decode(record, BOOK).labels
            said = {n: BOOK.field(n).labels[at] for n, at in zip(names, labels, strict=True)}
            found.append((said["telemetry"], said["telemetry_wrote_code"]))
    assert sorted(found) == sorted(planted)
    assert {present for present, _ in found} == {"present", "absent"}


@pytest.mark.parametrize("everything", ["ann", None])
def test_one_account_may_own_a_collectors_file(everything: str | None, tmp_path: Path) -> None:
    """With --account all of it is that account's; with a table strangers are nobody's."""
    with founded(tmp_path) as house:
        made(tmp_path, m=[counted(3, account="stranger")])
        table = None if everything else tmp_path / "accounts.csv"
        custodian = tmp_path / "vault.custodian"
        sources = [tmp_path / "logs" / "ann", tmp_path / "otlp"]
        told = seal_sources(
            house.vault.folder, custodian, sources, table, everything, lambda _, __: None
        )
        if everything:
            assert told["telemetry sealed"] == 1
        else:
            assert "telemetry sealed" not in told
            assert (told["file TELEMETRY_NOBODYS"], told["record TELEMETRY_NOBODYS"]) == (1, 1)
