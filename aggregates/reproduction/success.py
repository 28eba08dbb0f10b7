"""What the published study says of people and of success."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from aggregates.parameters import Place

from .claims import Claim, Quantity
from .figures import ABOUT, LEVELS, READ, ROUNDED, TENTHS, at, by_expertise, group, shares, told

FIGURE_6 = {
    "15": ("software", 0.34, 0.60, 0.94),
    "11": ("management", 0.37, 0.55, 0.95),
    "23": ("legal", 0.33, 0.57, 0.95),
    "13": ("business and finance", 0.29, 0.54, 0.93),
    "29": ("healthcare", 0.28, 0.56, 0.93),
    "27": ("arts and media", 0.28, 0.53, 0.92),
    "17": ("architecture and engineering", 0.27, 0.54, 0.93),
    "25": ("education", 0.27, 0.52, 0.92),
    "19": ("sciences", 0.27, 0.54, 0.94),
    "41": ("sales", 0.26, 0.51, 0.92),
}
"""Occupation → its name; verified, judged, at least partial of sessions that wrote code [F]."""


def people() -> Iterator[Claim]:
    """Who the people are, and how often there is no goal."""
    mix = {"novice": 0.016, "beginner": 0.205, "intermediate": 0.268, "advanced": 0.408}
    yield from shares("expertise", "expertise", "Table A2", TENTHS, {**mix, "expert": 0.101})
    for more, figure in ((1, 73_066), (5, 6_382), (10, 1_413)):
        place = told(at("account_sizes", "accounts_above", sessions=f"more than {more}"))
        name = f"accounts with more than {more} session{'s' if more > 1 else ''}"
        yield Claim(name, "[2]", place, figure, 0.5, 0.85 * figure, "accounts")
    unclear = told(at("occupations", "share", occupation="unclear"))
    yield Claim("occupations that cannot be told", "[1], about", unclear, 0.30, ABOUT, 0.20)
    first = ("15", "13", "27", "11", "19")
    steps = tuple(
        Quantity(
            {
                at("occupations", "share", occupation=a): 1.0,
                at("occupations", "share", occupation=b): -1.0,
            }
        )
        for a, b in pairwise(first)
    )
    yield Claim("order of the five largest occupations", "[1]", steps)
    goal = told(at("outcomes", "share", outcome="no_goal"))
    yield Claim("sessions without a clear goal", "[1]", goal, 0.077, TENTHS, 0.0565)


def success() -> Iterator[Claim]:
    """Table A2 and Figure 5: success by expertise."""
    found = dict(zip(LEVELS, (0.132, 0.209, 0.280, 0.293, 0.347), strict=True))
    yield from by_expertise(
        "verified success as found", "verified_success", "Table A2", TENTHS, found
    )
    yield from shape_of_figure_5(
        "as found", {n: at("verified_success", "rate", expertise=n) for n in LEVELS}
    )
    yield from _all_else_equal()
    judged = {"novice": 0.39, "expert": 0.65}
    yield from by_expertise("judged success", "judged_success", "Figure 5 [F]", READ, judged)
    partial = {"novice": 0.77, "intermediate": 0.91, "advanced": 0.92, "expert": 0.91}
    yield from by_expertise("at least partial", "at_least_partial", "[1], Figure 5", READ, partial)
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
        yield from by_expertise(what, f"{name}_in_trouble", "Figure 5 [F]", reading, ends)


def _all_else_equal() -> Iterator[Claim]:
    """Tables A1 and A2, and the adjusted ends of Figure 5."""
    table, last = "verified_success_adjusted", "4"
    adjusted = {n: at(table, "adjusted_rate", controls=last, expertise=n) for n in LEVELS}
    figures = dict(zip(LEVELS, (0.145, 0.209, 0.283, 0.295, 0.329), strict=True))
    yield from group(
        "verified success, all else equal",
        "Table A2",
        TENTHS,
        {n: (adjusted[n], figure) for n, figure in figures.items()},
    )
    yield from shape_of_figure_5("all else equal", adjusted)
    for name, ends in (("judged_success", (0.39, 0.65)), ("at_least_partial", (0.77, 0.91))):
        places = {n: at(f"{name}_adjusted", "adjusted_rate", expertise=n) for n in LEVELS}
        told_of = {"novice": (places["novice"], ends[0]), "expert": (places["expert"], ends[1])}
        yield from group(f"{name.replace('_', ' ')}, all else equal", "Figure 5 [F]", READ, told_of)
    slopes = {n: at(table, "adjusted_slope", controls=str(n)) for n in range(5)}
    columns = (0.0426, 0.0507, 0.0443, 0.0442, 0.0379)
    for number, figure in enumerate(columns):
        other = columns[-1] if number == 0 else columns[0]
        name = f"verified success per step, column {number + 1}"
        yield Claim(name, "Table A1", told(slopes[number]), figure, 5e-5, other, "share per step")
    lost = Quantity({slopes[4]: -1.0}, 1.0, {slopes[0]: 1.0})
    yield Claim(
        "what controls take off the slope", "Table A1", (lost,), 0.11, ROUNDED, 0.0, "ratio"
    )
    sixth = at("slope_with_model_and_length", "not_computed")
    name = "verified success per step, column 6"
    yield Claim(name, "Table A1", told(sixth), 0.0364, 5e-5, columns[0], "share per step")
    author = at("author_effects", "not_computed")
    name = "judged success per step within one author"
    yield Claim(name, "[2], 3 to 5 points", told(author), 0.04, 0.01, 0.0, "points")


def shape_of_figure_5(what: str, of: Mapping[str, Place]) -> Iterator[Claim]:
    """The shape of Figure 5, in three claims."""
    steps = tuple(Quantity({of[b]: 1.0, of[a]: -1.0}, disjoint=True) for a, b in pairwise(LEVELS))
    yield Claim(f"verified success {what} rises with every step", "Figure 5", steps)
    bend = Quantity(
        {of["intermediate"]: 2.0, of["novice"]: -1.0, of["expert"]: -1.0}, disjoint=True
    )
    name = f"verified success {what}: novice to intermediate is the larger step"
    yield Claim(name, "Figure 5", (bend,))
    twice = Quantity({of["expert"]: 1.0, of["novice"]: -2.0}, disjoint=True)
    yield Claim(f"verified success {what}: experts over twice as often", "Figure 5", (twice,))


def occupations() -> Iterator[Claim]:
    """Success by profession and occupation: the text, and Figure 6."""
    table = "verified_success_by_software"
    figures = {"software": (0.34, 0.29), "other": (0.29, 0.34)}
    for who, (figure, other) in figures.items():
        place = told(at(table, "rate", software_occupation=who, wrote_code="yes"))
        name = f"verified success of sessions that wrote code: {who}"
        yield Claim(name, "[1]", place, figure, ROUNDED, other)
    for who, figure, other in (("software", 0.30, 0.26), ("other", 0.26, 0.30)):
        place = told(at("verified_success_by_profession", "rate", software_occupation=who))
        yield Claim(f"verified success: {who}", "[1]", place, figure, ROUNDED, other)
    for who, figure in (("software", 0.89), ("other", 0.88)):
        place = told(at("at_least_partial_by_profession", "rate", software_occupation=who))
        yield Claim(f"at least partial: {who}", "[1]", place, figure, ROUNDED, 0.8)
    gap = {
        at("verified_success_by_software_and_month", "change", software_occupation=who): sign
        for who, sign in (("software", 1.0), ("other", -1.0))
    }
    constant = (Quantity(gap, disjoint=True),)
    yield Claim("the gap of professions stays as it is", "[1]", constant, 0.0, 0.0, 0.04, "points")
    manager = {
        at("verified_success_by_occupation", "rate", occupation="11"): 1.0,
        at("verified_success_by_occupation", "rate", occupation="15"): -1.0,
    }
    yield Claim(
        "managers verify more often than software people",
        "[1]",
        (Quantity(manager, disjoint=True),),
    )
    rates = ("verified_success", "judged_success", "at_least_partial")
    for occupation, (who, *row) in FIGURE_6.items():
        for rate, figure in zip(rates, row, strict=True):
            table = f"{rate}_by_occupation"
            place = told(at(table, "rate", occupation=occupation))
            name = f"Figure 6, {rate.replace('_', ' ')}: {who}"
            other = figure - 0.1 if figure > 0.5 else figure + 0.1
            yield Claim(name, "Figure 6 [F]", place, figure, READ, other)


def signals() -> Iterator[Claim]:
    """How judged success goes with the signals."""
    ends = {
        "success_signal": (0.13, 0.90),
        "failure_signal": (0.85, 0.03),
    }
    for signal, (first, last) in ends.items():
        table = f"success_by_{signal}"
        for level, figure, other in (("1", first, last), ("5", last, first)):
            place = told(at(table, "rate", **{signal: level}))
            name = f"judged success at {signal.replace('_', ' ')} {level}"
            yield Claim(name, "[2]", place, figure, ROUNDED, other)
        places = [at(table, "rate", **{signal: str(n)}) for n in range(1, 6)]
        sign = 1.0 if first < last else -1.0
        steps = tuple(Quantity({b: sign, a: -sign}, disjoint=True) for a, b in pairwise(places))
        moves = "rises" if sign > 0 else "falls"
        name = f"judged success {moves} with every {signal.replace('_', ' ')}"
        yield Claim(name, "[2]", steps)
