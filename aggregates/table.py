"""
One table of a study: what it is of, by what, and which statistics of it are wanted.

The grammar is flat: a table names its subject (a share, a rate, a total, a measure, the agreement
of two fields, or why it is not computed), the fields it is by, and how labels are merged or left
out.  What the names mean is the business of `population`.
"""

import re
from fractions import Fraction
from itertools import compress
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from privacy.plan import ADJUSTED_MEANS, ADJUSTED_RATES, AGREEMENTS, TRENDS, Kind

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
Labels = str | bool | list[str]
"""One label, several, or true and false for yes and no."""
Weight = int | float | str
"""A contribution as a study writes it: `1`, `0.5` and `"1/2"` mean what they say."""
_WEIGHT = re.compile(r"\d{1,9}(\.\d{1,9})?(/\d{1,9})?")

CORRECTED = "corrected"
"""Statistic of a share or a rate: what the right labels would say, by the study's validation."""
TREND = "trend"
"""Statistic of a share or a rate by month: how it changed, and its slope."""
SUBJECTS = (
    "share_of", "rate_of", "total_of", "measure", "agreement_of", "accounts_by", "not_computed",
)  # fmt: skip
"""Keys that say what a table is of; it has one of them."""
OF_MEASURES: tuple[Kind, ...] = ("geometric_mean", "mean", "quantiles")
"""Statistics of a measure."""
LEVELS, SLOPE, GEOMETRIC_MEAN = "levels", "slope", "geometric_mean"
"""Statistics of an adjusted table: an adjusted rate or geometric mean for each level of what it is
by, and how much it rises with a step from one level to the next."""
CROSSED = "*"
"""Between the fields of a control whose every combination is a level."""


def weight_of(given: Weight) -> Fraction:
    """
    A contribution as an exact fraction.

    Raises:
        ValueError, ZeroDivisionError: It is no number.
    """
    # Looked at before it is reckoned with: 1e999999999 is a number, and hours of work.
    if isinstance(given, str) and not _WEIGHT.fullmatch(given):
        raise ValueError(given)
    return Fraction(str(given))


class Part(BaseModel):
    """A part of a study file: every key is known, and no value is converted."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class TableSpec(Part):
    """One table that is asked for."""

    name: Name
    title: Text | None = None
    share_of: str | None = None
    rate_of: str | None = None
    among: str | None = None
    """Of a rate: a derived measure; only sessions that say yes to it are its base."""
    total_of: str | None = None
    measure: str | None = None
    agreement_of: list[str] | None = Field(default=None, min_length=2, max_length=2)
    """Two fields with the same labels, after merging and leaving out."""
    accounts_by: str | None = None
    bins: list[int] | None = Field(default=None, min_length=2, max_length=32)
    statistics: list[str] = []
    between: list[float] | None = Field(default=None, min_length=2, max_length=2)
    parted_at: list[float] | None = Field(default=None, min_length=1, max_length=9)
    by: list[str] = Field(default=[], max_length=4)
    merge: dict[str, dict[Text, list[str]]] = {}
    leave_out: dict[str, list[str]] = {}
    where: dict[str, Labels] = {}
    residual: bool = False
    """Of a share: whether what is withheld in a group is printed together, as all others."""
    half_width: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    contribution: Weight | None = None
    design_effect: bool = False
    rho: float | None = Field(default=None, gt=0, lt=20, allow_inf_nan=False)
    adjust_for: list[str] | None = Field(default=None, max_length=8)
    columns: list[int] | None = Field(default=None, min_length=1, max_length=9)
    not_computed: Text | None = None
    """Why the table cannot be had; it then has no other key but its name and title."""

    @property
    def divided(self) -> str | None:
        """The field whose labels are the last key of a share or a total."""
        return self.share_of or self.total_of

    @property
    def keyed(self) -> tuple[str, ...]:
        """Every field that the table's cells are crossed from, in their order."""
        shared = [self.divided] if self.divided and not self.parted_at else []
        return (*self.by, *(self.agreement_of or shared))

    @property
    def controls(self) -> tuple[tuple[str, ...], ...]:
        """What an adjusted table holds equal: the fields of each control, one or several."""
        named = self.adjust_for or []
        return tuple(tuple(map(str.strip, control.split(CROSSED))) for control in named)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The statistics of the table, in the order in which a release prints them."""
        if self.adjust_for is not None:
            slope, levels = SLOPE in self.statistics, {LEVELS, GEOMETRIC_MEAN} & {*self.statistics}
            shown = [True, slope] if levels else [not slope, slope]
            return tuple(compress(ADJUSTED_RATES if self.rate_of else ADJUSTED_MEANS, shown))
        if self.share_of or self.rate_of:
            trends = TRENDS if TREND in self.statistics else ()
            corrected: tuple[Kind, ...] = ("corrected",) if CORRECTED in self.statistics else ()
            return ("share" if self.share_of else "rate", *corrected, *trends)
        if self.total_of:
            return ("total", "grand_total")
        if self.agreement_of:
            return AGREEMENTS  # `workload` leaves out what needs an order that labels lack
        if self.not_computed:
            return ("not_computed",)
        if self.accounts_by:
            return ("accounts", "accounts_above")
        return tuple(kind for kind in OF_MEASURES if kind in self.statistics)
