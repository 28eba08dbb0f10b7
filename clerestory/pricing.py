"""
Hold task values against prices that somebody knows: what a person was paid for the same result.

Bands are ordered, and no more than that: the published study found them far too high for small
jobs and far too low for large ones.  So the order is told first, then how much of the prices'
logarithm the bands explain, and the bias in each tier, where a bias of 2 is twice too much.
"""

import csv
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, isfinite, log, sqrt
from pathlib import Path
from statistics import correlation, fmean
from typing import Any

from privacy.codebook import UNCLEAR
from privacy.derived import GROUPINGS
from privacy.errors import ConfigurationError

from .validation import Rated

DOLLARS: Mapping[str, tuple[float, float]] = {
    "lt25": (10, 25), "25-50": (25, 50), "50-100": (50, 100), "100-250": (100, 250),
    "250-500": (250, 500), "500-1000": (500, 1_000), "1000-5000": (1_000, 5_000),
    "gt5000": (5_000, 12_500),
}  # fmt: skip
"""Band → its ends; the open ones are closed where a band of like width would be."""
TIERS = tuple(GROUPINGS["task_value_tier"].groups)
"""The codebook's tiers."""
TOPS = (100.0, 500.0, 1_000.0)
"""Prices below which a job is of the first tier, of the second, of the third."""
FEWEST = 3
"""Sessions without which nothing is said of a tier's spread."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Task values against prices, of all sessions or of one tier of prices."""

    tier: str
    n: int
    bias: float
    """Geometric mean of value over price."""
    order: float | None
    """Spearman's rank correlation; None where one side is all alike or there are too few."""
    log_r2: float | None
    """Share of the variance of log price that the band's middle explains, linearly."""


def calibrate(rated: Rated) -> dict[str, Any]:
    """
    Compare.

    Returns:
        `all` and `tiers` as calibrations, `abstained`: sessions with a price and no value.
    """
    priced = [
        (found["task_value"], price)
        for (_, found), price in zip(rated.pairs, rated.paid, strict=True)
        if price is not None
    ]
    known = [(log(_middle(band)), log(price)) for band, price in priced if band != UNCLEAR]
    tiers: dict[str, list[tuple[float, float]]] = {name: [] for name in TIERS}
    for value, price in known:
        tiers[TIERS[bisect_right([log(top) for top in TOPS], price)]].append((value, price))
    return {
        "all": asdict(_calibration("all", known)) if known else None,
        "tiers": [asdict(_calibration(name, some)) for name, some in tiers.items() if some],
        "abstained": len(priced) - len(known),
    }


def read_prices(path: Path) -> dict[str, float]:
    """
    Prices by path.

    Raises:
        ConfigurationError: No such file, no columns `path` and `price`, or a price that is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            prices = {row["path"]: float(row["price"]) for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error):
        raise _bad("no CSV of columns path and price.") from None
    if not prices or not all(isfinite(price) and price > 0 for price in prices.values()):
        raise _bad("a price that is not above nothing, or no price at all.")
    return prices


def _middle(band: str) -> float:
    low, high = DOLLARS[band]
    return sqrt(low * high)


def _calibration(tier: str, pairs: Sequence[tuple[float, float]]) -> Calibration:
    values, prices = [value for value, _ in pairs], [price for _, price in pairs]
    varied = len(pairs) >= FEWEST and len(set(values)) > 1 and len(set(prices)) > 1
    return Calibration(
        tier,
        len(pairs),
        bias=exp(fmean(value - price for value, price in pairs)),
        order=correlation(_ranks(values), _ranks(prices)) if varied else None,
        log_r2=correlation(values, prices) ** 2 if varied else None,
    )


def _ranks(values: Sequence[float]) -> list[float]:
    """Places in order; those that are alike share the mean of theirs."""
    ordered = sorted(values)
    return [ordered.index(one) + (ordered.count(one) - 1) / 2 for one in values]


def _bad(found: str) -> ConfigurationError:
    return ConfigurationError(
        "PRICES_INPUT",
        rule="Prices are dollars above zero that somebody knows, file by file.",
        found=found,
        remedy="check the file given with --prices.",
    )
