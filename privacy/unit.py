"""
Who is protected, and how much one of them can weigh.

The privacy unit is the account with all its sessions; neighbouring data differ by adding or
removing one.  A contribution bound k holds for every account whatever it does, because each
of its n sessions in the study's population weighs `W = min(S, ⌊S·k/n⌋)` of S: all n together
weigh at most ⌊S·k⌋.  Sessions are weighed down, never dropped, and the weight depends on the
number of sessions alone, so the bound is no choice that labels could sway.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Literal

from .errors import ConfigurationError

SCALE = 2**20
"""S: the integer that is a weight of one.

Rounding ⌊S·k/n⌋ towards zero loses less than n/(S·k) of an account's weight: a thousandth at
n = 1,000 sessions.  A sealed bucket holds at most 64 MiB, fewer than 2²⁰ sessions, so no account
is weighed down to nothing; and with k ≤ 128 and |value| ≤ 2¹⁵ its sums stay below 2⁶²."""
CLIPS = (
    1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
)  # fmt: skip
"""Bounds C that a total may be clipped to, in sessions.  (S·C)² stays below 2⁶¹."""
LARGEST_CONTRIBUTION = 128
FINEST_CONTRIBUTION = 1000
"""Largest denominator of k: products of it stay far within 64 bits."""


@dataclass(frozen=True, slots=True)
class PrivacyUnit:
    """Who is protected: add or remove one of these, with all it ever did, and little changes."""

    name: Literal["account"] = "account"
    """An account, over the whole corpus.  A person with two accounts is two units."""


ACCOUNT = PrivacyUnit()


def clipped_weight(squared: int, bound: int, *, scale: int = SCALE) -> int:
    """
    What each session of an account weighs in a table of totals.

    Let the account have n_c sessions in cell c, and Q = Σ n_c².  Each session weighs W, so the
    account moves the vector by W·√Q in L2.  Where Q ≤ C², W = S and that is at most S·C.  Else
    W = ⌊√(S²·C²/Q)⌋, and W²·Q ≤ S²·C².  So no account moves it by more than S·C, whatever it did;
    and since a root is taken of whole numbers, no rounding can lift it above.

    Args:
        squared: Q, at least 1.
        bound: C, in sessions.
        scale: S, the integer that is a weight of one.
    """
    return min(scale, isqrt(scale * scale * bound * bound // squared))


@dataclass(frozen=True, slots=True)
class ContributionBound:
    """Most that one account weighs in any query, in accounts."""

    k: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.k <= LARGEST_CONTRIBUTION or self.k.denominator > FINEST_CONTRIBUTION:
            raise ConfigurationError(
                "CONTRIBUTION_BOUND",
                rule=f"The contribution bound is a fraction above 0 and up to "
                f"{LARGEST_CONTRIBUTION}, with a denominator up to {FINEST_CONTRIBUTION}.",
                found=f"k = {self.k}.",
                remedy="choose another contribution; 1 gives each account one vote.",
            )

    def weight(self, sessions: int, *, scale: int = SCALE) -> int:
        """
        What each session of an account weighs.

        Args:
            sessions: How many sessions of the account lie in the study's population, at least 1.
            scale: S, the integer that is a weight of one.

        Returns:
            min(S, ⌊S·k/n⌋), in units of 1/S accounts.
        """
        numerator, denominator = self.k.as_integer_ratio()
        return min(scale, scale * numerator // (denominator * sessions))

    def sensitivity(self, *, largest: int = 1, scale: int = SCALE) -> int:
        """
        Most that adding or removing one account moves a vector of sums, in L2.

        One session lies in one cell at most and adds W·x there with |x| ≤ largest.  So the
        account moves the vector by at most Σ W·|x| ≤ largest·n·⌊S·k/n⌋ ≤ largest·⌊S·k⌋ in L1;
        L2 is never more than L1, and they meet when all its sessions lie in one cell.

        Args:
            largest: Bound on the absolute value of what is summed.
            scale: S, the integer that is a weight of one.

        Returns:
            Δ in units of 1/S.
        """
        return int(self.k * scale) * largest

    def moments(self, *, scale: int = SCALE) -> int:
        """
        Most that one account moves a vector of moments, in L2.

        Let the account's sessions weigh s_c in cell c, all s_c ≥ 0 and Σ s_c ≤ K = ⌊S·k⌋.  A moment
        sums products s_c·s_d over some ordered or unordered pairs of cells, no pair in two of them,
        and is divided by S, rounded down.  All of them together are at most Σ_c Σ_d s_c·s_d / S =
        (Σ s_c)²/S ≤ K²/S, and being whole numbers at most ⌊K²/S⌋: in L1, so in L2 as well.

        Args:
            scale: S, the integer that is a weight of one.

        Returns:
            Δ in units of 1/S squared accounts.
        """
        return int(self.k * scale) ** 2 // scale
