"""What the processes below one process use, while it works: seen from outside, in /proc."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

EVERY = 0.01
"""Seconds between two looks; what ends in between is missed, so CPU time is a little too small."""


class Watch:
    """Peak memory of the largest descendant, and CPU time of all of them and the process itself."""

    def __init__(self, pid: int) -> None:
        self._pid, self._done = pid, Event()
        self._peaks: dict[int, float] = {}
        self._seconds: dict[int, float] = {}
        self._before = 0.0
        self._thread = Thread(target=self._look, daemon=True)

    @property
    def peak_mb(self) -> float:
        """Most memory that one descendant has held."""
        return max((mb for pid, mb in self._peaks.items() if pid != self._pid), default=0.0)

    @property
    def cpu_s(self) -> float:
        """User and system time since the watch began."""
        return sum(self._seconds.values()) - self._before

    def __enter__(self) -> "Watch":
        self._note()
        self._before = sum(self._seconds.values())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(EVERY):
            self._note()

    def _note(self) -> None:
        for pid in _tree(self._pid):
            folder = Path("/proc") / str(pid)
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                status = (folder / "status").read_text()
            except OSError:  # it ended between two looks
                continue
            ticks = int(fields[11]) + int(fields[12])
            self._seconds[pid] = ticks / os.sysconf("SC_CLK_TCK")
            for line in status.splitlines():
                if line.startswith("VmHWM"):
                    self._peaks[pid] = int(line.split()[1]) / 1024


def _tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = [int(child) for child in children.read_text().split()]
        except OSError:
            continue
        for child in below:
            yield from _tree(child)
