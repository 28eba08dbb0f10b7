"""
The way out of a run whose plan names an endpoint: a broker beside its workers.

The keeper starts it from the code that was hashed, gives it one address and nothing else, and
introduces each worker to it by a control socket.  The key for the endpoint passes the broker by:
it goes into the sealed worker, by the pipe.

To a server on this machine in clear, key and text pass the broker readable.  The keeper's own key
is never sent there, since it may be a provider's; a server that wants none is given a word.
"""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from privacy.endpoint import in_clear, read_endpoint
from privacy.halts import Halt, halted
from privacy.keeper.listeners import same_listener
from privacy.keeper.workshop import WorkerKind
from privacy.sandbox import interpreter
from privacy.sandbox.mounts import CODE

ENDPOINT_KEY = "endpoint.key"
"""File in the keeper's folder with the key for models' endpoints, for who gives none with a run."""
NOBODYS_KEY = b"none"
"""What a server on this machine is given that asks for no key."""
_CLOSE_SECONDS = 5.0


def endpoint_key(given: str, folder: Path, endpoint: str) -> bytes:
    """
    The key for a run's endpoint: the one that was given with the run, or the keeper's own.

    Raises:
        IncompleteError: There is none.
    """
    if in_clear(endpoint):
        return given.encode().strip() or NOBODYS_KEY
    own = folder / ENDPOINT_KEY
    if not given and not own.exists():
        raise halted(Halt.NO_KEY)
    return (given.encode() or own.read_bytes()).strip()


class Egress:
    """A running broker, as the keeper sees it."""

    def __init__(self, master: socket.socket, check: Callable[[], None] = lambda: None) -> None:
        self._master, self._check = master, check

    @contextmanager
    def control(self) -> Iterator[socket.socket]:
        """
        A control socket for one worker; what it asked for ends with it.

        Raises:
            IncompleteError: The broker has ended, or in clear somebody else listens now.
        """
        self._check()
        theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            with ours:
                try:
                    socket.send_fds(self._master, [b"W"], [ours.fileno()])
                except OSError:
                    raise halted(Halt.UNREACHABLE) from None
            yield theirs


@contextmanager
def way_out(egress: Egress | None) -> Iterator[socket.socket | None]:
    """A worker's control socket, or none for a worker that asks nobody."""
    if egress is None:
        yield None
    else:
        with egress.control() as control:
            yield control


@contextmanager
def broker(kind: WorkerKind, endpoint: str) -> Iterator[Egress]:
    """
    Run a broker for the workers of one run; it dies with the thread that calls this.

    Args:
        kind: The kind of worker; its code holds the broker's.
        endpoint: From the plan.

    Raises:
        ConfigurationError: The endpoint is none.
        RefusedError: The code is not what was hashed.
    """
    address = read_endpoint(endpoint)
    kind.code.check_unchanged()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="clerestory-")))
        folder.chmod(0o755)
        kind.code.link_into(folder)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.enter_context(ours)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter on hashed code
                [
                    str(kind.code.python),
                    *interpreter.FLAGS,
                    str(folder / CODE / kind.broker),
                    address.host,
                    str(address.port),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        stack.callback(_end, process)
        yield Egress(ours, same_listener(endpoint))


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
