"""
A skewed population as label rows: that of the comparison with other libraries.

400,000 sessions of 235,000 accounts, each with one session and the rest dealt out by a lognormal
weight (99 % have ten or fewer, the largest some two hundred); months and work modes by Zipf laws,
expertise and occupation mostly the account's.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import Codebook
from privacy.labels import PSEUDONYM_BYTES, SESSION_KEY_BYTES, row_width

ACCOUNTS, SESSIONS = 235_000, 400_000
MONTHS = tuple(f"2025-{month:02d}" for month in range(6, 13))
MODES = (
    "build", "fix", "operate", "communicate", "understand", "plan", "orchestrate", "analyze",
    "test",
)  # fmt: skip
LEVELS = ("novice", "beginner", "intermediate", "advanced", "expert")
LARGEST_ACTIONS, LARGEST_WORDS = 40.0, 1000.0
"""Bounds that all libraries are given."""

Rows = NDArray[np.uint8]


def skewed_rows(
    accounts: int, sessions: int, codebook: Codebook, *, seed: int, part: tuple[int, int] = (0, 1)
) -> Rows:
    """
    Label rows sorted by account; the same seed gives the same population.

    Args:
        accounts: How many.
        sessions: How many.
        codebook: Decides order and positions of the columns.
        seed: Of the population.
        part: Which of how many stretches of all pseudonyms the accounts lie in.
    """
    rng = np.random.default_rng(seed)
    mass = np.cumsum(rng.lognormal(0, 1.6, accounts))
    more = np.searchsorted(mass / mass[-1], rng.random(sessions - accounts))
    who = np.sort(np.concatenate([np.arange(accounts), more]))
    succeeded = rng.choice(4, sessions, p=[0.45, 0.25, 0.2, 0.1])
    level = rng.choice(5, accounts, p=[0.1, 0.25, 0.35, 0.2, 0.1])[who]
    columns = {
        "month": (MONTHS, rng.choice(7, sessions, p=_zipf(7, 0.3))),
        "work_mode": (MODES, rng.choice(9, sessions, p=_zipf(9, 1.1))),
        "expertise": (LEVELS, level),
        "occupation": (
            (*map(str, range(11, 56, 2)), "unclear"),
            rng.choice(24, accounts, p=_zipf(24, 1.3))[who],
        ),
        "outcome": (("no_goal", "partial", "succeeded", "failed"), succeeded),
        "success_signal": (
            ("1", "2", "3", "4", "5"),
            np.clip(rng.poisson(2.0 + 0.3 * level), 0, 4),
        ),
    }
    rows = np.zeros((sessions, row_width(codebook)), np.uint8)
    names = [field.name for field in codebook.fields]
    for name, (labels, drawn) in columns.items():
        codes = np.array([codebook.field(name).index(label) for label in labels], np.uint8)
        rows[:, SESSION_KEY_BYTES + names.index(name)] = codes[drawn]
    sizes = {
        "actions_per_prompt": np.minimum(rng.gamma(2.0, 2.0 + level), 200.0),
        "words_per_prompt": np.minimum(rng.lognormal(3.4 + 0.15 * level, 0.9), 5000.0),
    }
    for number, measure in enumerate(codebook.measures):
        if measure.name in sizes:
            value = np.log(np.maximum(sizes[measure.name], measure.floor) / measure.floor)
            stored = np.minimum(np.rint(1000 * value), measure.top).astype(">u2")
            at = SESSION_KEY_BYTES + len(names) + 2 * number
            rows[:, at : at + 2] = stored[:, None].view(np.uint8)
    # Rising pseudonyms, spread over all buckets, as keyed hashes would be.
    number, parts = part
    step = 2**64 // (accounts * parts)
    top = (np.uint64(number * accounts * step) + who.astype(np.uint64) * np.uint64(step)).astype(
        ">u8"
    )
    rows[:, -PSEUDONYM_BYTES:-8] = top[:, None].view(np.uint8)
    return rows


def buckets_of(rows: Rows, count: int) -> list[bytes]:
    """The rows in so many buckets, each account whole in one of them."""
    top = np.ascontiguousarray(rows[:, -PSEUDONYM_BYTES:][:, :4]).view(">u4")[:, 0]
    place = top.astype(np.uint64) * np.uint64(count) >> np.uint64(32)
    ends = np.searchsorted(place, np.arange(count + 1, dtype=np.uint64))
    return [rows[a:b].tobytes() for a, b in pairwise(ends)]


def _zipf(count: int, steepness: float) -> NDArray[np.float64]:
    mass = 1 / np.arange(1, count + 1) ** steepness
    return np.asarray(mass / mass.sum())
