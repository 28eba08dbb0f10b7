"""
The meter: what calls have cost so far, held against what a batch is allowed, before each call.

Promise: no call is sent whose worst case might pass the allowance.  A token stands for at least a
byte, an answer has a longest length, and a provider adds little of its own; so a call has a worst
case before it is sent.  That much counts as spent from then on, until the answer says what it
took; where no answer comes, it stays.

The meter sits where requests leave (`claude.line`): who sends one cannot forget it.
"""

from collections.abc import Mapping, Sequence

from privacy.halts import Halt
from privacy.spending import MOST_TOKENS, Spending, Tokens, class_of

from . import Halted

ADDED_TOKENS = 4_096
"""Most that a provider adds to a prompt of its own: for the form, for a tool, for its template."""


class Meter:
    """
    Counts in microdollars; without prices it counts nothing and stops nobody.

    Args:
        answer: Tokens of the longest answer that is asked for.
    """

    def __init__(self, answer: int) -> None:
        self._answer = answer
        self._spending: Spending | None = None
        self._allowance, self._spent, self._out = 0, 0, 0
        self._longest = 0

    def begin(self, spending: Spending | None, allowance: int) -> None:
        """Count from nothing, at these prices, up to so many microdollars."""
        self._spending, self._allowance = spending, allowance
        self._spent, self._out, self._longest = 0, 0, 0

    @property
    def spent(self) -> int:
        """Microdollars: what answers say, and the worst of what was sent and not answered."""
        return self._spent + self._out

    @property
    def spent_class(self) -> int:
        """The same as a class of the allowance: all that may be told."""
        return class_of(self.spent, self._allowance)

    def send(self, length: int) -> None:
        """
        A request is about to leave.

        Args:
            length: Bytes of what is asked.

        Raises:
            Halted: `SPENT`, if it might cost more than is left.
        """
        if self._spending is None:
            return
        self._spent += self._out  # of one that was never answered
        longest = length + ADDED_TOKENS
        worst = self._spending.prices.worst(longest, self._answer)
        self._out, self._longest = 0, longest
        if self._spent + worst > self._allowance:
            raise Halted(Halt.SPENT)
        self._out = worst

    def send_batch(self, lengths: Sequence[int]) -> None:
        """
        Requests are about to leave together; they count at their worst, and stay so.

        Args:
            lengths: Bytes of each.

        Raises:
            Halted: `SPENT`, if they might cost more than is left.
        """
        if self._spending is None:
            return
        prices = self._spending.prices
        worst = sum(
            prices.worst(length + ADDED_TOKENS, self._answer, batched=True) for length in lengths
        )
        if self.spent + worst > self._allowance:
            raise Halted(Halt.SPENT)
        self._spent += worst

    def refused(self) -> None:
        """The request was answered by an error: that costs nothing."""
        self._out = 0

    def answered(self, usage: object) -> None:
        """
        The request was answered; one that says nothing of its tokens cost the worst.

        Args:
            usage: What the answer says that it took, as JSON has it.

        Raises:
            Halted: `OVERCHARGED`, if that is more than it can have taken, in money or in tokens of
                a prompt, however cheap; `MALFORMED`, if it is no account of tokens.
        """
        if self._spending is None or not isinstance(usage, Mapping):
            return
        used = tokens_of(usage)
        cost = self._spending.prices.of(used)
        if cost > self._out or used.prompt > self._longest:
            raise Halted(Halt.OVERCHARGED)
        self._spent, self._out = self._spent + cost, 0


def tokens_of(usage: Mapping[str, object]) -> Tokens:
    """
    An answer's account of its tokens; what it does not name is none, or not charged apart.

    Raises:
        Halted: `MALFORMED`, if a number of it is none.
    """

    def number(name: str) -> int:
        value = usage.get(name) or 0
        if type(value) is not int or not 0 <= value <= MOST_TOKENS:
            raise Halted(Halt.MALFORMED)
        return value

    return Tokens(
        read=number("input_tokens"),
        written=number("output_tokens"),
        cache_read=number("cache_read_input_tokens"),
        cache_write=number("cache_creation_input_tokens"),
    )
