"""What a broker sees: a relay on loopback that keeps every byte, its direction and its time."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from time import perf_counter


@dataclass(frozen=True)
class Seen:
    """Some bytes that went by."""

    up: bool
    """Towards the server."""
    data: bytes
    at: float
    """Seconds."""


@dataclass
class Tap:
    """A running relay."""

    port: int
    seen: list[Seen] = field(default_factory=list)

    def bytes(self, *, up: bool) -> bytes:
        """Everything that went one way."""
        return b"".join(each.data for each in self.seen if each.up is up)


@contextmanager
def tapped(port: int) -> Iterator[Tap]:
    """A relay to a port of this machine, for as long as the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tap = Tap(listener.getsockname()[1])
        ends: list[socket.socket] = []
        threads: list[Thread] = []

        def carry(source: socket.socket, sink: socket.socket, *, up: bool) -> None:
            with suppress(OSError):
                while data := source.recv(65_536):
                    tap.seen.append(Seen(up, data, perf_counter()))
                    sink.sendall(data)
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    far = socket.create_connection(("127.0.0.1", port))
                    for end in (near, far):
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        ends.append(end)
                    for source, sink, up in ((near, far, True), (far, near, False)):
                        threads.append(Thread(target=carry, args=(source, sink), kwargs={"up": up}))
                        threads[-1].start()

        threads.append(Thread(target=accept))
        threads[0].start()
        try:
            yield tap
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            for end in ends:
                end.close()
