"""Whether a table of a study asks for something, and for what its kind can have."""

from typing import TYPE_CHECKING

from privacy.errors import ConfigurationError
from privacy.forms import MONTH

from .lines import line_of
from .population import MEANINGLESS
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
    known = OF_MEASURES if table.measure else () if table.total_of else (TREND,)
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
    if table.parted_at is not None and table.share_of is None:
        found = f"parts (parted_at) of {table.name!r}, which is no share of a measure."
        raise study.error(found, "take them out.", "table", index, "parted_at")
    if table.among is not None and table.rate_of is None:
        found = "a base (among) in a table without a rate."
        raise study.error(found, "take it out, or use where.", "table", index, "among")
    if table.between is not None and table.measure is None:
        found = "bounds (between) in a table without a measure."
        raise study.error(found, "take them out.", "table", index, "between")
    if table.contribution is not None and table.total_of:
        found = f"a contribution in {table.name!r}: totals are clipped, at a bound chosen later."
        raise study.error(found, "take it out.", "table", index, "contribution")
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


def _later(study: "Study", what: str, *at: str | int) -> ConfigurationError:
    return ConfigurationError(
        "NOT_THERE_YET",
        rule="This version computes shares, rates, means, quantiles and totals.",
        found=f"{what} in line {line_of(study.text, at)} of {study.file}.",
        remedy="take it out for now; a later version has it.",
    )
