"""
Attempts at the network, at files and at what was inherited.

An attempt returns when it got through and raises OSError when it did not.  Each cleans up
after itself and does no harm where nothing stops it.
"""

import ctypes
import errno
import fcntl
import os
import secrets
import socket
from pathlib import Path

from . import control
from .syscalls import libc
from .target import Target

EXPECTED_DESCRIPTORS = frozenset(range(5))
"""Three to /dev/null, one to read frames from, one to write them to; then the control."""
_DESCRIPTORS = 4096
"""How far to look: a process may hold 1,024 unless somebody raised that."""
_LOOPBACK = "127.0.0.1"
_SECONDS = 1.0
_VSOCK, _ALG, _PACKET, _NETLINK = 40, 38, 17, 16
BEFORE_FILTER, BEHIND_FILTER = b"before", b"behind"
"""What the datagrams say, so that the launcher knows which attempt got through."""


def connect_tcp(target: Target) -> None:
    """Connect to a port of the host."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(_SECONDS)
        attempt.connect((_LOOPBACK, target.tcp_port))


def send_udp(target: Target) -> None:
    """Send a datagram to a port of the host; the launcher sees whether it arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        attempt.sendto(BEHIND_FILTER, (_LOOPBACK, target.udp_port))


def reach_host_network(target: Target) -> None:
    """
    The same before the filter: only a network namespace stops it.

    The launcher sees whether it arrives.  Here, the port is asked for: on the host's network it
    is the launcher's, and nobody else can have it.  (An error of a second datagram would say the
    same, but the kernel may send it late, or not at all: it counts them.)
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        attempt.sendto(BEFORE_FILTER, (_LOOPBACK, target.udp_port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        try:
            attempt.bind((_LOOPBACK, target.udp_port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return
            raise
    raise OSError(errno.ENETUNREACH, "a network of its own")


def listen_tcp(_: Target) -> None:
    """Wait for somebody to come and fetch."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.bind((_LOOPBACK, 0))
        attempt.listen(1)


def connect_abstract_socket(target: Target) -> None:
    """Connect to a Unix socket that lies in no folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
        attempt.connect("\0" + target.abstract_socket)


def connect_named_socket(target: Target) -> None:
    """Connect to a Unix socket as a container engine or a desktop bus has one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
        attempt.connect(target.socket_path)


def make_socket_pair(_: Target) -> None:
    """Make descriptors that can carry others."""
    for end in socket.socketpair():
        end.close()


def make_vsock(_: Target) -> None:
    """Make a socket to the hypervisor, which no network namespace covers before Linux 7."""
    socket.socket(_VSOCK, socket.SOCK_STREAM).close()


def make_kernel_crypto_socket(_: Target) -> None:
    """AF_ALG: much kernel for a socket."""
    socket.socket(_ALG, socket.SOCK_SEQPACKET).close()


def make_netlink_socket(_: Target) -> None:
    """Talk to the kernel about routes."""
    socket.socket(_NETLINK, socket.SOCK_RAW).close()


def make_packet_socket(_: Target) -> None:
    """Write to the wire, below IP."""
    socket.socket(_PACKET, socket.SOCK_DGRAM).close()


def write_temporary(_: Target) -> None:
    """Leave a file in /tmp."""
    _create("/tmp")  # noqa: S108 - the attempt is about this very folder


def write_shared_memory(_: Target) -> None:
    """Leave a file in /dev/shm."""
    _create("/dev/shm")  # noqa: S108 - the attempt is about this very folder


def write_working_folder(_: Target) -> None:
    """Leave a file where the worker was started."""
    _create(".")


def write_open_folder(target: Target) -> None:
    """Leave a file in a folder that everybody may write to."""
    _create(target.folder)


def make_fifo(target: Target) -> None:
    """Leave something that another process can read from."""
    path = _fresh(target.folder)
    os.mkfifo(path)
    path.unlink()


def make_folder(target: Target) -> None:
    """A name is a message, too."""
    path = _fresh(target.folder)
    path.mkdir()
    path.rmdir()


def read_secret(target: Target) -> None:
    """Read a file that every user of the host may read."""
    _read(target.secret_path)


def read_users(_: Target) -> None:
    """Read the host's accounts."""
    _read("/etc/passwd")


def read_own_memory_map(_: Target) -> None:
    """Read where things lie in memory."""
    _read("/proc/self/maps")


def read_own_code(_: Target) -> None:
    """Read a file that is certainly there: this one."""
    _read(__file__)


def list_root(_: Target) -> None:
    """See what there is."""
    if not list(Path("/").iterdir()):
        raise FileNotFoundError


def see_host_files(_: Target) -> None:
    """Find a folder that every host has and no worker needs."""
    if not any(Path(name).exists() for name in ("/proc", "/dev", "/etc", "/tmp", "/home")):  # noqa: S108
        raise FileNotFoundError


def hold_other_descriptors(_: Target) -> None:
    """Have been handed something by mistake, or a socket of the wrong kind for control."""
    expected = EXPECTED_DESCRIPTORS
    if control.is_control(control.NUMBER):
        expected |= {control.NUMBER}
    for descriptor in set(range(_DESCRIPTORS)) - expected:
        try:
            fcntl.fcntl(descriptor, fcntl.F_GETFD)
        except OSError:
            continue
        return
    raise FileNotFoundError


def see_environment(_: Target) -> None:
    """Find a variable, as the C library sees it."""
    if not ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")[0]:
        raise FileNotFoundError


def _create(folder: str) -> None:
    path = _fresh(folder)
    # Made is got through: writing may fail by the limit on file sizes, and that is too late.
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    os.close(descriptor)
    path.unlink()


def _fresh(folder: str) -> Path:
    return Path(folder, f"clerestory-probe-{secrets.token_hex(6)}")


def _read(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.read(descriptor, 8)
    finally:
        os.close(descriptor)
