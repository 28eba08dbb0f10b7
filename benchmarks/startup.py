"""
How soon things answer: `--help`, a worker at each tier, and each further batch.

A worker's start is its zygote's (isolation, imports, rehearsal of the plan) and its first fork;
a batch is a fork, the seal, all probes against the lure, and the key.
"""

import subprocess
import sys
import time
from statistics import median

from aggregates.plan import plan
from aggregates.study import Study
from benchmarks.measuring import seconds, tell
from clerestory.workshop import workshop
from privacy.keeper.workshop import WorkerKind
from privacy.sandbox.launch import Zygote
from privacy.sandbox.tiers import Tier, survey
from tests.support.world import STUDY

STARTS, BATCHES = 5, 40
TARGET_S = 0.020
"""For each batch after the first."""


def main() -> None:
    """Measure and tell."""
    _help()
    made, compiled = workshop(), plan(Study.read(STUDY)).canonical
    kinds = {"classify": made.classify, "aggregate": made.aggregate}
    for finding in survey():
        for name, kind in kinds.items():
            if finding.works:
                _worker(name, kind, finding.tier, compiled)


def _help() -> None:
    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)

    bare = seconds(lambda: run("-c", ""), 7)
    told = seconds(lambda: run("-m", "clerestory", "--help"), 7)
    tell("startup", help_s=told, empty_interpreter_s=bare, ratio=told / bare)


def _worker(name: str, kind: WorkerKind, tier: Tier, compiled: bytes) -> None:
    def start() -> None:
        with Zygote(tier, kind.code, kind.module, compiled) as zygote:
            zygote.start().close(0.0)

    cold, batches = seconds(start, STARTS), []
    with Zygote(tier, kind.code, kind.module, compiled) as zygote:
        for _ in range(BATCHES):
            begun = time.perf_counter()
            worker = zygote.start()
            batches.append(time.perf_counter() - begun)
            worker.close(0.0)
    tell(
        "startup",
        worker=name,
        tier=tier.name,
        cold_s=cold,
        batch_s=median(batches),
        batch_worst_s=max(batches),
        batch_target_s=TARGET_S,
        ratio=cold / median(batches),
    )
