"""
Claude Code's logs to structural measures: megabytes a second on one core, and memory by size.

Speed is told beside that of the standard library's JSON alone, which no reader in Python can
beat.  One log has records as long as real ones are, `thin_` is synthetic sessions as they are
written, `real_` the logs of a folder that CLERESTORY_TRANSCRIPTS names.  Memory is that of a
process of its own which reads one session of so many megabytes from a file, and its slope is what
each further byte of the file costs.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measuring import load, own_peak_mb, tell
from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.structure import measures
from clerestory.synthetic import write_sessions

ACCOUNTS, SESSIONS, SEED = 100, 200, 1
MEGABYTES, SIZES, TIMES = 20, (10, 50, 200), 5
"""Of the log that is timed; of those whose memory is measured; runs, of which the median counts."""
BULK = 5_400
"""
Characters that are added to an action's result, as the program adds the file before an edit.
Records are then 2.9 kB long in the mean, which is the mean of 18,394 records of real logs.
"""


def main() -> None:
    """Measure and tell."""
    busy = load()
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_sessions(folder, accounts=ACCOUNTS, sessions=SESSIONS, seed=SEED)
        thin = blobs(folder / "logs")
        peaks = {size: peak_mb(written(folder / "one.jsonl", thin, size)) for size in SIZES}
        one = written(folder / "one.jsonl", thin, MEGABYTES).read_bytes()
    first, last = SIZES[0], SIZES[-1]
    real = os.environ.get("CLERESTORY_TRANSCRIPTS")
    tell(
        "formats",
        **speeds([one]),
        **{f"thin_{name}": speed for name, speed in speeds(thin).items()},
        **{
            f"real_{name}": speed
            for name, speed in speeds(blobs(Path(real)) if real else []).items()
        },
        peak_mb={f"{size} MB": peak for size, peak in peaks.items()},
        bytes_per_byte=(peaks[last] - peaks[first]) * 2**20 / (last - first) / 1e6,
        load=busy,
    )


def blobs(folder: Path) -> list[bytes]:
    """Sessions of Claude Code below a folder, as the edge cuts them."""
    found = read_source(folder, lambda _: "one", RunMemory(), Tally())
    return [each.blob for each in found if read_session(each.blob).format == "claude_code"]


def speeds(logs: Sequence[bytes]) -> dict[str, float | None]:
    """Megabytes a second of processor time, and as a share of what parsing alone does."""
    if not logs:
        return {"mb_per_s": None, "json_mb_per_s": None, "ratio_to_json": None}

    def parsed() -> None:
        for each in logs:
            for line in each.split(b"\n"):
                if line:
                    json.loads(line)

    def measured() -> None:
        for each in logs:
            measures(read_session(each))

    took: dict[Callable[[], None], list[float]] = {parsed: [], measured: []}
    for _ in range(TIMES):  # in turns: a machine is not the same all the time
        for way, times in took.items():
            start = time.process_time()
            way()
            times.append(time.process_time() - start)
    megabytes = sum(map(len, logs)) / 1e6
    ours, floor = (megabytes / median(took[way]) for way in (measured, parsed))
    return {"mb_per_s": ours, "json_mb_per_s": floor, "ratio_to_json": ours / floor}


def written(path: Path, thin: Sequence[bytes], megabytes: float) -> Path:
    """Write one session of so many megabytes: the records of many, each with ids of its own."""
    size = 0
    with path.open("wb") as file:
        for line in _long(thin):
            size += file.write(line)
            if size >= megabytes * 1e6:
                return path
    raise ValueError("there are no sessions to make one of")


def _long(thin: Sequence[bytes]) -> Iterator[bytes]:
    bulk = ("the file as it stood before\n" * BULK)[:BULK]
    for turn, blob in zip(count(), cycle(thin), strict=False):
        for line in blob.split(b"\n"):
            record = json.loads(line) if line else {}
            if "message" not in record or record.get("isSidechain"):
                continue
            record |= {"sessionId": "one", "uuid": f"{turn}:{record.get('uuid')}"}
            content = record["message"]["content"]
            for block in content if isinstance(content, list) else ():
                for key in {"id", "tool_use_id"} & block.keys():
                    block[key] = f"{turn}:{block[key]}"
                if block["type"] == "tool_result":
                    extra = record.get("toolUseResult")
                    extra = extra if isinstance(extra, dict) else {}
                    record["toolUseResult"] = {**extra, "originalFile": bulk}
            yield json.dumps(record).encode() + b"\n"


def peak_mb(log: Path) -> float:
    """Most memory of a process that reads a log to structural measures."""
    command = [sys.executable, "-m", "benchmarks.formats", "--child", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def child(log: Path) -> None:
    """Read a log from its file, and tell the most memory that this took."""
    with log.open("rb") as file:
        found = measures(read_session(file))
    if not found["actions"]:
        raise ValueError("nothing was read")
    print(own_peak_mb())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]))
    else:
        main()
