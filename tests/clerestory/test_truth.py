"""Truth against release: for made-up sessions only, and from the real labels."""

import csv
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest

from aggregates.exact import unsafe_exact_tables
from clerestory.synthetic import write_sessions
from clerestory.truth import _planted, unsafe_open_labels, write_truth
from privacy.codebook import codebook
from privacy.errors import RefusedError
from privacy.labels import LabelRecord, unpack_bucket
from privacy.plan import read_plan
from privacy.vault import FLOOR, Vault, replace_file
from tests.support.world import World

BOOK = codebook()


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic sessions with their truth."""
    folder = tmp_path_factory.mktemp("raw")
    write_sessions(folder, accounts=40, sessions=60, seed=5)
    return folder


def test_planted_labels_are_those_of_the_truth_file(raw: Path) -> None:
    """Every session is a record, with the labels that its row says."""
    with (raw / "truth.csv").open(encoding="utf-8", newline="") as file:
        sessions = list(csv.DictReader(file))
    rows = list(unpack_bucket(_planted(raw / "truth.csv", BOOK), BOOK))
    assert len(rows) == len(sessions) == 60
    records = [LabelRecord.decode(data, BOOK) for _, data in rows]
    assert len({record.account for record in records}) == len({s["account"] for s in sessions})
    for name in ("work_mode", "expertise", "outcome", "success_signal", "month"):
        position = [field.name for field in BOOK.fields].index(name)
        labels = BOOK.field(name).labels
        assert sorted(labels[record.labels[position]] for record in records) == sorted(
            session[name] if session[name] in labels else labels[-1] for session in sessions
        )


def test_the_page_sets_three_values_side_by_side(classified: World, tmp_path: Path) -> None:
    """Planted, labelled, released; and it says that it can exist for made-up data only."""
    truth = classified.folder / "raw" / "truth.csv"
    (tmp_path / "truth.csv").write_bytes(truth.read_bytes())
    bundle = classified.folder / "bundle"
    page = write_truth(tmp_path, classified.vault, classified.state, classified.plan, bundle)
    text = page.read_text(encoding="utf-8")
    assert "exists only because the data are synthetic" in text
    assert "<script" not in text
    for table in read_plan(classified.plan.read_bytes()).tables:
        assert escape(table.title, quote=False) in text or escape(table.title) in text


def test_labels_open_for_a_synthetic_vault_only(classified: World, tmp_path: Path) -> None:
    """With the keeper's key, under its floor; a real vault is refused before the key is read."""
    plan = read_plan(classified.plan.read_bytes())
    vault = Vault.open(classified.vault)
    opened = list(unsafe_open_labels(vault, classified.state, plan))
    rows = [row for data in opened for row in unpack_bucket(data, BOOK)]
    assert len(rows) == len({session for session, _ in rows}) == 45
    told = unsafe_exact_tables(plan, opened, BOOK)
    assert told

    real = replace(vault.floor, synthetic=False)
    replace_file(tmp_path / FLOOR, real.canonical)
    with pytest.raises(RefusedError, match="LABELS_STAY_SEALED"):
        list(unsafe_open_labels(Vault.open(tmp_path), tmp_path / "no-state", plan))


def test_a_floor_that_is_called_synthetic_opens_nothing(classified: World, tmp_path: Path) -> None:
    """The word in a copied floor.json makes another floor, under which nothing was sealed."""
    plan = read_plan(classified.plan.read_bytes())
    copy = tmp_path / "vault"
    replace_file(copy / FLOOR, replace(Vault.open(classified.vault).floor, buckets=63).canonical)
    for path in classified.vault.rglob("*.sealed"):
        replace_file(copy / path.relative_to(classified.vault), path.read_bytes())
    assert list(unsafe_open_labels(Vault.open(copy), classified.state, plan)) == []
