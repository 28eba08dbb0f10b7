"""
Which sums a study needs, and how much of the loss each one gets.

A share needs the counts of its cells; a rate those of its yes and no; a mean the counts, the sums
of the centred value, and *one* sum of squares for the whole table, since a noisy second moment
for each cell would be useless (its noise grows with the square of the clamp, its signal with a
cell); quantiles need the counts and a histogram of each cell.  Cells are those of the codebook,
empty ones too.  What two statistics need is measured once, and so they agree.

ρ is split so that the largest noise, each table's against its own target T, is as small as can
be: minimise c under σ_t ≤ c·T_t and Σ Δ_t²/(2σ_t²) = ρ.  All σ_t = c·T_t (a smaller σ anywhere
would only cost), so ρ_t ∝ (Δ_t/T_t)².
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from privacy.codebook import Codebook
from privacy.derived import DERIVED, GROUPINGS
from privacy.errors import ConfigurationError
from privacy.forms import MONTH, MOST_CELLS
from privacy.loss import split, write_rho
from privacy.measurements import sigma_for
from privacy.minimum import LEAST_MERGED
from privacy.plan import AGREEMENTS, TRENDS, Axis, Kind, Query, Table
from privacy.queries import OF_RATES, OF_SHARES
from privacy.unit import ContributionBound

from .gram import adjusted_queries
from .pairing import paired
from .population import axis, bins, conditions, parts, rate_axis, whole
from .study import Study
from .summands import (
    ONE,
    SIZES,
    Summed,
    amount_of,
    clamp,
    logarithm,
    measure_of,
    moments_of,
    sizes_of,
    totals_of,
)
from .table import TableSpec

WEIGHT, SUM, SPREAD = "weight", "sum", "spread"
"""The three queries of a geometric mean, after the table's name and a dot."""
AMOUNT, AMOUNT_SPREAD, BINS = "amount", "amount_spread", "bins"
"""Those of a mean and of quantiles, beside the weight."""
BIN = 250
"""Width of a histogram's bins in thousandths of a logarithm: the next bin holds values 1.28 times
as large.  Finer bins would cost more noise than they tell."""


def queries_of(
    study: Study, number: int, *, bound: ContributionBound, codebook: Codebook
) -> tuple[list[Query], list[Table]]:
    """
    Compile one table into queries that have no price yet.

    Args:
        study: The study.
        number: Position of the table in it.
        bound: What one account may weigh, unless the table states its own contribution.
        codebook: The closed vocabulary.

    Returns:
        Queries with `rho` and `sigma` unset, and the statistics that are made from them.

    Raises:
        ConfigurationError: A name is not in the codebook, or the table has too many cells.
    """
    spec = study.tables[number]
    if spec.not_computed:
        return [], [_table(spec, "not_computed", (), codebook)]
    own = bound
    if spec.contribution is not None:
        own = bound_of(study, study.weight_of(number), "table", number)
    if spec.adjust_for is not None:
        contribution = "" if own == bound else str(own.k)
        return adjusted_queries(study, number, own, contribution, codebook)
    axes = _axes(study, number, codebook)
    where = conditions(
        spec.where, codebook, lambda f, r: study.error(f, r, "table", number, "where")
    )

    def query(part: str, axes: Sequence[Axis], summed: Summed = ONE) -> Query:
        name = f"{spec.name}.{part}"
        measure = "" if summed is ONE else spec.measure or ""
        made = Query(
            name, (*axes,), where, summed.value, measure, summed.centre, summed.largest,
            own.sensitivity(largest=summed.largest), "0", 0.0, summed.unit,
            contribution="" if own == bound else str(own.k),
        )  # fmt: skip
        if made.size > MOST_CELLS:
            found = f"a table of {made.size} cells; {MOST_CELLS} is the most."
            raise study.error(found, "merge labels, or cross fewer fields.", "table", number, "by")
        return made

    if spec.accounts_by:
        sizes = sizes_of(query("accounts", []), spec.bins or SIZES)
        return [sizes], [_table(spec, kind, [sizes], codebook) for kind in spec.kinds]
    if spec.total_of:
        queries = totals_of(query("count", axes))
        return queries, [_table(spec, kind, queries, codebook) for kind in spec.kinds]
    if spec.agreement_of:
        counts, kinds = paired(study, number, query("count", axes), codebook)
        return [counts], [_table(spec, kind, [counts], codebook) for kind in kinds]
    if spec.measure is None:
        counts, moments = query("count", axes), list[Query]()
        if spec.design_effect:
            names = OF_SHARES if spec.share_of else OF_RATES
            moments = [moments_of(counts, names, own.moments())]
        made = {kind: [counts] if kind in TRENDS else [counts, *moments] for kind in spec.kinds}
        return [counts, *moments], [_table(spec, k, q, codebook) for k, q in made.items()]
    low, high = clamp(study, number, codebook)
    queries, tables = [query(WEIGHT, axes)], []
    for kind in spec.kinds:
        if kind == "geometric_mean":
            value, squared = logarithm(low, high)
            more = [query(SUM, axes, value), query(SPREAD, [whole(axes)], squared)]
        elif kind == "mean":
            value, squared = amount_of(codebook.measure(spec.measure), low, high)
            more = [query(AMOUNT, axes, value), query(AMOUNT_SPREAD, [whole(axes)], squared)]
        else:
            more = [query(BINS, [*axes, bins(codebook.measure(spec.measure), low, high, BIN)])]
        queries += more
        tables.append(_table(spec, kind, [queries[0], *more], codebook))
    return queries, tables


def bound_of(study: Study, k: Fraction, *at: str | int) -> ContributionBound:
    """
    What one account may weigh.

    Raises:
        ConfigurationError: It is no contribution; the message names the line.
    """
    try:
        return ContributionBound(k)
    except ConfigurationError as error:
        raise study.error(error.found, error.remedy, *at, "contribution") from None


def price(queries: Sequence[Query], targets: Mapping[str, float], rho: Fraction) -> list[Query]:
    """
    Share the loss out over queries.

    Args:
        queries: All queries of a release.
        targets: Query → T, the deviation it should have, in accounts (times the value's unit).
        rho: What there is, exact.

    Returns:
        The queries with their exact charge and the smallest σ that it pays for; the charges
        sum to `rho` at most.
    """
    parts = [(query.sensitivity / targets[query.name]) ** 2 for query in queries]
    return [
        reprice(query, charge) for query, charge in zip(queries, split(rho, parts), strict=True)
    ]


def reprice(query: Query, charge: Fraction) -> Query:
    """A query with a charge, and the smallest σ that it pays for."""
    sigma = sigma_for(query.sensitivity, charge)
    # At C the noise is C times as wide; a trifle more, so that no rounding makes it cost more.
    clips = tuple(replace(clip, sigma=sigma * clip.bound * (1 + 1e-12)) for clip in query.clips)
    return replace(query, rho=write_rho(charge), sigma=sigma, clips=clips)


def _axes(study: Study, number: int, codebook: Codebook) -> list[Axis]:
    spec = study.tables[number]
    names, divided = list(spec.keyed), {*spec.keyed[len(spec.by) :]}
    subject = "total_of" if spec.total_of else "agreement_of" if spec.agreement_of else "share_of"
    key = subject if any(names.count(one) > 1 for one in divided) else "by"
    if len(set(names)) < len(names):
        raise study.error("a field that is named twice.", "name it once.", "table", number, key)
    for part in ("merge", "leave_out"):
        for name in getattr(spec, part):
            if name not in names:
                found = f"{part} of {name!r}, which is no key of the table {spec.name!r}."
                raise study.error(found, "take it out, or add it to by.", "table", number, part)
    axes = []
    for name in names:
        named = next((p for p in ("merge", "leave_out") if name in getattr(spec, p)), "by")
        place = subject if named == "by" and name in divided else named
        axes.append(
            axis(
                name,
                codebook,
                months=study.months,
                merge=spec.merge.get(name, {}),
                leave_out=spec.leave_out.get(name, ()),
                refuse=lambda f, r, place=place: study.error(f, r, "table", number, place),  # type: ignore[misc]
            )
        )
    if spec.parted_at:
        measure = measure_of(study, number, "share_of", codebook)
        axes.append(
            parts(
                measure,
                spec.parted_at,
                lambda f, r: study.error(f, r, "table", number, "parted_at"),
            )
        )
    if spec.residual and len(axes[-1].levels) <= LEAST_MERGED:
        found = "a row of all others (residual) beside two labels, of which it would show one."
        raise study.error(found, "take it out.", "table", number, "residual")
    if spec.rate_of:
        place = "among" if spec.rate_of in DERIVED and spec.among else "rate_of"
        axes.append(
            rate_axis(
                spec.rate_of, lambda f, r: study.error(f, r, "table", number, place), spec.among
            )
        )
    return axes


def _table(spec: TableSpec, kind: Kind, queries: Sequence[Query], codebook: Codebook) -> Table:
    axes = queries[0].axes if queries else ()
    keys = (
        axes[:-1]
        if kind in ("share", "rate", "corrected")
        else ()
        if kind == "grand_total"
        else axes
    )
    unit = codebook.measure(spec.measure).unit if spec.measure else "share"
    if kind in AGREEMENTS:
        keys, unit = axes[:-2], "kappa" if kind.endswith("kappa") else "share"
    if spec.total_of:
        unit = "sessions"
    elif spec.not_computed:
        unit = "none"
    elif spec.accounts_by:
        unit = "accounts"
    if kind in TRENDS:
        others = axes if spec.share_of else axes[:-1]
        keys = tuple(axis for axis in others if axis.name != MONTH)
        unit = "share per month" if kind == "slope" else "share"
    answers = (("yes",), ("no",)) if spec.rate_of else ((), ())
    return Table(
        name=spec.name,
        title=spec.title or spec.name.replace("_", " ").capitalize(),
        kind=kind,
        by=tuple(axis.name for axis in keys),
        unit=unit,
        base=_base(spec, queries[0].contribution if queries else ""),
        queries=tuple(query.name for query in queries),
        yes=answers[0],
        no=answers[1],
        residual=spec.residual,
    )


def _base(spec: TableSpec, own: str) -> str:
    """In words, which sessions the table speaks of, and how they count; or why of none."""
    if spec.not_computed:
        return spec.not_computed
    what = "accounts by the number of their sessions: " if spec.accounts_by else ""
    words = [f"{what}sessions of the study's population"]
    if spec.where:
        words.append(f"where {', '.join(spec.where)} is as the study says")
    if own:
        words.append(f"each account weighing at most {own}")
    if spec.rate_of:
        columns = ", ".join(DERIVED[spec.rate_of].base)
        words.append(f"whose {columns} could be judged")
    if spec.among:
        words.append(f"of which it is said: {DERIVED[spec.among].title}")
    for name in spec.keyed:
        if name in spec.leave_out:
            words.append(f"without {name} {', '.join(spec.leave_out[name])}")
        if name in GROUPINGS:
            words.append(f"with a known {GROUPINGS[name].of}")
    return "; ".join(words)
