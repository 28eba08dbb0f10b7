"""
Four tables over ten million sessions: time and memory of the aggregate worker, cold.

Sealed buckets lie in files; a new process opens them one at a time, sums, adds the noise and makes
the rows: the worker's own `run`, without its sandbox.  It must be linear in the sessions and flat
in memory, so parts of the buckets are measured first.  `./run bench scale 100000000` takes more;
buckets are made one at a time, 7 GB of them then.  Points and plot lie in `docs/measured`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregates import worker
from aggregates.plan import plan
from benchmarks.four_tables import four_tables
from benchmarks.measuring import WORKERS, load, own_peak_mb, tell
from benchmarks.plot import Panel, plot
from benchmarks.population import skewed_rows
from privacy.codebook import codebook
from privacy.sealing import KeyPair, run_info, seal

SESSIONS, EACH = 10_000_000, 500_000
"""Of the whole, and of one bucket."""
ACCOUNTS_PER_SESSION = 235 / 400
PARTS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Which parts of all buckets are measured."""
MEASURED = Path(__file__).parents[1] / "docs" / "measured"
LIMITS: Mapping[int, tuple[float, float]] = {
    10_000_000: (5.0, 500.0),
    100_000_000: (60.0, 1000.0),
}
"""Sessions → seconds and megabytes that are not to be exceeded."""


class Files:
    """The worker's channel: so many sealed buckets from files, and its answer."""

    def __init__(self, folder: Path, count: int | None = None) -> None:
        self._left = sorted(folder.glob("*.sealed"))[:count]
        self.sent = b""

    def receive(self, limit: int) -> bytes:
        """The next bucket, or the empty frame."""
        return self._left.pop(0).read_bytes()[:limit] if self._left else b""

    def send(self, frame: bytes, /) -> None:
        """Keep the answer."""
        self.sent = frame


def child(folder: Path, count: int | None = None) -> None:
    """Release what lies in a folder, and tell how long it took and how much memory."""
    start = time.perf_counter()
    worker.prepare((folder / "plan.json").read_bytes())
    channel = Files(folder, count)
    worker.run(channel, KeyPair.from_secret((folder / "key").read_bytes()))
    rows = json.loads(channel.sent)["rows"]
    print(
        json.dumps(
            {
                "worker_s": time.perf_counter() - start,
                "cpu_s": time.process_time(),
                "peak_mb": own_peak_mb(),
                "published": sum(row["state"] == "published" for row in rows) / len(rows),
            }
        )
    )


def sealed_buckets(folder: Path, sessions: int) -> int:
    """Seal so many sessions into files, with the plan and the key; how many buckets they are."""
    book = codebook()
    made = plan(four_tables(), accounts=round(sessions * ACCOUNTS_PER_SESSION), sessions=sessions)
    pair, info = KeyPair.generate(), run_info(made.hash)
    (folder / "plan.json").write_bytes(made.canonical)
    (folder / "key").write_bytes(pair.secret)
    buckets = max(1, sessions // EACH)
    accounts = round(EACH * ACCOUNTS_PER_SESSION)
    for number in range(buckets):
        rows = skewed_rows(accounts, EACH, book, seed=number, part=(number, buckets))
        sealed = seal(rows.tobytes(), {"bucket": str(number)}, public=pair.public, info=info)
        (folder / f"{number:06}.sealed").write_bytes(sealed.encode())
    return buckets


def measured(folder: Path, count: int) -> dict[str, float]:
    """Let a new process release the first buckets of a folder."""
    busy, start = load(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--child", folder, str(count)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **WORKERS},
    )
    cold = time.perf_counter() - start
    told: dict[str, float] = json.loads(done.stdout)
    return {"sessions": count * EACH, "cold_s": cold, **told, "load": busy}


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, tell and plot."""
    sessions = int(arguments[0]) if arguments else SESSIONS
    with TemporaryDirectory() as place:
        buckets = sealed_buckets(Path(place), sessions)
        counts = sorted({max(1, round(part * buckets)) for part in PARTS})
        points = [measured(Path(place), count) for count in counts]
    first, whole = points[0], points[-1]
    apart = whole["sessions"] - first["sessions"]
    # Of what each further session costs: 1 where all of them cost the same as the first ones.
    middle = points[len(points) // 2]
    rate = (whole["cpu_s"] - first["cpu_s"]) / max(apart, 1)
    early = (middle["cpu_s"] - first["cpu_s"]) / max(middle["sessions"] - first["sessions"], 1)
    tell(
        "scale",
        **whole,
        us_per_session=1e6 * rate,
        linear=rate / early if early else None,
        ratio=whole["peak_mb"] / first["peak_mb"],
    )
    keep(points)


def draw(points: Sequence[Mapping[str, float]]) -> str:
    """The plot of some points, as an SVG file."""
    seconds, megabytes = LIMITS.get(round(points[-1]["sessions"]), (None, None))
    millions = [point["sessions"] / 1e6 for point in points]
    wall, processor, resident = (
        [point[key] for point in points] for key in ("cold_s", "cpu_s", "peak_mb")
    )
    times = {"wall clock": wall, "processor, user and system": processor}
    return plot(
        f"The aggregate worker over {millions[-1]:g} million sessions",
        "million sessions",
        millions,
        [
            Panel("Seconds, cold; broken: the limit", times, seconds),
            Panel("Megabytes at the peak; broken: the limit", {"resident": resident}, megabytes),
        ],
    )


def keep(points: Sequence[Mapping[str, float]]) -> None:
    """Write points and plot into the documents."""
    told = [{key: float(f"{value:.4g}") for key, value in point.items()} for point in points]
    lines = ",\n".join(json.dumps(point) for point in told)
    name = MEASURED / f"scale-{told[-1]['sessions'] / 1e6:g}m"
    MEASURED.mkdir(exist_ok=True)
    name.with_suffix(".json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    name.with_suffix(".svg").write_text(draw(told), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else None)
    else:
        main(sys.argv[1:])
