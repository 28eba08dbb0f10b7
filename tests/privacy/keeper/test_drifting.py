"""A model that becomes another under the same name: found by the anchor set, told in releases."""

from pathlib import Path

import pytest

from privacy.anchor_readings import ANCHOR_SET, read_anchor_readings
from privacy.drift import BEYOND, DRIFT, MAYBE, read_drift
from privacy.errors import IncompleteError, VerificationError
from privacy.keeper.anchor_reading import ENTRY, READINGS
from privacy.label_sets import label_set, label_sets
from privacy.plan import Plan
from privacy.stability import check_readings
from privacy.verification import verify_bundle
from tests.support.drifting import ANCHORS, Drifting, drifting

BOOKED = (ENTRY, "labels")
AGAIN = """
[[reading]]
name = "again"
share = "1"
"""
PEOPLE = 24
"""Of each month, with a session each."""


def refused_before(found: Drifting, plan: Plan) -> None:
    """A server that denies the last anchor: no label stands without a reading."""
    found.model.patience = ANCHORS - 1
    with pytest.raises(IncompleteError, match="ENDPOINT_DENIED"):
        found.classify(plan)
    assert not found.house.entries(ENTRY)
    assert not list(found.house.state.labels.buckets())
    found.model.asked, found.model.patience = 0, 10**6


def refused_after(found: Drifting, plan: Plan) -> None:
    """A reading that was changed or taken away stops the release: the ledger names its hash."""
    path = next((found.house.state.folder / READINGS).glob("*.json"))
    kept = path.read_bytes()
    for spoilt in (kept.replace(b'"succeeded"', b'"failed"', 1), b""):
        path.write_bytes(spoilt)
        with pytest.raises(VerificationError, match="ANCHOR_READING_CHANGED"):
            found.release(plan)
    path.write_bytes(kept)
    assert not found.house.entries("charge")


def test_a_change_of_the_model_stands_in_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    In August it finds no hard evidence any more; outcomes it judges as before.

    So the fall of verified success may be drift, and that of judged success, which is one of
    people, is beyond it: both are falls by some fifty points.  Each month's sessions wait for that
    month's reading, at the price of any session.  Who has bundle and ledger can check all of it.
    """
    with drifting(tmp_path, monkeypatch) as found:
        plan = found.approve()
        found.seal("alpha", "2025-10", 0, PEOPLE)
        refused_before(found, plan)
        found.classify(plan)
        assert list(found.house.state.labels.buckets())
        found.turn("2026-08")
        found.model.change()
        found.seal("omega", "2025-11", 100, PEOPLE)
        found.classify(plan)
        refused_after(found, plan)
        files = found.release(plan)
        told = read_anchor_readings(files[ANCHOR_SET])

        assert found.model.asked == 2 * (ANCHORS + PEOPLE)
        assert told.labelled == ("2026-07", "2026-08")
        assert [one.month for one in told.readings] == ["2026-07", "2026-08"]
        first, second = (one.labels for one in told.readings)
        assert first["success_signal"] != second["success_signal"]
        assert first["outcome"] == second["outcome"]
        assert len(found.house.entries(ENTRY)) == 2

        verdicts = {
            (row["table"], row["statistic"]): row["verdict"] for row in read_drift(files[DRIFT])
        }
        of = ("rate", "change", "slope")
        assert verdicts == {
            **dict.fromkeys((("verified", kind) for kind in of), MAYBE),
            **dict.fromkeys((("judged", kind) for kind in of), BEYOND),
        }
        page = files["report.html"].decode()
        assert page.count("Drift could explain") == len(of)
        assert "Whether the rater has changed" in page

        bundle = tmp_path / "bundle"
        bundle.mkdir()
        for name, data in files.items():
            (bundle / name).write_bytes(data)
        checks = verify_bundle(bundle)
        assert [check.number for check in checks if check.holds is False] == []
        (last,) = (check for check in checks if "drift" in check.title)
        assert "labelled in 2026-07, 2026-08, 40 anchor sessions read in each" in last.found
        assert "3 trend(s)" in last.found

        entries = found.house.entries()
        check_readings(told, label_set(plan, found.house.vault.floor.hash), entries)
        hidden = [e for e in entries if e.kind != "labels" or f"{e.time:%Y-%m}" != "2026-07"]
        unread = [e for e in entries if e.kind != ENTRY]
        for other in (hidden, unread):
            with pytest.raises(VerificationError, match="READINGS_NOT_OF_LEDGER"):
                check_readings(told, label_set(plan, found.house.vault.floor.hash), other)


def test_a_month_that_turns_in_the_middle_has_its_own_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The clock strikes during the first session: what is left waits for August's reading.

    A second reading of the plan has anchors of its own, before its labels and at the same price; a
    release carries them beside those of the first.
    """
    anchors, people = 10, 4
    with drifting(tmp_path, monkeypatch, anchors) as found:
        plan = found.approve(AGAIN)
        found.seal("alpha", "2025-10", 0, people)
        found.model.stops[anchors + 1] = lambda: found.turn("2026-08")
        found.classify(plan)

        first, again = label_sets(plan, found.house.vault.floor.hash)
        kinds = [(e.kind, e.body["set"]) for e in found.house.entries() if e.kind in BOOKED]
        assert kinds == [(kind, name) for name in (first, first, again) for kind in BOOKED]
        assert found.model.asked == 3 * anchors + 2 * people
        told = found.house.keeper.desk.labelling(plan)._reader.told()
        assert told is not None
        assert told.labelled == ("2026-07", "2026-08")
        assert told.missing == ()
        assert {one.label_set for one in told.readings} == {first}
        assert [one.label_set for one in told.others] == [again]
