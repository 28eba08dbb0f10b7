"""
The way out of a run whose plan names an endpoint: a broker beside each worker.

The keeper starts it from the code that was hashed, gives it one address and nothing else, and
hands its control socket to the worker.  The key for the endpoint passes the broker by: it goes
into the sealed worker, by the pipe.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from privacy.endpoint import read_endpoint
from privacy.halts import Halt, halted
from privacy.keeper.workshop import WorkerKind
from privacy.sandbox import interpreter
from privacy.sandbox.mounts import CODE

ENDPOINT_KEY = "endpoint.key"
"""File in the keeper's folder with the key for models' endpoints, for who gives none with a run."""
_CLOSE_SECONDS = 5.0


def endpoint_key(given: str, folder: Path) -> bytes:
    """
    The key for a run's endpoint: the one that was given with the run, or the keeper's own.

    Raises:
        IncompleteError: There is none.
    """
    own = folder / ENDPOINT_KEY
    if not given and not own.exists():
        raise halted(Halt.NO_KEY)
    return (given.encode() or own.read_bytes()).strip()


@contextmanager
def broker(kind: WorkerKind, endpoint: str) -> Iterator[socket.socket]:
    """
    Run a broker for one worker, from the thread that works with it.

    Args:
        kind: The kind of worker; its code holds the broker's.
        endpoint: `https://host[:port]`, from the plan.

    Yields:
        The worker's end of the control socket.

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
        theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
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
        yield ours


def _end(process: "subprocess.Popen[bytes]") -> None:
    # It ends by itself when nobody holds the other end any more; who waits for that, may wait.
    process.terminate()
    try:
        process.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
