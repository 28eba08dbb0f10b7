"""
What labelling costs before it begins: the ways of asking side by side, in words and as data.

Prices are the study's, where it states any, else those of the dated list that is installed; limits
likewise.  What nobody stated is not known, and is said to be so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import islice
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aggregates.asked import spending_of
from aggregates.study import Study
from classifiers.costs import CHARACTERS_PER_TOKEN, Cost, cost_of
from classifiers.formats import read_session
from classifiers.raters.claude.prompt import fenced
from classifiers.rendering import render
from classifiers.views import seen
from privacy.anchor_set import shipped
from privacy.endpoint import in_clear
from privacy.halts import Halt, halted
from privacy.keeper.batching import MOST_SESSIONS
from privacy.plan import Plan
from privacy.prices import OLD_DAYS, Limits, price_list
from privacy.raters import Rater, asks
from privacy.spending import Prices

SAMPLES = 20
"""Made-up sessions whose tokens are counted."""
WAYS = ("combined", "separate", "batches")
BOTH = "both"
"""Separate, and in batches: told where a study asks so."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a model is asked."""

    prices: Prices | None
    limits: Limits
    minimum: int
    """Tokens of a prompt's beginning below which it is not kept."""
    queue: int
    """Requests in message batches that wait at once; 0 where there are no batches."""


def terms(study: Study, rater: Rater) -> Terms:
    """Prices and limits of a study's rater: stated, listed, or not known."""
    spending, listed = spending_of(study, rater), price_list().models.get(rater.model)
    stated = Limits(study.rater.requests_per_minute, study.rater.tokens_per_minute)
    limits = stated if stated != Limits() or listed is None else listed.limits
    queue = 0 if in_clear(rater.endpoint) else price_list().batch_queue
    minimum = listed.cache_minimum if listed else 0
    return Terms(spending.prices if spending else None, limits, minimum, queue)


def ways(rater: Rater, sessions: int, characters: float) -> dict[str, Cost]:
    """What each way of asking takes."""
    plain = replace(rater, mode="combined", batches=False)
    asked = {
        "combined": plain,
        "separate": replace(plain, mode="separate"),
        "batches": replace(plain, batches=True),
    }
    if _way(rater) == BOTH:
        asked[BOTH] = rater
    return {way: cost_of(one, sessions, characters) for way, one in asked.items()}


def costs(
    study: Study, made: Plan, characters: float | None = None
) -> tuple[dict[str, Any], list[str]]:
    """
    What labelling takes, as data and in the words of a forecast.

    Args:
        study: What was compiled.
        made: The plan.
        characters: Of a token, as the endpoint counts; None where it was not asked.
    """
    rater, sessions = made.rater, made.forecast.sessions
    if not asks(rater.name):
        nothing: dict[str, Any] = dict.fromkeys(("calls", "dollars", "dollars_most", "hours"), 0)
        return {**nothing, "ways": {}, "readings": {}, "anchors": {}}, []
    known, per_token = terms(study, rater), characters or CHARACTERS_PER_TOKEN
    own = _told(cost_of(rater, sessions, per_token), known)
    told = {way: _told(cost, known) for way, cost in ways(rater, sessions, per_token).items()}
    chosen, anchors = _way(rater), _anchors(made, known, per_token)
    counted = "as its endpoint counts" if characters else "by rule of thumb"
    lines = [
        f"labelling {sessions:,} sessions with {rater.model}, {per_token:.2f} characters a token "
        f"{counted}:",
        f"  {'':10}{'calls':>12}{'tokens read':>18}{'of them kept':>17}{'written':>15}"
        f"{'dollars':>14}{'at most':>16}{'hours':>8}",
        *(_line(way, told[way], marked=way == chosen) for way in told),
        *_explained(known, told, chosen),
        f"  besides, in each calendar month of labelling, the anchor set: {anchors['sessions']} "
        f"sessions where it is the one that ships, {anchors['calls']:,} calls, "
        f"{_money(anchors['dollars'])}, at most {_money(anchors['dollars_most'])}",
    ]
    again = {
        one.name: _told(cost_of(one.rater, ceil(sessions * Fraction(one.share)), per_token), known)
        for one in made.readings
    }
    if again:
        lines.append("  and beside it, for the second readings of a share of the sessions:")
        lines += [_line(name, cost, marked=True) for name, cost in again.items()]
    more = {"way": chosen, "characters_per_token": per_token, "ways": told}
    return {**own, **more, "readings": again, "anchors": anchors}, lines


def counted(rater: Rater, key: bytes) -> float:
    """
    Characters of a token, as the endpoint counts made-up sessions; no data is touched.

    Raises:
        IncompleteError: The endpoint does not count, or does not answer.
        ConfigurationError: The plan's endpoint or roots are none.
    """
    from clerestory.probing import asking

    characters = tokens = 0
    with asking(rater, key) as server:
        for text in _made_up(rater):
            content = [{"role": "user", "content": fenced(text)}]
            told = server.count({"model": rater.model, "messages": content})
            if isinstance(told, Halt):
                raise halted(told)
            characters, tokens = characters + len(text), tokens + max(1, told.input_tokens)
    return characters / tokens


def _made_up(rater: Rater) -> Iterator[str]:
    from clerestory.synthetic import write_sessions

    with TemporaryDirectory() as folder:
        write_sessions(Path(folder), accounts=SAMPLES, sessions=SAMPLES, seed=1)
        for path in islice(sorted(Path(folder).rglob("*.jsonl")), SAMPLES):
            session = seen(read_session(path.read_bytes()), rater.view)
            yield "".join(render(session, rater.view).chunks[0])


def _way(rater: Rater) -> str:
    """The line that a study's own way is told by."""
    if rater.batches:
        return "batches" if rater.mode == "combined" else BOTH
    return rater.mode


def _told(cost: Cost, known: Terms) -> dict[str, Any]:
    dollars = cost.dollars(known.prices, known.minimum) if known.prices else (None, None)
    hours = cost.hours(known.limits, known.queue)
    return {
        "calls": cost.calls,
        "tokens_in": cost.tokens_in,
        "tokens_kept": cost.tokens_kept,
        "tokens_out": cost.tokens_out,
        "calls_most": cost.calls_most,
        "tokens_in_most": cost.tokens_in_most,
        "tokens_out_most": cost.tokens_out_most,
        "dollars": dollars[0],
        "dollars_most": dollars[1],
        "hours": None if hours is None else round(hours[0], 2),
        "bound": None if hours is None else hours[1],
    }


def _money(amount: float | None) -> str:
    return "not known" if amount is None else f"${amount:,.2f}"


def _anchors(made: Plan, known: Terms, characters: float) -> dict[str, Any]:
    """What is read besides in a month, for each set of labels; by plain calls, never batches."""
    sessions = len(shipped().digests)
    raters = (replace(made.rater, batches=False), *(one.rater for one in made.readings))
    told = [_told(cost_of(one, sessions, characters), known) for one in raters]
    dollars = {
        key: round(sum(one[key] for one in told), 2) if known.prices else None
        for key in ("dollars", "dollars_most")
    }
    return {"sessions": sessions, "calls": sum(one["calls"] for one in told), **dollars}


def _line(way: str, told: dict[str, Any], *, marked: bool) -> str:
    hours = "?" if told["hours"] is None else f"{told['hours']:,.1f}"
    return (
        f"{'*' if marked else ' '} {way:10}{told['calls']:>12,}{told['tokens_in']:>18,}"
        f"{told['tokens_kept']:>17,}{told['tokens_out']:>15,}{_money(told['dollars']):>14}"
        f"{_money(told['dollars_most']):>16}{hours:>8}"
    )


def _explained(known: Terms, told: dict[str, dict[str, Any]], chosen: str) -> Iterator[str]:
    yield (
        "  usually: each session fills its limit and is answered in form; at most: in as many "
        "parts as there can be, bytes for tokens, twice; by batches, twice in each of two and "
        "then by itself"
    )
    most = told[chosen]
    yield (
        f"  at most {most['calls_most']:,} calls, {most['tokens_in_most']:,} tokens read and "
        f"{most['tokens_out_most']:,} written"
    )
    if known.prices is None:
        yield "  price not known: write price_input and price_output in [rater]"
    elif not known.prices.dated:
        yield "  at the study's prices"
    else:
        age = price_list().age(datetime.now(UTC).date())
        doubt = f", {age} days old: look whether they still hold" if age > OLD_DAYS else ""
        yield f"  at the prices of {known.prices.dated}{doubt}"
    bounds = {one["bound"] for one in told.values()} - {None, "batches"}
    if bounds:
        yield f"  hours are what the limit of {' and '.join(sorted(bounds))} a minute leaves"
    else:
        yield "  rate limits not known: write requests_per_minute, tokens_per_minute in [rater]"
    if known.queue:
        yield (
            f"  batches: {MOST_SESSIONS} sessions at a time, within 24 hours for each "
            f"{known.queue:,} requests that wait at once"
        )
