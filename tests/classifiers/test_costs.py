"""What labelling costs: nothing offline, and of a model never more than is said."""

import json

from classifiers.costs import SESSION_BYTES, Prices, cost_of
from classifiers.raters.claude import ATTEMPTS, MOST_TOKENS
from classifiers.raters.claude.prompt import AGAIN, fenced, rubric, schema
from classifiers.rendering import SESSION_MOST, render
from privacy.codebook import codebook
from privacy.plan import Rater
from privacy.raters import OFFLINE
from tests.classifiers.logs import agent, person, session

ASKING = Rater("claude", "3", "low", "a-model", "https://api.example.org", "")


def test_offline_costs_nothing() -> None:
    """No call, no token."""
    cost = cost_of(OFFLINE, 7_650)

    assert (cost.calls, cost.calls_most, cost.tokens_in_most, cost.tokens_out_most) == (0, 0, 0, 0)


def test_no_request_has_more_bytes_than_tokens_are_said() -> None:
    """The largest view, in characters of four bytes, asked a second time: a token is a byte."""
    worst = "\N{GRINNING FACE}" * SESSION_MOST
    sent = rubric(codebook()) + fenced(worst) + AGAIN + json.dumps(schema(codebook()))

    assert len(sent.encode()) == cost_of(ASKING, 1).tokens_in_most / ATTEMPTS
    assert len(worst.encode()) == SESSION_BYTES
    assert cost_of(ASKING, 1).tokens_out_most == ATTEMPTS * MOST_TOKENS
    assert cost_of(ASKING, 1).tokens_in < cost_of(ASKING, 1).tokens_in_most


def test_no_view_is_longer_than_is_said() -> None:
    """The bound is the renderer's own: twenty long turns fill it, and it holds."""
    long = "x" * 20_000
    full = render(session(*(person(long) if i % 2 else agent(long) for i in range(20))))

    assert len(full.text) == SESSION_MOST


def test_it_grows_with_the_sessions_alone() -> None:
    """Nothing is learnt from data: a thousand sessions cost a thousand times as much."""
    one, many = cost_of(ASKING, 1), cost_of(ASKING, 1000)

    assert many.calls == 1000 * one.calls == 1000
    assert many.tokens_in == 1000 * one.tokens_in
    assert many.tokens_in_most == 1000 * one.tokens_in_most


def test_dollars_are_rounded_up_to_a_cent() -> None:
    """3 $ and 15 $ a million: 1,000,000 read and 200,000 written are 6 $; one more is 6.01."""
    prices = Prices(read=3, written=15)

    assert prices.of(1_000_000, 200_000) == 6.0
    assert prices.of(1_000_001, 200_000) == 6.01
    assert prices.of(0, 0) == 0.0
