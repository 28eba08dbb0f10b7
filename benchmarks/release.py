"""
The whole `release` of the published study over 398,000 sessions, cold: command to signed bundle.

A new sealed worker for it, and all that the keeper does before and after: isolation, charge, sums,
noise, rows, gate, signature.  The kernel alone is measured beside it, and `plan`, which sees no
data.  `./run bench release STUDY` takes another study.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregates.kernel import Kernel, view
from aggregates.twin import draw
from benchmarks.measuring import load, seconds, tell
from benchmarks.watch import Watch
from privacy.codebook import codebook
from privacy.plan import read_plan
from tests.support.world import ROOT, alone, labels_world, must

ACCOUNTS, SESSIONS = 235_000, 398_000
STUDY = ROOT / "studies" / "claude-code-expertise.toml"


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and tell."""
    study = Path(arguments[0]) if arguments else STUDY
    with TemporaryDirectory() as place:
        folder = Path(place)
        with labels_world(folder, ACCOUNTS, SESSIONS, study=study) as world:
            before, start, busy = os.times(), time.perf_counter(), load()
            with Watch(world.keeper) as watch:
                must("release", world.vault, world.plan, "--out", folder / "bundle", run=alone)
            whole, after = time.perf_counter() - start, os.times()
            plan = read_plan(world.plan.read_bytes())
            table = (folder / "bundle" / "tables.csv").read_text()
        start = time.perf_counter()
        alone("plan", study, "--out", folder / "again.json")
        planned = time.perf_counter() - start
    book = codebook()
    buckets = draw(ACCOUNTS, SESSIONS, seed=1, codebook=book).buckets(64)

    def sums() -> None:
        kernel = Kernel(plan, book)
        for bucket in buckets:
            kernel.partial(view(bucket, book))

    kernel = seconds(sums, 3)
    client = after.children_user + after.children_system
    client -= before.children_user + before.children_system
    tell(
        "release",
        sessions=SESSIONS,
        queries=len(plan.queries),
        cells=sum(query.size for query in plan.queries),
        release_s=whole,
        cpu_s=watch.cpu_s + client,
        worker_peak_mb=watch.peak_mb,
        plan_s=planned,
        kernel_s=kernel,
        ratio=whole / kernel,
        rows=table.count("\n") - 1,
        published=table.count(",published,"),
        load=busy,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
