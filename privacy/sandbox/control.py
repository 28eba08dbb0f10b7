"""
The one descriptor besides the two pipes that a worker may hold: by it connections come in.

It is a Unix socket of the kind SEQPACKET, connected by whoever made it, at a fixed number.
Behind the seal a worker asks on it with `write` and takes the answer, a descriptor, with
`recvmsg`; what it was given it uses with `read` and `write`.  No other call on any socket is
allowed to it, so the descriptor cannot be pointed elsewhere.  It is never a TCP socket, which
`connect` could aim anew before the filter [1], nor one for datagrams, which name their goal each:
the probe `hold_other_descriptors` is open for a worker that was handed one of these.

A worker's module calls `inherited` in its `run`.  `boot` has made the socket object before the
seal, because Python asks the kernel for a socket's name when it makes one.

[1] connect(2), AF_UNSPEC.
"""

import os
import socket
import stat
from errno import EPIPE

NUMBER = 5
"""Of the descriptor, in every worker.  The filter lets `recvmsg` through for it alone."""
LARGEST_ANSWER = 4096
"""bytes that come with a descriptor"""

_held: list[socket.socket] = []


def place(descriptor: int) -> None:
    """Put a descriptor where every worker expects it, and remember it if it is of the kind."""
    if descriptor != NUMBER:
        os.dup2(descriptor, NUMBER, inheritable=False)
        os.close(descriptor)
    if is_control(NUMBER):
        kind = (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0)
        _held[:] = [socket.socket(*kind, fileno=NUMBER)]


def inherited() -> socket.socket | None:
    """The worker's control socket, or None for a worker that has no way out."""
    return _held[0] if _held else None


def is_control(descriptor: int) -> bool:
    """Whether a descriptor is a Unix socket of the kind SEQPACKET; asked before the filter."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        duplicate = os.dup(descriptor)
    except OSError:
        return False
    with socket.socket(fileno=duplicate) as asked:
        return (asked.family, asked.type) == (socket.AF_UNIX, socket.SOCK_SEQPACKET)


def ask(control: socket.socket, question: bytes) -> tuple[bytes, int | None]:
    """
    Send one question, wait for the answer, and take the descriptor that came with it.

    Returns:
        The answer's bytes, and a descriptor to read and write, which the caller closes; None in
        its place if the answer was no.

    Raises:
        OSError: Nobody is there any more.
    """
    os.write(control.fileno(), question)
    # Room for one: the kernel closes what else was sent.
    answer, descriptors, _, _ = socket.recv_fds(control, LARGEST_ANSWER, 1, socket.MSG_CMSG_CLOEXEC)
    if not answer and not descriptors:
        raise OSError(EPIPE, "nobody answers any more")
    return answer, descriptors[0] if descriptors else None
