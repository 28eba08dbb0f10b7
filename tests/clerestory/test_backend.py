"""`clerestory backend probe` and `dev-stub --like`, as commands; and a sealed worker in clear."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clerestory.cli import app
from clerestory.devstub import Authority, Stub, authority, running
from clerestory.devstub.likes import LIKES, SERVED, Local, Manners
from privacy.sandbox.tiers import Tier
from tests.support.egress import MODEL, asking, sealed, session
from tests.support.messages import API_KEY, labelled

RUN = CliRunner()


@contextmanager
def stub(*words: str) -> Iterator[dict[str, str]]:
    """`dev-stub` as a process, and what it said of itself."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "clerestory", "dev-stub", "--json", *words],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


def test_a_probe_says_what_to_write_and_a_sealed_worker_does_it() -> None:
    """What the command found holds behind the seal, at the same server."""
    with stub("--like", "ollama", "--window", "32768") as told:
        assert told == {"url": told["url"], "model": SERVED}
        assert told["url"].startswith("http://127.0.0.1:")
        done = RUN.invoke(app, ["backend", "probe", told["url"], "--model", SERVED, "--json"])
        assert (done.exit_code, done.stderr) == (0, "")
        found = json.loads(done.stdout)
        assert (found["answers"], found["fit"], found["in_clear"]) == ("words", True, True)
        with sealed(Tier.T1, asking(told["url"], "", SERVED, found["answers"])) as asker:
            labels = asker.label(session())
    assert isinstance(labels, dict)
    assert labels["status"] == "rated"
    assert found["labels"]["tool"] == "invalid"  # the control: not every form would have done


def test_what_is_not_fit_is_told_and_then_refused() -> None:
    """Exit 3 with the findings on standard output: a script sees both."""
    with running(Local(Manners(LIKES["ollama"]))) as server:
        words = ["backend", "probe", server.url, "--model", SERVED]
        done = RUN.invoke(app, [*words, "--json"])
        assert done.exit_code == 3
        assert json.loads(done.stdout)["reads"] == "shortened"
        assert json.loads(done.stderr)["code"] == "BACKEND_NOT_FIT"
        done = RUN.invoke(app, words)
    assert "long text     shortened" in done.stdout
    assert "OLLAMA_CONTEXT_LENGTH" in done.stderr


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom a certificate leads to."""
    return authority()


def test_a_probe_over_tls_takes_roots_and_a_key(ours: Authority, tmp_path: Path) -> None:
    """The key goes to the server that the roots lead to, and is on no line of what is said."""
    (tmp_path / "roots.pem").write_text(ours.roots, encoding="ascii")
    (tmp_path / "key").write_text(API_KEY, encoding="ascii")
    options = ["--roots", str(tmp_path / "roots.pem"), "--api-key-file", str(tmp_path / "key")]
    heard = set()

    class Hearing(Stub):
        def hear(self, asked: object) -> None:
            heard.add(asked.headers["Authorization"])  # type: ignore[attr-defined]

    with running(Hearing(ours.sign(), labelled())) as server:
        done = RUN.invoke(app, ["backend", "probe", server.url, "--model", MODEL, *options])
    assert done.exit_code == 0  # it enforces nothing and keeps to the rubric: words
    assert 'answers = "words"' in done.stdout
    assert heard == {f"Bearer {API_KEY}"}
    assert API_KEY not in done.stdout + done.stderr


HTTPS, CLEAR = "https://localhost:9", "http://127.0.0.1:9"
WRONG = {
    # what is wrong: (words, code, exit)
    "no endpoint": (["localhost:9", "--model", "m"], "ENDPOINT_UNREADABLE", 2),
    "clear text for a name": (["http://localhost:9", "--model", "m"], "ENDPOINT_UNREADABLE", 2),
    "a path": ([f"{CLEAR}/v1", "--model", "m"], "ENDPOINT_UNREADABLE", 2),
    "TLS and no roots": ([HTTPS, "--model", "m"], "PROBE_ROOTS", 2),
    "clear and roots": ([CLEAR, "--model", "m", "--roots", "good.pem"], "PROBE_ROOTS", 2),
    "no file of roots": (
        [HTTPS, "--model", "m", "--roots", "none.pem"], "PROBE_ROOTS_UNREADABLE", 2,
    ),
    "roots that are none": (
        [HTTPS, "--model", "m", "--roots", "bad.pem"], "ROOTS_UNREADABLE", 2,
    ),
    "a folder of roots": ([HTTPS, "--model", "m", "--roots", "."], "PROBE_ROOTS_UNREADABLE", 2),
    "a certificate that is broken": (
        [HTTPS, "--model", "m", "--roots", "torn.pem"], "ROOTS_UNREADABLE", 2,
    ),
    "PEM that holds no certificate": (
        [HTTPS, "--model", "m", "--roots", "other.pem"], "PROBE_ROOTS_UNREADABLE", 2,
    ),
    "no key in its file": (
        [CLEAR, "--model", "m", "--api-key-file", "empty"], "API_KEY_UNREADABLE", 2,
    ),
    "a model of no name": ([CLEAR, "--model", ""], "MODEL_UNREADABLE", 2),
    "a model of many lines": ([CLEAR, "--model", "a\nb"], "MODEL_UNREADABLE", 2),
    "a model that ends a string": ([CLEAR, "--model", 'a"b'], "MODEL_UNREADABLE", 2),
    "nobody there": ([CLEAR, "--model", "m"], "ENDPOINT_UNREACHABLE", 5),
    "nobody there over TLS": (
        [HTTPS, "--model", "m", "--roots", "good.pem"], "ENDPOINT_UNREACHABLE", 5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_has_a_typed_answer(
    what: str, ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each says its rule and what to do; nothing that a script would take for findings."""
    monkeypatch.chdir(tmp_path)
    Path("good.pem").write_text(ours.roots, encoding="ascii")
    Path("bad.pem").write_text("nothing", encoding="ascii")
    lines = ours.roots.splitlines()
    Path("torn.pem").write_text("\n".join([lines[0], lines[1][:-3], lines[-1]]), encoding="ascii")
    Path("other.pem").write_text("\n".join([lines[0], "aGVsbG8=", lines[-1]]), encoding="ascii")
    Path("empty").write_text("", encoding="ascii")
    words, code, exit_code = WRONG[what]
    done = RUN.invoke(app, ["backend", "probe", *words, "--json"])
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert json.loads(done.stderr)["code"] == code


STUBS = {
    "neither roots nor a server": ([], "ROOTS_MISSING"),
    "an unknown server": (["--like", "gpt4all"], "LIKE_UNKNOWN"),
    "an unknown way": (["--like", "vllm", "--answer", "nicely"], "WAY_UNKNOWN"),
    "a port that is the system's": (["--like", "vllm", "--port", "80"], "PORT_UNUSABLE"),
}


@pytest.mark.parametrize("what", STUBS)
def test_a_server_that_cannot_be_started_says_why(what: str) -> None:
    """In clear it is like a server that is known: never the API without TLS."""
    words, code = STUBS[what]
    done = RUN.invoke(app, ["dev-stub", "--json", *words])
    assert done.exit_code == 2
    assert json.loads(done.stderr)["code"] == code


def test_a_server_that_is_like_another_speaks_tls_where_a_root_is_written(tmp_path: Path) -> None:
    """Two of the three can; and what goes wrong can be said as of the API."""
    path = tmp_path / "roots.pem"
    with stub("--like", "vllm", "--roots", str(path), "--at", "1=529") as told:
        assert told["url"].startswith("https://localhost:")
        words = ["backend", "probe", told["url"], "--model", SERVED, "--roots", str(path)]
        first, second = (RUN.invoke(app, [*words, "--json"]) for _ in range(2))
    assert (first.exit_code, json.loads(first.stderr)["code"]) == (5, "ENDPOINT_OVERLOADED")
    assert second.exit_code == 0
    assert json.loads(second.stdout)["answers"] == "schema"
