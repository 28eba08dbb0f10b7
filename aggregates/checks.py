"""Whether a table of a study asks for something, and for what its kind can have."""

from typing import TYPE_CHECKING

from privacy.errors import ConfigurationError
from privacy.forms import MONTH
from privacy.rows import REST

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
    if table.not_computed is not None:
        _check_nothing(study, index, table)
        return
    if table.agreement_of and len(set(table.agreement_of)) == 1:
        found = f"agreement of {table.agreement_of[0]!r} with itself, of which a record holds one."
        remedy = 'compare two fields, or write not_computed = "no second reading of a session".'
        raise study.error(found, remedy, "table", index, "agreement_of")
    single = table.total_of or table.agreement_of
    known = OF_MEASURES if table.measure else () if single else (TREND,)
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
    if "mean" in table.statistics and table.between is None:
        # Its noise grows with the bounds: those of the codebook would drown any mean.
        found = f"a mean in {table.name!r} without bounds."
        remedy = "state between = [low, high]; what lies beyond counts as the bound."
        raise study.error(found, remedy, "table", index, "statistics")
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


def _check_nothing(study: "Study", index: int, table: TableSpec) -> None:
    """A table that is not computed says why, and asks for nothing else."""
    for key in sorted(table.model_fields_set - {"name", "title", "not_computed"}):
        found = f"{key} in {table.name!r}, which is not computed."
        raise study.error(found, "take it out; a reason is enough.", "table", index, key)
    if all(one.not_computed is not None for one in study.tables):
        found = "a study that computes nothing."
        raise study.error(found, "ask for a table.", "table", index, "not_computed")


def _later(study: "Study", what: str, *at: str | int) -> ConfigurationError:
    return ConfigurationError(
        "NOT_THERE_YET",
        rule="This version computes shares, rates, means, quantiles and totals.",
        found=f"{what} in line {line_of(study.text, at)} of {study.file}.",
        remedy="take it out for now; a later version has it.",
    )
