"""
Promise: from sizes and times of what it relays, the broker learns no label.

An eavesdropper beside the broker sees every piece's length and time.  He is given thousands of
calls with their labels, learns from half of them which sight goes with which label, and guesses
the other half.  He must be at chance; with answers in words he is not.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import pytest

from classifiers.raters import Unrated
from classifiers.rendering import View
from classifiers.sessions import SafeText
from clerestory.devstub import HOST, Asked, Reply, authority
from privacy.codebook import codebook
from tests.classifiers.raters.test_claude import SESSION
from tests.support.egress import asking, unsealed
from tests.support.messages import codes, message, serving
from tests.support.tap import Seen, tapped

CALLS, CALLS_IN_WORDS = 2_400, 600
ASKED = ("work_mode", "expertise", "task_occupation")
"""Ten, six and twenty-four labels, drawn for each session with equal chances."""
SIGMAS = 3.0


@dataclass(frozen=True)
class Call:
    """One session's truth, and what went by while it was asked about."""

    labels: dict[str, str]
    up: int
    down: int
    seconds: float
    """From the last byte up to the first byte down."""
    pieces: int
    """Pieces in which the answer came."""


def overheard(
    tmp_path: Path, calls: int, answer: Callable[[Asked, dict[str, str]], Reply]
) -> list[Call]:
    """Ask about sessions of any length with labels drawn at random, and listen."""
    drawn: dict[str, str] = {}
    book, heard, ours = codebook(), [], authority()
    with (
        serving(ours.sign(), lambda asked: answer(asked, drawn)) as server,
        tapped(server.server_port) as tap,
        unsealed(asking(f"https://{HOST}:{tap.port}", ours.roots)) as rater,
    ):
        for _ in range(calls):
            drawn = {name: random.choice(book.field(name).labels) for name in ASKED}
            text = "x" * random.randint(200, 24_000)
            before = len(tap.seen)
            with suppress(Unrated):  # words are no labels
                labels = rater.rate(SESSION, View((SafeText(text),), len(text), len(text)))
                assert {name: labels[name] for name in ASKED} == drawn
            heard.append(call_of(drawn, tap.seen[before:]))
    return heard


def call_of(labels: dict[str, str], seen: Sequence[Seen]) -> Call:
    """What an eavesdropper keeps of a call."""
    up = [each for each in seen if each.up]
    down = [each for each in seen if not each.up]
    return Call(
        labels,
        sum(len(each.data) for each in up),
        sum(len(each.data) for each in down),
        down[0].at - up[-1].at,
        len(down),
    )


Sight = Callable[[Call], object]
SIGHTS: tuple[Sight, ...] = (
    lambda call: call.up,
    lambda call: call.down,
    lambda call: (call.up, call.down),
    lambda call: call.pieces,
    lambda call: round(call.seconds * 2_000),
    lambda call: (call.down, round(call.seconds * 500)),
)
"""What a guess may go by: sizes, pieces, the time until the answer, alone and together."""


def guesses_right(known: Sequence[Call], asked: Sequence[Call], name: str, sight: Sight) -> int:
    """Learn which label goes with what is seen, and guess."""
    learned: defaultdict[object, Counter[str]] = defaultdict(Counter)
    for call in known:
        learned[sight(call)][call.labels[name]] += 1
    usual = Counter(call.labels[name] for call in known)
    return sum(
        (learned.get(sight(call)) or usual).most_common(1)[0][0] == call.labels[name]
        for call in asked
    )


def best_guess(calls: Sequence[Call], name: str) -> float:
    """
    How far the best guess is from chance, in standard deviations of a binomial.

    The sight is chosen on the first half, which is split for that; the second half is guessed
    once.
    """
    half = len(calls) // 2
    known, asked = calls[:half], calls[half:]
    some, others = known[: half // 2], known[half // 2 :]
    best = max(SIGHTS, key=lambda sight: guesses_right(some, others, name, sight))
    n, chance = len(asked), 1 / len(codebook().field(name).labels)
    return (guesses_right(known, asked, name, best) - n * chance) / sqrt(n * chance * (1 - chance))


@pytest.mark.statistical
def test_the_brokers_best_guess_is_chance(tmp_path: Path) -> None:
    """
    Labels of three instruments, 1,200 guesses each, all within three standard deviations.

    Labels are drawn independently of everything else, so a guess that knows nothing is right
    with probability 1/labels.  False alarm: three times 0.27 %, together at most 0.9 % (the
    binomial's tails are a little heavier than the normal's).
    """
    calls = overheard(tmp_path, CALLS, lambda asked, labels: message(asked, codes(labels)))
    assert {name: best_guess(calls, name) for name in ASKED} == {
        name: pytest.approx(0, abs=SIGMAS) for name in ASKED
    }
    # Requests are of few classes; three more come with a connection's first call.
    assert len({call.up for call in calls}) <= 6


@pytest.mark.statistical
def test_with_words_the_guess_is_right(tmp_path: Path) -> None:
    """The control: the same eavesdropper, and a server that answers with the labels' names."""

    def in_words(asked: Asked, labels: dict[str, str]) -> Reply:
        return message(asked, json.dumps({"work_mode": labels["work_mode"]}))

    calls = overheard(tmp_path, CALLS_IN_WORDS, in_words)
    # Ten names of six lengths: at least half of the guesses are right, where a tenth is chance.
    # 300 · (0.5 − 0.1) = 120 more than chance; σ = √(300 · 0.1 · 0.9) = 5.2.
    assert best_guess(calls, "work_mode") > 15
