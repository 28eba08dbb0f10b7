"""
The keeper behind its Unix socket.

One request a connection, one request at a time: a second client waits, and is told so.  Its
own user and root may ask anything; another user's request is signed with an enrolled key, for
this connection alone, and its role decides (`roles`).  What is turned away before a person is
known leaves no entry in the ledger, so that a stranger cannot fill it.
"""

import os
import socket
from collections import Counter
from collections.abc import Callable
from io import BufferedReader
from threading import Lock, Thread
from typing import Any

from privacy.errors import ClerestoryError, ConfigurationError, RefusedError, VerificationError
from privacy.keeper.listening import listening
from privacy.keeper.roles import asker
from privacy.keeper.service import Keeper
from privacy.keeper.wire import (
    LONGEST_GREETING,
    LONGEST_REQUEST,
    NONCE_BYTES,
    fresh_nonce,
    parse,
    proof_message,
    read_line,
    request_message,
    send,
    user_of,
)
from privacy.signing import verify

SECONDS = 30.0
"""How long a client may take to say what it wants, or to take in a line."""
AT_ONCE = 16
"""Connections of one user: another waits outside, so that no user keeps the others out."""


def serve(keeper: Keeper, ready: Callable[[], None], group: str = "") -> None:
    """Answer requests until the process is told to stop; say `ready` when listening."""
    busy, door = Lock(), Door()
    with listening(keeper.desk, group) as listener:
        ready()
        while True:
            connection, _ = listener.accept()
            Thread(target=door.admit, args=(keeper, connection, busy), daemon=True).start()


class Door:
    """How many connections each user has."""

    def __init__(self) -> None:
        self._inside: Counter[int] = Counter()
        self._lock = Lock()

    def admit(self, keeper: Keeper, connection: socket.socket, busy: Lock) -> None:
        """Answer a connection, unless its user has too many already."""
        user = user_of(connection)
        with self._lock:
            full = self._inside[user] >= AT_ONCE
            self._inside[user] += not full
        if full:
            with connection:
                _last(connection, {"error": _crowded().to_json()})
            return
        try:
            answer(keeper, connection, busy)
        finally:
            with self._lock:
                self._inside[user] -= 1


def answer(keeper: Keeper, connection: socket.socket, busy: Lock) -> None:
    """Answer one connection; whatever goes wrong is told as a typed error."""
    connection.settimeout(SECONDS)
    tell = _Teller(connection)
    with connection, connection.makefile("rb") as stream:
        try:
            nonce = _greet(keeper, connection, stream)
            signature, line = _request(stream)
            request = _read(line)
            verb = str(request.get("verb"))
            if not busy.acquire(blocking=False):
                tell("waiting for another request", 0.0)
                busy.acquire()
            try:
                known = _known(keeper, connection, nonce, verb, line, signature)
                answered = keeper.ask(verb, {**request, **known}, tell)
            finally:
                busy.release()
            _last(connection, {"answer": answered})
        except ClerestoryError as error:
            _last(connection, {"error": error.to_json()})
        except Exception as error:  # noqa: BLE001 - the server outlives any one request
            # The type's name only: an exception's text may quote what it failed on.
            _last(connection, {"error": _unexpected(type(error).__name__).to_json()})


def _greet(keeper: Keeper, connection: socket.socket, stream: BufferedReader) -> str:
    """Prove to the client who is here; returns the nonce that its request must name."""
    try:
        theirs = bytes.fromhex(parse(read_line(stream, LONGEST_GREETING))["nonce"])
    except (ValueError, LookupError, TypeError, RecursionError, OSError):
        raise _unreadable() from None
    if len(theirs) != NONCE_BYTES:
        raise _unreadable()
    nonce = fresh_nonce()
    asking = user_of(connection)
    message = proof_message(theirs.hex(), nonce, asking=asking, keeping=os.getuid())
    proof = keeper.desk.state.signing.sign(message, "clerestory-keeper")
    send(connection, {"nonce": nonce, "proof": proof})
    return nonce


def _request(stream: BufferedReader) -> tuple[str, bytes]:
    try:
        signature = parse(read_line(stream, LONGEST_GREETING))["signature"]
        if isinstance(signature, str):
            return signature, read_line(stream, LONGEST_REQUEST)
    except (ValueError, LookupError, RecursionError, OSError):
        pass
    raise _unreadable()


def _read(line: bytes) -> dict[str, Any]:
    try:
        return parse(line)
    except (ValueError, RecursionError):
        raise _unreadable() from None


def _known(
    keeper: Keeper,
    connection: socket.socket,
    nonce: str,
    verb: str,
    line: bytes,
    signature: str,
) -> dict[str, str]:
    """
    Who asks, by the kernel's word or by his key's: what no request says of itself.

    Raises:
        RefusedError: Another user's request that is not signed, or not by an enrolled key.
    """
    if user_of(connection) in (os.getuid(), 0):
        # Root could look anyway, so its asking is no separation.
        return {"custody": "same-user", "asking_as": "", "asker": ""}
    if not signature:
        raise RefusedError(
            "REQUEST_UNSIGNED",
            rule="The keeper answers its own user; everybody else signs his requests.",
            found="an unsigned request by another user.",
            remedy="give your enrolled key with --key KEY, or in CLERESTORY_KEY.",
        )
    message = request_message(keeper.desk.state.signing.public, nonce, verb, line)
    try:
        key = verify(message, signature, "clerestory-request")
    except VerificationError:
        raise RefusedError(
            "REQUEST_NOT_SIGNED_FOR_THIS",
            rule="A request's signature is good for one request, to one keeper, once.",
            found="a signature over something else: another request, or an earlier one.",
            remedy="ask anew; every command signs anew.",
        ) from None
    role, person = asker(key, keeper.desk.policy)
    return {"custody": "separate-user", "asking_as": role, "asker": person.name}


class _Teller:
    """Tells progress, until nobody takes it in: the work goes on, its result is kept."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._listened_to = connection, True

    def __call__(self, text: str, share: float) -> None:
        if self._listened_to:
            try:
                send(self._connection, {"progress": [text, share]})
            except OSError:
                self._listened_to = False


def _last(connection: socket.socket, message: dict[str, Any]) -> None:
    try:
        send(connection, message)
    except OSError:
        return  # the client went away; what was recorded stays recorded


def _unreadable() -> ConfigurationError:
    return ConfigurationError(
        "REQUEST_UNREADABLE",
        rule="A client says a nonce, a signature and a request: three lines of JSON, the last "
        f"an object of at most {LONGEST_REQUEST} bytes.",
        found="something else.",
        remedy="use the command line of the same version as the keeper.",
    )


def _crowded() -> ConfigurationError:
    return ConfigurationError(
        "TOO_MANY_AT_ONCE",
        rule=f"A user has at most {AT_ONCE} requests open at once.",
        found="more.",
        remedy="wait for one of them to end.",
    )


def _unexpected(kind: str) -> ClerestoryError:
    return ClerestoryError(
        "UNEXPECTED",
        rule="The keeper fails closed.",
        found=f"an unexpected {kind}; nothing was released.",
        remedy="ask again; if it stays, report the kind of error and the version.",
    )
