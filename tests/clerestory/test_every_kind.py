"""Every kind of table comes out of a sealed worker, and is verified by a stranger."""

from math import isnan
from pathlib import Path

from aggregates.bundle import read_bundle
from tests.aggregates.rows import (
    AGREE,
    AMONG,
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

TABLES = (SHARE, RATE, AMONG, SIZES, TOTAL, TRENDS, REST, AGREE, NOTHING)
STUDY = HEAD.replace("epsilon = 2.0", "epsilon = 1.5") + "".join(TABLES)
KINDS = {
    "share", "rate", "change", "slope", "geometric_mean", "mean", "quantiles", "total",
    "grand_total", "kappa", "weighted_kappa", "exact", "adjacent", "not_computed",
}  # fmt: skip


def test_every_kind_of_table_is_released_sealed(tmp_path: Path) -> None:
    """
    After the seal nothing can be imported, opened or mapped: what a kind needs is there before.

    Shares of modes alone and by month are reconciled on the way, which takes linear algebra.
    """
    study, plan, bundle = (tmp_path / name for name in ("study.toml", "every.json", "bundle"))
    study.write_text(STUDY, encoding="utf-8")
    with labels_world(tmp_path / "world") as world:
        must("plan", study, "--out", plan, "--accounts", "3000")
        must("submit", world.vault, plan)
        must("approve", world.vault, plan, "--key", world.key)
        must("release", world.vault, plan, "--out", bundle)
        assert "This bundle is what its keeper signed." in must("verify", bundle)
    table = read_bundle(bundle).table

    assert set(table["statistic"]) == KINDS
    printed = set(table[table["state"] == "published"]["statistic"])
    assert {"share", "rate", "kappa", "weighted_kappa", "exact", "adjacent"} <= printed
    # Among so few accounts the noise may pick a bound under which the grand total is withheld
    # (one run of six did); that it was reckoned, and which of the two became of it, is the point.
    (total,) = table[table["statistic"] == "grand_total"].to_dict("records")
    if total["state"] == "published":
        assert total["raw"] >= total["threshold"] > 0
    else:
        assert total["state"] == "suppressed"
        assert isnan(total["estimate"])
    (nothing,) = table[table["statistic"] == "not_computed"].to_dict("records")
    assert (nothing["state"], nothing["base"]) == (
        "not_computed", "no record says who wrote a commit",
    )  # fmt: skip
    assert isnan(nothing["threshold"])
    assert sum(table["keys"] == "occupation=all others") == 1
    assert (bundle / "report.html").read_text(encoding="utf-8").count("<h2") > 6
