"""
Second layer: no path of the file system, no TCP port, no abstract socket, no foreign signal.

The ruleset handles everything that the running kernel can handle and allows nothing [1].  It
does not see UDP, named Unix sockets before ABI 9, or vsock, and it does not stop `stat`: the
third layer does.  It binds the calling thread and what that starts, so the caller must be the
only thread.

[1] https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
from errno import ENOSYS, EOPNOTSUPP

from privacy.errors import ConfigurationError

from .syscalls import syscall

_FILES = ((1, 13), (2, 14), (3, 15), (5, 16), (9, 17))
"""ABI → how many rights to files it knows; each is one bit."""
_TCP = 0b11
_CONNECT, _PORT_RULE = 0b10, 2
_SCOPES = 0b11
_VERSION_QUESTION = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _Port(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def abi() -> int:
    """Landlock's version in the running kernel, 0 for none."""
    try:
        return syscall("landlock_create_ruleset", 0, 0, _VERSION_QUESTION)
    except OSError as error:
        if error.errno in (ENOSYS, EOPNOTSUPP):
            return 0
        raise


def restrict(connect: int | None = None) -> int:
    """
    Deny this thread everything that Landlock knows.

    Args:
        connect: A TCP port to which it may still connect; never for a worker.

    Returns:
        The ABI that was used.

    Raises:
        ConfigurationError: The kernel has no Landlock, or has it switched off.
        OSError: The kernel refused; `limits` must have run before.
    """
    version = abi()
    if version < 1:
        raise ConfigurationError(
            "LANDLOCK_MISSING",
            rule="A sealed worker is bound by Landlock.",
            found="a kernel without it.",
            remedy="start Linux 5.13 or later with `landlock` in its `lsm=` list.",
        )
    rights = max(count for since, count in _FILES if since <= version)
    ruleset = _Ruleset(
        files=(1 << rights) - 1,
        network=_TCP if version >= 4 else 0,
        scopes=_SCOPES if version >= 6 else 0,
    )
    # An older kernel knows a shorter structure and refuses a longer one.
    size = 8 if version < 4 else 16 if version < 6 else 24
    descriptor = syscall("landlock_create_ruleset", ctypes.byref(ruleset), size, 0)
    try:
        if connect is not None and ruleset.network:
            port = _Port(_CONNECT, connect)
            syscall("landlock_add_rule", descriptor, _PORT_RULE, ctypes.byref(port), 0)
        syscall("landlock_restrict_self", descriptor, 0)
    finally:
        os.close(descriptor)
    return version
