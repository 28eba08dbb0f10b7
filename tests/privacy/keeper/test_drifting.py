"""A model that becomes another under the same name: found by the anchor set, told in releases."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from privacy.anchor_readings import ANCHOR_SET, read_anchor_readings
from privacy.drift import DRIFT
from privacy.errors import IncompleteError, VerificationError
from privacy.keeper.anchor_reading import ENTRY, READINGS
from tests.support.drifting import ANCHORS, Drifting, drifting

PEOPLE = 12
"""Of each month, with a session each."""


def two_months(found: Drifting) -> Mapping[str, bytes]:
    """A release of people of October, labelled in July, and of December, labelled in August."""
    plan = found.approve()
    found.seal("alpha", "2025-10", 0, PEOPLE)
    found.classify(plan)
    found.turn("2026-08")
    found.model.change()
    found.seal("omega", "2025-12", 100, PEOPLE)
    found.classify(plan)
    return found.release(plan)


def test_a_change_of_the_model_stands_in_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Between July and August it calls work otherwise and judges outcomes as before.

    Each month's sessions wait for that month's reading, at the price of any session; what becomes
    of the readings is derived in `test_drift`.
    """
    with drifting(tmp_path, monkeypatch) as found:
        files = two_months(found)
        told = read_anchor_readings(files[ANCHOR_SET])

        assert found.model.asked == 2 * (ANCHORS + PEOPLE)
        assert [one.month for one in told.readings] == ["2026-07", "2026-08"]
        first, second = (one.labels for one in told.readings)
        assert first["work_mode"] != second["work_mode"]
        assert first["outcome"] == second["outcome"]
        assert DRIFT in files
        assert len(found.house.entries(ENTRY)) == 2


def test_a_reading_that_was_changed_stops_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger names it by its hash: nobody can make a model steadier than it was."""
    with drifting(tmp_path, monkeypatch) as found:
        plan = found.approve()
        found.seal("alpha", "2025-10", 0, PEOPLE)
        found.classify(plan)
        (path,) = (found.house.state.folder / READINGS).glob("*.json")
        kept = path.read_bytes()
        path.write_bytes(kept.replace(b'"fix"', b'"build"', 1))
        with pytest.raises(VerificationError, match="ANCHOR_READING_CHANGED"):
            found.release(plan)
        path.write_bytes(kept)
        assert found.release(plan)


def test_the_anchor_set_is_read_before_the_first_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that denies the last anchor: no label stands without a reading."""
    with drifting(tmp_path, monkeypatch) as found:
        plan = found.approve()
        found.seal("alpha", "2025-10", 0, PEOPLE)
        found.model.patience = ANCHORS - 1
        with pytest.raises(IncompleteError, match="ENDPOINT_DENIED"):
            found.classify(plan)
        assert not found.house.entries(ENTRY)
        assert not list(found.house.state.labels.buckets())
        found.model.patience = 10**6
        found.classify(plan)
        assert len(found.house.entries(ENTRY)) == 1
        assert list(found.house.state.labels.buckets())
