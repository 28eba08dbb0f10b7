"""Whether a table of a study asks for something, and for what its kind can have."""

from itertools import pairwise
from typing import TYPE_CHECKING

from privacy.errors import ConfigurationError
from privacy.forms import MONTH
from privacy.queries import SESSIONS
from privacy.unit import CLIPS

from .lines import line_of
from .population import MEANINGLESS
from .summands import SIZES
from .table import LATER_KEYS, OF_MEASURES, SUBJECTS, TREND, TableSpec

if TYPE_CHECKING:
    from .study import Study


def check_table(study: "Study", index: int, table: TableSpec) -> None:
    """
    Check that a table asks for something, and for what its kind can have.

    Args:
        study: The study, whose lines errors name.
        index: Position of the table in it.
        table: The table.

    Raises:
        ConfigurationError: It does not.
    """
    for key in LATER_KEYS:
        if getattr(table, key) is not None:
            raise _later(study, key, "table", index, key)
    none = table.total_of or table.accounts_by
    known = OF_MEASURES if table.measure else () if none else (TREND,)
    for statistic in table.statistics:
        if statistic not in known:
            found = f"the statistic {statistic!r}, which {table.name!r} cannot have."
            remedy = f"choose among {', '.join(known)}." if known else "take it out."
            raise study.error(found, remedy, "table", index, "statistics")
    if TREND in table.statistics and (
        MONTH not in table.by or MONTH in table.merge or len(study.months) < 2
    ):
        found = f"a trend of {table.name!r}, which is not by single months."
        remedy = 'add "month" to by, and do not merge months.'
        raise study.error(found, remedy, "table", index, "statistics")
    if len(set(table.statistics)) < len(table.statistics):
        found = "a statistic that is named twice."
        raise study.error(found, "name it once.", "table", index, "statistics")
    asked = [key for key in SUBJECTS if getattr(table, key)]
    if len(asked) != 1 or (table.measure and not table.statistics):
        remedy = f'give one of {", ".join(SUBJECTS)}; a measure with statistics = ["mean"].'
        found = f"a table {table.name!r} that asks for {' and '.join(asked) or 'nothing'}."
        raise study.error(found, remedy, "table", index, asked[0] if asked else "name")
    if table.among is not None and table.rate_of is None:
        found = "a base (among) in a table without a rate."
        raise study.error(found, "take it out, or use where.", "table", index, "among")
    if table.between is not None and table.measure is None:
        found = "bounds (between) in a table without a measure."
        raise study.error(found, "take them out.", "table", index, "between")
    if table.contribution is not None and (table.total_of or table.accounts_by):
        found = f"a contribution in {table.name!r}, where no account is weighed."
        raise study.error(found, "take it out.", "table", index, "contribution")
    if table.design_effect and (
        not (table.share_of or table.rate_of) or study.weight_of(index) <= 1
    ):
        found = f"a design effect in {table.name!r}: shares and rates above k = 1 have one."
        raise study.error(found, "take it out.", "table", index, "design_effect")
    if table.accounts_by or table.bins is not None:
        _check_sizes(study, index, table)
    if table.rho is not None and table.half_width is not None:
        found = f"both a half-width and a part of the loss (rho) in {table.name!r}."
        raise study.error(found, "state one of them.", "table", index, "rho")
    if "mean" in table.statistics and table.between is None:
        # Its noise grows with the bounds: those of the codebook would drown any mean.
        found = f"a mean in {table.name!r} without bounds."
        remedy = "state between = [low, high]; what lies beyond counts as the bound."
        raise study.error(found, remedy, "table", index, "statistics")
    for group in (name for groups in table.merge.values() for name in groups):
        if MEANINGLESS & set(group):
            found = f"the group name {group!r}, which a table's keys cannot hold."
            raise study.error(found, "leave out ; and =.", "table", index, "merge")


def _check_sizes(study: "Study", index: int, table: TableSpec) -> None:
    bins = table.bins or SIZES
    if table.accounts_by != SESSIONS:
        key = "bins" if table.accounts_by is None else "accounts_by"
        found = f"{key} in {table.name!r}, which does not count accounts by their sessions."
        raise study.error(found, f'write accounts_by = "{SESSIONS}".', "table", index, key)
    if bins[0] != 1 or bins[-1] > CLIPS[-1] or any(low >= high for low, high in pairwise(bins)):
        found = f"bins that start at {bins}."
        remedy = f"let them rise from 1 to {CLIPS[-1]} at most: each says where a bin begins."
        raise study.error(found, remedy, "table", index, "bins")
    for key in ("by", "merge", "leave_out"):
        if getattr(table, key):
            found = f"{key} in {table.name!r}: accounts are counted by their sessions alone."
            raise study.error(found, "take it out.", "table", index, key)


def _later(study: "Study", what: str, *at: str | int) -> ConfigurationError:
    return ConfigurationError(
        "NOT_THERE_YET",
        rule="This version computes shares, rates, means, quantiles and totals.",
        found=f"{what} in line {line_of(study.text, at)} of {study.file}.",
        remedy="take it out for now; a later version has it.",
    )
