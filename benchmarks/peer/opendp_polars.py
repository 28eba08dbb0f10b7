"""The four tables by OpenDP's Polars planner, three sessions an account.  `DATA OUT`"""

import json
import logging
import sys
from pathlib import Path

import numpy as np
import opendp.prelude as dp
import polars as pl

MONTHS = [f"2025-{month:02d}" for month in range(6, 13)]
MODES = [
    "build", "fix", "operate", "communicate", "understand", "plan", "orchestrate", "analyze",
    "test",
]  # fmt: skip
LEVELS = ["novice", "beginner", "intermediate", "advanced", "expert"]
JOBS = [str(code) for code in range(11, 56, 2)]
KEPT, RHO, DELTA = 3, 0.024355, 1e-6
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def main(data: str, out: str) -> None:
    """Release, a quarter of the loss for each table."""
    logging.disable()
    dp.enable_features("contrib")
    by = [dp.polars.Margin(by=[name], max_length=10**6) for name in ("expertise", "occupation")]
    context = dp.Context.compositor(
        data=pl.scan_parquet(data),
        privacy_unit=dp.unit_of(contributions=1, identifier="account"),
        privacy_loss=dp.loss_of(rho=RHO, delta=DELTA),
        margins=by,
    )
    levels, jobs = pl.LazyFrame({"expertise": LEVELS}), pl.LazyFrame({"occupation": JOBS})
    cells = pl.LazyFrame(
        {"month": [m for m in MONTHS for _ in MODES], "work_mode": MODES * len(MONTHS)}
    )

    def query() -> object:
        return context.query(rho=RHO / 4, delta=0.0).truncate_per_group(KEPT)

    def released(asked: object) -> list[tuple[object, ...]]:
        return asked.release().collect().rows()

    grid = np.unique(np.round(np.geomspace(1, 1000, 200), 1)).tolist()
    count, column = dp.len(signed=True), pl.col
    words = column("words").fill_null(0.0).fill_nan(0.0)
    fives = [words.dp.quantile(q, grid).alias(str(q)) for q in QUANTILES]
    told = {
        "work": {
            f"{m}|{w}": n
            for m, w, n in released(
                query().group_by("month", "work_mode").agg(count).with_keys(cells)
            )
        },
        "actions": {
            level: total / max(n, 1)
            for level, n, total in released(
                query()
                .group_by("expertise")
                .agg(count, column("actions").fill_null(0.0).fill_nan(0.0).dp.sum((0.0, 40.0)))
                .with_keys(levels)
            )
        },
        "words": {
            level: values
            for level, *values in released(
                query().group_by("expertise").agg(*fives).with_keys(levels)
            )
        },
        "verified": {
            job: yes / max(n, 1)
            for job, n, yes in released(
                query()
                .group_by("occupation")
                .agg(
                    column("judged").fill_null(0).dp.sum((0, 1)).alias("base"),
                    column("ok").fill_null(0).dp.sum((0, 1)),
                )
                .with_keys(jobs)
            )
        },
    }
    Path(out).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
