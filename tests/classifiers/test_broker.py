"""The broker connects to one address, hands over streams that lead nowhere else, and is capped."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from classifiers.broker import CONNECT, Caps, Reply, resolve
from privacy.errors import IncompleteError
from privacy.keeper.egress import broker
from privacy.sandbox.landlock import abi
from privacy.sandbox.syscalls import checked, libc
from tests.support.egress import brokering, relaying
from tests.support.processes import descendants, running
from tests.support.world import ROOT

LOOPBACK = "127.0.0.1"


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server on loopback; every connection is handed to a function."""
    with socket.create_server((LOOPBACK, 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threads.append(Thread(target=_served, args=(serve, connection)))
                    threads[-1].start()

        threads = [Thread(target=accept)]
        threads[0].start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


def _served(serve: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, suppress(OSError):
        serve(connection)


def echo(connection: socket.socket) -> None:
    """Say everything back."""
    while data := connection.recv(65_536):
        connection.sendall(data)


def talk(connection: socket.socket) -> None:
    """Say more than anybody wants to hear."""
    while True:
        connection.sendall(bytes(65_536))


@dataclass
class Worker:
    """The other end of a broker."""

    control: socket.socket

    def ask(self, word: bytes = CONNECT) -> tuple[Reply, socket.socket | None]:
        """One question."""
        self.control.send(word)
        answer, descriptors, _, _ = socket.recv_fds(self.control, 16, 4)
        assert len(answer) == 1
        assert len(descriptors) == (answer[0] == Reply.YES)
        stream = socket.socket(fileno=descriptors[0]) if descriptors else None
        if stream:
            stream.settimeout(10)
        return Reply(answer[0]), stream

    def stream(self) -> socket.socket:
        """A connection."""
        reply, stream = self.ask()
        assert reply is Reply.YES
        assert stream is not None
        return stream


@contextmanager
def brokered(port: int, caps: Caps | None = None) -> Iterator[Worker]:
    """A broker in a thread of this process, and one worker."""
    addresses: list[tuple[int, tuple[object, ...]]] = [(socket.AF_INET, (LOOPBACK, port))]
    with brokering(addresses, caps) as egress, egress.control() as control:
        yield Worker(control)


def is_over(stream: socket.socket) -> bool:
    """Whether the broker has let go, waiting for it."""
    try:
        return not stream.recv(1)
    except ConnectionResetError:
        return True


def test_bytes_go_both_ways_whole() -> None:
    """Five megabytes through buffers that are smaller, in an order that no thread keeps."""
    sent = os.urandom(5 * 2**20)
    with server(echo) as port, brokered(port) as worker, worker.stream() as stream:
        writer = Thread(target=stream.sendall, args=(sent,))
        writer.start()
        got = b""
        while len(got) < len(sent):
            got += stream.recv(2**20)
        writer.join()
        assert got == sent


def test_a_worker_names_no_host() -> None:
    """One word is all it can say; whatever else it says is refused, and it is asked nothing."""
    with server(echo) as port, brokered(port) as worker:
        for word in (b"evil.example:443", b"CC", b"c", CONNECT + b"\0"):
            assert worker.ask(word) == (Reply.NO_SUCH_QUESTION, None)
        worker.stream().close()


def test_what_is_handed_over_cannot_be_aimed_anew() -> None:
    """`connect` on it fails, to nobody and to another; on a TCP socket both work: the control."""
    reached, arrived = [], threading.Event()

    def attacker(connection: socket.socket) -> None:
        reached.append(connection.recv(8))
        arrived.set()

    with (
        server(echo) as port,
        server(attacker) as elsewhere,
        brokered(port) as worker,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(f"\0clerestory-{os.getpid()}")
        listener.listen()
        addresses = [bytes(16), inet(elsewhere), unix(listener.getsockname())]
        with worker.stream() as stream:
            assert (stream.family, stream.type) == (socket.AF_UNIX, socket.SOCK_STREAM)
            for address in addresses:
                with pytest.raises(OSError, match=r"Invalid argument|already connected"):
                    connect(stream, address)
            with pytest.raises(OSError, match="already connected"):
                stream.sendto(b"secret", listener.getsockname())
            stream.sendall(b"still here")
            assert stream.recv(64) == b"still here"
        assert reached == []
        with socket.create_connection((LOOPBACK, port)) as tcp:
            connect(tcp, bytes(16))
            connect(tcp, inet(elsewhere))
            tcp.sendall(b"secret")
            assert arrived.wait(30)  # the server ends with this block, also before it has read
    assert reached == [b"secret"]


def connect(stream: socket.socket, address: bytes) -> None:
    """The call with any address: AF_UNSPEC, sixteen zeros, is one that Python does not offer."""
    checked(libc.connect(stream.fileno(), address, len(address)))


def inet(port: int) -> bytes:
    """`struct sockaddr_in` of a port on loopback."""
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H4B8x", port, 127, 0, 0, 1)


def unix(name: bytes) -> bytes:
    """`struct sockaddr_un` of an abstract socket."""
    return struct.pack("=H", socket.AF_UNIX) + name


def test_nobody_there_is_an_answer() -> None:
    """Neither a refused connection nor a name without an address ends the broker."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    with brokered(port) as worker:
        assert worker.ask() == (Reply.UNREACHABLE, None)
        assert worker.ask() == (Reply.UNREACHABLE, None)
    assert resolve("no-such-host.invalid", 443) == []


def test_connections_are_counted_at_once_and_in_all() -> None:
    """A closed one makes room at once, and none in all."""
    with server(echo) as port, brokered(port, Caps(at_once=2, in_all=3)) as worker:
        first, second = worker.stream(), worker.stream()
        assert worker.ask() == (Reply.TOO_MANY, None)
        first.close()
        deadline = time.monotonic() + 10
        while (answer := worker.ask())[1] is None:
            assert time.monotonic() < deadline
        answer[1].close()
        second.close()
        time.sleep(0.1)
        assert worker.ask() == (Reply.TOO_MANY, None)


def test_bytes_are_counted_each_way() -> None:
    """At the cap the connection ends; up to it all arrives, which is the control."""
    caps = Caps(up_bytes=100_000, down_bytes=150_000)
    with server(echo) as port, brokered(port, caps) as worker, worker.stream() as stream:
        stream.sendall(bytes(100_000))
        got = 0
        while got < 100_000:
            got += len(stream.recv(2**20))
        stream.sendall(b"x")
        assert is_over(stream)
    with server(talk) as port, brokered(port, caps) as worker, worker.stream() as stream:
        got = 0
        with suppress(ConnectionResetError):
            while data := stream.recv(2**20):
                got += len(data)
        assert 0 < got <= 150_000


@pytest.mark.parametrize(
    "caps", [Caps(idle_seconds=0.2), Caps(total_seconds=0.2)], ids=["idle", "total"]
)
def test_a_connection_ends_in_time(caps: Caps) -> None:
    """One that says nothing, and one that lasts."""
    with server(echo) as port, brokered(port, caps) as worker, worker.stream() as stream:
        stream.sendall(b"x")
        assert stream.recv(1) == b"x"
        assert is_over(stream)


def test_the_end_of_one_side_is_the_end_of_the_other() -> None:
    """What was said before it arrives."""

    def say_and_go(connection: socket.socket) -> None:
        connection.sendall(b"last words")

    with server(say_and_go) as port, brokered(port) as worker, worker.stream() as stream:
        assert stream.recv(64) == b"last words"
        assert is_over(stream)


RESTRICTED = """
import socket, sys
from privacy.sandbox import landlock, limits
limits.limit()
landlock.restrict(connect=int(sys.argv[1]))
for port in sys.argv[1:]:
    try:
        with socket.socket() as attempt:
            attempt.connect(("127.0.0.1", int(port)))
        print("open")
    except PermissionError:
        print("blocked")
try:
    open("/etc/passwd")
    print("open")
except PermissionError:
    print("blocked")
"""


@pytest.mark.skipif(abi() < 4, reason="Landlock knows ports from ABI 4 on")
def test_the_broker_may_connect_to_one_port_and_open_no_file() -> None:
    """Even a broker that was taken over reaches no other port, nor the keeper's files."""
    with server(echo) as one, server(echo) as other:
        done = subprocess.run(
            [sys.executable, "-c", RESTRICTED, str(one), str(other)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    assert done.stdout.split() == ["open", "blocked", "blocked"]


def test_a_workers_connections_end_with_it() -> None:
    """Two workers share a broker: what one asked for goes with it, and the other's stays."""
    with (
        server(echo) as port,
        brokering([(socket.AF_INET, (LOOPBACK, port))]) as egress,
        egress.control() as one,
        egress.control() as other,
        Worker(one).stream() as gone,
        Worker(other).stream() as stays,
    ):
        one.close()
        assert is_over(gone)
        stays.sendall(b"hello")
        assert stays.recv(8) == b"hello"


def test_the_keepers_broker_serves_and_ends() -> None:
    """The process itself: started from the hashed code, gone when the run is over."""
    before = descendants(os.getpid())
    with server(echo) as port:
        with (
            broker(relaying(), f"https://localhost:{port}") as egress,
            egress.control() as control,
            Worker(control).stream() as stream,
        ):
            born = descendants(os.getpid()) - before
            stream.sendall(b"hello")
            assert stream.recv(8) == b"hello"
        assert born
        assert not born & running()


def test_a_broker_that_ended_is_an_incomplete_run() -> None:
    """Nobody waits for an answer that cannot come."""
    before = descendants(os.getpid())
    with broker(relaying(), "https://localhost:9") as egress:
        (child,) = descendants(os.getpid()) - before
        os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while child in running():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(IncompleteError, match="ENDPOINT_UNREACHABLE"), egress.control():
            pass


def test_the_broker_dies_with_its_keeper() -> None:
    """A keeper that was killed leaves nobody with a network behind."""
    script = (
        "import time\n"
        "from privacy.keeper.egress import broker\n"
        "from tests.support.egress import relaying\n"
        "with broker(relaying(), 'https://localhost:9') as egress, egress.control() as control:\n"
        "    control.send(b'C')\n"
        "    print(control.recv(1)[0], flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT
    ) as keeper:
        assert keeper.stdout is not None
        try:
            assert keeper.stdout.readline() == b"%d\n" % Reply.UNREACHABLE
            born = descendants(keeper.pid)
            assert born
        finally:
            keeper.kill()
    deadline = time.monotonic() + 10
    while born & running():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_broker_imports_nothing_that_could_read() -> None:
    """Its file is the standard library's and the seal's alone: no key, no data, no SDK."""
    text = Path(ROOT / "classifiers" / "broker.py").read_text(encoding="utf-8")
    imported = [line.split()[1].split(".")[0] for line in text.splitlines()
                if line.strip().startswith(("import ", "from "))]  # fmt: skip
    ours = [line for line in text.splitlines() if "from privacy" in line]
    assert set(imported) - {"privacy"} <= set(sys.stdlib_module_names)
    assert [line.strip() for line in ours] == ["from privacy.sandbox import landlock, limits"]
