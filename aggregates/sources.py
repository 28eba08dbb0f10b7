"""
Which of three errors is the largest: the privacy noise, the sampling of accounts, or the rater.

Of a printed number the largest of its stated standard errors dominates.  What is not stated cannot:
where nothing is known of the rater's mistakes, they may be larger than all the others, and the
words of a bundle say so.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from privacy.anchor_readings import ANCHOR_SET
from privacy.drift import DICTIONARY, DRIFT
from privacy.mistakes import LEAST_YOUDEN
from privacy.plan import Plan

SOURCES = ("noise", "sampling", "classifier")
"""What the columns `se_…` are from."""
Row = Mapping[str, str | int | float | None]


def dominant(row: Row) -> str:
    """The source of a row's largest standard error; empty where it states none above zero."""
    stated = {source: row[f"se_{source}"] for source in SOURCES}
    errors = {s: float(e) for s, e in stated.items() if e not in (None, "") and float(e) > 0}
    return max(errors, key=lambda source: errors[source]) if errors else ""


def dominance(plan: Plan, rows: Sequence[Row]) -> list[str]:
    """For each statistic, how many printed numbers owe most to which source, as lines of text."""
    lines = []
    for table in plan.tables:
        own = (r for r in rows if (r["table"], r["statistic"]) == (table.name, table.kind))
        counts = Counter(dominant(row) for row in own if row["state"] == "published")
        told = ", ".join(f"{s} in {counts[s]}" for s in SOURCES if counts[s])
        kind = table.kind.replace("_", " ")
        lines.append(f"{table.name} ({kind}): {told or 'nothing is printed'}")
    return lines


def mistakes_told(plan: Plan) -> list[str]:
    """What the intervals of a release know of the rater's mistakes, as sentences."""
    if plan.validation is None:
        return [
            "Its mistakes are in no interval and `se_classifier` is empty: the study names no "
            "labels of people to hold the rater against, and this version measures no validation "
            "sample inside a vault.  They may be larger than all other errors.",
        ]
    held = [f"{t.name} ({t.kind})" for t in plan.tables if t.validated]
    rest = [f"{t.name} ({t.kind})" for t in plan.tables if not t.validated]
    same = plan.validation.same_population
    whose = "a sample of this study's population" if same else "sessions from elsewhere"
    return [
        f"Its mistakes were counted on {whose}: {plan.validation.reference}.",
        f"They are in `se_classifier` and in the intervals of {', '.join(held)}, as if the rater "
        "erred here as it did there.",
        f"They are in no interval of {', '.join(rest)}." if rest else "",
        "A corrected number is what the right labels would say; it is not computed unless the "
        "mistakes were counted in its own group of the study's own population, and the rater tells "
        f"yes from no well enough (sensitivity + specificity - 1 of at least {LEAST_YOUDEN}).",
    ]


def columns_told(there: Collection[str]) -> str:
    """What README.txt says of drift.csv, where a bundle has it."""
    if DRIFT not in there:
        return ""
    columns = "\n".join(f"  {name:18}{text}" for name, text in DICTIONARY.items())
    return f"""
COLUMNS OF {DRIFT}, beside those: what a rater that changed could have moved, by the labels that \
it gave
to the same public sessions in each month of labelling ({ANCHOR_SET})
{columns}
"""
