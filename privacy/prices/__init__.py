"""
What models cost: dated files beside this module, the newest of which counts.

A plan names the day of the file that it was reckoned with, so that whoever signs it sees how old
the prices are.  A model that no file knows has no price here: a study may state its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from tomllib import loads

from privacy.spending import MICRODOLLARS, Prices

OLD_DAYS = 90
"""Age of a file from which on its prices are doubted aloud."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider answers at most; None where that is not known."""

    requests: int | None = None
    """A minute."""
    tokens: int | None = None
    """Of prompts, a minute."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One model."""

    prices: Prices
    limits: Limits
    """Of the lowest tier."""
    cache_minimum: int
    """Tokens of a prompt's beginning below which it is not kept."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """One file."""

    dated: date
    source: str
    """In words."""
    batch_queue: int
    """Requests in message batches that wait at once, at the lowest tier."""
    models: Mapping[str, Listed]

    def age(self, today: date) -> int:
        """Days since the prices were read."""
        return (today - self.dated).days


@cache
def price_list() -> PriceList:
    """The newest file."""
    newest = max(e.name for e in files("privacy.prices").iterdir() if e.name.endswith(".toml"))
    text = (files("privacy.prices") / newest).read_text(encoding="utf-8")
    return read_price_list(text, date.fromisoformat(newest.removesuffix(".toml")))


def read_price_list(text: str, dated: date) -> PriceList:
    """
    Read a file.

    Args:
        text: TOML.
        dated: The day in its name.

    Raises:
        ValueError, KeyError: It is none.
    """
    data = loads(text)
    models = {
        model["name"]: _listed(model, dated, data["batch_percent"]) for model in data["model"]
    }
    if len(models) < len(data["model"]):
        raise ValueError("A price list names a model twice.")
    return PriceList(dated, data["source"], data["batch_queue"], models)


def micro(dollars: float) -> int:
    """Dollars as microdollars."""
    return round(dollars * MICRODOLLARS)


def _listed(model: Mapping[str, float], dated: date, batch_percent: int) -> Listed:
    prices = Prices(
        read=micro(model["input"]),
        written=micro(model["output"]),
        cache_read=micro(model["cache_read"]),
        cache_write=micro(model["cache_write"]),
        cliff=int(model.get("cliff", 0)),
        factor=int(model.get("factor", 1)),
        batch_percent=batch_percent,
        dated=dated.isoformat(),
    )
    tokens = model.get("tokens_per_minute")
    limits = Limits(tokens=None if tokens is None else int(tokens))
    return Listed(prices, limits, int(model.get("cache_minimum", 0)))
