"""
Sessions per second that ask a model: sealed session, broker, server, label record in a bucket.

All of it runs on this machine: keeper, workers, broker, and a server that answers at once.  So the
figure is what our own side takes; a model's own time comes on top, and is waited for by many
workers at once.  A busy machine stretches wall-clock time and hardly the processors', so the
latter is told for each part, and the speed at which it would fill two cores.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from benchmarks.measuring import load, spent, tell
from tests.support.asking import endpoint_world
from tests.support.world import World, alone, must

ACCOUNTS, SESSIONS = 3_000, 6_400
"""A run starts once, in two or three seconds; that is in the speed, and told beside it."""
CORES = 2
_LOOK_SECONDS = 0.1
_AT_WORK_SECONDS = 0.05
"""Of its processor: a server that is asked takes that much at once, one that waits does not."""


def main() -> None:
    """Measure and tell."""
    with (
        TemporaryDirectory() as place,
        dev_stub(Path(place) / "roots.pem") as (server, url, roots),
        endpoint_world(
            Path(place) / "world", url, roots, accounts=ACCOUNTS, sessions=SESSIONS
        ) as world,
    ):
        told = _measured(world, server)
    tell("asking", sessions=SESSIONS, **told, load=load())


@contextmanager
def dev_stub(roots: Path, *more: str) -> Iterator[tuple[int, str, str]]:
    """A server in a process of its own: its number, address and root."""
    command = [sys.executable, "-m", "clerestory", "dev-stub", "--roots", str(roots), "--json"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            told = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
            yield server.pid, told["url"], roots.read_text(encoding="ascii")
        finally:
            server.terminate()


def _measured(world: World, server: int) -> dict[str, float]:
    """Label all that is due: speed, and milliseconds of processors for a session, by part."""
    must("submit", world.vault, world.plan)
    must("approve", world.vault, world.plan, "--key", world.key)
    key = world.folder / "endpoint-key.txt"
    before, start = (spent(world.keeper), spent(server)), time.perf_counter()
    with _watched(world.keeper, server) as (below, begun):
        must("classify", world.vault, world.plan, "--api-key-file", key, run=alone)
    wall = time.perf_counter() - start
    took = {
        "keeper": spent(world.keeper).own - before[0].own,
        **below,
        "server": spent(server).own - before[1].own,
    }
    return {
        "per_s": SESSIONS / wall,
        "start_s": begun[0] - start,
        "two_cores_per_s": CORES * SESSIONS / sum(took.values()),
        **{f"{name}_ms": seconds / SESSIONS * 1000 for name, seconds in took.items()},
    }


@contextmanager
def _watched(keeper: int, server: int) -> Iterator[tuple[dict[str, float], list[float]]]:
    """
    Processors' seconds of broker and workers, and when the server was first asked; told at the end.

    Looked at while they run: what ends in a namespace of its own is counted to nobody outside.
    """
    over, told, begun = Event(), {"broker": 0.0, "workers": 0.0}, list[float]()
    idle = spent(server).own

    def look() -> None:
        found = dict[str, int]()
        while not over.wait(_LOOK_SECONDS):
            # Once: to go through all processes takes a part of what is measured.
            found = found if len(found) == len(told) else dict(_below(keeper))
            for name, pid in found.items():
                with suppress(OSError):  # it has ended meanwhile
                    took = spent(pid)
                    told[name] = took.own + (took.below if name == "workers" else 0.0)
            if not begun and spent(server).own > idle + _AT_WORK_SECONDS:
                begun.append(time.perf_counter())

    thread = Thread(target=look)
    thread.start()
    try:
        yield told, begun
    finally:
        over.set()
        thread.join()


def _below(keeper: int) -> Iterator[tuple[str, int]]:
    """The broker, and the zygote, to which its workers are counted once they have ended."""
    ours = {keeper}
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(words[1]) not in ours:
                continue
            if b"broker.py" in (folder / "cmdline").read_bytes():
                yield "broker", int(folder.name)
            elif (folder / "comm").read_text().strip() == "bwrap":
                ours.add(int(folder.name))
            elif b"boot.py" in (folder / "cmdline").read_bytes():
                yield "workers", int(folder.name)
        except OSError:  # it has ended meanwhile
            continue
