"""
What the published study says, as claims that a release of the same study can be held against.

"Agentic coding and persistent returns to expertise" (Anthropic, June 2026) [1], its appendix [2],
and figures read off its plots by a third party [F], which are right to a point or so.  Figures only:
how far each may be off is how it was rounded or read.  A figure's alternative is the nearest other
figure of the same group that rounding does not hide, or what is stated.

What the study contradicts itself about is not chased (`NOT_HELD`).
"""

from collections.abc import Iterator, Mapping

from . import margins as m
from .claims import Claim, Quantity
from .parameters import Place

ROUNDED, TENTHS, ABOUT, READ = 0.005, 0.0005, 0.02, 0.01
"""A whole per cent; a tenth of one; "about"; read off a plot."""
LEVELS = ("novice", "beginner", "intermediate", "advanced", "expert")
FIRST, LAST = m.MONTHS[0], m.MONTHS[-1]

NOT_HELD = (
    "Whether 7.7 % without a clear goal are left out (367,537 sessions) or 5.65 % (375,687): the "
    "study has both.",
    "A value that rose by 27 % and by about 25 %: the first is held.",
    "A level-R² of .38 and of .09; neither is asked.",
    "Ten occupations within seven points: the plot shows eight to nine.",
    "Abandoned sessions: the appendix's condition, that a session was in trouble, is used.",
    "Actions, and words, of a middling prompt (10; 2,400): which average is meant is not said.",
    "R² and numbers of sessions of a regression: a release has noisy weights, and no residuals.",
    "Agreement with 198 public sessions, and with commits of the staff: other data.",
    "The price model behind task values: an instrument here, not an estimator.",
)
"""Figures that no verdict is given on, and why."""


def claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the study."""
    return (*_uses(), *_people(), *_success(), *_sizes(), *_trends(), *_occupations(), *_signals())


def _at(table: str, statistic: str, **keys: str) -> Place:
    return table, statistic, "; ".join(f"{name}={label}" for name, label in keys.items())


def _is(place: Place) -> tuple[Quantity, ...]:
    return (Quantity({place: 1.0}),)


def _group(
    what: str, source: str, reading: float, figures: Mapping[str, tuple[Place, float]]
) -> Iterator[Claim]:
    """A claim for each figure of a group: its alternative is the nearest other."""
    for label, (place, figure) in figures.items():
        others = [other for _, other in figures.values() if abs(other - figure) > 2 * reading]
        nearest = min(others, key=lambda other: abs(other - figure), default=None)
        yield Claim(f"{what}: {label}", source, _is(place), figure, reading, nearest)


def _shares(
    table: str, key: str, source: str, reading: float, figures: Mapping[str, float]
) -> Iterator[Claim]:
    what = table.replace("_", " ")
    places = {n: (_at(table, "share", **{key: n}), figure) for n, figure in figures.items()}
    yield from _group(what, source, reading, places)


def _by_expertise(
    what: str, table: str, source: str, reading: float, figures: Mapping[str, float]
) -> Iterator[Claim]:
    places = {n: (_at(table, "rate", expertise=n), f) for n, f in figures.items()}
    yield from _group(what, source, reading, places)


def _uses() -> Iterator[Claim]:
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
    yield from _shares("work_modes", "work_mode", "Figure 1 [F]", READ / 2, modes)
    grouped = {
        "write": 0.25,
        "fix": 0.26,
        "test and orchestrate": 0.05,
        "operate": 0.17,
        "plan and explore": 0.14,
        "analyse and write prose": 0.13,
    }
    yield from _shares("work_groups", "work_mode", "[1], page 4", ROUNDED, grouped)
    relations = {"modify": 0.48, "explore": 0.17, "create": 0.14, "none": 0.20}
    yield from _shares("codebases", "codebase", "[1]; none: about", READ, relations)
    for what, figure in (("planning", 0.70), ("execution", 0.20)):
        terms = {p: int(p) / 100 for p in m.PERCENTS[:-1]}
        key = f"{what}_by_user"
        places = {p: _at(what, "share", **{key: p}) for p in terms}
        mean = Quantity(
            {places[p]: c for p, c in terms.items()}, 0.0, dict.fromkeys(places.values(), 1.0)
        )
        source = "[1], about"
        yield Claim(f"mean share of the person in {what}", source, (mean,), figure, ABOUT, 0.5)
    half = {_at("execution", "share", execution_by_user=p): 1.0 for p in ("0", "10")}
    source = "Figure [F], about"
    yield Claim("the agent executes 90 to 100 %", source, (Quantity(half),), 0.5, 0.05, 0.35)
    bins = {("90", "100"): 0.24, ("80",): 0.16, ("70",): 0.20}
    for percents, figure in bins.items():
        told = Quantity({_at("planning", "share", planning_by_user=p): 1.0 for p in percents})
        name = f"the person plans {' and '.join(percents)} %"
        other = min((f for f in bins.values() if f != figure), key=lambda f: abs(f - figure))
        yield Claim(name, source, (told,), figure, ABOUT, other)
    for relation in ("modify", "create"):
        place = _at("wrote_code_by_codebase", "rate", codebase=relation)
        above = (Quantity({place: 1.0}, -0.9),)
        yield Claim(f"over 90 % of sessions that {relation} code show it", "[2]", above)


def _people() -> Iterator[Claim]:
    mix = {"novice": 0.016, "beginner": 0.205, "intermediate": 0.268, "advanced": 0.408}
    yield from _shares("expertise", "expertise", "Table A2", TENTHS, {**mix, "expert": 0.101})
    unclear = _is(_at("occupations", "share", occupation="unclear"))
    yield Claim("occupations that cannot be told", "[1], about", unclear, 0.30, ABOUT, 0.20)
    first = ("15", "13", "27", "11", "19")
    steps = tuple(
        Quantity(
            {
                _at("occupations", "share", occupation=a): 1.0,
                _at("occupations", "share", occupation=b): -1.0,
            }
        )
        for a, b in zip(first, first[1:], strict=False)
    )
    yield Claim("order of the five largest occupations", "[1]", steps)
    goal = _is(_at("outcomes", "share", outcome="no_goal"))
    yield Claim("sessions without a clear goal", "[1]", goal, 0.077, TENTHS, 0.0565)


def _success() -> Iterator[Claim]:
    found = dict(zip(LEVELS, (0.132, 0.209, 0.280, 0.293, 0.347), strict=True))
    yield from _by_expertise(
        "verified success as found", "verified_success", "Table A2", TENTHS, found
    )
    yield from _shape("as found", "verified_success", "rate")
    judged = {"novice": 0.39, "expert": 0.65}
    yield from _by_expertise("judged success", "judged_success", "Figure 5 [F]", READ, judged)
    partial = {"novice": 0.77, "intermediate": 0.91, "advanced": 0.92, "expert": 0.91}
    yield from _by_expertise("at least partial", "at_least_partial", "[1], Figure 5", READ, partial)
    trouble = {
        "verified_success": (0.04, 0.15, ROUNDED),
        "judged_success": (0.10, 0.27, READ),
        "at_least_partial": (0.60, 0.80, ROUNDED),
        "judged_failure": (0.40, 0.20, READ),
        "verified_failure": (0.30, 0.18, READ),
        "abandoned": (0.19, 0.07, READ),
    }
    for name, (novice, expert, reading) in trouble.items():
        what = f"{name.replace('_', ' ')} in trouble"
        ends = {"novice": novice, "expert": expert}
        yield from _by_expertise(what, f"{name}_in_trouble", "Figure 5 [F]", reading, ends)


def _shape(what: str, table: str, statistic: str) -> Iterator[Claim]:
    """The shape of Figure 5, in three claims."""
    at = {level: _at(table, statistic, expertise=level) for level in LEVELS}
    steps = tuple(
        Quantity({at[b]: 1.0, at[a]: -1.0}, disjoint=True)
        for a, b in zip(LEVELS, LEVELS[1:], strict=False)
    )
    yield Claim(f"verified success {what} rises with every step", "Figure 5", steps)
    bend = Quantity(
        {at["intermediate"]: 2.0, at["novice"]: -1.0, at["expert"]: -1.0}, disjoint=True
    )
    name = f"verified success {what}: novice to intermediate is the larger step"
    yield Claim(name, "Figure 5", (bend,))
    twice = Quantity({at["expert"]: 1.0, at["novice"]: -2.0}, disjoint=True)
    yield Claim(f"verified success {what}: experts over twice as often", "Figure 5", (twice,))


def _sizes() -> Iterator[Claim]:
    ends = {
        "actions_per_prompt": ((4.9, 11.7), 0.05, "tool calls per prompt"),
        "words_per_prompt": ((607, 3_200), 50, "words per prompt"),
    }
    for measure, (figures, reading, unit) in ends.items():
        pairs = dict(zip(("novice", "expert"), figures, strict=True))
        for level, figure in pairs.items():
            (other,) = set(figures) - {figure}
            place = _is(_at(measure, "geometric_mean", expertise=level))
            name = f"{measure.replace('_', ' ')}: {level}"
            yield Claim(name, "[1], Figure 3", place, figure, reading, other, unit)
    for limit, figure, reading in (
        (100, 0.02, ROUNDED),
        (200, 1 / 270, 2e-4),
        (500, 1 / 2_300, 5e-5),
    ):
        table = f"above_{limit}_actions"
        place = _is(_at(table, "share", actions_per_prompt=f"above {limit}"))
        name = f"more than {limit} actions per prompt"
        yield Claim(name, "[1], note 6", place, figure, reading, figure / 2)
    led = {
        "actions_by_execution": ("execution_by_user", "the person over 80 %", 8.0, 16.0),
        "actions_by_planning": ("planning_by_user", "the agent over 80 %", 16.0, 8.0),
    }
    for table, (key, label, figure, other) in led.items():
        place = _is(_at(table, "geometric_mean", **{key: label}))
        name = f"actions where {label.replace(' over', ' decides over')}"
        yield Claim(name, "[1], about", place, figure, 2.0, other, "tool calls per prompt")
    prompts = _is(_at("prompts", "mean"))
    yield Claim("prompts of a session", "[1], about", prompts, 4.0, 0.5, 2.5, "prompts")


def _trends() -> Iterator[Claim]:
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
            place = _is(_at(where, "share", month=month, work_mode=label))
            yield Claim(f"{name} in {month}", "[1]; April [F]", place, figure, reading, other)
        change = _is(_at(where, "change", work_mode=label))
        moved = last - first
        yield Claim(f"change of {name}", "[1]", change, moved, 2 * reading, 0.0)
    built = _is(_at(table, "share", month=LAST, work_mode="build"))
    yield Claim(f"build in {LAST}", "[F]", built, 0.21, READ, 0.25)
    yield _growth(
        "all", m.TASK_VALUE, dict(zip(m.TASK_VALUE, m.TASK_VALUE_MIDDLE, strict=True)), 0.27, {}
    )
    for mode, figure in (("build", 0.43), ("operate", 0.34), ("fix", 0.32), ("communicate", 0.02)):
        yield _growth(mode, TIERS, TIERS, figure, {"work_mode": mode})


def _tiers() -> dict[str, float]:
    """The middle of each tier: its bands' middles, weighted by their pooled shares."""
    from privacy.derived import GROUPINGS

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
            _at(table, "share", **keys, month=month, **{key: label}): float(middles[label])
            for label in labels
        }
        for month in (LAST, FIRST)
    ]
    grown = Quantity(sums[0], -1.0, sums[1])
    other = 0.0 if figure > 0.1 else 0.27
    return Claim(f"growth of task value: {name}", "[F]", (grown,), figure, READ, other, "ratio")


def _occupations() -> Iterator[Claim]:
    table = "verified_success_by_software"
    figures = {"software": (0.34, 0.29), "other": (0.29, 0.34)}
    for who, (figure, other) in figures.items():
        place = _is(_at(table, "rate", software_occupation=who, wrote_code="yes"))
        name = f"verified success of sessions that wrote code: {who}"
        yield Claim(name, "[1]", place, figure, ROUNDED, other)
    for who, figure, other in (("software", 0.30, 0.26), ("other", 0.26, 0.30)):
        place = _is(_at("verified_success_by_profession", "rate", software_occupation=who))
        yield Claim(f"verified success: {who}", "[1]", place, figure, ROUNDED, other)
    for who, figure in (("software", 0.89), ("other", 0.88)):
        place = _is(_at("at_least_partial_by_profession", "rate", software_occupation=who))
        yield Claim(f"at least partial: {who}", "[1]", place, figure, ROUNDED, 0.8)
    gap = {
        _at("verified_success_by_software_and_month", "change", software_occupation=who): sign
        for who, sign in (("software", 1.0), ("other", -1.0))
    }
    constant = (Quantity(gap, disjoint=True),)
    yield Claim("the gap of professions stays as it is", "[1]", constant, 0.0, 0.0, 0.04)
    manager = {
        _at("verified_success_by_occupation", "rate", occupation="11"): 1.0,
        _at("verified_success_by_occupation", "rate", occupation="15"): -1.0,
    }
    yield Claim(
        "managers verify more often than software people",
        "[1]",
        (Quantity(manager, disjoint=True),),
    )
    rates = ("verified_success", "judged_success", "at_least_partial")
    for occupation, row in FIGURE_6.items():
        for rate, figure in zip(rates, row, strict=True):
            table = f"{rate}_by_occupation"
            place = _is(_at(table, "rate", occupation=occupation))
            name = f"{rate.replace('_', ' ')}, occupation {occupation}"
            other = figure - 0.1 if figure > 0.5 else figure + 0.1
            yield Claim(name, "Figure 6 [F]", place, figure, READ, other)


FIGURE_6 = {
    "15": (0.34, 0.60, 0.94),
    "11": (0.37, 0.55, 0.95),
    "23": (0.33, 0.57, 0.95),
    "13": (0.29, 0.54, 0.93),
    "29": (0.28, 0.56, 0.93),
    "27": (0.28, 0.53, 0.92),
    "17": (0.27, 0.54, 0.93),
    "25": (0.27, 0.52, 0.92),
    "19": (0.27, 0.54, 0.94),
    "41": (0.26, 0.51, 0.92),
}
"""Verified, judged, at least partial of sessions that wrote code [F]."""


def _signals() -> Iterator[Claim]:
    ends = {
        "success_signal": (0.13, 0.90),
        "failure_signal": (0.85, 0.03),
    }
    for signal, (first, last) in ends.items():
        table = f"success_by_{signal}"
        for level, figure, other in (("1", first, last), ("5", last, first)):
            place = _is(_at(table, "rate", **{signal: level}))
            name = f"judged success at {signal.replace('_', ' ')} {level}"
            yield Claim(name, "[2]", place, figure, ROUNDED, other)
        places = [_at(table, "rate", **{signal: str(n)}) for n in range(1, 6)]
        sign = 1.0 if first < last else -1.0
        steps = tuple(
            Quantity({b: sign, a: -sign}, disjoint=True)
            for a, b in zip(places, places[1:], strict=False)
        )
        moves = "rises" if sign > 0 else "falls"
        name = f"judged success {moves} with every {signal.replace('_', ' ')}"
        yield Claim(name, "[2]", steps)
