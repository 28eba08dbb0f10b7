"""
A planted second reading: what forecasts and rehearsals expect of one, and tests know of it.

A part of the sessions is drawn at random; in each of them, each instrument's label is kept, but for
one in ten that is drawn anew among all its labels.  So it is stated, not learnt: how often a rater
contradicts itself is what a release will say.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from privacy.labels import SESSION_KEY_BYTES
from privacy.second import NOT_READ, Reading, widened

from .twin import Twin

FLIPPED = 0.1
"""How often a label of a planted second reading is drawn anew."""


def reread(twin: Twin, readings: Sequence[Reading], *, seed: int | None) -> Twin:
    """
    Plant second readings in a population.

    Args:
        twin: Rows of the first reading.
        readings: The plan's; of none of them the twin comes back as it is.
        seed: Same seed, same labels; `None` for fresh ones.

    Returns:
        Joined rows, with the codebook that they are written under.
    """
    if not readings:
        return twin
    rng, book, rows = np.random.default_rng(seed), twin.codebook, twin.rows
    start = SESSION_KEY_BYTES + len(book.fields)
    again = []
    for reading in readings:
        out = rng.random(len(rows)) >= float(Fraction(reading.share))
        for place, instrument in enumerate(book.instruments, SESSION_KEY_BYTES):
            drawn = rng.integers(0, len(instrument.labels), len(rows)).astype(np.uint8)
            label = np.where(rng.random(len(rows)) < FLIPPED, drawn, rows[:, place])
            again.append(np.where(out, np.uint8(NOT_READ), label))
    joined = np.hstack([rows[:, :start], np.stack(again, axis=1), rows[:, start:]])
    return Twin(joined, widened(book, readings))
