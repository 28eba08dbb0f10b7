"""What is written is what is read."""

from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
import pytest

from aggregates.bundle import DICTIONARY, NUMBERS, compose, read_bundle, read_keys
from aggregates.release import COLUMNS, Row
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.errors import ConfigurationError
from privacy.plan import read_plan
from tests.aggregates.rows import BOOK, HEAD, MEAN, RATE, SHARE, small_plan

ALONE = RATE.replace("verified", "alone", 1).replace('by = ["expertise"]\n', "")
MADE = small_plan(SHARE, RATE, MEAN, ALONE, head=HEAD.replace("small", "small-study"))
ROWS = unsafe_release_unsealed(MADE, draw(3000, 5100, seed=None, codebook=BOOK).buckets(2))


def written(folder: Path, rows: list[Row] | None = None) -> Path:
    """A bundle's folder, without sums and signature."""
    for name, content in compose(
        MADE, ROWS if rows is None else rows, {"floor.json": b"{}"}
    ).items():
        (folder / name).write_bytes(content)
    return folder


def test_tables_come_back_as_they_were(tmp_path: Path) -> None:
    """States, empty cells, numbers and texts, the one without keys included."""
    table = read_bundle(written(tmp_path)).table

    assert [*table.columns] == [*COLUMNS, "dominates"]
    assert {"published", "suppressed"} == {*table["state"]}
    for row, (_, read) in zip(ROWS, table.iterrows(), strict=True):
        for column in COLUMNS:
            if row[column] is None:
                assert pd.isna(read[column])
            else:
                assert read[column] == row[column]
    assert table.iloc[-1]["keys"] == ""
    assert table["estimate"].dtype == "float64"
    assert str(table["accounts_at_least"].dtype) == "Int64"


def test_each_table_has_a_column_for_each_key(tmp_path: Path) -> None:
    """So that it can be pivoted at once."""
    bundle = read_bundle(written(tmp_path))

    assert [*bundle.tables] == ["modes", "verified", "actions", "alone"]
    assert [*bundle.tables["verified"]["expertise"]] == [*BOOK.field("expertise").labels]
    assert len(bundle.tables["alone"]) == 1
    assert bundle.plan.hash == MADE.hash
    assert read_keys("a=x; b=y z") == {"a": "x", "b": "y z"}


def test_a_release_of_nothing_but_suppressed_rows_reads_too(tmp_path: Path) -> None:
    """Columns of numbers stay such when no number is in them."""
    table = read_bundle(written(tmp_path, unsafe_release_unsealed(MADE, []))).table

    assert {*table["state"]} == {"suppressed"}
    assert table["estimate"].isna().all()
    assert table["threshold"].notna().all()


def test_a_bundle_is_composed_the_same_every_time() -> None:
    """A stored bundle and one composed again are the same bytes; the plan is the signed one."""
    files = compose(MADE, ROWS, {})

    assert files == compose(MADE, ROWS, {})
    assert read_plan(files["plan.json"]).hash == MADE.hash
    assert files["tables.csv"].count(b"\n") == len(ROWS) + 1
    assert b"\r" not in files["tables.csv"]


def test_the_dictionary_explains_every_column_and_the_promise() -> None:
    """In the order of the columns, with the numbers of this release."""
    readme = compose(MADE, ROWS, {})["README.txt"].decode()

    assert (*DICTIONARY,) == COLUMNS
    assert {*NUMBERS} < {*COLUMNS}
    assert all(f"  {column}" in readme for column in COLUMNS)
    for number in (MADE.privacy.rho, "e^2,", "1e-07", "at least 20 accounts"):
        assert number in readme


def test_an_extra_may_not_take_a_files_place() -> None:
    """Nor leave the folder."""
    for name in ("tables.csv", "plan.json", "../out.txt", "sub/x"):
        with pytest.raises(ConfigurationError, match="BUNDLE_NAME"):
            compose(MADE, ROWS, {name: b""})

    assert "report.html" in compose(MADE, ROWS, {"report.html": b""})


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    """Missing files and other columns."""
    with pytest.raises(ConfigurationError, match="BUNDLE_UNREADABLE"):
        read_bundle(tmp_path)
    written(tmp_path)
    (tmp_path / "tables.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="other columns"):
        read_bundle(tmp_path)
