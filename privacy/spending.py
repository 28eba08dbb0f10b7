"""
What a model's answers cost, and how much of it a plan allows: whole microdollars throughout.

Prices stand in the plan, so that officers sign them and a run needs no price list; they decide no
label, so they are no part of a label set's name.  The cap is on all that a set of labels has cost
so far, whichever plan it was made for: labels are kept and shared, so what they cost is, too.

A batch is given an *allowance*, and a worker stops before it passes it.  What a worker says it
spent is one of few *classes*, parts of its allowance: it can say too little, never more than it
was given.  So the sum of allowances given out bounds what the keeper ever counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .raters import Rater

MICRODOLLARS = 1_000_000
"""In a dollar."""
_MILLION = 1_000_000
MOST_PRICE = 10_000 * MICRODOLLARS
"""For a million tokens."""
MOST_CAP = 10_000_000 * MICRODOLLARS
MOST_TOKENS = 2**31
"""In one answer's account: a server that says more says nothing that can be reckoned with."""
ALLOWANCE_BYTES = 8
"""Of a batch's allowance, as a worker is told it."""
USUAL_TOKENS, USUAL_WRITTEN = 24_000, 400
"""Of a call: a view of 25,000 characters and the questions, in tokens of two bytes or so."""
CLASSES = 32
"""Of what was spent, above nothing: each a quarter more than the one below it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call took."""

    read: int = 0
    """Of a prompt, at the full price."""
    written: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def prompt(self) -> int:
        """All that was read, however it is charged."""
        return self.read + self.cache_read + self.cache_write


@dataclass(frozen=True, slots=True)
class Prices:
    """Microdollars for a million tokens."""

    read: int
    written: int
    cache_read: int
    cache_write: int
    cliff: int = 0
    """Tokens of a prompt above which all of a call costs `factor` times as much; 0 for none."""
    factor: int = 1
    batch_percent: int = 100
    """Of the price, where a call is part of a Message Batch."""
    dated: str = ""
    """Day of the price file, `YYYY-MM-DD`; empty where a study states its own."""

    def of(self, used: Tokens, *, batched: bool = False) -> int:
        """Microdollars of one call, rounded up."""
        parts = (
            used.read * self.read
            + used.written * self.written
            + used.cache_read * self.cache_read
            + used.cache_write * self.cache_write
        )
        dear = self.factor if self.cliff and used.prompt > self.cliff else 1
        percent = self.batch_percent if batched else 100
        return -(-parts * dear * percent // (100 * _MILLION))

    def worst(self, prompt: int, written: int, *, batched: bool = False) -> int:
        """Microdollars of a call whose prompt and answer have at most so many tokens."""
        dearest = max(self.read, self.cache_read, self.cache_write)
        within = min(prompt, self.cliff or prompt)
        as_read = Prices(dearest, self.written, 0, 0, self.cliff, self.factor, self.batch_percent)
        return max(
            as_read.of(Tokens(read=tokens, written=written), batched=batched)
            for tokens in (prompt, within)
        )


def dearest(several: Sequence[Prices]) -> Prices:
    """Prices at which no call costs less than at any of several."""
    rates = {
        kind: max(getattr(one, kind) for one in several)
        for kind in ("read", "written", "cache_read", "cache_write", "factor", "batch_percent")
    }
    cliffs = [one.cliff for one in several if one.cliff]
    return Prices(**rates, cliff=min(cliffs, default=0), dated=max(one.dated for one in several))


@dataclass(frozen=True, slots=True)
class Spending:
    """What a plan says about money."""

    prices: Prices
    cap: int | None = None
    """Microdollars that its labels may have cost altogether; None where nobody set one."""


def usual(prices: Prices, rater: Rater, instruments: int) -> int:
    """
    Microdollars that a session usually takes at most: what a keeper allows for it, at first.

    Nothing hangs on it but how much is out at once: a worker that needs more says so, and a cap is
    held by what is spent.

    Args:
        prices: The plan's.
        rater: The plan's.
        instruments: How many questions there are.
    """
    calls = instruments if rater.mode == "separate" else 1
    tokens = Tokens(read=USUAL_TOKENS, written=USUAL_WRITTEN)
    return calls * prices.of(tokens, batched=rater.batches)


def is_spending(spending: Spending) -> bool:
    """Whether prices and cap are such that every sum of them is exact and small."""
    prices, cap = spending.prices, spending.cap
    amounts = (prices.read, prices.written, prices.cache_read, prices.cache_write)
    return (
        all(0 <= amount <= MOST_PRICE for amount in amounts)
        and 0 <= prices.cliff <= MOST_TOKENS
        and 1 <= prices.factor <= 100
        and 1 <= prices.batch_percent <= 100
        and (cap is None or 0 < cap <= MOST_CAP)
    )


def rounded_up(microdollars: int) -> str:
    """Dollars for others than the keeper: two digits that count, upwards; none below a cent."""
    cents = -(-microdollars // 10_000)
    step: int = 10 ** max(0, len(str(cents)) - 2)
    return f"{-(-cents // step) * step / 100:.2f}"


def amount_of(spent: int, allowance: int) -> int:
    """
    The microdollars that a class of spending stands for.

    Args:
        spent: The class: 0 for nothing, up to `CLASSES` for the whole allowance.
        allowance: What the batch was given.
    """
    return next(amount for number, amount in _classes(allowance) if number == spent)


def class_of(microdollars: int, allowance: int) -> int:
    """The least class that stands for so much, or for more; the whole allowance above it."""
    numbers = [number for number, amount in _classes(allowance) if amount >= microdollars]
    return min(numbers, default=CLASSES)


def _classes(allowance: int) -> Iterator[tuple[int, int]]:
    """Classes from the highest down, in whole numbers: both sides reckon the very same."""
    amount = allowance
    for number in range(CLASSES, 0, -1):
        yield number, amount
        amount = -(-amount * 4 // 5)
    yield 0, 0
