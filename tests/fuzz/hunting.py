"""
The fuzzer's own process: inputs, led by coverage, until its time is up.

A broken promise is written down with its input, once for each place, and the hunt goes on.
What kills the process (memory, a hang) is libFuzzer's to write down; see `__main__`.
"""

import contextlib
import hashlib
import json
import sys
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from zlib import crc32

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

with atheris.instrument_imports(include=["classifiers", "clerestory.inspecting"]):
    import classifiers.edge
    from tests.fuzz.__main__ import WRITTEN
    from tests.fuzz.measuring import BYTES_PER_BYTE, cost
    from tests.fuzz.mutation import mutated
    from tests.fuzz.pipeline import Broken, holds, place_of, read

TRACED = 50
"""One input in so many is run again with its memory traced."""
LOOKED_AT = 6
"""At one input in so many the custodian looks, too: it is reading once more."""
SECONDS_BEFORE, SECONDS_PER_BYTE = 1.0, 1e-4
"""Processor time that an input may take, instrumented and on a busy machine."""


class Hunt:
    """Takes inputs; keeps what it found and how far it came in a folder."""

    def __init__(self, folder: Path, inputs: Path) -> None:
        self._folder, self._inputs = folder, inputs
        self._seen = Counter[str]()
        self._verdicts = Counter[str]()
        self._most = {"seconds": 0.0, "bytes_per_byte": 0.0}
        self._number = 0

    def take(self, data: bytes) -> None:
        """Try one input."""
        self._number += 1
        verdict = Counter[str]()

        def run() -> None:
            looked_at = crc32(data) % LOOKED_AT == 0  # the same again, if it is tried again
            verdict[holds(data, self._inputs, looked_at=looked_at)] += 1

        try:
            took = cost(run, len(data), traced=False)
            self._verdicts += verdict
            self._watch("seconds", took.seconds, data)
            if took.seconds > SECONDS_BEFORE + SECONDS_PER_BYTE * len(data):
                self._found("slow", data, f"{took.seconds:.1f} s for {len(data)} bytes")
            if self._number % TRACED == 0:
                self._trace(data)
        except Broken as broken:
            cause = broken.__cause__ or broken
            self._found(f"{broken} {place_of(cause)}", data, traceback.format_exc())
        if self._number % WRITTEN == 0:
            self._write()

    def _trace(self, data: bytes) -> None:
        took = cost(lambda: read(data), len(data), traced=True)
        self._watch("bytes_per_byte", took.per_byte, data)
        if took.per_byte > BYTES_PER_BYTE:
            self._found("memory", data, f"{took.per_byte:.0f} bytes for each of {len(data)}")

    def _watch(self, what: str, value: float, data: bytes) -> None:
        if value > self._most[what]:
            self._most[what] = value
            (self._folder / f"most-{what}").write_bytes(data)

    def _found(self, what: str, data: bytes, told: str) -> None:
        self._seen[what] += 1
        name = hashlib.sha256(what.encode()).hexdigest()[:12]
        path = self._folder / f"found-{name}"
        if not path.exists() or len(data) < path.stat().st_size:
            path.write_bytes(data)
            path.with_suffix(".txt").write_text(f"{what}\n{told}", errors="replace")
        self._write()

    def _write(self) -> None:
        told = {
            "executions": self._number,
            "verdicts": self._verdicts,
            "most": self._most,
            "findings": self._seen,
        }
        (self._folder / "hunt.json").write_text(json.dumps(told, indent=1))


def main() -> None:
    """Hunt: `hunting FOLDER INPUTS CORPUS [LIBFUZZER-OPTION…]`."""
    folder, inputs, corpus, *options = sys.argv[1:]
    # Looking for plug-ins takes longer than reading most inputs; there are none to be found.
    vars(classifiers.edge)["installed"] = tuple
    others = [path.read_bytes() for path in sorted(Path(corpus).iterdir())]
    hunt = Hunt(Path(folder), Path(inputs))

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        with contextlib.suppress(RecursionError):
            data = mutated(data, chance, others)
        return data[:most]

    atheris.Setup([sys.argv[0], *options, corpus], hunt.take, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
