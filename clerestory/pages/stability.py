"""
Say how stable the rater was, and which trends its own changes could have made.

A flag stands where the trend does, in the words of the trend; the section says what it rests on.
What was not measured is said to be not measured, never to be stable.
"""

from collections.abc import Mapping, Sequence

from clerestory.fidelity import QUOTED
from clerestory.stability import Stability, stabilities, unlike
from privacy.anchor_readings import AnchorReading, AnchorReadings
from privacy.drift import BEYOND, COUNTED, FLAGGED, MAYBE, NOT_KNOWN, ONE_MONTH, is_by_months
from privacy.plan import TRENDS, Plan, Table
from privacy.raters import asks
from privacy.rows import read_keys

from .markup import Child, Element, tag
from .page import section
from .wording import CONFIDENCE, SPACE, counted, label_of, listed, name_of, number, percent

_WHO = ("name", "version", "model", "view", "mode", "answers")
"""What a page says of another rater."""
_WHAT = "a rater that has changed between months, and people’s sessions that have not"
Row = Mapping[str, str]
Facts = Mapping[str, object]


def stability(plan: Plan, facts: Facts) -> list[Element]:
    """The section on the anchor set; none where a release says nothing of one."""
    told = facts.get("anchors")
    if not isinstance(told, AnchorReadings):
        return []
    parts: list[Child] = [
        tag(
            "p",
            "A model can change behind its name. So the same public sessions were labelled in each "
            "month in which sessions were, by the same prompts and in the same way. They are made "
            "up or published, and no sample of the sessions studied here.",
        ),
        tag("p", _read(told)),
    ]
    if rows := stabilities(told):
        parts.append(_agreements(rows))
    parts += [tag("p", _unlike(*one)) for one in unlike(told)]
    if _drifts(facts):
        parts.append(tag("p", _verdicts(_drifts(facts))))
    return [section("stability", "Whether the rater has changed", *parts)]


def note(plan: Plan, facts: Facts) -> str | None:
    """The rater's stability in a sentence, beside what is known of its fidelity."""
    told = facts.get("anchors")
    if not asks(plan.rater.name):
        if any(is_by_months(plan, table) for table in plan.tables):
            return (
                "The rater is a set of rules in one version: it says the same of a session in any "
                "month, so no difference between months comes from a change of the rater."
            )
        return None
    if not isinstance(told, AnchorReadings):
        return "Whether the rater has changed between months was not measured."
    rows = {row.found.instrument: row for row in stabilities(told)}
    each = "; ".join(f"{name_of(name)} {_kappa(rows[name])}" for name in QUOTED if name in rows)
    if not each:
        return _read(told)
    return (
        f"{_read(told)} The reading that is least like the first agrees with it as follows "
        f"(Cohen’s κ, 1 is always): {each}."
    )


def flagged(table: Table, facts: Facts) -> list[Element]:
    """What is to be said beside a statistic by months, of what drift could have made."""
    own = [
        row
        for row in _drifts(facts)
        if (row["table"], row["statistic"]) == (table.name, table.kind)
    ]
    which = [row for row in own if row["verdict"] in FLAGGED]
    if not which:
        return []
    if any(row["verdict"] == NOT_KNOWN for row in which):
        said = f"Drift is not known here: what is printed by months may be the work of {_WHAT}."
    elif len(which) == len(own) > 1:
        said = f"Drift could explain every trend of this table: {_WHAT} could have made it."
    else:
        named = listed([_named(row) for row in which])
        said = f"Drift could explain {named}: {_WHAT} could have made it."
    return [tag("p", tag("strong", said), class_="note")]


def _drifts(facts: Facts) -> Sequence[Row]:
    rows = facts.get("drift", ())
    return rows if isinstance(rows, Sequence) and not isinstance(rows, str) else ()


def _named(row: Row) -> str:
    keys = [label_of(level, axis) for axis, level in read_keys(row["keys"]).items()]
    what = "the change" if row["statistic"] in TRENDS else "differences between months"
    of = f" of “{', '.join(keys)}”" if keys else ""
    bound, certain = (number(100 * float(row[column]), 1) for column in ("drift", "certain"))
    return f"{what}{of} (at least {certain}{SPACE}points; drift up to {bound})"


def _read(told: AnchorReadings) -> str:
    months = [label_of(month) for month in told.labelled]
    size = counted(len(told.sessions), "anchor session")
    if len(months) == 1:
        return (
            f"All labels were made in one month, {months[0]}: no drift between months of labelling "
            "is possible, and what changed within it was not measured."
        )
    if told.missing:
        missed = listed([label_of(month) for month in told.missing])
        return (
            f"Sessions were labelled in {listed(months)}. The anchor set was not read in {missed}: "
            "whether the rater has changed was not measured."
        )
    return f"Sessions were labelled in {listed(months)}, and {size} were read in each of them."


def _unlike(reading: AnchorReading, same: float, among: int) -> str:
    known = ((name, reading.rater.get(name)) for name in _WHO)
    who = ", ".join(f"{name_of(name)} {value}" for name, value in known if value)
    return (
        f"Under other prompts or another rater ({who}; read in {label_of(reading.month)}) "
        f"{percent(same)} of {counted(among, 'answer')} about the same sessions were the same: "
        "numbers of releases under the two may differ by that alone."
    )


def _verdicts(rows: Sequence[Row]) -> str:
    counts = [
        (sum(row["verdict"] == verdict for row in rows), words)
        for verdict, words in (
            (BEYOND, "larger than drift could make"),
            (MAYBE, "no larger than that"),
            (NOT_KNOWN, "of which it is not known"),
            (ONE_MONTH, "labelled in one month"),
            (COUNTED, "without a rater’s answer in them"),
        )
    ]
    told = listed([f"{number(count)} {words}" for count, words in counts if count])
    return (
        f"Of what is printed by months: {told}. A bound says how far {_WHAT} could move a number, "
        "if it wavers on people’s sessions as it does on anchors with the same answer; where it "
        "changed for one group alone, the bound is too small. Each stands in drift.csv, and "
        "everything it follows from in anchor-set.json."
    )


def _agreements(rows: Sequence[Stability]) -> Element:
    heads = ("question", "first", "later", "the same label", f"κ ({CONFIDENCE}{SPACE}% interval)")
    lines = [
        tag(
            "tr",
            tag("th", name_of(row.found.instrument), scope="row"),
            tag("td", label_of(row.first)),
            tag("td", label_of(row.month)),
            tag("td", percent(row.found.exact), class_="number"),
            tag("td", _kappa(row), class_="number"),
        )
        for row in rows
    ]
    name = "stability-table"
    caption = "Of each question, the later reading that is least like the first."
    inner = tag(
        "table",
        tag("caption", caption, id=name),
        tag("thead", tag("tr", [tag("th", head, scope="col") for head in heads])),
        tag("tbody", lines),
    )
    return tag("div", inner, class_="scroll", role="region", tabindex="0", aria_labelledby=name)


def _kappa(row: Stability) -> str:
    if row.found.kappa is None:
        return "one label alone"
    told = number(row.found.kappa, 2)
    if row.ends is None:
        return told
    return f"{told} ({number(row.ends[0], 2)}{SPACE}to{SPACE}{number(row.ends[1], 2)})"
