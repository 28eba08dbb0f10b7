"""
The keeper behind its Unix socket.

One request a connection, one request at a time: a second client waits, and is told so.  The
socket lies in the state folder, or, where that path is too long for a socket, in a private
folder of its own; `keeper.socket` in the vault says where.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock, Thread
from typing import Any

from privacy.errors import ClerestoryError, ConfigurationError, RefusedError
from privacy.keeper.service import Keeper
from privacy.keeper.wire import LONGEST_REQUEST, lines, send, user_of
from privacy.vault import SOCKET, replace_file

LONGEST_PATH = 100
"""bytes: `sun_path` of unix(7) holds 108."""


def serve(keeper: Keeper, ready: Callable[[], None]) -> None:
    """Answer requests until the process is told to stop; say `ready` when listening."""
    busy = Lock()
    with _listening(keeper) as listener:
        ready()
        while True:
            connection, _ = listener.accept()
            Thread(target=_answer, args=(keeper, connection, busy), daemon=True).start()


def _answer(keeper: Keeper, connection: socket.socket, busy: Lock) -> None:
    with connection:
        try:
            # Read first: closing on unread bytes would cut our own answer off.
            request = _request(connection)
            _check_user(connection)
            if not busy.acquire(blocking=False):
                _tell(connection, "waiting for another request", 0.0)
                busy.acquire()
            try:
                answer = keeper.ask(
                    str(request.get("verb")),
                    {**request, "custody": _custody(connection)},
                    lambda text, share: _tell(connection, text, share),
                )
            finally:
                busy.release()
            _last(connection, {"answer": answer})
        except ClerestoryError as error:
            _last(connection, {"error": error.to_json()})
        except Exception as error:  # noqa: BLE001 - the server outlives any one request
            # The type's name only: an exception's text may quote what it failed on.
            _last(connection, {"error": _unexpected(type(error).__name__).to_json()})


def _request(connection: socket.socket) -> dict[str, Any]:
    try:
        return next(lines(connection, LONGEST_REQUEST))
    except (ValueError, RecursionError, StopIteration):
        raise ConfigurationError(
            "REQUEST_UNREADABLE",
            rule=f"A request is one line of JSON, an object of at most {LONGEST_REQUEST} bytes.",
            found="something else.",
            remedy="use the command line of the same version as the keeper.",
        ) from None


def _tell(connection: socket.socket, text: str, share: float) -> None:
    try:
        send(connection, {"progress": [text, share]})
    except OSError:
        return  # nobody listens any more: the work goes on, its result is kept


def _last(connection: socket.socket, message: dict[str, Any]) -> None:
    try:
        send(connection, message)
    except OSError:
        return  # the client went away; what was recorded stays recorded


def _check_user(connection: socket.socket) -> None:
    if user_of(connection) not in (os.getuid(), 0):
        raise RefusedError(
            "USER_NOT_ALLOWED",
            rule="The keeper answers its own user.",
            found="a request by another user.",
            remedy="ask as the keeper's user; users of their own are not there yet.",
        )


def _custody(connection: socket.socket) -> str:
    # Root could look anyway, so its asking is no separation.
    return "same-user" if user_of(connection) in (os.getuid(), 0) else "separate-user"


def _unexpected(kind: str) -> ClerestoryError:
    return ClerestoryError(
        "UNEXPECTED",
        rule="The keeper fails closed.",
        found=f"an unexpected {kind}; nothing was released.",
        remedy="ask again; if it stays, report the kind of error and the version.",
    )


@contextmanager
def _listening(keeper: Keeper) -> Iterator[socket.socket]:
    folder = keeper.desk.state.folder.resolve()
    private = None
    if len(os.fsencode(folder)) > LONGEST_PATH - len("/keeper.sock"):
        private = Path(mkdtemp(prefix="clerestory-"))
    path = (private or folder) / "keeper.sock"
    path.unlink(missing_ok=True)
    named = keeper.desk.vault.folder / SOCKET
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        replace_file(named, f"{path}\n".encode())
        try:
            yield listener
        finally:
            named.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            if private:
                rmtree(private, ignore_errors=True)
