"""
Who gets how much of a study's loss: tables that state their own part, and the rest.

A table may say `rho = 0.012`: that much goes to its queries, whatever the others want.  What two
tables stand on is measured once and gets both their parts.  Within a table, and among the tables
that state nothing, the loss is split by the minimax rule of `workload`.  What is stated and not
asked for by anybody is a reserve: it is not spent.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from privacy.loss import split
from privacy.plan import Plan, Query

from .study import Study
from .workload import price, reprice


def divide(
    study: Study, draft: Plan, targets: Mapping[str, float], rho: Fraction
) -> Sequence[Query]:
    """
    Price the queries of a plan.

    Args:
        study: Whose tables may state a part; errors name its lines.
        draft: The plan without prices.
        targets: Query → T, the deviation it should have.
        rho: What there is, exact.

    Returns:
        The queries in the plan's order, each with its charge and the least σ that it pays for;
        the charges sum to `rho` at most.

    Raises:
        ConfigurationError: The stated parts are more than there is, or leave nothing for others.
    """
    stated: dict[str, Fraction] = {}
    for number, spec in enumerate(study.tables):
        if spec.rho is None:
            continue
        part = Fraction(str(spec.rho))
        named = (table.queries for table in draft.tables if table.name == spec.name)
        own = [
            draft.query(name) for name in dict.fromkeys(name for names in named for name in names)
        ]
        weights = [(query.sensitivity / targets[query.name]) ** 2 for query in own]
        for query, charge in zip(own, split(part, weights), strict=True):
            stated[query.name] = stated.get(query.name, Fraction(0)) + charge
        if sum(stated.values()) > rho:
            found = f"parts of the loss that sum to more than ρ = {float(rho):.6g}, the study's."
            raise study.error(found, "state smaller ones.", "table", number, "rho")
    others = [query for query in draft.queries if query.name not in stated]
    rest = rho - sum(stated.values())
    if others and not rest:
        found = f"nothing left for {others[0].name}."
        raise study.error(found, "state smaller parts (rho).", "privacy", "epsilon")
    priced = {query.name: query for query in (price(others, targets, rest) if others else ())}
    return [priced.get(query.name) or reprice(query, stated[query.name]) for query in draft.queries]
