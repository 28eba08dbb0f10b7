"""
Kill a child after the n-th thing that it did to the disk.

A profile hook in the child counts calls into the operating system and into SQLite that change
files, and ends the process with SIGKILL at the one that was asked for: no handler runs, nothing
is flushed, as when the machine's memory runs out.  The product knows nothing of it.
"""

import os
import random
import signal
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, rmtree
from types import BuiltinFunctionType, FrameType
from typing import Any

CHANGES = {"fsync", "replace", "rename", "unlink", "link", "chmod", "mkdir", "rmdir", "ftruncate"}
"""Functions of `posix` after which the disk is another one."""
STATEMENTS = {"execute", "executemany", "executescript", "commit"}


def changes(work: Callable[[], object]) -> int:
    """How many fault points a piece of work has: one after each change."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        counter = Counter(0)
        with counter:
            work()
        os.write(writing, str(counter.count).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.wait()
    assert told, "the work failed without being killed"
    return int(told)


def killed_at(point: int, work: Callable[[], object]) -> bool:
    """Do the work in a child and kill it at a fault point; whether it came that far."""
    child = os.fork()
    if child == 0:
        try:
            with Counter(point):
                work()
        except BaseException:  # noqa: BLE001 - a child ends here, whatever happens
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
    return os.WIFSIGNALED(status)


def after_each_kill(
    folder: Path, work: Callable[[Path], object], most: int
) -> Iterator[tuple[int, Path]]:
    """
    A folder as each kill leaves it: at `most` of the fault points, evenly spread.

    They begin anywhere, so that every run of the tests looks elsewhere; CLERESTORY_KILLS=all
    looks everywhere.

    Args:
        folder: As it is before the work; copied for each attempt.
        work: What to do in a copy.
        most: How many attempts are enough for a machine that has other things to do.
    """
    copy = folder.with_name(folder.name + "-copy")
    copytree(folder, copy)
    total = changes(lambda: work(copy))
    rmtree(copy)
    step = 1.0 if os.environ.get("CLERESTORY_KILLS") == "all" else max(1.0, total / most)
    first = 1 + int(random.random() * step)
    points = [first + int(i * step) for i in range(int(total / step))]
    for point in points:
        copytree(folder, copy)
        print(f"killed after change {point} of {total}: {killed_at(point, lambda: work(copy))}")
        yield point, copy
        rmtree(copy)


class Counter:
    """Counts changes of the disk while the block runs; ends the process at the one asked for."""

    def __init__(self, point: int) -> None:
        self._point, self.count = point, 0
        self._lock = threading.Lock()

    def __enter__(self) -> "Counter":
        threading.setprofile(self._look)
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _look(self, _: FrameType, event: str, function: Any) -> None:  # noqa: ANN401
        if event == "c_return" and _changes_the_disk(function):
            with self._lock:
                self.count += 1
                if self.count == self._point:
                    os.kill(os.getpid(), signal.SIGKILL)


def _changes_the_disk(function: Any) -> bool:  # noqa: ANN401
    if not isinstance(function, BuiltinFunctionType):
        return False
    name, owner = function.__name__, getattr(function, "__self__", None)
    if isinstance(owner, sqlite3.Connection):
        return name in STATEMENTS
    return getattr(function, "__module__", "") == "posix" and name in CHANGES
