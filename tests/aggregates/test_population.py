"""Names become conditions; nothing vanishes from a base unseen."""

import pytest

from aggregates.population import axis, both, conditions, months_between, rate_axis, whole
from privacy.derived import DERIVED
from privacy.errors import ConfigurationError
from tests.aggregates.rows import BOOK


def refuse(found: str, remedy: str) -> ConfigurationError:
    """An error without a line."""
    return ConfigurationError("TEST", rule="A rule.", found=found, remedy=remedy)


def test_a_span_of_months_crosses_the_year() -> None:
    """Both ends included; unknown or swapped ends give none."""
    assert months_between("2025-11", "2026-02") == ("2025-11", "2025-12", "2026-01", "2026-02")
    assert months_between("2026-02", "2025-11") == ()
    assert months_between("1999-01", "2025-11") == ()


def test_where_takes_fields_groupings_and_derived_measures() -> None:
    """And joins what they say about one column."""
    made = conditions({"interactive": True, "work_mode": ["fix", "build"]}, BOOK, refuse)
    assert made == {"interactive": ("yes",), "work_mode": ("fix", "build")}
    assert conditions({"software_occupation": "software"}, BOOK, refuse) == {"occupation": ("15",)}
    assert conditions({"troubled": True}, BOOK, refuse) == {"failure_signal": ("3", "4", "5")}
    # abandoned: failed, in trouble, no code; and here only the hard failures of them.
    made = conditions({"abandoned": True, "failure_signal": ["5", "none"]}, BOOK, refuse)
    assert made == {"outcome": ("failed",), "failure_signal": ("5",), "wrote_code": ("no",)}
    with pytest.raises(ConfigurationError, match="other than true"):
        conditions({"troubled": False}, BOOK, refuse)


def test_an_axis_keeps_every_label_unless_told() -> None:
    """`unclear` is a label like any other; a grouping's levels are its groups."""
    made = axis("expertise", BOOK, months=(), merge={}, leave_out=(), refuse=refuse)
    assert [level.name for level in made.levels] == list(BOOK.field("expertise").labels)
    grouped = axis("software_occupation", BOOK, months=(), merge={}, leave_out=(), refuse=refuse)
    assert [level.name for level in grouped.levels] == ["software", "other"]
    assert "unclear" not in grouped.levels[1].when["occupation"]
    with pytest.raises(ConfigurationError, match="every label left out"):
        axis("interactive", BOOK, months=(), merge={}, leave_out=("yes", "no"), refuse=refuse)


@pytest.mark.parametrize("name", DERIVED)
def test_a_rate_counts_yes_among_its_base(name: str) -> None:
    """`yes` is part of the base for every derived measure, and the base is what `no` falls into."""
    yes, no = rate_axis(name, refuse).levels

    assert (yes.name, no.name) == ("yes", "no")
    assert dict(no.when) == dict(DERIVED[name].base)
    for column, labels in yes.when.items():
        assert set(labels) <= set(DERIVED[name].base.get(column, labels))
        assert labels


def test_the_whole_of_two_axes_is_what_lies_in_some_cell() -> None:
    """A base condition made of the union of each axis' levels."""
    first = axis(
        "expertise", BOOK, months=(), merge={}, leave_out=("unclear", "novice"), refuse=refuse
    )
    second = axis("software_occupation", BOOK, months=(), merge={}, leave_out=(), refuse=refuse)
    (level,) = whole([first, second]).levels

    assert level.when["expertise"] == ("beginner", "intermediate", "advanced", "expert")
    assert len(level.when["occupation"]) == 23
    assert both({"a": ("x", "y")}, {"a": ("y",), "b": ("z",)}) == {"a": ("y",), "b": ("z",)}
