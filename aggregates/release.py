"""
From noisy sums to the rows of tables.csv.  Pure, and after the noise: nothing here costs privacy.

A row that is not published has no numbers of its own at all, neither raw nor rounded; what it was
tested against (threshold, noise scale, k) was public before the data were touched.  Numbers are
rounded to six significant digits: far below the noise, and both sides of `raw ≥ threshold` alike.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from privacy.codebook import Codebook
from privacy.codebook import codebook as installed
from privacy.errors import RefusedError
from privacy.mistakes import printed_error, printed_stretch, rounded
from privacy.plan import AGREEMENTS, Kind, Plan, Table

from .estimates.accounts import accounts, accounts_above
from .estimates.adjusted import adjusted
from .estimates.agreement import agreements
from .estimates.cells import Cell, Noisy, Smooth, minimum_of
from .estimates.corrected import corrections
from .estimates.intervals import widened
from .estimates.means import means
from .estimates.quantiles import quantiles
from .estimates.rates import rates
from .estimates.shares import shares
from .estimates.totals import Clips, choose, grand_total, totals
from .estimates.trends import trends
from .reconcile import reconcile

COLUMNS = (
    "study", "table", "statistic", "keys", "estimate", "raw", "low", "high", "se_noise",
    "se_sampling", "se_classifier", "state", "accounts_at_least", "threshold", "noise_scale",
    "k", "base", "unit", "rater", "fidelity",
)  # fmt: skip
"""Columns of tables.csv, in order.  A stable interface."""


@dataclass(frozen=True, slots=True)
class Measured:
    """All that a release is made of, after the noise."""

    plan: Plan
    noisy: Noisy
    smooth: Smooth
    clips: Clips
    codebook: Codebook


MAKERS: Mapping[Kind, Callable[[Measured, Table], Iterator[Cell]]] = {
    "share": lambda of, table: shares(of.plan, table, of.noisy, of.smooth),
    "rate": lambda of, table: rates(of.plan, table, of.noisy, of.smooth),
    "corrected": lambda of, table: corrections(of.plan, table, of.noisy, of.smooth),
    "change": lambda of, table: trends(of.plan, table, of.noisy, of.smooth),
    "slope": lambda of, table: trends(of.plan, table, of.noisy, of.smooth),
    "mean": lambda of, table: means(of.plan, table, of.noisy, of.codebook),
    "geometric_mean": lambda of, table: means(of.plan, table, of.noisy, of.codebook),
    "quantiles": lambda of, table: quantiles(of.plan, table, of.noisy, of.codebook),
    "total": lambda of, table: totals(of.plan, table, of.noisy, of.clips),
    "grand_total": lambda of, table: grand_total(of.plan, table, of.noisy, of.clips),
    **{
        kind: lambda of, table: agreements(of.plan, table, of.noisy, of.smooth)
        for kind in AGREEMENTS
    },
    "adjusted_rate": lambda of, table: adjusted(of.plan, table, of.noisy, of.codebook),
    "adjusted_slope": lambda of, table: adjusted(of.plan, table, of.noisy, of.codebook),
    "adjusted_geometric_mean": lambda of, table: adjusted(of.plan, table, of.noisy, of.codebook),
    "adjusted_ratio": lambda of, table: adjusted(of.plan, table, of.noisy, of.codebook),
    "not_computed": lambda _of, _table: iter([Cell("", 0, 0, 0.0, "not_computed", None)]),
    "accounts": lambda of, table: accounts(of.plan, table, of.noisy),
    "accounts_above": lambda of, table: accounts_above(of.plan, table, of.noisy),
}
"""Kind of table → what makes its cells."""

Row = dict[str, str | int | float | None]
"""One row: column → value; None is an empty cell."""


def release(
    plan: Plan, noisy: Noisy, codebook: Codebook | None = None, clips: Clips | None = None
) -> list[Row]:
    """
    Make all tables of a release.

    Args:
        plan: The plan that the sums were measured under.
        noisy: Query → noisy vector, in units of 1/scale.
        codebook: The closed vocabulary; that of this installation by default.
        clips: Which bounds of totals the vectors were measured at; by default those that follow
            from the noisy histograms.

    Returns:
        Rows in the order of the plan's tables and cells.

    Raises:
        RefusedError: A vector is missing or has another length than its query.
    """
    for query in plan.queries:
        if len(noisy.get(query.name, ())) != query.size:
            raise RefusedError(
                "RELEASE_INCOMPLETE",
                rule="A release is made from all vectors of its plan, or not at all.",
                found=f"no whole vector for the query {query.name}.",
                remedy="release again; if that does not help, compile the study again.",
            )
    book = codebook or installed()
    measured = Measured(
        plan,
        noisy,
        smooth=reconcile(plan, noisy, book),
        clips=choose(plan, noisy) if clips is None else clips,
        codebook=book,
    )
    return [
        _row(plan, table, cell)
        for table in plan.tables
        for cell in MAKERS[table.kind](measured, table)
    ]


def _row(plan: Plan, table: Table, cell: Cell) -> Row:
    minimum, scale = cell.minimum or minimum_of(plan), plan.privacy.scale
    noise = cell.sigma * cell.summed**0.5 / scale
    row: Row = dict.fromkeys(COLUMNS)
    if table.queries:
        row.update(
            k=str(minimum.k),
            threshold=rounded(minimum.threshold(cell.sigma, cells=cell.summed) / scale),
            noise_scale=rounded(noise),
        )
    row.update(
        study=plan.study.name,
        table=table.name,
        statistic=table.kind,
        keys=cell.keys,
        state=cell.state,
        base=table.base,
        unit=table.unit,
        rater=plan.rater.name,
        fidelity=plan.rater.fidelity,
    )
    if cell.state == "published" and cell.estimate is not None:
        estimate, error = cell.estimate, printed_error(plan, table, cell.keys, cell.estimate.value)
        if error is not None and table.kind != "corrected":  # there it is in the interval already
            stretch = printed_stretch(plan, table, cell.keys, estimate.value)
            estimate = widened(estimate, error, stretch=stretch)
        row.update(
            estimate=rounded(estimate.value),
            raw=rounded(cell.tested / scale),
            low=rounded(estimate.low),
            high=rounded(estimate.high),
            se_noise=rounded(estimate.se_noise),
            se_sampling=rounded(estimate.se_sampling),
            se_classifier=error,
            accounts_at_least=minimum.accounts_at_least(cell.tested, cell.sigma, cells=cell.summed)
            if cell.accounts is None
            else cell.accounts,
        )
    return row
