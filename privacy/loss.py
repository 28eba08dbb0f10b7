"""
Privacy loss as exact money: ρ of zero-concentrated differential privacy, a fraction.

ρ adds up over releases about the same accounts, also when a later release was chosen after an
earlier one was seen [1].  Ten tenths of a budget are the budget only if they are fractions, so
ρ crosses every file and socket as text (`"371/5000"`) and is never a float.

[1] Bun & Steinke 2016, arXiv:1605.02065 (composition); Whitehouse, Ramdas, Rogers & Wu 2023,
arXiv:2203.05481 (adaptively chosen charges: the plain sum is a valid filter for zCDP).
"""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from .errors import ConfigurationError

_FORM = re.compile(r"(?:0|[1-9]\d{0,39})(?:/[1-9]\d{0,39})?")
GRAIN = 10**9
"""Charges are whole multiples of 1/GRAIN: readable fractions, and nothing is lost (10⁻⁹ of ρ)."""


def read_rho(text: str) -> Fraction:
    """
    Read an exact loss.

    Args:
        text: A fraction in lowest terms, as `write_rho` writes it.

    Raises:
        ConfigurationError: The text is another form of a number, or no loss.
    """
    # Looked at before it is reckoned with: 1e999999999 is a fraction, and hours of work.
    if not _FORM.fullmatch(text):
        raise _no_loss("text that is no fraction.")
    rho = Fraction(text)
    if str(rho) != text:  # one loss, one spelling: what is signed is what is summed
        raise _no_loss("a fraction that is not in lowest terms.")
    return rho


def write_rho(rho: Fraction) -> str:
    """An exact loss as text; `read_rho` gives it back."""
    return str(rho)


def total(losses: Iterable[Fraction]) -> Fraction:
    """What several measurements of the same accounts cost together, in ρ."""
    return sum(losses, start=Fraction(0))


def split(rho: Fraction, parts: Sequence[float]) -> list[Fraction]:
    """
    Share a loss out in proportion, each part rounded down to the grain.

    Args:
        rho: What there is, in ρ.
        parts: Positive weights, one for each measurement.

    Returns:
        Losses that never sum to more than `rho`.

    Raises:
        ConfigurationError: A part would get nothing.
    """
    exact = [Fraction(part) for part in parts]
    whole = total(exact)
    shares = [Fraction(int(rho * part / whole * GRAIN), GRAIN) for part in exact]
    if not all(shares):
        raise ConfigurationError(
            "BUDGET_TOO_FINE",
            rule=f"Every measurement of a plan costs at least ρ = 1/{GRAIN}.",
            found=f"a total of ρ = {rho} for {len(parts)} measurements.",
            remedy="ask for fewer tables, or for a larger epsilon.",
        )
    return shares


def _no_loss(found: str) -> ConfigurationError:
    return ConfigurationError(
        "LOSS_UNREADABLE",
        rule="A privacy loss is an exact fraction in lowest terms, at least 0.",
        found=found,
        remedy="compile the study again with `clerestory plan`.",
    )
