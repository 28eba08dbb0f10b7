"""Draw noise once before the forks and once behind the seal; a generator of our own beside it."""

import json
import random
from fractions import Fraction

from privacy.measurements import add_noise, sigma_for
from privacy.sandbox.channel import Channel
from privacy.sealing import KeyPair

CELLS = 64
CHARGE = Fraction(1, 1000)
_forked = random.Random()


def prepare(plan: bytes) -> None:
    """Draw once, so that whatever is kept between draws is there to be copied."""
    del plan
    _draw()


def run(channel: Channel, key: KeyPair) -> None:
    """Tell what was drawn."""
    del key
    told = {"noise": _draw(), "copied": [_forked.getrandbits(32) for _ in range(4)]}
    channel.send(json.dumps(told).encode())


def _draw() -> list[int]:
    sigma = sigma_for(1, CHARGE)
    return add_noise([0] * CELLS, size=CELLS, sensitivity=1, sigma=sigma, charge=CHARGE)
