"""What the published study says of how the agent is used."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from aggregates import margins as m
from privacy.derived import GROUPINGS

from .claims import Claim, Quantity
from .figures import ABOUT, LEVELS, READ, ROUNDED, at, shares, told

FIRST, LAST = m.MONTHS[0], m.MONTHS[-1]


def uses() -> Iterator[Claim]:
    """What sessions are for, where the code is, who decides."""
    modes = {
        "fix": 0.26,
        "build": 0.25,
        "operate": 0.17,
        "communicate": 0.10,
        "understand": 0.07,
        "plan": 0.07,
        "orchestrate": 0.03,
        "analyze": 0.03,
        "test": 0.02,
    }
    yield from shares("work_modes", "work_mode", "Figure 1 [F]", READ / 2, modes)
    grouped = {
        "write": 0.25,
        "fix": 0.26,
        "test and orchestrate": 0.05,
        "operate": 0.17,
        "plan and explore": 0.14,
        "analyse and write prose": 0.13,
    }
    yield from shares("work_groups", "work_mode", "[1], page 4", ROUNDED, grouped)
    relations = {"modify": 0.48, "explore": 0.17, "create": 0.14, "none": 0.20}
    yield from shares("codebases", "codebase", "[1]; none: about", READ, relations)
    for what, figure in (("planning", 0.70), ("execution", 0.20)):
        terms = {p: int(p) / 100 for p in m.PERCENTS[:-1]}
        key = f"{what}_by_user"
        places = {p: at(what, "share", **{key: p}) for p in terms}
        mean = Quantity(
            {places[p]: c for p, c in terms.items()}, 0.0, dict.fromkeys(places.values(), 1.0)
        )
        source = "[1], about"
        yield Claim(f"mean share of the person in {what}", source, (mean,), figure, ABOUT, 0.5)
    half = {at("execution", "share", execution_by_user=p): 1.0 for p in ("0", "10")}
    source = "Figure [F], about"
    yield Claim("the agent executes 90 to 100 %", source, (Quantity(half),), 0.5, 0.05, 0.35)
    bins = {("90", "100"): 0.24, ("80",): 0.16, ("70",): 0.20}
    for percents, figure in bins.items():
        told = Quantity({at("planning", "share", planning_by_user=p): 1.0 for p in percents})
        name = f"the person plans {' and '.join(percents)} %"
        other = min((f for f in bins.values() if f != figure), key=lambda f: abs(f - figure))
        yield Claim(name, source, (told,), figure, ABOUT, other)
    for relation in ("modify", "create"):
        place = at("wrote_code_by_codebase", "rate", codebase=relation)
        above = (Quantity({place: 1.0}, -0.9),)
        yield Claim(f"over 90 % of sessions that {relation} code show it", "[2]", above)
    agrees = Quantity({at("code_by_telemetry", "exact"): 1.0}, -0.9)
    yield Claim("label and telemetry agree in over 90 %", "[2]", (agrees,))


def sizes() -> Iterator[Claim]:
    """How much happens at each prompt."""
    ends = {
        "actions_per_prompt": ((4.9, 11.7), 0.05, "tool calls per prompt"),
        "words_per_prompt": ((607, 3_200), 50, "words per prompt"),
    }
    for measure, (figures, reading, unit) in ends.items():
        pairs = dict(zip(("novice", "expert"), figures, strict=True))
        for level, figure in pairs.items():
            (other,) = set(figures) - {figure}
            place = told(at(measure, "geometric_mean", expertise=level))
            name = f"{measure.replace('_', ' ')}: {level}"
            yield Claim(name, "[1], Figure 3", place, figure, reading, other, unit)
    for measure, step in (("actions_per_prompt", 1.09), ("words_per_prompt", 1.13)):
        ratio = told(at(f"{measure}_adjusted", "adjusted_ratio"))
        name = f"{measure.replace('_', ' ')} per step, all else equal"
        yield Claim(name, "[1]", ratio, step, ROUNDED, 1.0, "times per step")
        steps = tuple(
            Quantity(
                {
                    at(f"{measure}_adjusted", "adjusted_geometric_mean", expertise=high): 1.0,
                    at(f"{measure}_adjusted", "adjusted_geometric_mean", expertise=low): -1.0,
                },
                disjoint=True,
            )
            for low, high in pairwise(LEVELS)
        )
        name = f"{measure.replace('_', ' ')} rise with every step, all else equal"
        yield Claim(name, "[1]", steps, unit=measure.replace("_", " "))
    for limit, figure, reading in (
        (100, 0.02, ROUNDED),
        (200, 1 / 270, 2e-4),
        (500, 1 / 2_300, 5e-5),
    ):
        table = f"above_{limit}_actions"
        place = told(at(table, "share", actions_per_prompt=f"above {limit}"))
        name = f"more than {limit} actions per prompt"
        yield Claim(name, "[1], note 6", place, figure, reading, figure / 2)
    led = {
        "actions_by_execution": ("execution_by_user", "the person over 80 %", 8.0, 16.0),
        "actions_by_planning": ("planning_by_user", "the agent over 80 %", 16.0, 8.0),
    }
    for table, (key, label, figure, other) in led.items():
        place = told(at(table, "geometric_mean", **{key: label}))
        name = f"actions where {label.replace(' over', ' decides over')}"
        yield Claim(name, "[1], about", place, figure, 2.0, other, "tool calls per prompt")
    prompts = told(at("prompts", "mean"))
    yield Claim("prompts of a session", "[1], about", prompts, 4.0, 0.5, 2.5, "prompts")


def trends() -> Iterator[Claim]:
    """October against April."""
    table, groups = "work_modes_by_month", "work_groups_by_month"
    prose = "analyse and write prose"
    ends = {
        "fix": (table, "fix", 0.33, 0.19, ROUNDED),
        "operate": (table, "operate", 0.14, 0.21, ROUNDED),
        "prose and data analysis": (groups, prose, 0.10, 0.20, ABOUT),
    }
    for name, (where, label, first, last, reading) in ends.items():
        pair = ((FIRST, first, last), (LAST, last, first))
        for month, figure, other in pair:
            place = told(at(where, "share", month=month, work_mode=label))
            yield Claim(f"{name} in {month}", "[1]; April [F]", place, figure, reading, other)
        change = told(at(where, "change", work_mode=label))
        moved = last - first
        yield Claim(f"change of {name}", "[1]", change, moved, 2 * reading, 0.0, "points")
    built = told(at(table, "share", month=LAST, work_mode="build"))
    yield Claim(f"build in {LAST}", "[F]", built, 0.21, READ, 0.25)
    yield _growth(
        "all", m.TASK_VALUE, dict(zip(m.TASK_VALUE, m.TASK_VALUE_MIDDLE, strict=True)), 0.27, {}
    )
    for mode, figure in (("build", 0.43), ("operate", 0.34), ("fix", 0.32), ("communicate", 0.02)):
        yield _growth(mode, TIERS, TIERS, figure, {"work_mode": mode})


def _tiers() -> dict[str, float]:
    """The middle of each tier: its bands' middles, weighted by their pooled shares."""
    middles = dict(zip(m.TASK_VALUE, m.TASK_VALUE_MIDDLE, strict=True))
    found = {}
    for tier, bands in GROUPINGS["task_value_tier"].groups.items():
        mass = sum(m.TASK_VALUE[band] for band in bands)
        found[tier] = sum(m.TASK_VALUE[band] * middles[band] for band in bands) / mass
    return found


TIERS = _tiers()


def _growth(
    name: str,
    labels: Mapping[str, object],
    middles: Mapping[str, float],
    figure: float,
    keys: Mapping[str, str],
) -> Claim:
    """How the mean value grew, of the middles of its bands."""
    table = "value_tiers_by_mode_and_month" if keys else "task_values_by_month"
    key = "task_value_tier" if keys else "task_value"
    sums = [
        {
            at(table, "share", **keys, month=month, **{key: label}): float(middles[label])
            for label in labels
        }
        for month in (LAST, FIRST)
    ]
    grown = Quantity(sums[0], -1.0, sums[1])
    other = 0.0 if figure > 0.1 else 0.27
    return Claim(f"growth of task value: {name}", "[F]", (grown,), figure, READ, other, "ratio")
