"""Whether a table of a study asks for something, and for what its kind can have."""

from itertools import pairwise
from typing import TYPE_CHECKING

from privacy.derived import GROUPINGS
from privacy.forms import MONTH
from privacy.queries import SESSIONS
from privacy.rows import REST
from privacy.unit import CLIPS

from .population import MEANINGLESS
from .summands import SIZES
from .table import (
    CORRECTED,
    GEOMETRIC_MEAN,
    LEVELS,
    OF_MEASURES,
    SLOPE,
    SUBJECTS,
    TREND,
    TableSpec,
)

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
    if table.not_computed is not None:
        _check_nothing(study, index, table)
        return
    if table.agreement_of and len(set(table.agreement_of)) == 1:
        found = f"agreement of {table.agreement_of[0]!r} with itself, of which a record holds one."
        remedy = "compare two fields, or ask for a second [[reading]] and compare with its label."
        raise study.error(found, remedy, "table", index, "agreement_of")
    known: tuple[str, ...] = OF_MEASURES if table.measure else ()
    if table.share_of or table.rate_of:
        known = (CORRECTED, TREND)
    if table.adjust_for is not None:
        known = (GEOMETRIC_MEAN, SLOPE) if table.measure else (LEVELS, SLOPE)
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
    if CORRECTED in table.statistics and not study.rater.validation:
        found = f"corrected numbers of {table.name!r}, and no validation of the rater."
        remedy = 'name a file: validation = "confusion.json", of `clerestory validate --confusion`.'
        raise study.error(found, remedy, "table", index, "statistics")
    if len(set(table.statistics)) < len(table.statistics):
        found = "a statistic that is named twice."
        raise study.error(found, "name it once.", "table", index, "statistics")
    asked = [key for key in SUBJECTS if getattr(table, key)]
    if len(asked) != 1 or (table.measure and not table.statistics):
        remedy = f'give one of {", ".join(SUBJECTS)}; a measure with statistics = ["mean"].'
        found = f"a table {table.name!r} that asks for {' and '.join(asked) or 'nothing'}."
        raise study.error(found, remedy, "table", index, asked[0] if asked else "name")
    if table.parted_at is not None and table.share_of is None:
        found = f"parts (parted_at) of {table.name!r}, which is no share of a measure."
        raise study.error(found, "take them out.", "table", index, "parted_at")
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
        not (table.share_of or table.rate_of)
        or table.adjust_for is not None
        or study.weight_of(index) <= 1
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
    check_adjusted(study, index, table)
    if table.residual and table.share_of is None:
        found = "a row of all others (residual) in a table that shares nothing out."
        raise study.error(found, "take it out.", "table", index, "residual")
    for group in (name for groups in table.merge.values() for name in groups):
        if group == REST:
            found = f"the group name {group!r}, which is that of what is withheld."
            raise study.error(found, "choose another name.", "table", index, "merge")
        if MEANINGLESS & set(group):
            found = f"the group name {group!r}, which a table's keys cannot hold."
            raise study.error(found, "leave out ; and =.", "table", index, "merge")


def check_adjusted(study: "Study", index: int, table: TableSpec) -> None:
    """
    Check what a table holds equal.

    Raises:
        ConfigurationError: It cannot be adjusted, or holds a field equal that it already has.
    """
    if table.adjust_for is None:
        if table.columns is not None:
            found = "columns of a table that holds nothing equal."
            raise study.error(found, "add adjust_for, or take them out.", "table", index, "columns")
        return
    if (table.rate_of is None and table.measure is None) or len(table.by) != 1:
        found = f"adjust_for in {table.name!r}, which is not a rate or a measure by one field."
        remedy = 'give it rate_of or measure, and by = ["expertise"].'
        raise study.error(found, remedy, "table", index, "adjust_for")
    fields = [*table.by, *(name for control in table.controls for name in control)]
    columns = [GROUPINGS[name].of if name in GROUPINGS else name for name in fields]
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        found = f"{twice}, which {table.name!r} has more than once in by and adjust_for."
        remedy = "name each field once; a * b holds both equal, and each pair of them."
        raise study.error(found, remedy, "table", index, "adjust_for")
    ends = [-1, *(table.columns or []), len(table.controls) + 1]
    if any(low >= high for low, high in pairwise(ends)):
        found = f"columns {table.columns} of {len(table.controls)} controls."
        remedy = "name how many controls each column has, rising: [0, 1, 2]."
        raise study.error(found, remedy, "table", index, "columns")


def _check_nothing(study: "Study", index: int, table: TableSpec) -> None:
    """A table that is not computed says why, and asks for nothing else."""
    for key in sorted(table.model_fields_set - {"name", "title", "not_computed"}):
        found = f"{key} in {table.name!r}, which is not computed."
        raise study.error(found, "take it out; a reason is enough.", "table", index, key)
    if all(one.not_computed is not None for one in study.tables):
        found = "a study that computes nothing."
        raise study.error(found, "ask for a table.", "table", index, "not_computed")


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
