"""
The scorecard of the reproduction study, as a page: it can exist for a synthetic vault only.

First how many cells are printed and how many intervals hold what was planted; then every claim of
the published study beside what this population holds and what the release says, with a verdict;
last the cells, table by table.  A verdict is a word, not a colour.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from aggregates.reproduction.claims import Interval
from aggregates.reproduction.published import NOT_HELD, topics
from aggregates.reproduction.scorecard import Judged, Scorecard, Scored
from privacy.plan import Plan

from .cell import Cell
from .markup import Element, tag
from .page import render_page, section
from .svg import Mark, Row, Scale, dots
from .wording import SPACE, Format, between, counted, number, percent, significant

ONLY_SYNTHETIC = "This page exists only because the data are synthetic"
_CLASSES = {"reproduced": "good", "not reproduced": "bad", "cannot tell": "open"}


def render_scorecard(plan: Plan, card: Scorecard, accounts: int, sessions: int) -> bytes:
    """
    Make the page.

    Args:
        plan: What was released.
        card: How it was scored.
        accounts: How many made-up accounts stand behind it.
        sessions: How many sessions they have.

    Returns:
        A self-contained HTML5 page in UTF-8.
    """
    judged = {one.claim.name: one for one in card.claims}
    about = [
        _topic(f"claims-{number}", topic, [judged[claim.name] for claim in claims])
        for number, (topic, claims) in enumerate(topics().items(), start=1)
    ]
    return render_page(
        title="Does the published study come back?",
        eyebrow="Clerestory scorecard",
        lead="The figures and tables of “Agentic coding and persistent returns to expertise”, "
        f"asked of {counted(accounts, 'made-up account')} with {counted(sessions, 'session')}, "
        f"at ε{SPACE}={SPACE}{plan.privacy.epsilon:g} and with at least "
        f"{counted(plan.privacy.minimum_accounts, 'account')} behind every printed number.",
        marks=[
            f"{ONLY_SYNTHETIC}: somebody planted the truth that it is held against.",
            "A population drawn from published margins contains them trivially. What is tested is "
            "that records, weights, noise, thresholds and estimates give them back, and how many "
            "cells vanish. Nothing here is a finding about people.",
        ],
        sections=[_summary(card), *about, _cells(plan, card), _left_out()],
        warning="Read this first",
        closing=f"Made by Clerestory from the release of plan {plan.hash[:16]}.",
    )


def _summary(card: Scorecard) -> Element:
    told = card.counts()
    parts = (
        (
            f"{number(told['published'])} of {number(told['cells'])} cells are printed",
            f"{percent(told['published'] / told['cells'])}. The others are withheld (too "
            "few accounts stand behind them, or they would give another cell away); three are "
            "not computed.",
        ),
        (
            f"{number(told['inside'])} of {number(told['compared'])} intervals hold the truth",
            f"{percent(told['inside'] / max(told['compared'], 1))}, where 95{SPACE}% is promised. "
            "In one release cells share noise and people, so this share moves by a point or two.",
        ),
        (
            f"{number(told['reproduced'])} of {number(told['claims'])} claims are reproduced",
            f"{number(told['not_reproduced'])} are not, and of {number(told['cannot_tell'])} this "
            "release cannot tell.",
        ),
        (
            f"{number(told['planted'])} claims are true of this population",
            f"{number(told['planted_and_reproduced'])} of them are reproduced, "
            f"{number(told['planted_and_not_reproduced'])} are not. Of those that are not true of "
            f"it, {number(told['not_planted_and_reproduced'])} lie so near that the interval "
            "cannot tell.",
        ),
    )
    cards = [tag("div", tag("dt", title), tag("dd", text), class_="card") for title, text in parts]
    return section(
        "summary",
        "In short",
        tag("dl", cards, class_="cards"),
        tag(
            "p",
            tag("strong", "Reproduced"),
            ": the interval holds the published figure and leaves out what it could have been "
            "instead. ",
            tag("strong", "Not reproduced"),
            ": it leaves the figure out. ",
            tag("strong", "Cannot tell"),
            ": it holds both, or a number that is needed is withheld or was not computed. A "
            "figure that was rounded, or read off a plot, is taken with that much room. Sources: "
            "the publication [1], its appendix [2], a third party’s reading of its plots [F].",
        ),
    )


def _topic(name: str, topic: str, claims: Sequence[Judged]) -> Element:
    drawn = [one for one in claims if one.claim.figure is not None and one.claim.unit == "share"]
    figure = _figure(name, topic, drawn) if _is_wide(drawn) else None
    heads = [
        tag("th", head, scope="col", class_=kind)
        for head, kind in (
            ("claim", None),
            ("said", "number"),
            ("planted", "number"),
            ("released", "number"),
            ("verdict", None),
        )
    ]
    body = [line for one in claims for line in _lines(one)]
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", body))
    scroll = tag("div", table, class_="scroll", role="region", tabindex="0", aria_label=topic)
    return section(name, topic, figure, scroll)


def _is_wide(claims: Sequence[Judged]) -> bool:
    """Whether a chart would show more than points: half of the intervals are wider than 1 %."""
    widths = [one.found[0].high - one.found[0].low for one in claims if one.found]
    return len(widths) > 2 and median(widths) > 0.01


def _figure(name: str, topic: str, claims: Sequence[Judged]) -> Element:
    rows = [Row(one.claim.name, _cell(one), _marks(one)) for one in claims]
    ends = [end for one in claims for i in one.found for end in (i.low, i.high)]
    said = [one.claim.figure for one in claims if one.claim.figure is not None]
    scale = Scale.over([*ends, *said])
    chart = dots(
        rows,
        name=f"{name}-chart",
        title=f"{topic}: said, planted and released",
        description="; ".join(
            f"{one.claim.name}: said {_show(one)(one.claim.figure or 0.0)}, {one.verdict}"
            for one in claims
        ),
        scale=scale,
        show=percent,
        show_tick=lambda value: f"{number(100 * value)}{SPACE}%",
    )
    caption = tag(
        "figcaption",
        "Ring: the published figure. Diamond: what this population holds. Dot: what was released, "
        f"with its 95{SPACE}% interval. ",
        tag("span", "synthetic data", class_="marks"),
    )
    return tag("figure", chart, caption)


def _cell(one: Judged) -> Cell:
    if len(one.found) != 1:
        return Cell((), one.claim.name, "suppressed")
    (found,) = one.found
    return Cell((), one.claim.name, "published", found.value, found.low, found.high)


def _marks(one: Judged) -> tuple[Mark, ...]:
    said = [Mark("ring", one.claim.figure)] if one.claim.figure is not None else []
    return (*said, *(Mark("diamond", value) for value in one.planted))


def _lines(one: Judged) -> Iterable[Element]:
    """A line for each quantity: one for a figure, several for a shape."""
    show, claim = _show(one), one.claim
    whole = len(one.found) == len(claim.quantities)
    for place in range(len(claim.quantities)):
        found = one.found[place] if whole else None
        planted = one.planted[place] if one.planted else None
        first = place == 0
        yield tag(
            "tr",
            tag("th", _named(one), scope="row") if first else tag("td"),
            tag("td", "above 0" if claim.figure is None else show(claim.figure), class_="number"),
            tag("td", "not known" if planted is None else show(planted), class_="number"),
            tag("td", _released(found, show), class_="number" if found else "number withheld"),
            tag("td", _chip(one) if first else ""),
        )


def _named(one: Judged) -> list[Element | str]:
    return [one.claim.name, " ", tag("span", one.claim.source, class_="note")]


def _chip(one: Judged) -> Element:
    return tag("span", one.verdict, class_=f"chip {_CLASSES[one.verdict]}")


def _released(found: Interval | None, show: Format) -> str:
    return "not printed" if found is None else between(show, found.low, found.high)


def _show(one: Judged) -> Format:
    if one.claim.unit == "points":
        return lambda value: f"{number(100 * value, 1)}{SPACE}pp"
    if one.claim.unit == "share":
        small = max((abs(value) for value in one.planted), default=1.0) < 0.005
        decimals, unit = 3 if small else 1, "pp" if one.claim.figure is None else "%"
        return lambda value: f"{number(100 * value, decimals)}{SPACE}{unit}"
    return significant


def _cells(plan: Plan, card: Scorecard) -> Element:
    heads = [
        tag("th", head, scope="col", class_="number" if place else None)
        for place, head in enumerate(
            ("table", "cells", "printed", "hold the planted", "largest change by weights")
        )
    ]
    lines = []
    for title, statistic in dict.fromkeys((t.title, t.kind) for t in plan.tables):
        names = {t.name for t in plan.tables if (t.title, t.kind) == (title, statistic)}
        own = [c for c in card.cells if c.place[0] in names and c.place[1] == statistic]
        compared = [cell.inside for cell in own if cell.inside is not None]
        heading = f"{title} ({statistic.replace('_', ' ')})"
        lines.append(
            tag(
                "tr",
                tag("th", heading, scope="row"),
                tag("td", number(len(own)), class_="number"),
                tag("td", number(sum(c.printed is not None for c in own)), class_="number"),
                tag("td", f"{sum(compared)} of {len(compared)}", class_="number"),
                tag("td", _largest(own), class_="number"),
            )
        )
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", lines))
    return section(
        "cells",
        "Every cell, table by table",
        tag(
            "p",
            "The last column says what the weights change: the figure with a vote for each session "
            "less that with a vote for each account, in this very population, where it is largest. "
            "Every cell stands in scorecard.csv.",
        ),
        tag("div", table, class_="scroll", role="region", tabindex="0", aria_label="Cells"),
    )


def _largest(cells: Sequence[Scored]) -> str:
    known = [cell.difference for cell in cells if cell.difference is not None]
    return significant(max(known, key=abs), 2) if known else "not known"


def _left_out() -> Element:
    return section(
        "left-out",
        "What is not held against it",
        tag("p", "Figures of the published study that get no verdict, and why:"),
        tag("ul", [tag("li", words) for words in NOT_HELD]),
    )
