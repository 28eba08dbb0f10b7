"""
Threat: the digits of a noisy number rule inputs out, whatever ε says.

A float that is a value plus Laplace noise has digits that another value cannot lead to.  Here all
noise is whole numbers on whole numbers: every integer can come of either neighbour.  The control
is the naive sum of floats, where about a quarter of the outputs prove what the input was not.
"""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from privacy.measurements import add_noise

DRAWS, SIGMA, REACH = 20_000, 2.0, 6


@pytest.mark.statistical
def test_every_whole_number_comes_of_both_neighbours() -> None:
    """
    From 0 and from 1, every integer from -5 to 6 is drawn, and nothing but integers.

    P(x) = exp(-x²/2σ²)/Z with σ = 2, Z ≈ σ√(2π) = 5.01: at the farthest, six away, .0022.  That it
    is missing among 20,000 has a chance below exp(-44); for 24 of them together below 1e-17.
    """
    found = {}
    for true in (0, 1):
        drawn = add_noise(
            [true] * DRAWS, size=DRAWS, sensitivity=1, sigma=SIGMA, charge=Fraction(1)
        )
        assert {type(one) for one in drawn} == {int}
        found[true] = Counter(drawn)
    both = range(1 - REACH, REACH + 1)
    assert all(found[true][x] > 0 for true in found for x in both)


@pytest.mark.statistical
def test_floats_would_prove_what_the_input_was_not() -> None:
    """
    The control: 0 + noise shows digits below 2⁻⁵³ that 1 + noise, which was rounded at 1, has not.

    Some 27 % of the outputs from 0 do (measured).  Fewer than 20 % of 20,000 would be 22 deviations
    below that; and no output from 1 that lies as near to 0 ever does.
    """
    noise = np.random.default_rng().laplace(0.0, 1.0, (2, DRAWS))
    proof = []
    for outputs in (0.0 + noise[0], 1.0 + noise[1]):
        finer = outputs * 2.0**53 != np.floor(outputs * 2.0**53)
        proof.append(np.mean(finer & (np.abs(outputs) < 0.5)))
    assert proof[0] > 0.2
    assert proof[1] == 0
