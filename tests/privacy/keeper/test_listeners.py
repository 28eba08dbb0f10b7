"""Who listens at a port of this machine: the keeper's own user, root, whom a policy names."""

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from privacy.endpoint import read_endpoint
from privacy.errors import IncompleteError, RefusedError
from privacy.keeper.listeners import check_listener, listeners, same_listener

NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@contextmanager
def listening(family: socket.AddressFamily = socket.AF_INET, user: int = -1) -> Iterator[str]:
    """A socket that listens on loopback, of a user, and its endpoint."""
    host = "127.0.0.1" if family is socket.AF_INET else "::1"
    own = os.geteuid()
    if user >= 0:
        os.seteuid(user)
    try:
        server = socket.socket(family, socket.SOCK_STREAM)
        with server:
            server.bind((host, 0))
            server.listen()
            os.seteuid(own)
            shown = host if family is socket.AF_INET else f"[{host}]"
            yield f"http://{shown}:{server.getsockname()[1]}"
    finally:
        os.seteuid(own)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_listener_is_found_by_its_port_and_is_gone_with_it(
    family: socket.AddressFamily,
) -> None:
    """The control of everything below; a port at which nobody listens is unreachable."""
    with listening(family) as url:
        assert listeners(read_endpoint(url)) == {os.geteuid()}
        check_listener(url, "")
    assert listeners(read_endpoint(url)) == frozenset()
    with pytest.raises(IncompleteError, match="ENDPOINT_UNREACHABLE"):
        check_listener(url, "")


def test_a_connection_is_no_listener() -> None:
    """Who only speaks with somebody at that port, or from it, is asked nothing."""
    with listening() as url, socket.create_connection(("127.0.0.1", _port(url))) as other:
        assert listeners(read_endpoint(url)) == {os.geteuid()}
        assert listeners(read_endpoint(f"http://127.0.0.1:{other.getsockname()[1]}")) == set()


def _port(url: str) -> int:
    return read_endpoint(url).port


@as_root
def test_a_strangers_port_gets_nothing() -> None:
    """A port above 1023 is anybody's who comes first: only whom the policy names may have it."""
    with listening(user=NOBODY.pw_uid) as url:
        assert listeners(read_endpoint(url)) == {NOBODY.pw_uid}
        for owner in ("", "daemon", "no-such-user"):
            with pytest.raises(RefusedError, match="LISTENER_STRANGE"):
                check_listener(url, owner)
        check_listener(url, "nobody")


@as_root
def test_a_port_that_changes_hands_stops_a_run() -> None:
    """The model's server ends, and a stranger takes its place before the next worker."""
    with listening() as url:
        check = same_listener(url)
        check()
        check()
    with pytest.raises(IncompleteError, match="ENDPOINT_UNREACHABLE"):
        check()
    os.seteuid(NOBODY.pw_uid)
    try:
        stranger = socket.socket()
        stranger.bind(("127.0.0.1", _port(url)))
        stranger.listen()
    finally:
        os.seteuid(0)
    with stranger, pytest.raises(IncompleteError, match="ENDPOINT_UNREACHABLE"):
        check()


def test_an_endpoint_with_tls_is_known_by_its_certificate() -> None:
    """Nobody looks who listens there: it may be another machine."""
    check_listener("https://localhost:9", "")
    same_listener("https://localhost:9")()
