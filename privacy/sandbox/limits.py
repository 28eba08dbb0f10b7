"""
First layer: a process that can gain nothing, be read by nobody and leave nothing behind.

Root's rights go first, where there are any: a limit on processes does not bind root, and
landlock and seccomp are then enforced on an ordinary user.  A change of user makes a process
readable again and forgets the wish to die with its parent, so those two come after it [1].

[1] prctl(2), PR_SET_DUMPABLE and PR_SET_PDEATHSIG.
"""

import ctypes
import os
import resource
import signal
from collections.abc import Mapping
from contextlib import suppress

from .syscalls import checked, libc, prctl, syscall

NOBODY = 65534
"""The overflow user and group: they own nothing."""

NO_NEW_PRIVILEGES, IS_NO_NEW_PRIVILEGES = 38, 39
_PARENT_DEATH, _DUMPABLE, _REFUSE_EXEC_GAIN = 1, 4, 65
_CAPABILITY_VERSION = 0x20080522
_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4

NONE: dict[int, int] = {
    resource.RLIMIT_CORE: 0,  # bytes: no core file, wherever it would be piped
    resource.RLIMIT_FSIZE: 0,  # bytes: pipes do not count
    resource.RLIMIT_NPROC: 0,  # processes and threads; seccomp says the same
    resource.RLIMIT_NOFILE: 16,  # poll wants the limit above the number of descriptors
}
"""Resource → most of it, soft and hard."""


def limit(most_of: Mapping[int, int] = NONE) -> None:
    """
    Give up what a worker does not need, for good.

    Args:
        most_of: Resource → most of it.

    Raises:
        OSError: The kernel refused one of it; the process must not go on.
    """
    _leave_root()
    lock_memory()
    for kind, most in most_of.items():
        resource.setrlimit(kind, (most, most))
    prctl(NO_NEW_PRIVILEGES, 1)
    prctl(_DUMPABLE, 0)
    die_with_parent()
    with suppress(OSError):  # Linux 6.3; the filter refuses executable memory everywhere
        prctl(_REFUSE_EXEC_GAIN, 1)


def limit_zygote() -> None:
    """
    Give up what a zygote does not need; it still has to fork.

    Raises:
        OSError: As above.
    """
    _leave_root()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl(NO_NEW_PRIVILEGES, 1)
    prctl(_DUMPABLE, 0)
    die_with_parent()


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends; not passed on to children."""
    prctl(_PARENT_DEATH, signal.SIGKILL)


def may_lock_memory() -> bool:
    """Whether a worker's memory is kept out of swap: the limit on locked memory must be off."""
    return resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY


def lock_memory() -> None:
    """
    Keep all memory of this process out of swap, where that may be done.

    Pages are locked as they are touched, so that pages shared with the zygote are not copied.
    Under a limit nothing is locked: a session that met it would end its worker.

    Raises:
        OSError: The kernel refused, though there is no limit.
    """
    if may_lock_memory():
        checked(libc.mlockall(_CURRENT | _FUTURE | _ON_FAULT))


def _leave_root() -> None:
    if os.geteuid() == 0:
        with suppress(PermissionError):  # a root that may not change users has little to lose
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    syscall("capset", header, (ctypes.c_uint32 * 6)())
