"""
Fuzz for some seconds: `python -m tests.fuzz [SECONDS] [--findings FOLDER]`.

It needs atheris, which is no part of the tests: without it, it says how to install it and skips.
What it finds is kept in a folder outside the checkout, since inputs may be made of real logs:
those come in when CLERESTORY_TRANSCRIPTS names a folder of them.  Exit codes: 0 nothing found or
skipped, 1 something found, 2 the fuzzer did not run.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from tests.support.corpus import VARIABLE
from tests.support.world import ROOT

MEMORY = 2048
"""MiB of address space: an input that takes more is a finding."""
HANG = 30
"""seconds: an input that takes longer is a finding, on a busy machine, too."""
LONGEST = 40_000
"""bytes of an input"""
RESTARTS = 20
WRITTEN = 20
"""Executions after which it is written down how far the hunt is."""


def main(words: list[str] | None = None) -> int:
    """Hunt until the time is up, over deaths of the fuzzer's process; tell what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=int, default=60)
    parser.add_argument(
        "--findings", type=Path, help="where to keep them; a new folder if not said"
    )
    given = parser.parse_args(words)
    if find_spec("atheris") is None:
        print("skipped: atheris is not installed.  For CPython 3.11 to 3.13: pip install atheris")
        return 0
    folder = given.findings or Path(mkdtemp(prefix="clerestory-fuzz-"))
    if folder.resolve().is_relative_to(ROOT):
        parser.error("inputs may be made of real logs: keep them outside the checkout")
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    begun = _sow(corpus)
    print(f"{begun} seeds; {given.seconds} s; findings go to {folder}", flush=True)
    memory = Path("/dev/shm")  # every input is written to a file: not to a disk, if it can be
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as inputs:
        told = _hunt(folder, corpus, Path(inputs), given.seconds)
    print(json.dumps(told, indent=1))
    if not told["executions"]:
        return 2
    return 1 if told["findings"] or told["deaths"] else 0


def _sow(corpus: Path) -> int:
    from tests.fuzz.seeds import seeds

    real = os.environ.get(VARIABLE)
    number = 0
    for number, seed in enumerate(seeds(Path(real) if real else None), start=1):
        (corpus / f"seed-{number:04d}").write_bytes(seed[:LONGEST])
    return number


def _hunt(folder: Path, corpus: Path, inputs: Path, seconds: int) -> dict[str, Any]:
    end, executions, deaths, coverage, peak = time.monotonic() + seconds, 0, 0, (0, 0), 0
    verdicts, findings, most = Counter[str](), Counter[str](), dict[str, float]()
    while (left := int(end - time.monotonic())) > 2 and deaths <= RESTARTS:
        (folder / "hunt.json").unlink(missing_ok=True)
        died, told = _one(folder, corpus, inputs, left)
        deaths += died
        coverage = max([coverage, *_coverage(told)])
        peak = max([peak, *(int(n) for n in re.findall(r"rss: (\d+)Mb", told))])
        if not (folder / "hunt.json").exists():
            (folder / "last-words.txt").write_text(told)
            break
        hunt = json.loads((folder / "hunt.json").read_text())
        executions += hunt["executions"]
        verdicts.update(hunt["verdicts"])
        findings.update(hunt["findings"])
        most = {key: max(value, most.get(key, 0.0)) for key, value in hunt["most"].items()}
    return {
        "executions": executions,
        "deaths": deaths,
        "edges": coverage[0],
        "features": coverage[1],
        "corpus": len(list(corpus.iterdir())),
        "peak_mib": peak,
        "most": most,
        "verdicts": verdicts,
        "findings": findings,
    }


def _one(folder: Path, corpus: Path, inputs: Path, seconds: int) -> tuple[bool, str]:
    """One process of the fuzzer; whether it died, and what it said."""
    options = (
        f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={HANG}",
        f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={folder}/death-", "-print_final_stats=1",
    )  # fmt: skip
    command: list[str | Path] = [
        sys.executable,
        "-P",
        "-m",
        "tests.fuzz.hunting",
        folder,
        inputs,
        corpus,
        *options,
    ]
    log = folder / "libfuzzer.log"
    with log.open("wb") as out:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
            preexec_fn=_bounded,
        )
    return done.returncode != 0, log.read_text(errors="replace")


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY * 2**20, MEMORY * 2**20))
    os.nice(19)


def _coverage(told: str) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in re.findall(r"cov: (\d+) ft: (\d+)", told)]


if __name__ == "__main__":
    sys.exit(main())
