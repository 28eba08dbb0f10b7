"""
Seal the running process, in the one order in which it works.

`seal_surroundings` (limits, then Landlock) → probes that only these two can fail →
`seal_calls` (the filter that answers EPERM) → the other probes → the keeper's go →
`seal_for_good` (the filter that kills) → a key.  Nothing of it can be undone, not even by root.

Landlock binds one thread, so a second one would be a way out: the process is refused if it has
more than one.
"""

from pathlib import Path
from typing import Literal

from . import landlock, limits, seccomp
from .syscalls import checked, libc, prctl

Layer = Literal["limits", "landlock", "seccomp"]
LAYERS: tuple[Layer, ...] = ("limits", "landlock", "seccomp")
_CLONE_THREAD = 0x10000


def seal_surroundings(unsafe_skip: frozenset[str] = frozenset()) -> None:
    """
    Limits, then Landlock.

    Args:
        unsafe_skip: Layers to leave out, so that a test can see the probes notice it.

    Raises:
        OSError: The kernel refused, or there is more than one thread.
        ConfigurationError: The kernel cannot do it.
    """
    check_single_thread()
    if "limits" not in unsafe_skip:
        limits.limit()
    else:  # the two others cannot be entered without it
        prctl(limits.NO_NEW_PRIVILEGES, 1)
    if "landlock" not in unsafe_skip:
        landlock.restrict()


def seal_calls(unsafe_skip: frozenset[str] = frozenset()) -> None:
    """The filter that answers EPERM; arguments and errors as above."""
    if "seccomp" not in unsafe_skip:
        seccomp.install(seccomp.Stage.PROBING)


def seal_for_good() -> None:
    """
    The filter that kills, stacked on the first.

    Raises:
        OSError: The kernel refused.
    """
    seccomp.install(seccomp.Stage.FINAL)


def check_single_thread() -> None:
    """
    Refuse a process with threads, Python's or a library's.

    `/proc` tells where it is mounted.  Elsewhere `unshare` does: to leave a thread group is
    allowed, and does nothing, for a process that is alone in it [unshare(2)].

    Raises:
        OSError: There is a second thread, or nobody can tell.
    """
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        if len(list(tasks.iterdir())) > 1:
            raise OSError("more than one thread")
    else:
        checked(libc.unshare(_CLONE_THREAD))
