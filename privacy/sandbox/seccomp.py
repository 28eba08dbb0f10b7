"""
Third layer: an allow-list of system calls, the only layer that closes everything by itself.

A worker that has imported and warmed up reads and writes the descriptors it has, moves memory
about and reads the clock.  Nothing else is allowed: no path, no socket, no process, no thread,
no executable memory.  Two filters are stacked, and the kernel obeys the stricter answer [1]:

* PROBING answers EPERM, so that the worker can try to escape and report what happened, and
  leaves one door open: to install the second filter.
* FINAL kills.  Only looking at paths stays a quiet EPERM, because a session's bytes can make
  Python look for a codec or a source line, and must not be able to end a whole batch by it.

[1] https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import platform
from enum import Enum
from errno import EPERM

from . import control
from .syscalls import numbers, syscall

Instruction = tuple[int, int, int, int]
"""Classic BPF: code, jump if true, jump if false, constant."""

ALLOWED = (
    "read", "write", "readv", "writev", "close", "lseek", "poll", "ppoll", "pselect6",
    "futex", "sched_yield", "munmap", "mremap", "madvise", "brk", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "clock_gettime",
    "clock_nanosleep", "nanosleep", "gettimeofday", "getrandom", "getpid", "gettid", "fstat",
    "exit", "exit_group",
)  # fmt: skip
"""Whatever their arguments are.  Descriptors are inherited: none can be made."""

QUIET = (
    "open", "openat", "stat", "lstat", "newfstatat", "statx", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getcwd", "getdents64", "ioctl", "fcntl",
)  # fmt: skip
"""Refused by both filters with EPERM."""

NO_EXEC = ("mmap", "mprotect")
"""Allowed unless they ask for executable memory."""
_PROT_EXEC, _PROTECTION = 4, 2
_GET_FLAGS = (1, 3)
"""fcntl: F_GETFD and F_GETFL.  F_SETOWN would send signals to other processes."""
_SET_FILTER = (1,)

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
"""x86_64 answers a second table of numbers above this bit; the filter does not know it."""
_FILTER_MODE, _ALL_THREADS = 1, 1


class Stage(Enum):
    """Which of the two filters, and what it answers to a call that is not on its list."""

    PROBING = _ERRNO | EPERM
    FINAL = _KILL_PROCESS


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("constant", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def assemble(stage: Stage, machine: str) -> list[Instruction]:
    """
    Write a filter for a machine.

    Each rule is a block that ends in an answer or is jumped over whole, so the number of the
    call is still loaded when the next rule looks at it.

    Raises:
        ConfigurationError: There is no table of numbers for that machine.
    """
    number = numbers(machine)
    refuse, quiet = stage.value, _ERRNO | EPERM
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _MACHINES[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL_PROCESS)]
    for name in NO_EXEC:
        block: list[Instruction] = [
            (_LOAD, 0, 0, _ARGUMENTS + 8 * _PROTECTION),
            (_ANY_BIT, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, refuse),
            (_RETURN, 0, 0, _ALLOW),
        ]
        program += _when(number[name], block)
    program += _when(number["fcntl"], _only(1, _GET_FLAGS, quiet))
    # Where there is no control descriptor, the call does nothing: one profile for both workers.
    program += _when(number["recvmsg"], _only(0, (control.NUMBER,), refuse))
    if stage is Stage.PROBING:
        program += _when(number["seccomp"], _only(0, _SET_FILTER, refuse))
    for name in ALLOWED:
        if name in number:
            program += _when(number[name], [(_RETURN, 0, 0, _ALLOW)])
    for name in QUIET:
        if name in number:
            program += _when(number[name], [(_RETURN, 0, 0, quiet)])
    return [*program, (_RETURN, 0, 0, refuse)]


def install(stage: Stage) -> None:
    """
    Put a filter before every thread of this process, for good.

    Raises:
        ConfigurationError: The machine is not known.
        OSError: The kernel refused; `limits` must have run before.
    """
    program = assemble(stage, platform.machine())
    instructions = (_Instruction * len(program))(*(_Instruction(*line) for line in program))
    described = _Program(len(program), instructions)
    if syscall("seccomp", _FILTER_MODE, _ALL_THREADS, ctypes.byref(described)) != 0:
        raise OSError(EPERM, "a thread could not be bound")


def _when(number: int, block: list[Instruction]) -> list[Instruction]:
    return [(_EQUAL, 0, len(block), number), *block]


def _only(argument: int, values: tuple[int, ...], otherwise: int) -> list[Instruction]:
    """Allow a call for some values of a 32-bit argument."""
    tests: list[Instruction] = [
        (_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)
    ]
    load = (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)
    return [load, *tests, (_RETURN, 0, 0, otherwise), (_RETURN, 0, 0, _ALLOW)]
