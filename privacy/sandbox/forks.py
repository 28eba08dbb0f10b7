"""
A zygote's loop: fork a worker for each request, and tell the keeper how it ended.

A request is a frame (what the worker is told before its probes) and then one byte that carries
descriptors: the worker's two pipes, a *life line*, and what else it is handed.  The life line is
a socket of which the zygote keeps one end and the keeper the other: when the worker has ended,
its exit code is written to it as four bytes; when the keeper writes to it or closes it, the
worker is killed.  When the keeper's end of the requests is gone, so are all workers, and the
zygote.

Children are watched by descriptors (pidfd), not by signals, so nothing interrupts anybody.
"""

import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct

from privacy.errors import ClerestoryError

from .channel import Channel

EXIT_CODE = Struct(">i")
"""A code of `Ending`, or −signal."""
LARGEST_REQUEST = 2**16
"""bytes"""
MOST_DESCRIPTORS = 16

Live = Callable[[bytes, list[int]], int]
"""(request, descriptors: the pipes and whatever else) → exit code; called in the child."""


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    watch: int
    """Readable once the child has ended."""
    line: int
    """The life line."""


def serve(requests: int, live: Live) -> None:
    """
    Fork whenever asked, until nobody can ask any more.

    Args:
        requests: Descriptor of the socket to the keeper.
        live: What a child is to do.
    """
    channel = Channel(requests, requests)
    children: list[_Child] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=requests) as source:
        try:
            while True:
                poll = select.poll()
                poll.register(requests, select.POLLIN)
                for child in children:
                    poll.register(child.watch, select.POLLIN)
                    poll.register(child.line, select.POLLIN)
                ready = {descriptor for descriptor, _ in poll.poll()}
                for child in children:
                    if child.line in ready:  # a word, or the keeper is gone: both mean the end
                        signal.pidfd_send_signal(child.watch, signal.SIGKILL)
                        _tell(child)
                    elif child.watch in ready:
                        _tell(child)
                children = [c for c in children if not ready & {c.line, c.watch}]
                if requests in ready:
                    children.append(_fork(channel, source, live))
        except ClerestoryError:  # the keeper is gone, or says what no keeper says
            return
        finally:
            for child in children:
                signal.pidfd_send_signal(child.watch, signal.SIGKILL)
                _tell(child)


def _fork(channel: Channel, source: socket.socket, live: Live) -> _Child:
    request = channel.receive(LARGEST_REQUEST)
    _, descriptors, _, _ = socket.recv_fds(source, 1, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    line, *others = descriptors
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            # If the zygote ended before the wish to die with it was told, somebody else is parent.
            if os.getppid() == zygote:
                code = live(request, others)
        finally:
            os._exit(code)
    for descriptor in others:
        os.close(descriptor)
    return _Child(pid, os.pidfd_open(pid), line)


def _tell(child: _Child) -> None:
    """Fetch a child that has ended or will at once, say how, and forget it."""
    _, status = os.waitpid(child.pid, 0)
    with suppress(OSError):  # the keeper did not want to know
        os.write(child.line, EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))
    os.close(child.line)
    os.close(child.watch)
