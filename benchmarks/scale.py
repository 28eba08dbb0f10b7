"""
Four tables over ten million sessions: time and memory of the aggregate worker, cold.

Sealed buckets lie in files; a new process opens them one at a time, sums, adds the noise and makes
the rows: the worker's own `run`, without its sandbox.  It must be linear in the sessions and flat
in memory, so a tenth of them is measured beside.  More: `python -m benchmarks.scale 100000000`.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregates import worker
from aggregates.plan import plan
from benchmarks.four_tables import four_tables
from benchmarks.measuring import tell
from benchmarks.population import skewed_rows
from privacy.codebook import codebook
from privacy.sealing import KeyPair, run_info, seal

SESSIONS, EACH = 10_000_000, 500_000
"""Of the whole, and of one bucket."""
ACCOUNTS_PER_SESSION = 235 / 400


class Files:
    """The worker's channel: sealed buckets from files, and its answer."""

    def __init__(self, folder: Path) -> None:
        self._left = sorted(folder.glob("*.sealed"))
        self.sent = b""

    def receive(self, limit: int) -> bytes:
        """The next bucket, or the empty frame."""
        return self._left.pop(0).read_bytes()[:limit] if self._left else b""

    def send(self, frame: bytes, /) -> None:
        """Keep the answer."""
        self.sent = frame


def child(folder: Path) -> None:
    """Release what lies in a folder, and tell how long it took and how much memory."""
    start = time.perf_counter()
    worker.prepare((folder / "plan.json").read_bytes())
    channel = Files(folder)
    worker.run(channel, KeyPair.from_secret((folder / "key").read_bytes()))
    rows = json.loads(channel.sent)["rows"]
    print(
        json.dumps(
            {
                "wall_s": time.perf_counter() - start,
                "cpu_s": time.process_time(),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "published": sum(row["state"] == "published" for row in rows) / len(rows),
            }
        )
    )


def measured(sessions: int) -> dict[str, float]:
    """Seal so many sessions and let a new process release them."""
    book = codebook()
    made = plan(four_tables(), accounts=round(sessions * ACCOUNTS_PER_SESSION), sessions=sessions)
    pair, info = KeyPair.generate(), run_info(made.hash)
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "plan.json").write_bytes(made.canonical)
        (folder / "key").write_bytes(pair.secret)
        buckets = max(1, sessions // EACH)
        for number in range(buckets):
            rows = skewed_rows(
                round(EACH * ACCOUNTS_PER_SESSION), EACH, book, seed=number, part=(number, buckets)
            )
            sealed = seal(rows.tobytes(), {"bucket": str(number)}, public=pair.public, info=info)
            (folder / f"{number:06}.sealed").write_bytes(sealed.encode())
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale", "--child", place],
            capture_output=True,
            text=True,
            check=True,
        )
        cold = time.perf_counter() - start
    told: dict[str, float] = json.loads(done.stdout)
    return {**told, "cold_s": cold}


def main(arguments: list[str] | None = None) -> None:
    """Measure and tell."""
    sessions = int(arguments[0]) if arguments else SESSIONS
    tenth, whole = measured(sessions // 10), measured(sessions)
    tell(
        "scale",
        sessions=sessions,
        cold_s=whole["cold_s"],
        worker_s=whole["wall_s"],
        cpu_s=whole["cpu_s"],
        peak_mb=whole["peak_mb"],
        published=whole["published"],
        tenth_cold_s=tenth["cold_s"],
        tenth_cpu_s=tenth["cpu_s"],
        tenth_peak_mb=tenth["peak_mb"],
        ratio=whole["peak_mb"] / tenth["peak_mb"],
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]))
    else:
        main(sys.argv[1:])
