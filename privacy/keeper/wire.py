"""
How client and keeper talk: one JSON line to ask, JSON lines back.

Lines back are `{"progress": [text, share]}` any number of times, then one `{"answer": …}` or
`{"error": …}`.  The socket is a Unix one, and the kernel says who is at the other end.
"""

import json
import socket
from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Any

LONGEST_REQUEST = 16 * 2**20
"""bytes: more than any plan."""

_CREDENTIALS = Struct("3i")
"""pid, uid, gid: `struct ucred` of unix(7)."""


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one line."""
    connection.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def lines(connection: socket.socket, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """
    Receive lines until the other side closes.

    Raises:
        ValueError: A line is no JSON object, or longer than `limit` bytes.
    """
    with connection.makefile("rb") as stream:
        while line := stream.readline(-1 if limit is None else limit):
            message = json.loads(line)
            if not isinstance(message, dict):
                raise ValueError("not an object")  # noqa: TRY004 - one kind of bad line
            yield message


def user_of(connection: socket.socket) -> int:
    """The uid at the other end, as the kernel knows it."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])
