"""Made-up telemetry is a collector's, holds the traps of real one, and says what was planted."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from classifiers.edge import LARGEST, RunMemory, Tally, read_source
from classifiers.edge_telemetry import read_telemetry
from classifiers.worker import classify
from clerestory.accounts import Owners
from clerestory.synthetic import write_sessions
from privacy.codebook import codebook

BOOK = codebook()
ACCOUNTS, SESSIONS = 150, 240


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh corpus: what holds must hold for every seed."""
    folder = tmp_path_factory.mktemp("made")
    write_sessions(folder, accounts=ACCOUNTS, sessions=SESSIONS, seed=None)
    return folder


def truth(made: Path) -> dict[str, tuple[str, str]]:
    """Session → what telemetry was planted of it."""
    with (made / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["session_id"]: (row["telemetry"], row["telemetry_wrote_code"]) for row in rows}


def test_the_join_finds_what_was_planted(made: Path) -> None:
    """Every session, those without an id in their telemetry and those without any included."""
    owners, seen, tally = Owners.told(made / "accounts.csv", None), RunMemory(), Tally()
    sessions = list(read_source(made / "logs", owners.of_file, seen, tally))
    files = sorted((made / "telemetry").iterdir())
    told = list(read_telemetry(files, owners.of_point, seen, tally, LARGEST))
    beside = {each.session: each.blob for each in told}
    assert len(beside) == len(told)
    found = {}
    names = [field.name for field in BOOK.fields]
    for one in sessions:
        telemetry = beside.get(seen.session(one.account, one.session))
        record = classify(one.blob, month=one.month, account=bytes(16), telemetry=telemetry)
        labels = [f.labels[at] for f, at in zip(BOOK.fields, record.labels, strict=True)]
        said = dict(zip(names, labels, strict=True))
        found[one.session] = (said["telemetry"], said["telemetry_wrote_code"])
    assert found == truth(made)
    assert tally.records["TELEMETRY_BAD_POINT"] == tally.records["TELEMETRY_BAD_LINE"] == 0


def test_a_share_of_sessions_has_no_telemetry(made: Path) -> None:
    """
    As in the twin: a tenth is not heard of, and both answers are there.

    240 draws at .9 fall below 180 less than once in 10⁹ runs (7.7 standard deviations), and are
    all present once in 10¹¹.
    """
    shares = Counter(truth(made).values())
    assert 180 <= sum(n for (present, _), n in shares.items() if present == "present") < SESSIONS
    assert {wrote for _, wrote in shares} == {"yes", "no", "absent"}


def test_what_happens_to_real_telemetry_happens_here(made: Path) -> None:
    """
    A reader that is tried on these files has met the traps.

    The rarest are expected eleven, thirteen and seventeen times, so that all are there but once
    in some 50,000 runs (e⁻¹¹ + e⁻¹³ + e⁻¹⁷ = 2 · 10⁻⁵).
    """
    seen: Counter[str] = Counter()
    folder = made / "telemetry"
    before = ""
    for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        seen["repeated"] += line == before
        before = line
        for name in ("agents_view", '"resume"', "billing", "user.email", "CUMULATIVE"):
            seen[name] += name in line
        for metric in json.loads(line)["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
            (point,) = metric["sum"]["dataPoints"]
            seen["text"] += isinstance(point.get("asInt"), str)
            seen["number"] += isinstance(point.get("asInt"), int)
            seen["double"] += "asDouble" in point
            seen["total"] += metric["sum"]["aggregationTemporality"] != 1
            seen["delta"] += metric["sum"]["aggregationTemporality"] == 1
            seen["no id"] += not any(a["key"] == "session.id" for a in point["attributes"])
    events = (folder / "events.jsonl").read_text(encoding="utf-8")
    seen["reject"] += '"reject"' in events
    seen["words"] += "please look at" in events
    seen["paths"] += "workspace.host_paths" in events
    assert [name for name in seen if not seen[name]] == []
    assert len(seen) == 15
    assert (folder / "traces.jsonl").read_text(encoding="utf-8").startswith('{"resourceSpans"')
