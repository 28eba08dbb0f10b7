"""`clerestory dev-stub` as a process: from the sealed worker, in a whole run, and misused."""

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from typer.testing import CliRunner

from clerestory.cli import app
from clerestory.devstub import HOST, authority
from privacy.closing import CLOSING_BYTES, Closing, Pace
from privacy.halts import Halt
from privacy.sandbox.tiers import Tier
from tests.privacy.keeper.test_asking import labels
from tests.promises.test_only_labels_leave import canaries
from tests.support.asking import Asking, asking_world
from tests.support.egress import Answer, asking, read, sealed, session
from tests.support.messages import API_KEY, MessagesServer
from tests.support.world import must

RUN = CliRunner()


@contextmanager
def stub(folder: Path, *words: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """The command, and what it said of itself; told to stop at the end."""
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "clerestory", "dev-stub", "--json"),
                *("--roots", str(folder / "dev-roots.pem"), *words),
            ],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            cwd=folder,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            told = "".join(iter(process.stdout.readline, "}\n")) + "}"
            yield json.loads(told), process
        finally:
            process.terminate()
            process.wait(10)


def roots(told: dict[str, str]) -> str:
    """The root that it wrote."""
    return Path(told["roots"]).read_text(encoding="ascii")


def status(answer: Answer) -> str | Halt:
    """What became of a session."""
    return answer if isinstance(answer, Halt) else answer["status"]


WAYS = [
    "2=refusal",
    "3=cut",
    "4=prose",
    "5=prose",
    "6=thinking",
    "7=wrong",
    "8=prose",
    "10=529-after",
]
EXPECTED = ["rated", "refused", "cut", "invalid", "rated", "rated", "rated", Halt.OVERLOADED]
"""By request: good; refusal; cut; words twice; thinking; wrong; words and their mending; 529 for
longer than anybody waits."""


def test_a_sealed_worker_labels_what_is_said_and_stops_where_nobody_answers(
    tmp_path: Path,
) -> None:
    """Each way through seal, broker and TLS: statuses of sessions, and a halt that is none."""
    words = [word for way in WAYS for word in ("--at", way)]
    with stub(tmp_path, *words, "--retry-after", "4000000") as (told, _):
        assert told["sha256"] == sha256(roots(told).encode()).hexdigest()
        with sealed(Tier.T1, asking(told["url"], roots(told))) as asker:
            found = asker.batch([session(f"number {number}") for number in range(8)])
            # Alike but for the number of a request: what is drawn depends on the text alone.
            again, other = asker.label(session("number 0")), asker.label(session("number 1"))
    assert [status(answer) for answer in found] == EXPECTED
    assert again == found[0]
    assert isinstance(other, dict)
    assert set(other.values()) != {"unclear"}


HALTS = {
    "429-after": Halt.BUSY, "529-after": Halt.OVERLOADED, "429-spend": Halt.SPEND_LIMIT,
    "401": Halt.DENIED,
}  # fmt: skip
MENDED = ("429", "503", "529", "500", "drop", "torn")
"""Once each: waited for, and asked again."""


def test_every_fault_halts_a_sealed_worker_and_none_becomes_a_label(tmp_path: Path) -> None:
    """What no waiting mends, each in a worker of its own; what it does mend is asked again."""
    ways = [*HALTS, *(way for each in MENDED for way in (each, "good"))]
    words = [word for n, way in enumerate(ways, start=1) for word in ("--at", f"{n}={way}")]
    with (
        stub(tmp_path, *words, "--retry-after", "4000000") as (told, _),
        sealed(Tier.T1, asking(told["url"], roots(told))) as asker,
    ):
        found = [status(asker.label()) for _ in HALTS]
        answer = asker.answer([session()] * len(MENDED))
        well = asker.answer([session()])
    assert found == list(HALTS.values())
    assert [status(each) for each in read(answer, len(MENDED))] == ["rated"] * len(MENDED)
    assert Closing.decode(answer[-CLOSING_BYTES:]).pace is Pace.SLOWER
    assert Closing.decode(well[-CLOSING_BYTES:]).pace in {
        Pace.FASTER,
        Pace.STEADY,
    }  # of a worker that nobody refused


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Asking]:
    """A vault for development, led to a stub of which the sixth answer is not waited for."""
    ways = (
        "--retry-after",
        "4000000",
        "--at",
        "6=529-after",
        "--at",
        "10=refusal",
        "--at",
        "12=cut",
    )
    with stub(tmp_path, *ways) as (told, _):
        named = cast("MessagesServer", SimpleNamespace(url=told["url"]))
        with asking_world(tmp_path / "world", named, roots(told)) as asking:
            yield asking


def test_a_run_goes_the_whole_way_and_on_after_a_fault(world: Asking, tmp_path: Path) -> None:
    """
    Exit 5, then 0; each session is answered once, and the stub wrote nothing but its root.

    Twenty-four sessions and one 529 make twenty-five requests, so that every way is met.  That
    such a root is refused under another floor, tests/privacy/keeper/test_asking.py shows.
    """
    must("submit", world.world.vault, world.world.plan)
    must("approve", world.world.vault, world.world.plan, "--key", world.world.key)
    code, said = world.classify("--api-key-file", world.key_file)
    assert code == 5
    assert "ENDPOINT_OVERLOADED" in said
    assert world.classify("--api-key-file", world.key_file)[0] == 0
    found = labels(world.world)
    assert [found[name] for name in ("rated", "refused", "cut")] == [22, 1, 1]
    beside = {path.name for path in tmp_path.iterdir()}
    assert beside == {"world", "dev-roots.pem", "said"}
    words = [*canaries(world.world), API_KEY.encode()]
    told = (tmp_path / "said").read_bytes() + (tmp_path / "dev-roots.pem").read_bytes()
    assert not any(word in told for word in words)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_loopback_alone_until_it_is_told_to_stop(number: int, tmp_path: Path) -> None:
    """Then at once, though a connection is open, with exit 0; nobody else can be it meanwhile."""
    with stub(tmp_path) as (told, process):
        port = int(told["url"].rpartition(":")[2])
        listening = subprocess.run(
            ["/bin/cat", "/proc/net/tcp"], capture_output=True, text=True, check=True
        ).stdout
        assert {
            line.split()[1].split(":")[0]
            for line in listening.splitlines()[1:]
            if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
        } == {"0100007F"}
        context = ssl.create_default_context(cadata=roots(told))
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as secured,
        ):
            assert secured.version() == "TLSv1.3"
            other = tmp_path / "other.pem"
            done = RUN.invoke(app, ["dev-stub", "--roots", str(other), "--port", str(port)])
            assert done.exit_code == 2
            assert "PORT_IN_USE" in done.stderr
            assert not other.exists()
            process.send_signal(number)
            assert process.wait(10) == 0


WRONG = {
    "WAY_UNKNOWN": ["--answer", "nonsense"],
    "WAY_UNKNOWN of one": ["--at", "1=expired"],
    "WAY_UNKNOWN of many": ["--every", "0=529"],
    "WAY_UNKNOWN of a line": ["--line", "1=529"],
    "PORT_UNUSABLE below": ["--port", "443"],
    "PORT_UNUSABLE above": ["--port", "65536"],
    "PORT_UNUSABLE of none": ["--port", "-1"],
    "PATH_UNUSABLE": ["--roots", "/nonexistent/roots.pem"],
    "PATH_UNUSABLE as a folder": ["--roots", "/"],
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_served_is_refused_and_nothing_is_written(what: str, tmp_path: Path) -> None:
    """Exit 2 and the rule; the control is every test above."""
    words = ["dev-stub", "--roots", str(tmp_path / "roots.pem"), *WRONG[what], "--json"]
    done = RUN.invoke(app, words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert json.loads(done.stderr)["code"] == what.split()[0]
    assert not any(tmp_path.iterdir())


def test_another_file_is_never_overwritten(tmp_path: Path) -> None:
    """A key, somebody's root, a link; an older root of this server is."""
    path = tmp_path / "dev-roots.pem"
    for held in (b"a key", authority("Another").roots.encode(), b""):
        path.write_bytes(held)
        done = RUN.invoke(app, ["dev-stub", "--roots", str(path)])
        assert done.exit_code == 2
        assert "ROOTS_EXIST" in done.stderr
        assert path.read_bytes() == held
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert "ROOTS_EXIST" in RUN.invoke(app, ["dev-stub", "--roots", str(path)]).stderr
    path.unlink()
    with stub(tmp_path) as (told, _):
        first = roots(told)
    with stub(tmp_path) as (told, _):
        assert roots(told) != first
