"""Every real log is read or refused by reason code.  Skipped where there are none."""

import csv
import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.sessions import REASONS, UnreadableError
from classifiers.structure import prompts
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
    statuses: Counter[str] = Counter()
    position = [field.name for field in codebook().fields].index("status")
    for each in read_source(corpus, lambda path: path.parent.name, RunMemory(), Tally()):
        record = classify(each.blob, month=each.month, account=bytes(16))
        assert len(record.encode()) == record_width(codebook())
        assert LabelRecord.decode(record.encode(), codebook()) == record
        statuses[codebook().fields[position].labels[record.labels[position]]] += 1
    assert set(statuses) == {"rated"}


def test_each_format_is_told_by_content_and_counted_as_the_manifest_counts(corpus: Path) -> None:
    """
    Actions of real Claude Code logs agree file by file; prompts where both mean the same.

    The manifest's prompts leave out what was typed while the agent worked, answers and shell
    commands, and count a prompt twice that a hook stopped and its author typed again.
    """
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
    agreed: defaultdict[str, list[bool]] = defaultdict(list)
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (corpus / row["local"]).is_file()]
    assert rows
    for row in rows:
        asked = acted = 0
        for each in read_source(corpus / row["local"], lambda _: "one", RunMemory(), Tally()):
            session = read_session(each.blob)
            assert session.format == read.get(row["format"], row["format"])
            asked += prompts(session)
            acted += sum(1 for _ in session.calls)
        if row["format"] == "claude_code":
            assert acted == int(row["n_actions"])
            agreed["prompts"].append(asked == int(row["n_prompts"]))
    if agreed:
        assert sum(agreed["prompts"]) >= 0.85 * len(agreed["prompts"])
