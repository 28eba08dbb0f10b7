"""The socket: whatever comes through it, the keeper answers in its own words and lives on."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest

from privacy.errors import ClerestoryError, ConfigurationError, IncompleteError, RefusedError
from privacy.keeper import listening as places
from privacy.keeper import server
from privacy.keeper.client import ask, is_listening
from privacy.keeper.wire import LONGEST_REQUEST, encode, messages, send
from privacy.signing import SigningKey
from privacy.vault import SOCKET
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import House, founded

PLAN = small_plan(SHARE)
HELLO = encode({"nonce": "0" * 64}) + encode({"signature": ""})
"""What a client of the keeper's own user says first."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A keeper in a vault of its own."""
    with founded(tmp_path) as made:
        yield made


@contextmanager
def connected(house: House, busy: "Lock | None" = None) -> Iterator[socket.socket]:
    """A client's end of a connection that the keeper is answering."""
    ours, theirs = socket.socketpair()
    thread = Thread(target=server.answer, args=(house.keeper, theirs, busy or Lock()))
    thread.start()
    ours.settimeout(20)
    try:
        yield ours
    finally:
        ours.close()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def listening(house: House) -> Iterator[Path]:
    """The keeper behind its real socket; the path of it."""
    with places.listening(house.keeper.desk) as listener:
        busy = Lock()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.answer(house.keeper, connection, busy)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield Path((house.vault.folder / SOCKET).read_text().strip())
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(20)


def answers(connection: socket.socket) -> Iterator[dict[str, Any]]:
    """What the keeper says after its greeting."""
    with connection.makefile("rb") as stream:
        for message in messages(stream):
            if "proof" not in message:
                yield message
            if "error" in message or "answer" in message:
                return


def said(house: House, *data: bytes, hello: bytes = HELLO) -> dict[str, Any]:
    """The last thing the keeper says to some bytes."""
    with connected(house) as connection:
        for part in (hello, *data):
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        return list(answers(connection))[-1]


def test_a_request_is_answered(house: House) -> None:
    """The control of everything below."""
    assert said(house, b'{"verb":"status"}\n')["answer"]["plans"] == []
    assert said(house, b'{"verb"', b':"status"}\n')["answer"]["tier"] == "T0"


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"7\n",
        b'"status"\n',
        b"\n",
        b'{"verb":\n',
        b"[" * 100_000 + b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["words", "not-utf8", "list", "number", "text", "empty", "cut", "deep", "http"],
)
def test_a_line_that_is_no_request_is_refused(house: House, line: bytes) -> None:
    """Typed, with a remedy, in place of any of the three; nothing of the line comes back."""
    nonce, _ = HELLO.splitlines(keepends=True)
    for hello in (HELLO, nonce, b""):
        error = said(house, line, hello=hello)["error"]
        assert (error["code"], error["exit"]) == ("REQUEST_UNREADABLE", 2)
        assert error["remedy"]
        assert "garbage" not in json.dumps(error)
    assert said(house, b'{"verb":"status"}\n')["answer"]


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"verb": None},
        {"verb": 7},
        {"verb": ["status"]},
        {"verb": "submit"},
        {"verb": "submit", "plan": 7},
        {"verb": "approve", "plan": PLAN.canonical.decode()},
        {"verb": "enrol", "name": "x"},
        {"verb": "submit", "plan": "\ud800"},
    ],
    ids=range(9),
)
def test_a_request_without_its_parts_is_refused(house: House, request_: dict[str, object]) -> None:
    """The keeper fails closed, and goes on."""
    with connected(house) as connection:
        connection.sendall(HELLO)
        send(connection, request_)
        error = list(answers(connection))[-1]["error"]
    assert error["exit"] in (1, 2, 3)
    assert error["remedy"]
    assert house.kinds().count("plan") == 0
    assert said(house, b'{"verb":"status"}\n')["answer"]


def test_an_over_long_request_is_refused(house: House) -> None:
    """Nobody fills the keeper's memory."""
    with connected(house) as connection:
        connection.sendall(HELLO)
        try:
            for _ in range(LONGEST_REQUEST // 2**20 + 1):
                connection.sendall(b"x" * 2**20)
        except OSError:
            pass  # it stopped listening, as it should
        error = next(answers(connection))["error"]
    assert error["code"] == "REQUEST_UNREADABLE"
    with listening(house), pytest.raises(ConfigurationError, match="REQUEST_UNREADABLE"):
        ask(house.vault, "submit", plan="x" * (LONGEST_REQUEST + 1))


def test_a_client_that_goes_away_leaves_the_keeper_well(house: House) -> None:
    """Before, in the middle of, and after its request; one that says nothing holds up nobody."""
    for words in (b"", b'{"verb":"sta', b'{"verb":"status"}\n'):
        for hello in (b"", HELLO):
            with connected(house) as connection:
                connection.sendall(hello + words)
    with listening(house) as path, socket.socket(socket.AF_UNIX) as silent:
        del silent, path
        assert ask(house.vault, "status")["plans"] == []
    assert said(house, b'{"verb":"status"}\n')["answer"]


def test_work_goes_on_when_nobody_listens_any_more(house: House) -> None:
    """What was asked for is recorded, and found when somebody asks again."""
    olga = house.enrol("olga")
    bound = house.submit(PLAN)
    signature = olga.sign(bound.canonical, "clerestory-plan")
    busy = Lock()
    busy.acquire()
    with connected(house, busy) as connection:
        connection.sendall(HELLO)
        send(
            connection,
            {"verb": "approve", "plan": bound.canonical.decode(), "signature": signature},
        )
        first = next(answers(connection))
        assert first == {"progress": ["waiting for another request", 0.0]}
        connection.close()
        busy.release()
    assert house.ask("status")["plans"][0]["standing"] == "approved"


def test_a_second_client_waits_and_is_told_so(house: House) -> None:
    """One request at a time; the second is answered afterwards."""
    busy = Lock()
    busy.acquire()
    with connected(house, busy) as connection:
        connection.sendall(HELLO)
        send(connection, {"verb": "status"})
        told = answers(connection)
        assert next(told) == {"progress": ["waiting for another request", 0.0]}
        busy.release()
        assert next(told)["answer"]["plans"] == []


def test_many_clients_at_once_are_all_answered(house: House) -> None:
    """And each gets the answer to its own request."""
    names = [f"officer-{number}" for number in range(8)]
    told: dict[str, Any] = {}

    def enrol(name: str, key: str) -> None:
        told[name] = ask(house.vault, "enrol", name=name, key=key)["name"]

    with listening(house):
        clients = [Thread(target=enrol, args=(n, SigningKey.generate().public)) for n in names]
        for client in clients:
            client.start()
        for client in clients:
            client.join(30)
    assert told == {name: name for name in names}
    assert sorted(house.ask("status")["officers"]) == names


def test_custody_is_the_kernels_word(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that claims `separate-user` must not stand so in a bundle."""
    seen: list[object] = []

    def look(_: object, request: Mapping[str, Any], __: object) -> dict[str, Any]:
        seen.append(request["custody"])
        return {}

    monkeypatch.setitem(house.keeper.verbs, "status", look)
    said(house, b'{"verb":"status","custody":"separate-user","role":"officer"}\n')
    assert seen == ["same-user"]


def test_an_unexpected_failure_names_its_kind_and_quotes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception's text may hold what it failed on."""

    def failing(*_: object) -> dict[str, Any]:
        raise ZeroDivisionError("a person's words")

    monkeypatch.setitem(house.keeper.verbs, "status", failing)
    error = said(house, b'{"verb":"status"}\n')["error"]
    assert (error["code"], error["exit"]) == ("UNEXPECTED", 1)
    assert "ZeroDivisionError" in error["found"]
    assert "person" not in json.dumps(error)


def test_errors_keep_their_type_across_the_socket(house: House) -> None:
    """Exit codes of the command line are those of the keeper's own refusals."""
    with listening(house):
        for verb, plan, kind in (
            ("release", PLAN.canonical.decode(), RefusedError),
            ("submit", "no plan", ConfigurationError),
            ("nonsense", "", ConfigurationError),
        ):
            with pytest.raises(ClerestoryError) as refusal:
                ask(house.vault, verb, plan=plan)
            assert type(refusal.value) is kind


def test_a_keeper_that_is_not_there_is_named_as_that(house: House) -> None:
    """Without a socket's name, with a stale one, and with nonsense in its place."""
    named = house.vault.folder / SOCKET
    for text in (None, "", "/nowhere/keeper.sock\n", "x" * 500, str(house.folder), "\ud800\0"):
        if text is not None:
            named.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(ConfigurationError, match="KEEPER_NOT_RUNNING") as refusal:
            ask(house.vault, "status")
        assert "clerestory keeper" in refusal.value.remedy
        assert not is_listening(house.vault)
    with listening(house):
        assert is_listening(house.vault)
    assert not named.exists()


def test_a_keeper_that_stops_in_the_middle_is_said_to_have(house: House) -> None:
    """Exit 5: what was recorded is kept, the same command goes on."""
    path = house.folder / "sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        (house.vault.folder / SOCKET).write_text(f"{path}\n")

        def hang_up() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(10)

        thread = Thread(target=hang_up)
        thread.start()
        with pytest.raises(IncompleteError, match="KEEPER_WENT_AWAY"):
            ask(house.vault, "status")
        thread.join(20)


@pytest.mark.parametrize("length", [0, 90])
def test_the_socket_is_its_users_alone_wherever_it_lies(tmp_path: Path, length: int) -> None:
    """A path too long for a socket is no reason not to start."""
    folder = tmp_path / ("x" * length)
    folder.mkdir(exist_ok=True)
    with founded(folder) as house, listening(house) as path:
        inside = path.is_relative_to(house.state.folder.resolve())
        assert inside == (length == 0 and len(os.fsencode(path)) <= places.LONGEST_PATH)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert ask(house.vault, "status")["plans"] == []
    assert not path.exists()
    assert path.parent.exists() == inside
