"""Sessions per second through sealed workers, against the same rater without a seal."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import tell
from classifiers.edge import RunMemory, Tally, read_source
from classifiers.worker import classify
from tests.support.world import alone, must, sessions_world

ACCOUNTS, SESSIONS = 600, 1_000


def main() -> None:
    """Measure and tell."""
    with TemporaryDirectory() as place:
        with sessions_world(Path(place), ACCOUNTS, SESSIONS) as world:
            start = time.perf_counter()
            must("classify", world.vault, world.plan, run=alone)
            sealed = time.perf_counter() - start
        logs = Path(place) / "raw" / "logs"
        sessions = list(read_source(logs, lambda _: "one", RunMemory(), Tally()))
        start = time.perf_counter()
        for session in sessions:
            classify(session.blob, month=session.month, account=bytes(16))
        plain = time.perf_counter() - start
    tell(
        "classify",
        sessions=len(sessions),
        sealed_per_s=SESSIONS / sealed,
        plain_one_core_per_s=len(sessions) / plain,
        ratio=sealed / plain,
    )
