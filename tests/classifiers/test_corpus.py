"""Every real log is read or refused by reason code.  Skipped where there are none."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.sessions import REASONS, UnreadableError
from classifiers.worker import classify
from privacy.codebook import codebook
from privacy.labels import LabelRecord, record_width
from tests.support.corpus import real_logs

pytestmark = pytest.mark.corpus

REFUSALS = {"READ", "NOT_A_FILE", "UNREADABLE_FILE", "NO_ACCOUNT", *REASONS}


@pytest.fixture(scope="module")
def corpus() -> Path:
    """The folder of real logs."""
    return real_logs()


def test_every_file_is_read_or_refused_by_code(corpus: Path) -> None:
    """No file is lost, and none raises anything but a reason."""
    tally = Tally()
    found = list(read_source(corpus, lambda _: "one", RunMemory(), tally))
    files = [path for path in corpus.rglob("*") if not path.is_dir()]
    assert set(tally.files) == set(files)
    assert set(tally.files.values()) <= REFUSALS
    assert tally.sessions["TAKEN"] == len(found) > 0
    for path in files:
        try:
            read = read_session(path.read_bytes())
            with path.open("rb") as file:
                assert read_session(file) == read
            shown = repr(read)
        except UnreadableError as error:
            shown = str(error)
            assert shown in REASONS
        assert "claude-opus-4-5-20251101" not in shown


def test_every_session_becomes_a_rated_record(corpus: Path) -> None:
    """What the edge lets through, the worker can label."""
    statuses: Counter[str] = Counter()
    position = [field.name for field in codebook().fields].index("status")
    for each in read_source(corpus, lambda path: path.parent.name, RunMemory(), Tally()):
        record = classify(each.blob, month=each.month, account=bytes(16))
        assert len(record.encode()) == record_width(codebook())
        assert LabelRecord.decode(record.encode(), codebook()) == record
        statuses[codebook().fields[position].labels[record.labels[position]]] += 1
    assert set(statuses) == {"rated"}


def test_each_format_is_told_by_content(corpus: Path) -> None:
    """What the manifest calls a file's format is what we find in it; its name says nothing."""
    manifest = corpus / "manifest.csv"
    if not manifest.is_file():
        pytest.skip("NO MANIFEST beside the real logs")
    read = {
        "claude_code": "claude_code",
        "claude_code_fixtures": "claude_code",
        "gemini_cli": "gemini_cli",
        "swe_agent_traj": "swe_agent",
        "atif": "atif",
        "specstory_cursor": "specstory",
        "claude_code_console_paste": "console",
    }
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (corpus / row["local"]).is_file()]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        for each in read_source(corpus / row["local"], lambda _: "one", RunMemory(), Tally()):
            found[row["format"]].add(read_session(each.blob).format)
    assert found == {name: {read.get(name, name)} for name in {row["format"] for row in rows}}
