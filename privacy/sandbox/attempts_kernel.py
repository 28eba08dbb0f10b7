"""
Attempts at other processes, at new ones, and at the kernel's wider surface.

The rules of `attempts` hold.  Where an attempt could do harm if it got through, its arguments
make the kernel refuse it for another reason than permission; reaching that refusal is getting
through.
"""

import ctypes
import mmap
import os
import resource
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from errno import E2BIG, EFAULT, EINVAL, ENODEV, ENOENT, ENOKEY, EPERM

from .limits import IS_NO_NEW_PRIVILEGES
from .syscalls import checked, libc, prctl, syscall
from .target import Target

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_ANY_CHILD = 0x40000000
_NEW_USER = 0x10000000
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4
_SESSION_KEYRING = -3
_USER_MODE_ONLY = 1


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def fork(_: Target) -> None:
    """Start a process."""
    _in_child(lambda: None, here=_no_process)


def start_thread(_: Target) -> None:
    """Start a thread."""
    thread = threading.Thread(target=lambda: None)
    try:
        thread.start()
    except RuntimeError:
        raise OSError(EPERM, "no thread") from None
    thread.join()


def execute_program(_: Target) -> None:
    """Become another program: the one that is certainly there."""
    program = [sys.executable, "-ISBc", ""]
    _in_child(
        lambda: os.execve(program[0], program, {}),  # noqa: S606 - the attempt itself
        here=_ask_for_nameless_program,
    )


def execute_memory(_: Target) -> None:
    """Become a program that lies in no file system."""
    descriptor = os.memfd_create("probe", 0)
    try:
        with suppress(OSError):  # the limit on file sizes may stop it; execve speaks then
            os.write(descriptor, b"#!/bin/true\n")
        _in_child(
            lambda: os.execve(descriptor, ["probe"], {}),  # noqa: S606 - the attempt itself
            here=_ask_for_nameless_program,
        )
    finally:
        os.close(descriptor)


def trace_victim(target: Target) -> None:
    """Take hold of another process, and let it go."""
    checked(libc.ptrace(_SEIZE, target.victim, 0, 0))
    libc.ptrace(_INTERRUPT, target.victim, 0, 0)
    os.waitpid(target.victim, _ANY_CHILD)
    libc.ptrace(_DETACH, target.victim, 0, 0)


def read_victim_memory(target: Target) -> None:
    """Read another process's memory by its address."""
    buffer = ctypes.create_string_buffer(8)
    mine = _Vector(ctypes.addressof(buffer), 8)
    theirs = _Vector(target.address, 8)
    syscall("process_vm_readv", target.victim, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)


def read_victim_memory_file(target: Target) -> None:
    """Read another process's memory as a file."""
    descriptor = os.open(f"/proc/{target.victim}/mem", os.O_RDONLY)
    try:
        os.pread(descriptor, 8, target.address)
    finally:
        os.close(descriptor)


def read_victim_environment(target: Target) -> None:
    """Read the environment of another process, where keys often lie."""
    os.close(os.open(f"/proc/{target.victim}/environ", os.O_RDONLY))


def take_victim_descriptor(target: Target) -> None:
    """Copy an open file out of another process."""
    victim = syscall("pidfd_open", target.victim, 0)
    try:
        os.close(syscall("pidfd_getfd", victim, 0, 0))
    finally:
        os.close(victim)


def signal_victim(target: Target) -> None:
    """Ask whether a signal would be allowed: signal 0 is never delivered."""
    os.kill(target.victim, 0)


def enter_user_namespace(_: Target) -> None:
    """Become root of a world of one's own."""
    _in_child(_leave_user_namespace, here=_leave_user_namespace)


def mount_file_system(_: Target) -> None:
    """Mount a kind of file system that does not exist."""
    _reach(ENODEV, lambda: checked(libc.mount(b"none", b"/", b"clerestory", 0, None)))


def change_root(_: Target) -> None:
    """Change the root folder, to what it is."""
    checked(libc.chroot(b"/"))


def become_root(_: Target) -> None:
    """Change the user."""
    checked(libc.setuid(0))


def set_up_io_uring(_: Target) -> None:
    """System calls by shared memory, past a filter."""
    os.close(syscall("io_uring_setup", 2, ctypes.create_string_buffer(120)))


def load_bpf(_: Target) -> None:
    """Make a map of no size."""
    empty = ctypes.create_string_buffer(128)
    _reach(EINVAL, lambda: syscall("bpf", 0, ctypes.byref(empty), 128))


def use_keyring(_: Target) -> None:
    """Ask for the kernel's keyring of this session, where messages can be left."""
    _reach(ENOKEY, lambda: syscall("keyctl", 0, _SESSION_KEYRING, 0))


def handle_page_faults(_: Target) -> None:
    """userfaultfd: hold the kernel up in the middle of a copy."""
    os.close(syscall("userfaultfd", _USER_MODE_ONLY))


def watch_performance(_: Target) -> None:
    """perf_event_open with attributes of a size that no kernel knows."""
    attributes = (ctypes.c_uint32 * 32)(0, 1)
    _reach(E2BIG, lambda: syscall("perf_event_open", ctypes.byref(attributes), 0, -1, -1, 0))


def map_writable_code(_: Target) -> None:
    """Memory that can be written and run."""
    every = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    mmap.mmap(-1, mmap.PAGESIZE, prot=every).close()


def map_code(_: Target) -> None:
    """Memory that is written first and run later."""
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as memory:
        first = ctypes.c_char.from_buffer(memory)
        address = ctypes.c_void_p(ctypes.addressof(first))
        runnable = mmap.PROT_READ | mmap.PROT_EXEC
        try:
            checked(libc.mprotect(address, ctypes.c_size_t(mmap.PAGESIZE), runnable))
        finally:
            del first


def be_readable_again(_: Target) -> None:
    """Undo the protection against other processes of the same user."""
    prctl(_SET_DUMPABLE, 1)


def dump_core(_: Target) -> None:
    """Whether a crash could write memory to disk."""
    _open_unless(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0)


def grow_file(_: Target) -> None:
    """Whether a file could hold a byte."""
    _open_unless(resource.getrlimit(resource.RLIMIT_FSIZE)[1] == 0)


def gain_privileges(_: Target) -> None:
    """Whether a set-uid program would still be one."""
    _open_unless(prctl(IS_NO_NEW_PRIVILEGES) == 1)


def be_read(_: Target) -> None:
    """Whether other processes of the same user may read this one."""
    _open_unless(prctl(_GET_DUMPABLE) != 1)


def _open_unless(closed: bool) -> None:  # noqa: FBT001 - one argument, and it is the question
    if closed:
        raise OSError(EPERM, "closed")


def _reach(expected: int, attempt: Callable[[], object]) -> None:
    """Getting as far as the kernel's own refusal is getting through."""
    try:
        attempt()
    except OSError as error:
        if error.errno not in (expected, EINVAL, EFAULT):
            raise


def _in_child(attempt: Callable[[], object], *, here: Callable[[], object]) -> None:
    """
    Try it in a process of its own.

    Args:
        attempt: What to try.
        here: What to try instead, in this process, where none can be started.
    """
    try:
        child = os.fork()
    except OSError:
        here()
        return
    if child == 0:
        result = EPERM
        try:
            attempt()
            result = 0
        except OSError as error:
            result = min(error.errno or EPERM, 255)
        finally:
            os._exit(result)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise OSError(abs(status), "no")


def _leave_user_namespace() -> None:
    checked(libc.unshare(_NEW_USER))


def _no_process() -> None:
    raise OSError(EPERM, "no process")


def _ask_for_nameless_program() -> None:
    """ENOENT where `execve` is allowed, and this process goes on."""
    _reach(ENOENT, lambda: os.execve("", ["probe"], {}))  # noqa: S606, S607
