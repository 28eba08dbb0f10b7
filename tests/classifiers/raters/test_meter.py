"""The meter: no call leaves that might cost more than is left, and every answer counts once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.raters import Halted
from classifiers.raters.meter import ADDED_TOKENS, Meter
from privacy.halts import Halt
from privacy.spending import CLASSES, Prices, Spending, amount_of

ANSWER = 400
PRICES = Prices(100_000, 500_000, 10_000, 125_000, cliff=100_000, factor=5, batch_percent=50)


def metered(allowance: int) -> Meter:
    """A meter that has begun."""
    meter = Meter(ANSWER)
    meter.begin(Spending(PRICES), allowance)
    return meter


CALLS = st.lists(
    st.tuples(
        st.integers(0, 120_000),
        st.sampled_from(["answered", "lost", "refused", "silent"]),
        st.floats(0, 1),
    ),
    max_size=30,
)


@given(CALLS, st.integers(0, 200_000))
def test_whatever_happens_the_allowance_holds(
    calls: list[tuple[int, str, float]], allowance: int
) -> None:
    """Answered, lost, refused, or silent about tokens: what can be charged is counted."""
    meter, charged, halts = metered(allowance), 0.0, list[Halt]()
    for length, fate, part in calls:
        try:
            meter.send(length)
        except Halted as stopped:
            halts.append(stopped.code)
            break
        tokens = int((length + ADDED_TOKENS) * part)
        usage = {"input_tokens": tokens, "output_tokens": int(ANSWER * part)}
        cost = (tokens * PRICES.read + usage["output_tokens"] * PRICES.written) / 1e6
        dear = PRICES.factor if tokens > PRICES.cliff else 1
        if fate == "refused":
            meter.refused()
        else:
            charged += cost * dear
        if fate == "answered":
            meter.answered(usage)
        elif fate == "silent":
            meter.answered(None)
        assert charged <= meter.spent <= allowance
    assert halts in ([], [Halt.SPENT])
    assert charged <= meter.spent <= allowance
    assert charged <= amount_of(meter.spent_class, allowance) <= allowance


def test_a_call_that_might_cost_too_much_does_not_leave() -> None:
    """The worst of 10,000 bytes: 14,096 tokens at .125, 400 at .5: 1,762 + 200 microdollars."""
    worst = 1_962
    metered(worst).send(10_000)
    with pytest.raises(Halted) as stopped:
        metered(worst - 1).send(10_000)
    assert stopped.value.code is Halt.SPENT


def test_an_answer_frees_what_it_did_not_take() -> None:
    """1,000 tokens read and 100 written are 150 microdollars, of 1,962 that were held."""
    meter = metered(2_200)
    meter.send(10_000)
    meter.answered({"input_tokens": 1_000, "output_tokens": 100})
    assert meter.spent == 150
    meter.send(10_000)
    assert meter.spent == 2_112
    with pytest.raises(Halted):
        meter.send(10_000)
    assert meter.spent == 2_112


def test_requests_that_leave_together_count_at_their_worst() -> None:
    """Half the price, all of it or nothing."""
    meter = metered(2_000)
    meter.send_batch([10_000, 10_000])
    assert meter.spent == 2 * 981
    with pytest.raises(Halted):
        meter.send_batch([0])
    assert meter.spent == 2 * 981


@pytest.mark.parametrize(
    ("usage", "code"),
    [
        ({"input_tokens": 100_000_000}, Halt.OVERCHARGED),
        ({"output_tokens": 100_000}, Halt.OVERCHARGED),
        ({"input_tokens": -1}, Halt.MALFORMED),
        ({"input_tokens": 1.5}, Halt.MALFORMED),
        ({"input_tokens": True}, Halt.MALFORMED),
        ({"input_tokens": "7"}, Halt.MALFORMED),
        ({"cache_read_input_tokens": 2**40}, Halt.MALFORMED),
    ],
)
def test_a_servers_account_is_held_against_what_was_sent(usage: dict[str, Any], code: Halt) -> None:
    """One that says more than there were bytes, or no number, stops the run."""
    meter = metered(10**6)
    meter.send(1_000)
    with pytest.raises(Halted) as stopped:
        meter.answered(usage)
    assert stopped.value.code is code
    assert meter.spent_class <= CLASSES


@pytest.mark.parametrize("name", ["input_tokens", "cache_read_input_tokens"])
def test_no_byte_is_two_tokens(name: str) -> None:
    """
    On it rests that a part of a long session stays below the cliff: who says otherwise is heard.

    1,000 bytes and what a server adds are 5,096 tokens at most, and 837 microdollars (at .125, and
    200 for the answer); 5,097 tokens cost 510, and 51 where they were kept: money alone would not
    tell.
    """
    most = 1_000 + ADDED_TOKENS
    meter = metered(10**6)
    meter.send(1_000)
    meter.answered({name: most})  # the control
    meter.send(1_000)
    with pytest.raises(Halted) as stopped:
        meter.answered({name: most + 1})
    assert stopped.value.code is Halt.OVERCHARGED


def test_without_prices_nothing_is_counted() -> None:
    """And nobody is stopped: where no price is known there can be no cap."""
    meter = Meter(ANSWER)
    meter.begin(None, 0)
    meter.send(10**9)
    meter.answered({"input_tokens": 10**9})
    assert (meter.spent, meter.spent_class) == (0, 0)
