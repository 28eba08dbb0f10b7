"""A validation goes the whole way: study, plan, sealed worker, gate, bundle, page, a stranger."""

from pathlib import Path

import pytest

from aggregates.bundle import read_bundle
from tests.aggregates.rows import HEAD
from tests.support.confusions import CORRECTED, GOOD, RATED, file_of, of_modes, told
from tests.support.world import labels_world, must


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of corrected numbers."""
    folder = tmp_path_factory.mktemp("mistakes")
    study, plan, out = (folder / name for name in ("study.toml", "plan.json", "bundle"))
    study.write_text(HEAD + RATED + CORRECTED, encoding="utf-8")
    text = file_of(told(GOOD), told(GOOD, expertise="advanced"), of_modes())
    (folder / "confusion.json").write_text(text, encoding="utf-8")
    with labels_world(folder / "world") as world:
        must("plan", study, "--out", plan, "--accounts", "3000")
        must("submit", world.vault, plan)
        must("approve", world.vault, plan, "--key", world.key)
        must("release", world.vault, plan, "--out", out)
    return out


def test_a_stranger_finds_the_error_and_the_comparisons_to_follow(bundle: Path) -> None:
    """From plan and tables alone."""
    said = must("verify", bundle)

    assert "This bundle is what its keeper signed." in said
    assert "the comparisons follow from them" in said


def test_what_is_printed_says_which_error_is_the_largest(bundle: Path) -> None:
    """After 400 validated sessions the rater's mistakes outweigh all else in most of them."""
    read = read_bundle(bundle)
    rates = read.tables["verified"]
    printed = rates[(rates["statistic"] == "rate") & (rates["state"] == "published")]
    assert len(printed) >= 3
    assert (printed["se_classifier"] > 0).all()
    errors = printed[["se_noise", "se_sampling", "se_classifier"]].idxmax(axis=1)
    assert list(printed["dominates"]) == [name.removeprefix("se_") for name in errors]
    assert "classifier" in set(printed["dominates"])
    corrected = rates[rates["statistic"] == "corrected"].set_index("expertise")
    assert corrected.loc["advanced", "state"] == "published"
    assert set(corrected.drop("advanced")["state"]) == {"not_computed"}
    assert set(rates[rates["state"] != "published"]["dominates"]) <= {""}

    readme = " ".join((bundle / "README.txt").read_text(encoding="utf-8").split())
    assert "verified (rate): " in readme
    assert "two readers, of made-up sessions" in readme
    assert not read.comparisons.empty


def test_the_page_says_what_would_overturn_a_difference(bundle: Path) -> None:
    """In words, beside what the rater was found to miss; and what no interval holds."""
    page = (bundle / "report.html").read_text(encoding="utf-8")

    assert "What would overturn it" in page
    assert "wrong labels" in page
    assert "A corrected number is not computed where" in page
