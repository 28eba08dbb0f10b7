"""A whole release of first-look over 398,000 sessions, cold, against the kernel alone."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregates.kernel import partial, view
from aggregates.twin import draw
from benchmarks.measuring import peak_mb, seconds, tell
from privacy.codebook import codebook
from privacy.plan import read_plan
from tests.support.world import labels_world, must

ACCOUNTS, SESSIONS = 235_000, 398_000


def main() -> None:
    """Measure and tell."""
    with TemporaryDirectory() as place, labels_world(Path(place), ACCOUNTS, SESSIONS) as world:
        start = time.perf_counter()
        must("release", world.vault, world.plan, "--out", Path(place) / "bundle")
        whole = time.perf_counter() - start
        plan = read_plan(world.plan.read_bytes())
        published = (Path(place) / "bundle" / "tables.csv").read_text().count(",published,")
    book = codebook()
    buckets = draw(ACCOUNTS, SESSIONS, seed=1, codebook=book).buckets(64)

    def sums() -> None:
        for bucket in buckets:
            partial(plan, view(bucket, book), book)

    kernel = seconds(sums, 3)
    tell(
        "release",
        sessions=SESSIONS,
        release_s=whole,
        kernel_s=kernel,
        ratio=whole / kernel,
        published=published,
        peak_mb=peak_mb(),
    )
