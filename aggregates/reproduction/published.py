"""
What the published study says, as claims that a release of the same study can be held against.

"Agentic coding and persistent returns to expertise" (Anthropic, June 2026) [1], its appendix [2],
and figures read off its plots by a third party [F], right to a point or so.

What the study contradicts itself about is not chased.
"""

from .claims import Claim
from .success import occupations, people, signals, success
from .uses import sizes, trends, uses

NOT_HELD = (
    "Whether 7.7 % without a clear goal are left out (367,537 sessions) or 5.65 % (375,687): the "
    "study has both.",
    "A value that rose by 27 % and by about 25 %: the first is held.",
    "A level-R² of .38 and of .09; neither is asked.",
    "Ten occupations within seven points: the plot shows eight to nine.",
    "Abandoned sessions: the appendix's condition, that a session was in trouble, is used.",
    "Actions, and words, of a middling prompt (10; 2,400): which average is meant is not said.",
    "R² and numbers of sessions of a regression: a release has noisy weights, and no residuals.",
    "398,198 sessions of 234,751 accounts: they are what the population is made of, not a result.",
    "615 and 1,130 cells of fixed effects: which of them are empty is not printed.",
    "Agreement with 198 public sessions, and with commits of the staff: other data.",
    "The price model behind task values: an instrument here, not an estimator.",
)
"""Figures that no verdict is given on, and why."""


def topics() -> dict[str, tuple[Claim, ...]]:
    """Every claim by what it is about, in the order of the study."""
    return {
        "How the agent is used": (*uses(),),
        "Who uses it": (*people(),),
        "Success by expertise": (*success(),),
        "How much happens at a prompt": (*sizes(),),
        "October against April": (*trends(),),
        "Success by occupation": (*occupations(),),
        "Signals": (*signals(),),
    }


def claims() -> tuple[Claim, ...]:
    """Every claim."""
    return tuple(claim for about in topics().values() for claim in about)
