"""Which processes run below another, and who may read their memory; as /proc and the kernel say."""

import ctypes
import os
from pathlib import Path

from privacy.sandbox.syscalls import syscall


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def descendants(pid: int) -> set[int]:
    """Children, their children, and so on."""
    children = {child for child, parent in parents().items() if parent == pid}
    return children.union(*(descendants(child) for child in children))


def running() -> set[int]:
    """Processes that are more than an entry in a table."""
    return set(parents())


def parents() -> dict[int, int]:
    """Process → its parent; without zombies, which nobody may have fetched yet."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
        except (OSError, ValueError):
            continue
        if state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found


def readable_address(pid: int) -> int:
    """Where the program itself begins in a process's memory."""
    first = Path(f"/proc/{pid}/maps").read_text(encoding="ascii").split("-", 1)[0]
    return int(first, 16)


def may_read(pid: int, address: int, uid: int) -> bool:
    """Whether a process of a user may read another's memory; asked in a child of that user."""
    asking = os.fork()
    if asking == 0:
        answer = 2
        try:
            if os.geteuid() != uid:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            buffer = ctypes.create_string_buffer(8)
            mine = _Vector(ctypes.addressof(buffer), 8)
            theirs = _Vector(address, 8)
            try:
                syscall("process_vm_readv", pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
                answer = 0
            except PermissionError:
                answer = 1
        finally:
            os._exit(answer)
    code = os.waitstatus_to_exitcode(os.waitpid(asking, 0)[1])
    if code > 1:
        raise OSError("it could not be asked")
    return code == 0
