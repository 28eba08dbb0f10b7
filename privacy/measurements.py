"""
Noise, and what it costs: the only door to OpenDP.

One mechanism, the discrete Gaussian [1] on vectors of 64-bit integers with L2 distance:
ρ = Δ²/2σ².  Every call asks OpenDP's own privacy map what this noise costs at this sensitivity
and refuses when that exceeds the charge, so that no caller's arithmetic is trusted.  OpenDP's
samplers are exact, and its randomness is OpenSSL's: nothing here can seed it.

Three traps are shut here.  OpenDP's `int` is 32 bits, so `i64` is written out.  Its fixed-size
domains do not check a vector's length, so we do.  Integers beyond 64 bits raise, which would
tell something about the data, so they are clamped: clamping moves no two vectors apart.

[1] Canonne, Kamath & Steinke 2020, arXiv:2004.00010.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache
from math import inf, isfinite, nextafter, sqrt, ulp
from typing import TYPE_CHECKING

# Not the prelude: it imports all of OpenDP and what it finds beside it (1.4 s against 0.1 s).
from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import enable_features

from .errors import ConfigurationError, RefusedError
from .loss import GRAIN

if TYPE_CHECKING:
    from opendp.mod import Domain, Measurement, Metric

enable_features("contrib")  # everything in OpenDP is behind this flag; dp.md names what we trust

LARGEST = 2**63 - 1


def add_noise(
    vector: Sequence[int], *, size: int, sensitivity: int, sigma: float, charge: Fraction
) -> list[int]:
    """
    Measure a vector: add independent discrete Gaussian noise to each of its cells.

    Args:
        vector: Exact sums.
        size: How many cells the plan says there are.
        sensitivity: Δ, most that one privacy unit moves the vector in L2 (add/remove).
        sigma: Standard deviation of the noise, in the units of `sensitivity`.
        charge: What was paid for, in ρ.

    Returns:
        Noisy sums, in the order of `vector`.

    Raises:
        RefusedError: The noise costs more than the charge, or the vector has another length.
    """
    if len(vector) != size:
        raise _refused(
            "NOISE_LENGTH",
            rule="A vector has the number of cells that its query in the plan has.",
            found=f"a vector of another length than {size}.",
        )
    measurement = _gaussian(sigma)
    if _cost(measurement, sensitivity) > charge:
        raise _refused(
            "NOISE_UNDERCHARGED",
            rule="Noise is added only where the charge covers what OpenDP says it costs.",
            found=f"σ = {sigma} at sensitivity {sensitivity} for a charge of ρ = {charge}.",
        )
    clamped = [max(-LARGEST, min(LARGEST, int(cell))) for cell in vector]
    noisy: list[int] = measurement(clamped)
    return noisy


def cost_of(*, sensitivity: int, sigma: float) -> Fraction:
    """What a measurement costs in ρ, by OpenDP's privacy map (rounded up there)."""
    return _cost(_gaussian(sigma), sensitivity)


def sigma_for(sensitivity: int, rho: Fraction) -> float:
    """
    Least noise that a charge pays for.

    Args:
        sensitivity: Δ, a positive integer.
        rho: The charge.

    Returns:
        The smallest σ = Δ/√(2ρ) whose privacy map does not exceed the charge: looked for among
        the neighbouring floats, first in ever longer steps and then by halves, since OpenDP's map
        rounds up by a few of them.

    Raises:
        ConfigurationError: The charge or the sensitivity is not positive.
    """
    if rho <= 0 or sensitivity <= 0:
        raise ConfigurationError(
            "CHARGE_NOT_POSITIVE",
            rule="Noise is bought with a positive charge for a positive sensitivity.",
            found=f"a charge of ρ = {rho} for a sensitivity of {sensitivity}.",
            remedy="ask for a larger epsilon, or for fewer tables.",
        )
    too_little = enough = sensitivity / sqrt(2 * rho)
    step = ulp(enough)
    while cost_of(sensitivity=sensitivity, sigma=enough) > rho:
        too_little, enough, step = enough, enough + step, 2 * step
    while cost_of(sensitivity=sensitivity, sigma=too_little) <= rho:
        too_little, enough, step = too_little - step, too_little, 2 * step
    while (between := (too_little + enough) / 2) not in (too_little, enough):
        if cost_of(sensitivity=sensitivity, sigma=between) <= rho:
            enough = between
        else:
            too_little = between
    return enough


@lru_cache(maxsize=256)
def epsilon_of(rho: Fraction, delta: float) -> float:
    """
    The ε that a loss stands for at a δ, by OpenDP's conversion (tighter than the textbook's).

    Args:
        rho: Loss in ρ.
        delta: Chance that the promise of ε does not hold.

    Returns:
        ε, rounded up: it is read off a measurement that costs at least `rho`.
    """
    if not rho:
        return 0.0
    sigma = nextafter(sigma_for(1, rho), 0)  # the next float below costs more than ρ
    profile = make_zCDP_to_approxDP(_gaussian(sigma)).map(1.0)
    return float(profile.epsilon(delta))


@lru_cache(maxsize=64)
def rho_of(epsilon: float, delta: float) -> Fraction:
    """
    The loss that (ε, δ) allows, rounded down to a multiple of 1/GRAIN.

    Raises:
        ConfigurationError: ε or δ is no such number, or ε allows nothing at this δ.
    """
    if not (0 < delta < 1 and epsilon > 0 and isfinite(epsilon)):
        raise _no_budget(epsilon, delta)
    # ε of pure DP is an upper bound on the loss: ρ ≤ ε at any δ < 1/2.
    allowed, beyond = 0, int(max(epsilon, 1) * GRAIN)
    while beyond - allowed > 1:
        middle = (allowed + beyond) // 2
        if epsilon_of(Fraction(middle, GRAIN), delta) <= epsilon:
            allowed = middle
        else:
            beyond = middle
    if not allowed:
        raise _no_budget(epsilon, delta)
    return Fraction(allowed, GRAIN)


@cache
def _space() -> "tuple[Domain, Metric]":
    return vector_domain(atom_domain(T="i64")), l2_distance(T="f64")


def _gaussian(sigma: float) -> "Measurement":
    domain, metric = _space()
    return make_gaussian(domain, metric, scale=sigma)


def _cost(measurement: "Measurement", sensitivity: int) -> Fraction:
    distance = float(sensitivity)
    if distance < sensitivity:  # beyond 2⁵³ a float may lie below the integer
        distance = nextafter(distance, inf)
    return Fraction(measurement.map(distance))


def _refused(code: str, *, rule: str, found: str) -> RefusedError:
    remedy = "compile the study again; if that does not help, the plan and the code disagree."
    return RefusedError(code, rule=rule, found=found, remedy=remedy)


def _no_budget(epsilon: float, delta: float) -> ConfigurationError:
    return ConfigurationError(
        "BUDGET_UNREADABLE",
        rule="A budget is a positive, finite epsilon at a delta between 0 and 1.",
        found=f"epsilon = {epsilon} at delta = {delta}.",
        remedy="state for instance epsilon = 2.0 and delta = 1e-7.",
    )
