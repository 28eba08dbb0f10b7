"""
Say in plain words what protects the people behind a release, and what it cannot tell.

Every figure is the plan's or the release's; each promise is said as what a reader may rely on,
with the formula's symbols beside it for those who know them.  Rounding goes against us: a loss
is rounded up, a probability of keeping a promise down.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, exp, floor

from clerestory.fidelity import quoted
from privacy.endpoint import in_clear
from privacy.plan import Plan, Reading
from privacy.raters import asks
from privacy.tickets import RESULT_DAYS
from privacy.views import PARTIAL, SHOWN

from .cell import Group
from .markup import Child, Element, tag
from .stability import note
from .wording import CONFIDENCE, SPACE, counted, label_of, listed, name_of, number, significant


def protection(plan: Plan, groups: Sequence[Group]) -> list[Element]:
    """The terms of a release and what they mean, as entries of a list."""
    privacy = plan.privacy
    times = number(ceil(10 * exp(privacy.epsilon)) / 10, 1)
    chance = f"one in {number(floor(1 / Decimal(str(privacy.delta))))}"
    k = Fraction(privacy.contribution)
    weight = significant(float(k))
    counts = (
        "Each account counts once, as the average of its own sessions"
        if k == 1
        else f"Each account weighs at most {weight} sessions in a number"
    )
    kept = _kept(privacy.beta)
    least = number(privacy.minimum_accounts)
    return _entries(
        (
            "Who is protected",
            "The account, with all of its sessions. Whether or not any one account is in the "
            "data may hardly change what this page says, whatever else a reader knows. "
            + where_text_went(plan),
        ),
        (
            f"Noise: ε = {significant(privacy.epsilon, 6)}, δ = {significant(privacy.delta)}",
            "Random noise is added to every count before anything is computed from it. Leaving "
            f"out any one account makes no possible result more than {times} times likelier or "
            f"less likely, apart from a chance of {chance}. "
            f"In exact accounting the loss is ρ = {_up(plan.loss)}.",
        ),
        (
            f"Weight: k = {weight}",
            f"{counts}. So the most active accounts cannot move a number far, and the numbers here "
            f"speak of accounts rather than of sessions.{_otherwise(plan)}",
        ),
        (
            f"At least {least} accounts",
            f"A number is printed only if at least {least} accounts stand behind it. The true "
            "count is never looked at: the noisy one must reach that minimum even after "
            f"{significant(privacy.z)} standard deviations of its noise are taken off. All "
            "numbers of this release together keep the promise with a probability of at least "
            f"{kept}.",
        ),
        ("What was withheld", _withheld(groups)),
    )


def _again(reading: Reading) -> str:
    """What a second reading can tell of the labels, and what it cannot."""
    by = "" if asks(reading.rater.name) else ", by rules that always say the same of the same text"
    return (
        f"A share of {reading.share} of the sessions, drawn by a keyed hash, was labelled once "
        f"more, as “{reading.name}”: from {SHOWN[reading.rater.view]}, in {reading.rater.mode} "
        f"questions{by}. Agreement of both readings says how steady the labels are, not whether "
        "they are right."
    )


def caveats(plan: Plan, groups: Sequence[Group], facts: Mapping[str, object]) -> list[Element]:
    """What a reader must not conclude, as items of a list."""
    cells = [cell for group in groups for cell in group.published]
    rater = plan.rater
    items: list[Child] = []
    if rater.fidelity == "low":
        items.append(
            f"The labels were given by the rater “{rater.name}” (version {rater.version}), whose "
            "fidelity is low: its judgement of a session is often wrong. Differences "
            "here may be differences in how sessions look to it."
        )
        if cells and (known := quoted(rater)):  # of what is withheld nothing is wrong
            items.append(known)
    else:
        items.append(
            f"The labels are the judgement of the rater “{rater.name}” (version {rater.version}"
            f"{', model ' + rater.model if rater.model else ''}), not of the people themselves."
        )
    if cells and (known := note(plan, facts)):
        items.append(known)
    if rater.view in PARTIAL:
        items.append(
            f"The rater was shown a part of each session, {SHOWN[rater.view]}. Its labels say how "
            "that part looks, and are none of the whole session; measures count the whole."
        )
    items += [_again(reading) for reading in plan.readings]
    if "rater_note" in facts:
        items.append(str(facts["rater_note"]))
    items += _mistakes(groups, plan)
    if len(cells) > 1:
        missed = significant(len(cells) * (100 - CONFIDENCE) / 100, 2)
        items.append(
            f"There are {counted(len(cells), 'interval')} of {CONFIDENCE}{SPACE}% each. "
            f"Even if all is well, about {missed} of them miss their true value; the most "
            "surprising number of a page is the likeliest to be one of them."
        )
    items.append(
        "Groups that differ in one thing differ in others too. Nothing here says that one thing "
        "causes another."
    )
    if facts.get("custody") == "same-user":
        items.append(
            "Keys and data were in the hands of one user of one machine, who could have looked. "
            "Only custody by somebody else rules that out."
        )
    months = [label_of(month) for month in plan.population.months]
    if months:
        span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
        where = [
            f"{name_of(column)} is {' or '.join(label_of(label, column) for label in labels)}"
            for column, labels in plan.population.where.items()
        ]
        of = f"{span} where {listed(where)}" if where else span
        items.append(f"The numbers speak of sessions of {of}, and of no others.")
    return [tag("li", item) for item in items]


def _otherwise(plan: Plan) -> str:
    own = {query.contribution for query in plan.queries if query.contribution}
    titles = dict.fromkeys(
        table.title
        for table in plan.tables
        if table.queries and plan.query(table.queries[0]).contribution
    )
    if not own:
        return ""
    most = listed([significant(float(Fraction(k))) for k in sorted(own, key=Fraction)])
    return (
        f" In {listed([*titles])} an account weighs up to {most} instead: "
        "what differs there shows what the weighting does."
    )


def _mistakes(groups: Sequence[Group], plan: Plan) -> list[str]:
    """Which intervals hold labels that are wrong, and which do not."""
    stated = {
        "classifier" in {source for source, _ in cell.errors}: None
        for group in groups
        for cell in group.published
    }
    said = []
    if True in stated and plan.validation is not None:
        same = plan.validation.same_population
        whose = "a sample of the people studied here" if same else "sessions from elsewhere"
        said.append(
            "Where a number owes a part of its uncertainty to wrong labels, its interval "
            "is about what the right labels would have said, if the rater erred here as it did "
            f"where its mistakes were counted, on {whose} ({plan.validation.reference})."
        )
    if False in stated:
        which = "Other intervals" if said else "The intervals"
        said.append(
            f"{which} cover privacy noise and the choice of accounts. They do not cover labels "
            "that are wrong: that error is not measured here, and may be larger than both."
        )
    return said


def where_text_went(plan: Plan) -> str:
    """A sentence on whom the sessions' text was sent to."""
    if not plan.rater.endpoint:
        return "The text of the sessions was sent nowhere; the rater ran inside the sealed worker."
    if in_clear(plan.rater.endpoint):
        return (
            "The text of the sessions went from the sealed worker to a server on the keeper's own "
            f"machine, {plan.rater.endpoint}, in clear: whoever answered there, and whoever "
            "administers that machine, could read it."
        )
    kept = (
        f" It went in message batches, which the provider may have kept for {RESULT_DAYS} days: "
        "they are outside of arrangements under which it keeps nothing."
    )
    return (
        "The text of the sessions went from the sealed worker to the model behind "
        f"{plan.rater.endpoint}, whose provider can see it.{kept if plan.rater.batches else ''}"
    )


def _withheld(groups: Sequence[Group]) -> Child:
    few = _tallied(groups, "suppressed")
    rest = _tallied(groups, "not_computed")
    if not few and not rest:
        return "Nothing: every number that was asked for is printed."
    return (
        f"Too few people behind the number, whatever it would have said: {few}. " if few else None,
        f"Not computed: {rest}." if rest else None,
    )


def _tallied(groups: Sequence[Group], state: str) -> str:
    counts = [(group, sum(cell.state == state for cell in group.cells)) for group in groups]
    return "; ".join(
        f"{group.table.title} {number(count)}{SPACE}of{SPACE}{number(len(group.cells))}"
        for group, count in counts
        if count
    )


def _entries(*pairs: tuple[str, Child]) -> list[Element]:
    return [tag("div", tag("dt", term), tag("dd", text), class_="card") for term, text in pairs]


def _kept(beta: float) -> str:
    """1 − β as per cent, exactly: rounding could only turn it into certainty."""
    kept = 100 - 100 * Decimal(str(beta))
    return f"{kept.normalize():f}{SPACE}%"


def _up(loss: Fraction) -> str:
    """A loss to four decimals, rounded up."""
    return number(ceil(loss * 10**4) / 10**4, 4)
