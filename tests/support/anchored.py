"""Readings of an anchor set that a test makes up, and plans whose rater could drift."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aggregates.bundle import write_rows
from aggregates.release import release
from privacy.anchor_readings import UNTOLD, AnchorReading, AnchorReadings, rater_told
from privacy.anchor_set import set_hash
from privacy.codebook import codebook
from privacy.label_sets import label_set
from privacy.plan import Plan
from privacy.raters import CLAUDE
from privacy.unit import SCALE
from tests.aggregates.rows import TRENDS, small_plan

FLOOR = "f" * 64
MODEL = "claude-haiku-5-5"
BASE = {"interactive": "yes", "staff": "no", "status": "rated"}
"""What puts an anchor into the population of the small plans."""
OTHERS = tuple(m for m in codebook().field("work_mode").labels if m not in ("fix", "unclear"))


def asking(made: Plan) -> Plan:
    """The plan, rated by a model."""
    rater = replace(CLAUDE, model=MODEL, endpoint="https://example.org", roots="roots")
    return replace(made, rater=rater)


PLAN = asking(small_plan(TRENDS))
"""Work modes over three months, and verified success by expertise over the same."""


def reading(
    month: str, anchors: Sequence[Mapping[str, str]], plan: Plan = PLAN, **more: str
) -> AnchorReading:
    """What was said of each anchor; what a test does not name is the column's first label."""
    labels = {
        field.name: tuple({**BASE, **told}.get(field.name, field.labels[0]) for told in anchors)
        for field in codebook().fields
        if field.name not in UNTOLD
    }
    name = more.get("label_set", label_set(plan, FLOOR))
    digest = set_hash(digests(len(anchors)))
    rater = rater_told(plan.rater)
    return AnchorReading(digest, name, month, rater, plan.codebook, plan.prompts, labels)


def digests(sessions: int) -> tuple[str, ...]:
    """Names for so many anchors."""
    return tuple(f"{number:064x}" for number in range(sessions))


def readings(
    *told: AnchorReading, labelled: Sequence[str] = (), others: Sequence[AnchorReading] = ()
) -> AnchorReadings:
    """What a release carries; labelled in the months that were read, if not told otherwise."""
    months = tuple(labelled) or tuple(one.month for one in told)
    sessions = digests(len(told[0].labels["status"])) if told else ()
    return AnchorReadings(sessions, months, tuple(told), tuple(others))


def modes(fix: int, others: int) -> list[dict[str, str]]:
    """So many anchors that are fixed things, and others, spread over the other modes."""
    return [{"work_mode": "fix"}] * fix + [
        {"work_mode": OTHERS[number % len(OTHERS)]} for number in range(others)
    ]


def tables(fix: Sequence[float], accounts: int = 6_000, plan: Plan = PLAN) -> bytes:
    """The tables.csv of months in which `fix` had these shares, with hardly any noise."""
    vectors: dict[str, list[int]] = {}
    for query in plan.queries:
        vectors[query.name] = [0] * query.size
    query = plan.query(plan.tables[0].queries[0])
    months = [level.name for level in query.axes[0].levels]
    counts = []
    for month, mode in query.cells:
        share = fix[months.index(month)]
        rest = (1 - share) / len(OTHERS)
        part = share if mode == "fix" else rest if mode in OTHERS else 0.0
        counts.append(round(part * accounts * SCALE))
    vectors[query.name] = counts
    quiet = replace(plan, queries=tuple(replace(q, sigma=SCALE * 1.0) for q in plan.queries))
    return write_rows(release(quiet, vectors))
