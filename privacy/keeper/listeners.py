"""
Who listens at a port of this machine: whose process is sent text in clear.

There is no certificate there.  But the kernel knows which user's socket it is, and a port above
1023 is anybody's who comes first: a stranger may sit where the model's server was stopped.  So it
is root's, or the keeper's own user's, or that of a user whom the policy names.  It is looked at
when a run starts and before each worker is introduced; between two looks it may change hands.
"""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

from privacy.endpoint import Address, read_endpoint
from privacy.errors import RefusedError
from privacy.halts import Halt, halted

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTEN = "0A"
_LOCAL, _STATE, _USER = 1, 3, 7
"""Columns of the kernel's tables [proc(5)]."""


def listeners(address: Address) -> frozenset[int]:
    """Users whose sockets listen at a port of this machine, at whichever of its addresses."""
    found = set[int]()
    for table in TABLES:
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            cells = line.split()
            port = int(cells[_LOCAL].rpartition(":")[2], 16)
            if (cells[_STATE], port) == (_LISTEN, address.port):
                found.add(int(cells[_USER]))
    return frozenset(found)


def check_listener(url: str, owner: str) -> None:
    """
    Refuse to send text in clear to a stranger; an endpoint with TLS is not looked at.

    Args:
        url: The plan's endpoint.
        owner: The user whom the policy names, if it names one.

    Raises:
        IncompleteError: Nobody listens.
        RefusedError: Somebody does who may not.
    """
    address = read_endpoint(url)
    if not address.in_clear:
        return
    found = listeners(address)
    if not found:
        raise halted(Halt.UNREACHABLE)
    if not found <= _trusted(owner):
        raise RefusedError(
            "LISTENER_STRANGE",
            rule="Text in clear goes to a server of root, of the keeper's user, or of the user "
            "whom the policy names as the endpoint's `owner`.",
            found="a socket of another user at that port.",
            remedy="find out who listens there; if he should, have the policy name him.",
        )


def same_listener(url: str) -> Callable[[], None]:
    """
    What checks, again and again, that those listen who listened at first.

    It is for a run whose start was checked: a port that changed hands stops it.
    """
    address = read_endpoint(url)
    if not address.in_clear:
        return lambda: None
    first = listeners(address)

    def check() -> None:
        if listeners(address) != first:
            raise halted(Halt.UNREACHABLE)

    return check


def _trusted(owner: str) -> frozenset[int]:
    named = [user.pw_uid for user in pwd.getpwall() if user.pw_name == owner]
    return frozenset({0, os.geteuid(), *named})
