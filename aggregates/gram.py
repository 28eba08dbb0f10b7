"""
Which sums an adjusted table needs: the pairs of its blocks, over one sample.

A regression on labels is a question to its Gram matrix, whose entries are how often two levels
meet.  So one query of counts for each pair of blocks is measured: what the table is by, its
outcome, each control; an interaction is one block, whose levels are all pairs of labels.  Of a
measure, the sum of its logarithm in each level of each block takes the place of the outcome.

All of them count the same sessions: those that lie in a level of *every* block and whose outcome
could be judged.  This one sample stands in the condition of each query, so that its margins agree
but for noise, and columns with fewer controls speak of the same sessions as those with all.

Rates of one study that are adjusted alike share their sample, their controls' pairs and one block
of outcomes, the states that their answers part sessions into: bought once for all of them.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import combinations, product

from privacy.codebook import Codebook
from privacy.derived import DERIVED, GROUPINGS
from privacy.errors import ConfigurationError
from privacy.forms import MOST_CELLS
from privacy.plan import STEPS, Axis, Kind, Level, Query, Table
from privacy.unit import ContributionBound

from .partition import Answer, partition
from .population import Condition, axis, both, conditions, rate_axis, whole
from .study import Study
from .summands import ONE, Summed, clamp, logarithm
from .table import CROSSED, TableSpec

STATE = "state"
"""Name of the block of outcomes that serves several rates."""
RANKED = ("ordinal", "percent")
"""Kinds of instruments whose labels run from less to more."""


def adjusted_queries(
    study: Study, number: int, bound: ContributionBound, contribution: str, codebook: Codebook
) -> tuple[list[Query], list[Table]]:
    """
    Compile an adjusted table into queries that have no price yet.

    Args:
        study: The study.
        number: Position of the table in it.
        bound: What one account may weigh.
        contribution: How the queries say so, where it is not the plan's.
        codebook: The closed vocabulary.

    Raises:
        ConfigurationError: A name is not in the codebook, a field that a slope cannot run over, or
            a pair of blocks with too many cells.
    """
    spec = study.tables[number]
    by, *controls = _blocks(study, number, codebook)
    _check_steps(study, number, by, codebook)
    asked = conditions(
        spec.where, codebook, lambda f, r: study.error(f, r, "table", number, "where")
    )
    sample = reduce(both, (_known(block) for block in (by, *controls)), asked)
    outcome, yes, no = None, dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    if spec.rate_of:
        rates = _alike(study, number)
        judged = {rate: _answer(study, rate, spec.among) for rate in rates}
        sample = reduce(both, (answer.base for answer in judged.values()), sample)
        possible = {**_possible(study, codebook), **sample}
        parted = partition(STATE if len(rates) > 1 else spec.rate_of, judged, possible)
        outcome, yes, no = parted.axis, dict(parted.yes), dict(parted.no)
        if not (yes[spec.rate_of] and no[spec.rate_of]):
            found = f"{spec.rate_of}, to which all sessions of the sample say the same."
            raise study.error(
                found, "take away what conditions say it.", "table", number, "rate_of"
            )
    sample = _in_order(sample, codebook)

    def query(axes: Sequence[Axis], summed: Summed = ONE) -> Query:
        part = " and ".join(one.name for one in axes) if summed is ONE else summed.value
        name = f"{spec.name}.{part}" if summed is ONE else f"{spec.name}.{part} {axes[0].name}"
        measure = "" if summed is ONE else spec.measure or ""
        sensitivity = bound.sensitivity(largest=summed.largest)
        made = Query(
            name, (*axes,), sample, summed.value, measure, summed.centre, summed.largest,
            sensitivity, "0", 0.0, summed.unit, contribution=contribution,
        )  # fmt: skip
        if made.size > MOST_CELLS:
            found = f"a pair of blocks with {made.size} cells; {MOST_CELLS} is the most."
            remedy = "merge labels, or hold fewer fields equal."
            raise study.error(found, remedy, "table", number, "adjust_for")
        return made

    if outcome is not None:
        queries = [query(pair) for pair in combinations((by, outcome, *controls), 2)]
    else:
        value, squared = logarithm(*clamp(study, number, codebook))
        blocks = (by, *controls)
        queries = [
            query((by,)),
            *(query(pair) for pair in combinations(blocks, 2)),
            *(query((block,), value) for block in blocks),
            query((whole(blocks),), squared),
        ]
    of = spec.rate_of or ""
    answers = (yes.get(of, ()), no.get(of, ()))
    return queries, [_table(study, number, kind, queries, answers, codebook) for kind in spec.kinds]


def _blocks(study: Study, number: int, codebook: Codebook) -> list[Axis]:
    """What the table is by, then its controls."""
    spec = study.tables[number]
    named = [(spec.by[0],), *spec.controls]
    for part in ("merge", "leave_out"):
        for name in getattr(spec, part):
            if not any(name in fields for fields in named):
                found = f"{part} of {name!r}, which is neither in by nor in adjust_for."
                raise study.error(found, "take it out, or add it there.", "table", number, part)

    def field(name: str, key: str) -> Axis:
        place = next((p for p in ("merge", "leave_out") if name in getattr(spec, p)), key)
        return axis(
            name,
            codebook,
            months=study.months,
            merge=spec.merge.get(name, {}),
            leave_out=spec.leave_out.get(name, ()),
            refuse=lambda f, r: study.error(f, r, "table", number, place),
        )

    first = field(spec.by[0], "by")
    return [
        first,
        *(_crossed([field(name, "adjust_for") for name in fields]) for fields in spec.controls),
    ]


def _crossed(axes: Sequence[Axis]) -> Axis:
    """One block whose levels are all combinations of those of several axes."""
    if len(axes) == 1:
        return axes[0]
    between = f" {CROSSED} "
    levels = tuple(
        Level(
            between.join(level.name for level in together),
            reduce(both, (level.when for level in together), {}),
        )
        for together in product(*(one.levels for one in axes))
    )
    return Axis(between.join(one.name for one in axes), levels)


def _check_steps(study: Study, number: int, by: Axis, codebook: Codebook) -> None:
    """A slope runs over levels that have an order, which a label for the unclear has not."""
    spec = study.tables[number]
    if not set(spec.kinds) & set(STEPS):
        return
    field = GROUPINGS[by.name].of if by.name in GROUPINGS else by.name
    ranked = {one.name for one in codebook.instruments if one.kind in RANKED}
    ordered = field == "month" or field in ranked or by.name in spec.merge
    unranked = [level.name for level in by.levels if level.name in ("unclear", "none", "unknown")]
    if not ordered or unranked or len(by.levels) < 2:
        found = f"a slope over {by.name}, whose levels are {', '.join(x.name for x in by.levels)}."
        remedy = "take a field whose labels run from less to more, and leave out the others."
        raise study.error(found, remedy, "table", number, "by")


def _alike(study: Study, number: int) -> list[str]:
    """The rates of a study that are adjusted as this one is, each once, in their order."""
    spec = study.tables[number]

    def way(table: TableSpec) -> tuple[object, ...]:
        return (
            table.by, table.controls, table.merge, table.leave_out, table.where, table.among,
            table.contribution,
        )  # fmt: skip

    alike = [t for t in study.tables if t.adjust_for is not None and way(t) == way(spec)]
    return list(dict.fromkeys(table.rate_of for table in alike if table.rate_of))


def _answer(study: Study, rate: str, among: str | None) -> Answer:
    def refuse(found: str, remedy: str) -> ConfigurationError:
        at = next(n for n, table in enumerate(study.tables) if table.rate_of == rate)
        key = "among" if rate in DERIVED and among else "rate_of"
        return study.error(found, remedy, "table", at, key)

    yes, rest = rate_axis(rate, refuse, among).levels
    return Answer(rest.when, yes.when)


def _known(block: Axis) -> Condition:
    """Holds of whatever lies in some level of a block."""
    return whole([block]).levels[0].when


def _possible(study: Study, codebook: Codebook) -> dict[str, tuple[str, ...]]:
    labels = {field.name: tuple(field.labels) for field in codebook.fields}
    return {**labels, "month": study.months}


def _in_order(condition: Condition, codebook: Codebook) -> dict[str, tuple[str, ...]]:
    """The same condition, each column's labels once and as the codebook has them."""
    return {
        column: tuple(
            label for label in codebook.field(column).labels if label in condition[column]
        )
        for column in sorted(condition)
    }


def _table(
    study: Study,
    number: int,
    kind: Kind,
    queries: Sequence[Query],
    answers: tuple[tuple[str, ...], tuple[str, ...]],
    codebook: Codebook,
) -> Table:
    spec = study.tables[number]
    unit = {
        "adjusted_rate": "share",
        "adjusted_slope": "share per step",
        "adjusted_ratio": "times per step",
    }
    return Table(
        name=spec.name,
        title=spec.title or spec.name.replace("_", " ").capitalize(),
        kind=kind,
        by=(spec.by[0],),
        unit=unit.get(kind) or codebook.measure(spec.measure or "").unit,
        base=_base(study, number, queries[0].contribution),
        queries=tuple(query.name for query in queries),
        yes=answers[0],
        no=answers[1],
        controls=tuple(f" {CROSSED} ".join(fields) for fields in spec.controls),
        columns=tuple(spec.columns or ()),
    )


def _base(study: Study, number: int, own: str) -> str:
    """In words, which sessions the table speaks of, and what is held equal."""
    spec = study.tables[number]
    words = ["one sample for all columns: sessions of the study's population"]
    if spec.where:
        words.append(f"where {', '.join(spec.where)} is as the study says")
    if own:
        words.append(f"each account weighing at most {own}")
    if spec.rate_of:
        rates = _alike(study, number)
        columns = dict.fromkeys(column for rate in rates for column in DERIVED[rate].base)
        words.append(f"whose {', '.join(columns)} could be judged")
    for name in [spec.by[0], *(name for fields in spec.controls for name in fields)]:
        if name in spec.leave_out:
            words.append(f"without {name} {', '.join(spec.leave_out[name])}")
        if name in GROUPINGS:
            words.append(f"with a known {GROUPINGS[name].of}")
    held = [f" {CROSSED} ".join(fields) for fields in spec.controls]
    if spec.among:
        words.append(f"of which it is said: {DERIVED[spec.among].title}")
    words.append(f"held equal: {', '.join(held) or 'nothing'}")
    return "; ".join(words)
