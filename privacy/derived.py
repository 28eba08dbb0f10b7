"""
Measures and groupings that follow from labels: closed, public, part of the codebook's hash.

A derived measure is a yes/no question about a record: `yes` and `base` are conditions, each
a conjunction of "this column holds one of these labels".  Records outside `base` do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Condition = Mapping[str, tuple[str, ...]]
"""Column → labels that fulfil it; all columns must."""

JUDGED: Condition = {"outcome": ("succeeded", "partial", "failed")}
"""Sessions that had a goal and an outcome; the published study leaves the others out too."""
SIGNALS = ("none", "1", "2", "3", "4", "5")


@dataclass(frozen=True, slots=True)
class Derived:
    """A yes/no measure made of labels."""

    title: str
    yes: Condition
    base: Condition

    def describe(self) -> dict[str, object]:
        """The measure as plain data."""
        return {
            "title": self.title,
            "yes": {column: list(labels) for column, labels in self.yes.items()},
            "base": {column: list(labels) for column, labels in self.base.items()},
        }


@dataclass(frozen=True, slots=True)
class Grouping:
    """A coarser column made of another: named groups of labels; labels in no group drop out."""

    title: str
    of: str
    groups: Mapping[str, tuple[str, ...]]

    def describe(self) -> dict[str, object]:
        """The grouping as plain data."""
        return {
            "title": self.title,
            "of": self.of,
            "groups": {group: list(labels) for group, labels in self.groups.items()},
        }


DERIVED: Mapping[str, Derived] = {
    "at_least_partial": Derived(
        "reached the goal at least in part", {"outcome": ("succeeded", "partial")}, JUDGED
    ),
    "judged_success": Derived("reached the goal", {"outcome": ("succeeded",)}, JUDGED),
    "verified_success": Derived(
        "reached the goal, with hard evidence",
        {"outcome": ("succeeded",), "success_signal": ("4", "5")},
        {**JUDGED, "success_signal": SIGNALS},
    ),
    "judged_failure": Derived("missed the goal", {"outcome": ("failed",)}, JUDGED),
    "verified_failure": Derived(
        "missed the goal, with hard evidence",
        {"outcome": ("failed",), "failure_signal": ("4", "5")},
        {**JUDGED, "failure_signal": SIGNALS},
    ),
    "troubled": Derived(
        "ran into trouble", {"failure_signal": ("3", "4", "5")}, {"failure_signal": SIGNALS}
    ),
    "abandoned": Derived(
        "failed in trouble without a line of code",
        {"failure_signal": ("3", "4", "5"), "outcome": ("failed",), "wrote_code": ("no",)},
        {**JUDGED, "failure_signal": SIGNALS},
    ),
    "wrote_code": Derived("wrote code", {"wrote_code": ("yes",)}, {"status": ("rated", "cut")}),
    "user_led": Derived(
        "the person made over 80 % of the execution decisions",
        {"execution_by_user": ("90", "100")},
        {"execution_by_user": tuple(str(p) for p in range(0, 101, 10))},
    ),
    "agent_planned": Derived(
        "the person made under 20 % of the planning decisions",
        {"planning_by_user": ("0", "10")},
        {"planning_by_user": tuple(str(p) for p in range(0, 101, 10))},
    ),
}

_OTHER_OCCUPATIONS = tuple(str(code) for code in range(11, 56, 2) if code != 15)

GROUPINGS: Mapping[str, Grouping] = {
    "software_occupation": Grouping(
        "whether software is the person's profession",
        "occupation",
        {"software": ("15",), "other": _OTHER_OCCUPATIONS},
    ),
    "task_value_tier": Grouping(
        "value of the task in US dollars",
        "task_value",
        {
            "under 100": ("lt25", "25-50", "50-100"),
            "100-500": ("100-250", "250-500"),
            "500-1000": ("500-1000",),
            "over 1000": ("1000-5000", "gt5000"),
        },
    ),
}
