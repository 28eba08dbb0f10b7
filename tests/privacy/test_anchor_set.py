"""The anchor set: what ships is what was chosen, and what a folder of one's own may hold."""

import json
from collections import Counter
from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.worker import classify
from privacy.anchor_set import (
    FEWEST_SESSIONS,
    LARGEST_SESSION,
    MOST_SESSIONS,
    read_folder,
    set_hash,
    shipped,
)
from privacy.codebook import codebook
from privacy.errors import ConfigurationError
from privacy.labels import LabelRecord

HASH = "65700a99d9d4918b21334eaee5575427aa9e64e90bd3c11699482d79a11f8adc"
KINDS = ("work_mode", "outcome", "expertise", "success_signal", "failure_signal")


def test_the_set_that_ships_is_what_earlier_readings_are_of() -> None:
    """Another byte is another set, whose readings are compared with none of before."""
    assert shipped().hash == HASH
    assert len(shipped().sessions) == len(set(shipped().digests)) == 96
    assert set_hash(shipped().digests[::-1]) != HASH


def test_the_set_that_ships_covers_what_is_asked() -> None:
    """Of five questions each answer was planted nine times at least: none goes without a bound."""
    planted = [json.loads(session)["planted"] for session in shipped().sessions]
    for kind in KINDS:
        counts = Counter(one[kind] for one in planted)
        labels = set(codebook().field(kind).labels) - {"unclear"}
        assert labels <= counts.keys(), kind
        assert min(counts[label] for label in labels) >= 9, kind


def test_what_was_planted_is_shown_to_no_rater() -> None:
    """The key lies beside the messages: the session reads the same without it."""
    for session in shipped().sessions:
        told = json.loads(session)
        del told["planted"]
        assert read_session(session) == read_session(json.dumps(told).encode())


def test_every_session_that_ships_can_be_rated() -> None:
    """By the rater that is always there: none is refused, cut, or no session."""
    names = [field.name for field in codebook().fields]
    place, rated = names.index("status"), codebook().field("status").index("rated")
    for session in shipped().sessions:
        record: LabelRecord = classify(session, month="unknown", account=bytes(16))
        assert record.labels[place] == rated


def fill(folder: Path, count: int) -> Path:
    """A folder of so many sessions."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:04}.jsonl").write_bytes(b"session %d" % number)
    return folder


def test_a_folder_of_ones_own_is_read_in_order_of_names(tmp_path: Path) -> None:
    """The same files in another folder are the same set; folders within are none."""
    one, other = fill(tmp_path / "one", 12), fill(tmp_path / "other", 12)
    (other / "deeper").mkdir()

    assert read_folder(one) == read_folder(other)
    assert read_folder(one).sessions[11] == b"session 11"
    (other / "0011.jsonl").rename(other / "a.jsonl")
    assert read_folder(one).hash == read_folder(other).hash
    (other / "a.jsonl").rename(other / "0.jsonl")
    assert read_folder(one).hash != read_folder(other).hash


def test_a_folder_that_bounds_nothing_is_refused(tmp_path: Path) -> None:
    """None, too few, too many, too large, empty, the same twice; the control is above."""
    empty = fill(tmp_path / "empty", FEWEST_SESSIONS)
    (empty / "0000.jsonl").write_bytes(b"")
    twice = fill(tmp_path / "twice", FEWEST_SESSIONS)
    (twice / "0000.jsonl").write_bytes(b"session 1")
    large = fill(tmp_path / "large", FEWEST_SESSIONS)
    (large / "0000.jsonl").write_bytes(bytes(LARGEST_SESSION + 1))
    for folder in (
        tmp_path / "nothing",
        fill(tmp_path / "few", FEWEST_SESSIONS - 1),
        fill(tmp_path / "many", MOST_SESSIONS + 1),
        empty,
        twice,
        large,
    ):
        with pytest.raises(ConfigurationError, match="ANCHOR_SET") as refusal:
            read_folder(folder)
        assert str(tmp_path) not in str(refusal.value)
