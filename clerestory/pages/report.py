"""
The report of a release: one page for journalists, compliance officers and researchers.

It is made from the plan, the rows and the facts of the run, and from nothing else: every
number on it is one of theirs or follows from them.  The order is that of a reader's questions:
what was asked and found, what this is not, what protects the people, the tables, what it cannot
tell, how to check it, where it comes from.
"""

from collections.abc import Mapping, Sequence

from privacy.plan import Plan, Table

from .answer import answer, count_up
from .cell import Group, read_groups
from .compared import overturned
from .figure import figure_of, measured, table_of
from .markup import Child, Element, tag
from .meaning import meanings
from .page import render_page, section
from .protection import caveats, protection
from .provenance import checking, provenance
from .stability import flagged, stability
from .wording import NOT_COMPUTED, TOO_FEW, counted, label_of, listed, name_of, number


def render_report(
    plan: Plan, rows: Sequence[Mapping[str, str]], facts: Mapping[str, object]
) -> bytes:
    """
    Make the report.

    Args:
        plan: What was asked, bound or not.
        rows: Those of tables.csv, all columns as strings; suppressed rows have empty numbers.
        facts: What is known of the run; each is optional: `tier`, `custody`, `checkpoint`,
            `signer` (fingerprint), `code`, `codebook`, `prompts` (hashes), `rater_note`;
            `watermarks` (list of words), `approvals` (list of `name`, `fingerprint`, `time`),
            `floor` (as a mapping); `anchors` (readings) and `drift` (rows of drift.csv).
            Others are listed with the provenance.

    Returns:
        A self-contained HTML5 page in UTF-8, without script and without anything to load.

    Raises:
        ConfigurationError: The rows are not of this plan, or a published row lacks a number.
    """
    groups = read_groups(plan, rows)
    marks = watermarks_of(facts)
    asked = {table.name: table for table in plan.tables}.values()
    tables = [_table(table, i, groups, marks, (plan, rows, facts)) for i, table in enumerate(asked)]
    return render_page(
        title=plan.study.name,
        eyebrow="Clerestory release",
        lead=plan.study.purpose,
        marks=marks,
        sections=[
            _found(plan, groups),
            section(
                "protection",
                "What protects the people",
                tag("dl", protection(plan, groups), class_="cards"),
            ),
            *tables,
            *stability(plan, facts),
            *_meanings(plan),
            section(
                "caveats", "What this cannot tell you", tag("ul", caveats(plan, groups, facts))
            ),
            section("checking", "Check this file yourself", checking(facts)),
            section("provenance", "Where it comes from", provenance(plan, groups, facts)),
        ],
        closing="Made by Clerestory from the plan and the rows of one release.",
    )


def watermarks_of(facts: Mapping[str, object]) -> list[str]:
    """The watermarks among the facts, as words."""
    marks = facts.get("watermarks", ())
    if isinstance(marks, str):
        return [marks]
    return [str(mark) for mark in marks] if isinstance(marks, Sequence) else []


def _found(plan: Plan, groups: Sequence[Group]) -> Element:
    tables = counted(len({table.name for table in plan.tables}), "table")
    asked = [f"The study asks for {tables} about sessions with a coding agent"]
    months = [label_of(month) for month in plan.population.months]
    if months:
        asked.append(
            f" of {months[0]}" if len(months) == 1 else f" from {months[0]} to {months[-1]}"
        )
    where = [f"{name_of(c)} is {_either(labels)}" for c, labels in plan.population.where.items()]
    asked.append(f", where {listed(where)}. " if where else ". ")
    items = [
        tag("li", tag("strong", f"{_named(group, groups)}:"), " ", answer(group))
        for group in groups
    ]
    printed = any(group.published for group in groups)
    return section(
        "answer",
        "In short",
        None if printed else tag("p", _verdict(groups), class_="verdict"),
        tag("p", *asked, count_up(groups)),
        tag("ul", items, class_="findings") if printed else None,
    )


def _named(group: Group, groups: Sequence[Group]) -> str:
    """A statistic's title; where its table has several, also which one it is."""
    alone = sum(other.table.name == group.table.name for other in groups) == 1
    return group.table.title + ("" if alone else f", {measured(group.table).lower()}")


def _verdict(groups: Sequence[Group]) -> str:
    states = {cell.state for group in groups for cell in group.cells}
    return _sentence(TOO_FEW if "suppressed" in states else NOT_COMPUTED) + "."


def _table(
    table: Table,
    position: int,
    groups: Sequence[Group],
    marks: Sequence[str],
    told: tuple[Plan, Sequence[Mapping[str, str]], Mapping[str, object]],
) -> Element:
    own = [group for group in groups if group.table.name == table.name]
    name = f"table-{position + 1}"
    parts: list[Child] = []
    for i, group in enumerate(own):
        inner = f"{name}-{i}"
        parts.append(tag("h3", name_of(group.statistic)) if len(own) > 1 else None)
        parts.append(tag("p", _sentence(answer(group)), class_="finding"))
        parts += flagged(group.table, told[2])
        if group.published:
            parts.append(figure_of(group, name=f"{inner}-chart", marks=marks))
        parts.append(table_of(group, name=inner))
        parts.append(_terms(group))
        parts += overturned(told[0], group.table, told[1], name=inner)
    if not own:
        parts.append(tag("p", "This table was not computed.", class_="withheld"))
    return section(name, table.title, *parts, class_="study-table")


def _terms(group: Group) -> Element | None:
    why = (
        "A corrected number is not computed where the rater’s mistakes were not counted in its own "
        "group, on enough sessions of this population, or where it hardly tells yes from no. "
        if group.table.kind == "corrected"
        else ""
    )
    thresholds = sorted({c.threshold for c in group.published if c.threshold is not None})
    if not thresholds:
        return tag("p", why, class_="note") if why else None
    first, last = number(thresholds[0], 1), number(thresholds[-1], 1)
    bound = first if first == last else f"{first} to {last} (it depends on the cell)"
    return tag(
        "p",
        f"{why}A number of this table is printed if its noisy count reaches {bound} accounts. "
        "In the last column: where most of the variance comes from, and how much of it.",
        class_="note",
    )


def _meanings(plan: Plan) -> list[Element]:
    told = meanings(plan)
    return [section("meanings", "What the labels mean", told)] if told else []


def _either(labels: Sequence[str]) -> str:
    words = [name_of(label) for label in labels]
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
