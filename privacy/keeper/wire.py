"""
How client and keeper talk: JSON lines over a Unix socket, and the kernel says who is there.

    client   {"nonce": …}
    keeper   {"nonce": …, "proof": …}         its signature over both nonces and both users
    client   {"signature": …}                 over the nonce and the request; empty for its own user
    client   {"verb": …, …}                   the request
    keeper   {"progress": [text, share]} any number of times, then {"answer": …} or {"error": …}

The proof names the users as the kernel shows them to the keeper: a process in between, which
hands a real keeper's proof on, is another user than the one it names.  The request's signature
names the keeper's key and the keeper's nonce: it is good for one request to one keeper.
"""

import json
import socket
from collections.abc import Iterator, Mapping
from hashlib import sha256
from io import BufferedReader
from secrets import token_hex
from struct import Struct
from typing import Any

import rfc8785

LONGEST_REQUEST = 16 * 2**20
"""bytes: more than any plan."""
LONGEST_GREETING = 4096
"""bytes: a nonce and a signature."""
NONCE_BYTES = 32

_CREDENTIALS = Struct("3i")
"""pid, uid, gid: `struct ucred` of unix(7)."""


def fresh_nonce() -> str:
    """32 bytes from the operating system's randomness, hexadecimal."""
    return token_hex(NONCE_BYTES)


def proof_message(client: str, keeper: str, *, asking: int, keeping: int) -> bytes:
    """What a keeper signs to be known: both nonces, both uids."""
    return rfc8785.dumps({"client": client, "keeper": keeper, "asking": asking, "keeping": keeping})


def request_message(keeper: str, nonce: str, verb: str, line: bytes) -> bytes:
    """What an asker signs: the keeper's key, its nonce, the verb, SHA-256 of the request's line."""
    digest = sha256(line).hexdigest()
    return rfc8785.dumps({"keeper": keeper, "nonce": nonce, "verb": verb, "request": digest})


def encode(message: Mapping[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one line."""
    connection.sendall(encode(message))


def read_line(stream: BufferedReader, limit: int = -1) -> bytes:
    """
    One line, with its end.

    Raises:
        ValueError: It is longer than `limit` bytes, or the other side closed within it.
    """
    line = stream.readline(limit)
    if not line.endswith(b"\n"):
        raise ValueError("no whole line")
    return line


def parse(line: bytes) -> dict[str, Any]:
    """
    A line's message.

    Raises:
        ValueError, RecursionError: It is no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one kind of bad line
    return message


def messages(stream: BufferedReader) -> Iterator[dict[str, Any]]:
    """Receive lines until the other side closes."""
    while line := stream.readline():
        yield parse(line)


def user_of(connection: socket.socket) -> int:
    """The uid at the other end, as the kernel knows it."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])
