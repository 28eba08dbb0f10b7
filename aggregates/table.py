"""
One table of a study: what it is of, by what, and which statistics of it are wanted.

The grammar is flat: a table names its subject (a share, a rate, a total, a measure, the agreement
of two fields, or why it is not computed), the fields it is by, and how labels are merged or left
out.  What the names mean is the business of `population`.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from privacy.plan import AGREEMENTS, TRENDS, Kind

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
Labels = str | bool | list[str]
"""One label, several, or true and false for yes and no."""

LATER_KEYS = ("adjust_for",)
"""Part of the grammar, computed by a later version: recognised, so that the refusal can say so."""
TREND = "trend"
"""Statistic of a share or a rate by month: how it changed, and its slope."""
SUBJECTS = ("share_of", "rate_of", "total_of", "measure", "agreement_of", "not_computed")
"""Keys that say what a table is of; it has one of them."""
OF_MEASURES: tuple[Kind, ...] = ("geometric_mean", "mean", "quantiles")
"""Statistics of a measure."""


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
    statistics: list[str] = []
    between: list[float] | None = Field(default=None, min_length=2, max_length=2)
    by: list[str] = Field(default=[], max_length=4)
    merge: dict[str, dict[Text, list[str]]] = {}
    leave_out: dict[str, list[str]] = {}
    where: dict[str, Labels] = {}
    residual: bool = False
    """Of a share: whether what is withheld in a group is printed together, as all others."""
    half_width: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    not_computed: Text | None = None
    """Why the table cannot be had; it then has no other key but its name and title."""
    adjust_for: list[str] | None = None

    @property
    def divided(self) -> str | None:
        """The field whose labels are the last key of a share or a total."""
        return self.share_of or self.total_of

    @property
    def keyed(self) -> tuple[str, ...]:
        """Every field that the table's cells are crossed from, in their order."""
        last = self.agreement_of or ([self.divided] if self.divided else [])
        return (*self.by, *last)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The statistics of the table, in the order in which a release prints them."""
        if self.share_of or self.rate_of:
            trends = TRENDS if TREND in self.statistics else ()
            return ("share" if self.share_of else "rate", *trends)
        if self.total_of:
            return ("total", "grand_total")
        if self.agreement_of:
            return AGREEMENTS  # `workload` leaves out what needs an order that labels lack
        if self.not_computed:
            return ("not_computed",)
        return tuple(kind for kind in OF_MEASURES if kind in self.statistics)
