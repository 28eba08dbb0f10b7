"""What a bundle says of its rater's stability fails closed, also when the right key signed it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import rfc8785

from privacy.anchor_readings import ANCHOR_SET, AnchorReadings, read_anchor_readings
from privacy.codebook import codebook
from privacy.consistency import StepError
from privacy.drift import DRIFT, drift
from privacy.errors import VerificationError
from privacy.plan import Plan
from privacy.raters import OFFLINE
from privacy.stability import stability
from tests.support.anchored import FLOOR, PLAN, modes, reading, readings, tables

FIRST, LATER = reading("2026-07", modes(20, 40)), reading("2026-08", modes(20, 40))
OTHER = reading("2026-08", modes(30, 30), label_set="e" * 64)
TABLES = tables((0.2, 0.3, 0.4))


@dataclass(frozen=True)
class Told:
    """As much of a statement as is looked at."""

    floor: str
    runs: tuple["Worked", ...]


@dataclass(frozen=True)
class Worked:
    """As much of a run."""

    worker: str


CLASSIFIED = Told(FLOOR, (Worked("classify"), Worked("aggregate")))


def files_of(told: AnchorReadings, plan: Plan = PLAN) -> dict[str, bytes]:
    """A bundle's files about it, made as the keeper makes them."""
    return {
        "codebook.json": rfc8785.dumps(codebook().describe()),  # type: ignore[arg-type]
        "tables.csv": TABLES,
        ANCHOR_SET: told.canonical,
        DRIFT: drift(plan, TABLES, told),
    }


def check(files: dict[str, bytes], plan: Plan = PLAN, told: Told = CLASSIFIED) -> str:
    """What the step finds."""
    return stability(told, plan, files)  # type: ignore[arg-type]


GOOD = readings(FIRST, LATER, others=[OTHER])


def test_the_untouched_files_hold() -> None:
    """The control of everything below."""
    assert "labelled in 2026-07, 2026-08, 60 anchor sessions read in each" in check(files_of(GOOD))
    missing = replace(GOOD, labelled=("2026-06", "2026-07", "2026-08"))
    assert "not read in 2026-06" in check(files_of(missing))


def with_label(one: AnchorReadings, column: str, label: str) -> AnchorReadings:
    """The same, the first anchor labelled otherwise in the first reading."""
    first = one.readings[0]
    labels = {**first.labels, column: (label, *first.labels[column][1:])}
    return replace(one, readings=(replace(first, labels=labels), *one.readings[1:]))


@pytest.mark.parametrize(
    "spoilt",
    [
        replace(GOOD, sessions=("0" * 64, *GOOD.sessions[:0:-1])),
        replace(GOOD, sessions=GOOD.sessions[1:]),
        replace(GOOD, readings=(replace(FIRST, anchor_set="a" * 64), LATER)),
        replace(GOOD, readings=(replace(FIRST, label_set="e" * 64), LATER)),
        replace(GOOD, readings=(LATER, FIRST)),
        replace(GOOD, readings=(FIRST, FIRST)),
        replace(GOOD, readings=(replace(FIRST, month="2026-13"), LATER)),
        replace(GOOD, labelled=()),
        replace(GOOD, labelled=("2026-08", "2026-07")),
        replace(GOOD, others=(OTHER, OTHER)),
        replace(GOOD, others=(LATER,)),
        with_label(GOOD, "work_mode", "another"),
        replace(GOOD, readings=(replace(FIRST, labels={"status": FIRST.labels["status"]}), LATER)),
    ],
)
def test_readings_that_contradict_themselves_fail(spoilt: AnchorReadings) -> None:
    """Another set, another label set, months that are none, labels that are not of the codebook."""
    files = {**files_of(GOOD), ANCHOR_SET: spoilt.canonical}
    with pytest.raises(StepError) as failure:
        check(files)
    assert "drift.csv" not in str(failure.value)


CHANGES: dict[str, Callable[[dict[str, bytes]], object]] = {
    "no readings": lambda files: files.pop(ANCHOR_SET),
    "no verdicts": lambda files: files.pop(DRIFT),
    "neither": lambda files: (files.pop(DRIFT), files.pop(ANCHOR_SET)),
    "softer": lambda files: files.update({DRIFT: files[DRIFT].replace(b"may be", b"beyond")}),
    "longer": lambda files: files.update({DRIFT: files[DRIFT] + b"\n"}),
    "other tables": lambda files: files.update({"tables.csv": tables((0.2, 0.3, 0.5))}),
    "mended": lambda files: files.update(
        {ANCHOR_SET: with_label(GOOD, "work_mode", "test").canonical}
    ),
    "a month more": lambda files: files.update(
        {ANCHOR_SET: replace(GOOD, labelled=("2026-07", "2026-08", "2026-09")).canonical}
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_files_that_do_not_follow_fail(name: str) -> None:
    """A verdict that was softened, a label that was mended, a month that was added."""
    files = files_of(GOOD)
    CHANGES[name](files)
    with pytest.raises(StepError):
        check(files)


def test_bytes_that_are_no_readings_fail() -> None:
    """One key too many, another spelling, another version, nothing."""
    told = json.loads(GOOD.canonical)
    for data in (
        rfc8785.dumps({**told, "more": 1}),
        json.dumps(told).encode(),
        rfc8785.dumps({**told, "format": "clerestory/anchor-set/0"}),
        b"",
    ):
        with pytest.raises(VerificationError, match="ANCHOR_READINGS_UNREADABLE"):
            read_anchor_readings(data)
        with pytest.raises(VerificationError):
            check({**files_of(GOOD), ANCHOR_SET: data})
    assert read_anchor_readings(GOOD.canonical) == GOOD


def test_a_rater_that_asks_nobody_has_no_readings() -> None:
    """It cannot change; a file that says more than that was made by somebody else."""
    offline = replace(PLAN, rater=OFFLINE)

    assert "asks no model" in check({"tables.csv": TABLES}, offline)
    for name in (ANCHOR_SET, DRIFT):
        with pytest.raises(StepError, match="asks nobody"):
            check({name: b""}, offline)


def test_labels_that_no_rater_gave_need_no_reading() -> None:
    """Planted ones; with a run of classify in the statement the same files fail, as above."""
    planted = Told(FLOOR, (Worked("aggregate"),))

    assert check({"tables.csv": TABLES}, told=planted) == "labels that no rater gave"
