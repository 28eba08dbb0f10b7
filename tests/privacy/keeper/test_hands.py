"""How many workers there are at once follows what they say about the server's pace."""

from collections.abc import Sequence
from threading import Barrier, BrokenBarrierError, Lock, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.broker import Caps
from privacy.closing import Pace
from privacy.keeper.hands import ASKING_HANDS, MOST_ASKING_HANDS, Hands


def after(hands: Hands, *paces: Pace) -> int:
    """How many are allowed, once batches one after the other have said so."""
    for pace in paces:
        with hands.turn() as turn:
            turn.pace = pace
    return hands.allowed


def round_of(hands: Hands, pace: Pace) -> int:
    """How many are allowed, once all that are at work together have said so."""
    turns = [hands.turn() for _ in range(hands.allowed)]
    for each in turns:
        each.__enter__().pace = pace
    for each in turns:
        each.__exit__(None, None, None)
    return hands.allowed


def test_it_doubles_until_the_first_is_slowed_down_then_halves_and_adds_one_a_round() -> None:
    """TCP's rule, with numbers that can be followed by hand."""
    hands = Hands(4, 32)
    # One more for each of 4, then of 8 batches.
    assert [round_of(hands, Pace.FASTER) for _ in range(2)] == [8, 16]
    # All sixteen say so and it is one cut; then 8 times 1/8 is one more.
    assert round_of(hands, Pace.SLOWER) == 8
    assert [round_of(hands, Pace.FASTER) for _ in range(2)] == [9, 10]
    assert after(hands, Pace.STEADY, Pace.UNKNOWN) == 10


def test_what_began_before_a_cut_says_nothing_about_after_it() -> None:
    """Neither does it halve a second time, nor add."""
    hands = Hands(8, 32)
    first, second, third = (hands.turn() for _ in range(3))
    for each, pace in ((first, Pace.SLOWER), (second, Pace.SLOWER), (third, Pace.FASTER)):
        each.__enter__().pace = pace
    for each in (first, second, third):
        each.__exit__(None, None, None)
    assert hands.allowed == 4
    assert after(hands, Pace.SLOWER) == 2  # the control: one that began after it


@given(st.lists(st.sampled_from(Pace)), st.integers(1, 40), st.integers(0, 40))
def test_whatever_workers_say_it_stays_between_one_and_most(
    paces: Sequence[Pace], first: int, more: int
) -> None:
    """A worker that lies can make a run slow, and no more than that."""
    hands = Hands(first, first + more)
    for pace in paces:
        assert 1 <= after(hands, pace) <= first + more


def test_no_more_than_allowed_are_at_work() -> None:
    """Two of them meet, three never do: the same barrier with room for three is the control."""

    def meet(allowed: int, wanted: int) -> bool:
        hands, barrier = Hands(allowed), Barrier(wanted)
        met, lock = [0], Lock()

        def work() -> None:
            with hands.turn():
                try:
                    barrier.wait(0.3)
                except BrokenBarrierError:
                    return
                with lock:
                    met[0] += 1

        threads = [Thread(target=work) for _ in range(wanted)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return met[0] == wanted

    assert meet(2, 2)
    assert not meet(2, 3)
    assert meet(3, 3)


def test_a_batch_that_fails_gives_its_turn_back() -> None:
    """Else a run that goes on would have a hand less for each."""
    hands = Hands(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="as batches may"), hands.turn():
            raise ValueError("as batches may")
    assert after(hands, Pace.STEADY) == 1


def test_the_broker_has_room_for_all_hands() -> None:
    """A worker that ends and one that begins may each have a connection for a moment."""
    assert Caps().at_once >= 2 * MOST_ASKING_HANDS
    assert ASKING_HANDS <= MOST_ASKING_HANDS
