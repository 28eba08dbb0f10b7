"""Dated prices: read whole, in whole microdollars, or refused."""

from datetime import date

import pytest

from privacy.prices import price_list, read_price_list
from privacy.spending import Spending, is_spending

LIST = """
source = "a page"
batch_percent = 50
batch_queue = 10

[[model]]
name = "small"
input = 0.1
output = 0.5
cache_read = 0.01
cache_write = 0.125
cliff = 100_000
factor = 5

[[model]]
name = "large"
input = 4.0
output = 20.0
cache_read = 0.2
cache_write = 5.0
tokens_per_minute = 2_000
"""


def test_a_list_is_read_in_microdollars() -> None:
    """.1 dollars are 100,000 microdollars exactly, though no float is .1."""
    found = read_price_list(LIST, date(2026, 11, 20))
    small, large = found.models["small"], found.models["large"]

    assert (small.prices.read, small.prices.cache_read) == (100_000, 10_000)
    assert (small.prices.cliff, small.prices.factor, small.limits.tokens) == (100_000, 5, None)
    assert (large.prices.cliff, large.prices.factor, large.limits.tokens) == (0, 1, 2_000)
    assert small.prices.dated == "2026-11-20"
    assert found.age(date(2026, 12, 20)) == 30


@pytest.mark.parametrize("missing", ["input = 0.1", 'source = "a page"', "batch_percent = 50"])
def test_a_list_that_lacks_something_is_none(missing: str) -> None:
    """A price that is left out is not nought."""
    assert missing in LIST
    with pytest.raises(KeyError):
        read_price_list(LIST.replace(missing, ""), date(2026, 1, 1))


def test_a_model_stands_once() -> None:
    """Of two prices nobody knows which counts."""
    with pytest.raises(ValueError, match="twice"):
        read_price_list(LIST.replace('"large"', '"small"'), date(2026, 1, 1))


def test_every_installed_price_can_be_reckoned_with() -> None:
    """Sums of them are exact and small; keeping is dearer than reading, finding is cheaper."""
    for listed in price_list().models.values():
        prices = listed.prices
        assert is_spending(Spending(prices))
        assert 0 < prices.cache_read < prices.read < prices.cache_write < prices.written
        assert prices.batch_percent == 50
