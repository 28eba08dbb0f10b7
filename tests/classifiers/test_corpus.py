"""Every real log is read or refused by reason code.  Skipped where there are none."""

import os
from collections import Counter
from pathlib import Path

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.sessions import REASONS, UnreadableError
from classifiers.worker import classify
from privacy.codebook import codebook
from privacy.labels import LabelRecord, record_width

pytestmark = pytest.mark.corpus

REFUSALS = {"READ", "NOT_A_FILE", "UNREADABLE_FILE", "NO_ACCOUNT", *REASONS}


@pytest.fixture(scope="module")
def corpus() -> Path:
    """The folder of real logs."""
    beside = Path(__file__).parents[3] / "shared" / "transcripts"
    folder = Path(os.environ.get("CLERESTORY_TRANSCRIPTS", beside))
    if not folder.is_dir():
        pytest.skip("NO REAL LOGS: set CLERESTORY_TRANSCRIPTS to a folder of them")
    return folder


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
            shown = repr(read_session(path.read_bytes()))
        except UnreadableError as error:
            shown = str(error)
            assert shown in REASONS
        assert "claude-opus-4-5-20251101" not in shown


def test_every_session_becomes_a_rated_record(corpus: Path) -> None:
    """What the edge lets through, the worker can label."""
    folder = corpus / "claude_code"
    if not folder.is_dir():
        pytest.skip("NO REAL CLAUDE CODE LOGS in the folder of real logs")
    statuses: Counter[str] = Counter()
    position = [field.name for field in codebook().fields].index("status")
    for each in read_source(folder, lambda path: path.parent.name, RunMemory(), Tally()):
        record = classify(each.blob, month=each.month, account=bytes(16))
        assert len(record.encode()) == record_width(codebook())
        assert LabelRecord.decode(record.encode(), codebook()) == record
        statuses[codebook().fields[position].labels[record.labels[position]]] += 1
    assert set(statuses) == {"rated"}
