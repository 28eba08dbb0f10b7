"""Every kind of table comes out of a sealed worker, and is verified by a stranger."""

from dataclasses import replace
from fractions import Fraction
from math import isnan
from pathlib import Path

from aggregates.bundle import read_bundle
from aggregates.estimates.cells import minimum_of
from aggregates.forecast import prior
from aggregates.plan import plan as compiled
from aggregates.study import Study
from privacy.codebook import codebook
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    AGREE,
    AMONG,
    DESIGNED,
    HEAD,
    NOTHING,
    RATE,
    REST,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
)
from tests.support.world import labels_world, must

TABLES = (
    SHARE,
    RATE,
    AMONG,
    SIZES,
    TOTAL,
    TRENDS,
    REST,
    AGREE,
    ACCOUNT_SIZES,
    DESIGNED,
    ADJUSTED,
    NOTHING,
)
STUDY = HEAD.replace("epsilon = 2.0", "epsilon = 1.5") + "".join(TABLES)
KINDS = {
    "share", "rate", "change", "slope", "geometric_mean", "mean", "quantiles", "total",
    "grand_total", "adjusted_rate", "adjusted_slope", "adjusted_geometric_mean", "adjusted_ratio",
    "accounts", "accounts_above", "kappa", "weighted_kappa", "exact", "adjacent", "not_computed",
}  # fmt: skip
ACCOUNTS, SESSIONS = 300_000, 510_000


def test_no_bound_that_noise_may_pick_withholds_the_grand_total() -> None:
    """
    That a grand total is printed is no luck: expected, it lies 7 σ above its threshold at each C.

    One of fewer accounts may be withheld, since noise picks the bound: of 3,000, at C ≥ 48.
    """
    made = compiled(Study.parse(STUDY), accounts=ACCOUNTS, sessions=SESSIONS)
    sums = prior(made, ACCOUNTS, SESSIONS, codebook())
    (query,) = (query for query in made.queries if query.value == "capped")
    for clip, expected in zip(query.clips, sums[query.name], strict=True):
        minimum = replace(minimum_of(made), k=Fraction(clip.bound), clipped=True)
        assert expected - minimum.threshold(clip.sigma) > 7 * clip.sigma


def test_every_kind_of_table_is_released_sealed(tmp_path: Path) -> None:
    """
    After the seal nothing can be imported, opened or mapped: what a kind needs is there before.

    Shares of modes alone and by month are reconciled on the way, which takes linear algebra.
    """
    study, plan, bundle = (tmp_path / name for name in ("study.toml", "every.json", "bundle"))
    study.write_text(STUDY, encoding="utf-8")
    with labels_world(tmp_path / "world", ACCOUNTS, SESSIONS) as world:
        must("plan", study, "--out", plan, "--accounts", str(ACCOUNTS))
        must("submit", world.vault, plan)
        must("approve", world.vault, plan, "--key", world.key)
        must("release", world.vault, plan, "--out", bundle)
        assert "This bundle is what its keeper signed." in must("verify", bundle)
    table = read_bundle(bundle).table

    assert set(table["statistic"]) == KINDS
    printed = set(table[table["state"] == "published"]["statistic"])
    assert {"share", "rate", "kappa", "weighted_kappa", "exact", "adjacent"} <= printed
    # Withheld less than once in 10¹¹ runs: the test below.
    (total,) = table[table["statistic"] == "grand_total"].to_dict("records")
    assert total["state"] == "published"
    assert total["raw"] >= total["threshold"] > 0
    (nothing,) = table[table["statistic"] == "not_computed"].to_dict("records")
    assert (nothing["state"], nothing["base"]) == (
        "not_computed", "no record says who wrote a commit",
    )  # fmt: skip
    assert isnan(nothing["threshold"])
    assert sum(table["keys"] == "occupation=all others") == 1
    assert (bundle / "report.html").read_text(encoding="utf-8").count("<h2") > 6
