"""A rater's mistakes come into a plan as they were counted, or are refused with their line."""

from dataclasses import replace
from pathlib import Path

import pytest

from aggregates.plan import plan
from aggregates.study import Study
from aggregates.validation import MOST_BYTES
from privacy.confusion import MOST_SESSIONS, Confusion, Validation
from privacy.errors import ConfigurationError, RefusedError
from privacy.plan import Plan, read_plan
from privacy.soundness import check_sound
from tests.aggregates.rows import HEAD, MEAN, RATE, SHARE, small_plan
from tests.support.confusions import (
    CORRECTED,
    GOOD,
    MODES,
    RATED,
    file_of,
    of_modes,
    plan_of,
    study_of,
    told,
)

AMONG = """
[[table]]
name = "troubled"
rate_of = "verified_success"
among = "troubled"
"""
ADJUSTED = """
[[table]]
name = "adjusted"
rate_of = "verified_success"
by = ["expertise"]
adjust_for = ["work_mode"]
"""


def refused(folder: Path, text: str, *tables: str) -> ConfigurationError:
    """What the compiler says of a study beside this file."""
    with pytest.raises(ConfigurationError) as caught:
        plan(study_of(folder, text, *tables))
    return caught.value


def test_the_plan_holds_what_its_tables_need_and_no_more(tmp_path: Path) -> None:
    """Counts of other questions, and of groups that no table has, are not signed."""
    given = (
        told(GOOD),
        told(GOOD, expertise="expert"),
        told(GOOD, surface="cli"),
        told(GOOD, of="troubled"),
        of_modes(),
    )
    made = plan_of(tmp_path, *given)

    assert made.validation is not None
    kept = [(one.of, dict(one.group)) for one in made.validation.tables]
    assert kept == [
        ("verified_success", {}),
        ("verified_success", {"expertise": "expert"}),
        ("work_mode", {}),
    ]
    assert made.validation.tables[0].counts == GOOD
    assert made.validation.reference == "two readers, of made-up sessions"
    assert {(t.kind, t.validated) for t in made.tables} == {
        ("rate", "verified_success"), ("share", "work_mode"),
        ("corrected", "verified_success"), ("corrected", "work_mode"),
    }  # fmt: skip
    check_sound(made)
    assert read_plan(made.canonical) == made


def test_which_tables_have_mistakes(tmp_path: Path) -> None:
    """A rate among others has another base, and a mean is of what was counted: neither has any."""
    text = file_of(told(GOOD), of_modes())
    made = plan(study_of(tmp_path, text, RATE, MEAN, AMONG, ADJUSTED))

    assert {(t.name, t.kind): t.validated for t in made.tables} == {
        ("verified", "rate"): "verified_success",
        ("actions", "geometric_mean"): "",
        ("troubled", "rate"): "",
        ("adjusted", "adjusted_rate"): "verified_success",
    }
    check_sound(made)


BAD_FILES = {
    # what is wrong: (the file, line, what the message says)
    "no JSON": ("{", 1, "expecting property name"),
    "a list": ("[]", 1, "valid dictionary"),
    "key twice": ('{"format": 1, "format": 2}', 1, "key that stands twice"),
    "another format": (file_of(told(GOOD), format="confusion/9"), 1, "another format"),
    "another rater": (
        file_of(told(GOOD), rater={"name": "claude", "version": "2", "model": "m"}),
        3,
        "another rater: 'claude 2 m full combined schema'",
    ),
    "another view": (
        file_of(
            told(GOOD), rater={"name": "offline", "version": "1", "model": "", "view": "tail"}
        ),
        3,
        "another rater: 'offline 1 tail combined schema'",
    ),
    "another codebook": (file_of(told(GOOD), codebook="0" * 64), 8, "another codebook"),
    "an unknown key": (file_of({**told(GOOD), "note": "hello"}), 12, "tables.0.note"),
    "no such question": (file_of(of_modes(), told(GOOD, of="mood")), 13, "'mood', which is no"),
    "other labels": (file_of(of_modes(), told(GOOD, "verified_success", "abc")), 13, "its own"),
    "no square": (file_of(of_modes(), told(GOOD[:2])), 13, "no square of 3"),
    "a count below zero": (
        file_of(of_modes(), told(((-1, 0, 0), *GOOD[1:]))), 13, "tables.1.counts.0.0",
    ),
    "half a session": (
        file_of(told(((0.5, 0, 0), *GOOD[1:]))), 12, "valid integer",  # type: ignore[arg-type]
    ),
    "too many": (
        file_of(told(((MOST_SESSIONS + 1, 0, 0), *GOOD[1:]))), 12, "less than or equal",
    ),
    "one group twice": (file_of(of_modes(), of_modes()), 13, "work_mode twice for one group"),
    "no table": (file_of(), 1, "tables"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", BAD_FILES)
def test_a_file_is_refused_with_its_line(tmp_path: Path, wrong: str) -> None:
    """Each mistake names the line it stands on, a table a line."""
    text, line, message = BAD_FILES[wrong]
    error = refused(tmp_path, text, RATE, SHARE)

    assert error.code == "VALIDATION_INVALID"
    assert f"in line {line} of confusion.json" in error.found
    assert message in error.found


def test_a_study_is_refused_where_its_file_does_not_fit(tmp_path: Path) -> None:
    """Missing, too large, of nothing that is asked, or not of what is to be corrected."""
    (tmp_path / "study.toml").write_text(HEAD + RATED + RATE, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"line \d+ of study.toml: no file 'confusion"):
        plan(Study.read(tmp_path / "study.toml"))
    with pytest.raises(ConfigurationError, match="beside the study"):
        plan(Study.parse(HEAD + RATED + RATE))
    assert "no file" in refused(tmp_path, " " * (MOST_BYTES + 1)).found
    assert "of which no table is" in refused(tmp_path, file_of(of_modes()), RATE).found
    partly = refused(tmp_path, file_of(told(GOOD)))
    assert "corrected numbers of 'modes', and no counts of work_mode" in partly.found
    with pytest.raises(ConfigurationError, match="no validation of the rater"):
        Study.parse(HEAD + CORRECTED)


def forged(made: Plan, **changes: object) -> Plan:
    """The plan with its first confusion table changed."""
    validation = made.validation
    assert validation is not None
    first, *others = validation.tables
    tables = (replace(first, **changes), *others)  # type: ignore[arg-type]
    return replace(made, validation=replace(validation, tables=tables))


@pytest.mark.parametrize(
    "changes",
    [
        {"counts": ((80, 20, 0), (30, 270, 0))},
        {"counts": ((80, 20), (30, 270), (0, 0))},
        {"counts": ((-80, 20, 0), (30, 270, 0), (0, 0, 5))},
        {"counts": ((True, 20, 0), (30, 270, 0), (0, 0, 5))},
        {"counts": ((10**8, 20, 0), (30, 270, 0), (0, 0, 5))},
        {"counts": ((0.5, 20, 0), (30, 270, 0), (0, 0, 5))},
        {"labels": ("yes", "yes", "outside")},
        {"labels": ("so", "no", "outside")},
        {"labels": ("yes", "no", "out\nside")},
        {"labels": ("yes", "no", "o" * 101)},
        {"of": "work_mode"},
        {"of": "outcome"},
        {"of": ""},
        {"group": {"expertise": ""}},
    ],
    ids=range(14),
)
def test_a_forged_table_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    """Whoever edits the counts of a plan must leave them counts, of what its tables are of."""
    made = plan_of(tmp_path, told(GOOD), of_modes())
    check_sound(made)  # the control
    check_sound(forged(made, counts=((9, 9, 9), (9, 9, 9), (9, 9, 9))))

    with pytest.raises(RefusedError, match="PLAN_MALFORMED"):
        check_sound(forged(made, **changes))


def test_a_forged_reference_to_a_table_is_refused(tmp_path: Path) -> None:
    """A mean with a classifier error, a share by a rate's, a corrected number by nothing."""
    made = plan_of(tmp_path, told(GOOD), of_modes())
    corrected = next(n for n, table in enumerate(made.tables) if table.kind == "corrected")

    def with_table(number: int, **changes: str) -> Plan:
        tables = [*made.tables]
        tables[number] = replace(tables[number], **changes)  # type: ignore[arg-type]
        return replace(made, tables=(*tables,))

    share = next(n for n, table in enumerate(made.tables) if table.kind == "share")
    for plan_ in (
        with_table(corrected, validated=""),
        with_table(share, validated="verified_success"),
        with_table(0, validated="work_mode"),
        with_table(0, validated="troubled"),
        replace(made, validation=None),
        replace(made, validation=Validation("x", same_population=True, tables=())),
    ):
        with pytest.raises(RefusedError, match="PLAN_MALFORMED"):
            check_sound(plan_)
    sizes = small_plan(MEAN)
    mean = replace(sizes.tables[0], validated="work_mode")
    counts = Confusion("work_mode", {}, MODES, tuple((1,) * 10 for _ in MODES))
    with pytest.raises(RefusedError, match="PLAN_MALFORMED"):
        check_sound(
            replace(
                sizes,
                tables=(mean,),
                validation=Validation("x", same_population=True, tables=(counts,)),
            )
        )
