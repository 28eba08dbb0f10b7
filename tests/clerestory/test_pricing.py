"""Task values against prices: order, bias by tier, and nothing said of what is too little."""

from pathlib import Path

import pytest

from clerestory.pricing import DOLLARS, TIERS, calibrate, read_prices
from clerestory.readers import Readings
from clerestory.synthetic import write_sessions
from clerestory.validation import Rated, rate
from privacy.codebook import UNCLEAR, codebook
from privacy.errors import ConfigurationError
from privacy.raters import OFFLINE
from tests.support.world import clerestory

MIDDLE = {band: (low * high) ** 0.5 for band, (low, high) in DOLLARS.items()}


def rated(*priced: tuple[str, float | None]) -> Rated:
    """Sessions with a band and a price."""
    size = len(priced)
    return Rated(
        rater=OFFLINE,
        paths=tuple(f"{number}.jsonl" for number in range(size)),
        pairs=tuple(({}, {"task_value": band}) for band, _ in priced),
        groups=("one",) * size,
        keys=({},) * size,
        codes=({},) * size,
        paid=tuple(price for _, price in priced),
        refused={},
        unrated={},
    )


def test_each_band_of_the_codebook_has_a_value() -> None:
    """A band without one would be left out in silence."""
    assert [*DOLLARS, UNCLEAR] == list(codebook().field("task_value").labels)


def test_values_that_are_prices_are_unbiased_and_in_order() -> None:
    """The control: nothing is wrong with a rater that is right."""
    told = calibrate(rated(*MIDDLE.items()))
    assert told["all"]["bias"] == pytest.approx(1)
    assert told["all"]["order"] == pytest.approx(1)
    assert told["all"]["log_r2"] == pytest.approx(1)
    assert [row["tier"] for row in told["tiers"]] == list(TIERS)
    # Bands of the tiers: three, two, one, two; a spread takes three.
    assert [row["n"] for row in told["tiers"]] == [3, 2, 1, 2]
    assert [row["log_r2"] is None for row in told["tiers"]] == [False, True, True, True]


def test_bias_is_told_by_tier_of_the_price() -> None:
    """Too high for small jobs and too low for large ones, as it was for the published study."""
    small = [("50-100", MIDDLE["50-100"] / 2), ("25-50", MIDDLE["25-50"] / 2)]
    large = [("250-500", 4 * MIDDLE["250-500"])]  # 353 for 1,414
    told = calibrate(rated(*small, *large, ("lt25", None), (UNCLEAR, 100.0)))
    found = {row["tier"]: row for row in told["tiers"]}
    assert found["under 100"]["bias"] == pytest.approx(2)
    assert found["over 1000"]["bias"] == pytest.approx(0.25)
    assert (told["all"]["n"], told["abstained"]) == (3, 1)


@pytest.mark.parametrize(
    "text",
    ["path\na\n", "path,price\n", "path,price\na,0\n", "path,price\na,nan\n", "path,price\na,x\n"],
    ids=["no-column", "empty", "nothing", "no-number", "word"],
)
def test_what_is_no_price_is_refused(tmp_path: Path, text: str) -> None:
    """A zero has no logarithm, and a typing error must not become a bias."""
    file = tmp_path / "prices.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_prices(file)
    assert refused.value.code == "PRICES_INPUT"


def test_validate_tells_prices_and_says_what_they_are_good_for(tmp_path: Path) -> None:
    """The command: prices alone will do, and neither labels nor prices will not."""
    write_sessions(tmp_path, accounts=30, sessions=30, seed=5)
    paths = [
        path.relative_to(tmp_path).as_posix()
        for path in sorted((tmp_path / "logs").rglob("*.jsonl"))
        if "subagents" not in path.parts
    ]
    prices = tmp_path / "prices.csv"
    rows = "".join(f"{path},{20 + 40 * i}\n" for i, path in enumerate(paths))
    prices.write_text(f"path,price\n{rows}", encoding="utf-8")
    done = clerestory("validate", "--sessions", tmp_path, "--prices", prices)
    assert done.returncode == 0, done.stderr
    assert "ordinal use only" in done.stdout
    assert "over 1000" in done.stdout
    with pytest.raises(ConfigurationError, match="VALIDATION_INPUT"):
        rate(tmp_path, None, Readings(OFFLINE), lambda _task, _share: None)
