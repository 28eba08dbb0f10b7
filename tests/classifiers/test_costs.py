"""What labelling costs: nothing offline, and of a model never more than is said."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from classifiers.chunks import CHUNK_BYTES, MOST_CHUNKS
from classifiers.costs import ADDED_TOKENS, SESSION_BYTES, Call, Cost, cost_of
from classifiers.raters.claude.prompt import AGAIN, ATTEMPTS, MOST_TOKENS, fenced, rubric, schema
from classifiers.rendering import SESSION_MOST, render
from privacy.codebook import codebook
from privacy.plan import Rater
from privacy.prices import Limits, price_list
from privacy.raters import OFFLINE
from privacy.spending import Prices
from privacy.tickets import MOST_TRIES
from tests.classifiers.logs import agent, person, session

ASKING = Rater("claude", "3", "low", "a-model", "https://api.example.org", "")
HAIKU = price_list().models["claude-haiku-5-5"].prices
SONNET = price_list().models["claude-sonnet-5-5"].prices
OPUS = price_list().models["claude-opus-5-5"].prices


def test_offline_costs_nothing() -> None:
    """No call, no token."""
    cost = cost_of(OFFLINE, 7_650)

    assert (cost.calls, cost.calls_most, cost.tokens_in_most, cost.tokens_out_most) == (0, 0, 0, 0)


def test_no_request_has_more_bytes_than_tokens_are_said() -> None:
    """The largest view, in characters of four bytes, asked a second time: a token is a byte."""
    worst = "\N{GRINNING FACE}" * SESSION_MOST
    sent = rubric(codebook()) + fenced(worst) + AGAIN + json.dumps(schema(codebook()))

    assert len(sent.encode()) + ADDED_TOKENS == cost_of(ASKING, 1).tokens_in_most / ATTEMPTS
    assert len(worst.encode()) == SESSION_BYTES
    assert cost_of(ASKING, 1).tokens_out_most == ATTEMPTS * MOST_TOKENS
    assert cost_of(ASKING, 1).tokens_in < cost_of(ASKING, 1).tokens_in_most


def test_a_session_in_parts_costs_at_most_all_of_them() -> None:
    """Eight parts, each below the cliff: never five times the price."""
    whole = cost_of(replace(ASKING, view="whole"), 1)
    part = whole.asked[0].most

    assert whole.calls_most == MOST_CHUNKS * ATTEMPTS
    assert CHUNK_BYTES < part < HAIKU.cliff
    assert whole.dollars(HAIKU)[1] == pytest.approx(
        MOST_CHUNKS * ATTEMPTS * (part * 0.125 + MOST_TOKENS * 0.5) / 1e6, abs=0.011
    )


def test_a_batch_can_end_in_plain_calls_and_the_bound_holds_them() -> None:
    """
    In two batches at half price, each with one repair at the full one; then two plain calls.

    So 2 x 1/2 + 2 + 2 = 5 calls at the full price, where combined asks for 2; six calls in all.
    """
    plain_one, batch = cost_of(ASKING, 1), cost_of(replace(ASKING, batches=True), 1)
    full = HAIKU.worst(plain_one.asked[0].most, MOST_TOKENS)

    assert (MOST_TRIES, ATTEMPTS) == (2, 2)
    assert (plain_one.calls_most, batch.calls_most, batch.batch_tries) == (2, 6, 2)
    assert plain_one.dollars(HAIKU)[1] == pytest.approx(2 * full / 1e6, abs=0.01)
    assert batch.dollars(HAIKU)[1] == pytest.approx(5 * full / 1e6, abs=0.01)


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


def test_asked_apart_the_text_is_read_for_each_question() -> None:
    """As many calls as instruments; the questions together are about as long as before."""
    together, apart = cost_of(ASKING, 1), cost_of(replace(ASKING, mode="separate"), 1)
    questions = len(codebook().instruments)

    assert (together.calls, apart.calls) == (1, questions)
    assert sum(call.fresh for call in apart.asked) == questions * together.asked[0].fresh
    assert apart.tokens_in > 7 * together.tokens_in


def plain(kept: int, fresh: int, written: int, sessions: int, *, batched: bool = False) -> Cost:
    """Sessions of one call each."""
    return Cost(sessions, (Call(kept, fresh, written, 0),), 1, 1, batched)


def test_dollars_are_those_of_a_hand_reckoning() -> None:
    """
    400,000 sessions of 20,000 tokens behind 3,000 of a rubric, 200 written.

    Haiku 5.5, questions not kept: 400,000 x (23,000 x .10 + 200 x .50) / 10⁶ = 960; by batch half
    of it, 480.  Kept: 400,000 x (20,000 x .10 + 3,000 x .01 + 200 x .50) / 10⁶ = 852.
    Sonnet 5.5: 400,000 x (23,000 x 2 + 200 x 10) / 10⁶ = 19,200, by batch 9,600.
    """
    asked = plain(3_000, 20_000, 200, 400_000)
    batched = replace(asked, batched=True)

    assert asked.dollars(HAIKU, minimum=4_000)[0] == 960.00
    assert batched.dollars(HAIKU)[0] == 480.00
    assert asked.dollars(HAIKU)[0] == 852.00
    assert asked.dollars(SONNET, minimum=4_000)[0] == 19_200.00
    assert batched.dollars(SONNET)[0] == 9_600.00


@pytest.mark.parametrize(
    ("prices", "tokens", "together", "apart"),
    [
        (HAIKU, 20_000, 960, 8_260),
        (SONNET, 20_000, 19_200, 165_200),
        (OPUS, 20_000, 38_400, 330_400),
        (HAIKU, 8_000, 480, 3_460),
        (HAIKU, 60_000, 2_560, 24_260),
    ],
    ids=["haiku", "sonnet", "opus", "short", "long"],
)
def test_asking_apart_is_reckoned_likewise(
    prices: Prices, tokens: int, together: int, apart: int
) -> None:
    """
    Ten questions of 300 tokens each, 70 written for each; nothing kept, and by batch half of it.

    Dollars of r and w a million: together .4 x ((T + 3,000) r + 200 w), apart
    .4 x 10 x ((T + 300) r + 70 w).  Haiku 5.5, T = 20,000: .4 x (2,300 + 100) = 960 and
    4 x (2,030 + 35) = 8,260.  Each call is rounded up to a microdollar: half of 2,065 is 1,033.
    """
    one = plain(3_000, tokens, 200, 400_000)
    ten = replace(one, asked=(Call(300, tokens, 70, 0),) * 10)

    for asked, due in ((one, together), (ten, apart)):
        assert asked.dollars(prices, minimum=4_000)[0] == due
        batched = replace(asked, batched=True).dollars(prices)[0]
        assert due / 2 <= batched < due / 2 + asked.calls / 1e6


def test_above_the_cliff_all_of_a_call_is_dear() -> None:
    """160,000 tokens at once: 5 x 160,000 x .10 / 10⁶ = .08; in two parts .016, nothing written."""
    assert plain(0, 160_000, 0, 100).dollars(HAIKU)[0] == 8.00
    assert plain(0, 80_000, 0, 200).dollars(HAIKU)[0] == 1.60


def test_dollars_are_rounded_up_to_a_cent() -> None:
    """3 $ and 15 $ a million: 1,000,000 read and 200,000 written are 6 $; one more is 6.01."""
    prices = Prices(3_000_000, 15_000_000, 3_000_000, 3_000_000)

    assert plain(0, 1_000_000, 200_000, 1).dollars(prices)[0] == 6.0
    assert plain(0, 1_000_001, 200_000, 1).dollars(prices)[0] == 6.01
    assert plain(0, 0, 0, 1).dollars(prices)[0] == 0.0


def test_hours_are_those_of_the_limit_that_binds() -> None:
    """
    8·10⁹ tokens at 2·10⁶ a minute are 4,000 minutes; 400,000 calls at 50 a minute are 8,000.

    Batches are answered within a day for each queue full of them.
    """
    asked = plain(0, 20_000, 200, 400_000)

    assert asked.hours(Limits(4_000, 2_000_000)) == (4_000 / 60, "tokens")
    assert asked.hours(Limits(50, 2_000_000)) == (8_000 / 60, "requests")
    assert asked.hours(Limits()) is None
    batched = replace(asked, batched=True)
    assert batched.hours(Limits(), 200_000) == (48, "batches")
    assert batched.hours(Limits(50, 50), 200_001) == (48, "batches")
    assert batched.hours(Limits(50, 50), 0) is None


def test_who_counts_on_a_model_need_not_load_its_sdk() -> None:
    """The SDK takes more than a second to load, and a forecast of cost asks nobody."""
    probe = (
        "import sys, clerestory.costing; assert 'anthropic' not in sys.modules;"
        "import classifiers.raters.claude.rater; assert 'anthropic' in sys.modules"
    )
    assert not subprocess.run([sys.executable, "-c", probe], check=False).returncode
