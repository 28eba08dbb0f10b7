"""
The door to the kernel: system calls by name, where Python has no function for them.

Numbers exist for x86_64 and aarch64 only [1]; on any other machine the sandbox refuses rather
than guess, because a filter with a wrong number in it lets the wrong call through.

[1] Linux, arch/x86/entry/syscalls/syscall_64.tbl and scripts/syscall.tbl (64-bit, asm-generic).
"""

import ctypes
import os
import platform

from privacy.errors import ConfigurationError

_COMMON = {
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "io_uring_setup": 425,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
    "faccessat2": 439,
}
_X86_64 = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7,
    "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13,
    "rt_sigprocmask": 14, "rt_sigreturn": 15, "ioctl": 16, "readv": 19, "writev": 20,
    "access": 21, "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39,
    "socket": 41, "clone": 56, "fork": 57, "execve": 59, "exit": 60, "kill": 62, "fcntl": 72,
    "getcwd": 79, "readlink": 89, "gettimeofday": 96, "ptrace": 101, "capset": 126,
    "recvmsg": 47, "sigaltstack": 131, "prctl": 157, "gettid": 186, "futex": 202, "getdents64": 217,
    "restart_syscall": 219, "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231,
    "keyctl": 250, "openat": 257, "newfstatat": 262, "readlinkat": 267, "faccessat": 269,
    "pselect6": 270, "ppoll": 271, "perf_event_open": 298, "process_vm_readv": 310,
    "seccomp": 317, "getrandom": 318, "bpf": 321, "userfaultfd": 323, "statx": 332,
}  # fmt: skip
_AARCH64 = {
    "getcwd": 17, "fcntl": 25, "ioctl": 29, "faccessat": 48, "openat": 56, "close": 57,
    "getdents64": 61, "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66,
    "pselect6": 72, "ppoll": 73, "readlinkat": 78, "newfstatat": 79, "fstat": 80, "capset": 91,
    "exit": 93, "exit_group": 94, "futex": 98, "nanosleep": 101, "clock_gettime": 113,
    "clock_nanosleep": 115, "ptrace": 117, "sched_yield": 124, "restart_syscall": 128,
    "kill": 129, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135,
    "rt_sigreturn": 139, "prctl": 167, "gettimeofday": 169, "getpid": 172, "gettid": 178,
    "socket": 198, "recvmsg": 212, "brk": 214, "munmap": 215, "mremap": 216, "keyctl": 219,
    "clone": 220, "execve": 221, "mmap": 222, "mprotect": 226, "madvise": 233,
    "perf_event_open": 241, "process_vm_readv": 270, "seccomp": 277, "getrandom": 278,
    "bpf": 280, "userfaultfd": 282, "statx": 291,
}  # fmt: skip

NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {**_X86_64, **_COMMON},
    "aarch64": {**_AARCH64, **_COMMON},
}
"""Machine → name of a system call → its number."""

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def numbers(machine: str | None = None) -> dict[str, int]:
    """
    The table of this machine, or of a named one.

    Raises:
        ConfigurationError: There is none.
    """
    machine = machine or platform.machine()
    if machine not in NUMBERS:
        raise ConfigurationError(
            "MACHINE_UNKNOWN",
            rule="A worker is sealed with system call numbers that were checked.",
            found=f"a machine of the kind {machine}.",
            remedy="run on x86_64 or aarch64.",
        )
    return NUMBERS[machine]


def syscall(name: str, *arguments: object) -> int:
    """
    Make a system call.

    Raises:
        OSError: The kernel, or a filter before it, said no.
    """
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(numbers()[name]), *converted))


def prctl(option: int, *arguments: int) -> int:
    """
    Set or ask something of this process; arguments that are not given are 0.

    Raises:
        OSError: The kernel, or a filter before it, said no.
    """
    words = [*arguments, 0, 0, 0, 0][:4]
    return checked(libc.prctl(option, *(ctypes.c_ulong(word) for word in words)))


def checked(result: int) -> int:
    """
    Turn libc's −1 into an exception.

    Raises:
        OSError: The result was negative; carries errno.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
