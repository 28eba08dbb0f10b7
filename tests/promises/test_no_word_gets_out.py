"""
Promise: however rating a session fails, no word of it gets out.

A canary stands in every session.  Sealed workers fail on it in two dozen ways of their own, and a
model's endpoint answers in as many bad ones, quoting it.  It may be found in no frame, no
descriptor, no file, no exit code, no core and no error.  The control of each: the same failure
without the seal and the worker's guard shows the canary, and the endpoint's answer held it.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGSEGV, SIGSYS

import pytest

from clerestory.devstub import HOST, Asked, Authority, Reply, authority
from clerestory.workshop import CLASSIFY
from privacy.closing import CLOSING_BYTES
from privacy.codebook import codebook
from privacy.errors import IncompleteError
from privacy.halts import Halt, halted
from privacy.labels import row_width
from privacy.sandbox.endings import Ending
from privacy.sandbox.launch import Worker, Zygote
from privacy.sandbox.manifest import CodeManifest, collect
from privacy.sandbox.tiers import Tier
from privacy.sealing import run_info, seal
from tests.classifiers.test_worker import bound_plan
from tests.support.egress import ACCOUNT, CANARY, Asker, asking, name, read, sealed, session
from tests.support.messages import API_KEY, MessagesServer, codes, message, serving
from tests.support.tap import Tap, tapped
from tests.support.workers import setting
from tests.support.workers.failing import FAILURES
from tests.support.workers.setting import sealed_tiers
from tests.support.world import ROOT

WORD = CANARY.encode()
SILENT = {"kill", "abort", "crash", "exit_code"}
"""Ways whose control says nothing by itself; what they would leave is a core."""


@pytest.fixture(scope="module")
def code() -> CodeManifest:
    """The classify worker's code, and the rater that fails."""
    folders = ("privacy", "classifiers", setting.HERE)
    return collect(folders, CLASSIFY, ("classifiers.worker", "workers.failing", "pydantic"))


@contextmanager
def overheard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bytes]]:
    """Standard output and error of all that is started go into a pipe; what came out of it."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    monkeypatch.setattr(subprocess, "DEVNULL", write_end)

    def heard() -> bytes:
        found = b""
        try:
            while data := os.read(read_end, 65_536):
                found += data
        except BlockingIOError:
            pass
        return found

    try:
        yield heard
    finally:
        monkeypatch.undo()
        os.close(read_end)
        os.close(write_end)


def tell(worker: Worker, plan: str, text: str) -> bytes:
    """One session, and all that comes back: frames until the end."""
    told = {"account": ACCOUNT.hex(), "month": "2026-02", "session": name(0).hex()}
    blob = seal(session(text), told, public=worker.public_key, info=run_info(plan))
    worker.channel.timeout = 30.0
    worker.channel.send(blob.encode())
    try:
        worker.channel.send(b"")
        return worker.channel.receive(2**20)
    except IncompleteError as error:
        return b"" if CANARY not in str(error) else WORD


@sealed_tiers
def test_no_failure_inside_says_a_word(
    tier: Tier, code: CodeManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way in a worker of its own: a status, or an end; and one exit code for all."""
    plan = bound_plan()
    monkeypatch.chdir(tmp_path)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    endings: dict[str, int] = {}
    statuses: dict[str, str] = {}
    with (
        overheard(monkeypatch) as heard,
        Zygote(tier, code, "workers.failing", plan.canonical) as zygote,
    ):
        for way in (*FAILURES, "none"):
            with zygote.start() as worker:
                answer = tell(worker, plan.hash, f"{CANARY} way:{way}: {CANARY}")
                endings[way] = worker.close()
            assert WORD not in answer
            if answer:
                assert len(answer) == row_width(codebook())
                (labels,) = read(answer, closed=False)
                assert isinstance(labels, dict)
                statuses[way] = labels["status"]
            if way not in {"talk", "log", "trace"}:  # these write where the keeper puts /dev/null
                assert WORD not in heard(), way
            heard()
    assert statuses.pop("none") == "rated"
    assert statuses.pop("talk") == "rated"
    assert set(statuses.values()) <= {"invalid", "unreadable", "rated"}
    # One exit code for all that ends by itself; the kernel's signals follow from the way alone.
    assert set(endings.values()) <= {Ending.ENDED, -SIGSEGV, -SIGSYS}
    assert endings["exit_code"] == endings["exit"] == endings["none"] == Ending.ENDED
    assert list(tmp_path.rglob("*")) == []
    assert not list(Path("/tmp").glob(f"*{CANARY}*"))


@pytest.mark.parametrize("way", sorted(set(FAILURES) - SILENT))
def test_each_failure_would_have_said_it(way: str) -> None:
    """The control: unsealed, with nobody to catch it, it ends up on a terminal or in a file."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.workers.failing", way, f"{CANARY} {CANARY}"],
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    left = Path("/tmp", CANARY)
    if left.exists():
        done.stdout += left.read_bytes()
        left.unlink()
    assert WORD in done.stdout + done.stderr


def test_a_crash_would_have_left_it_in_a_core(tmp_path: Path) -> None:
    """The control for those that say nothing: where cores are allowed, the text is in one."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip()
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    if "/" in pattern or pattern.startswith("|") or most != resource.RLIM_INFINITY:
        pytest.skip(f"cores go to {pattern}")
    script = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))\n"
        "sys.argv[1:] = ['crash', sys.argv[1]]\n"
        "runpy.run_module('tests.support.workers.failing', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, CANARY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
        stderr=subprocess.DEVNULL,
    )
    assert done.returncode == -11
    cores = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(WORD in core for core in cores)


def error(status: int, text: str) -> Reply:
    """An error of the API that quotes what it was sent, and is not waited for."""
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
    return Reply(json.dumps(body).encode(), status, {"retry-after": "4000000"})


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@dataclass(frozen=True)
class Bad:
    """A bad answer, and what the keeper hears of it."""

    answer: Callable[[Asked], Reply]
    heard: Halt | str


ANSWERS: dict[str, Bad] = {
    "extra key": Bad(
        lambda a: message(a, codes()[:-1] + f',"{a.text[-200:-40]}":"?"}}'.replace("\n", " ")),
        "invalid",
    ),
    "a sentence": Bad(lambda a: message(a, f"They said: {a.text}"), "invalid"),
    "a word as a code": Bad(
        lambda a: message(a, codes().replace('"?"', json.dumps(a.text), 1)), "invalid"
    ),
    "refusal": Bad(lambda a: message(a, a.text, stop_reason="refusal"), "refused"),
    "cut": Bad(lambda a: message(a, a.text, stop_reason="max_tokens"), "cut"),
    "no JSON": Bad(lambda a: Reply(b"{" + a.text.encode()), Halt.MALFORMED),
    "not UTF-8": Bad(lambda a: Reply(b'"\xff' + a.text.encode() + b'"'), Halt.MALFORMED),
    "another shape": Bad(lambda a: Reply(json.dumps({a.text: a.text}).encode()), Halt.MALFORMED),
    "model named by the text": Bad(lambda a: message(a, "", model=a.text), Halt.OTHER_MODEL),
    "400": Bad(lambda a: error(400, a.text), Halt.REJECTED),
    "401": Bad(lambda a: error(401, a.text), Halt.DENIED),
    "413": Bad(lambda a: error(413, a.text), Halt.REJECTED),
    "429": Bad(lambda a: error(429, a.text), Halt.BUSY),
    "500": Bad(lambda a: error(500, a.text), Halt.FAILED),
    "529": Bad(lambda a: error(529, a.text), Halt.OVERLOADED),
    "redirect": Bad(
        lambda a: replace(error(307, a.text), headers={"location": f"https://{CANARY}.example/"}),
        Halt.MALFORMED,
    ),
    "malformed HTTP": Bad(lambda a: Reply(raw=a.text.encode() + b"\r\n\r\n"), Halt.MALFORMED),
    "huge header": Bad(
        lambda a: Reply(raw=HEAD + b"x: " + a.text.encode().replace(b"\n", b" ") * 900),
        Halt.MALFORMED,
    ),
    "bad header": Bad(lambda a: Reply(raw=HEAD + CANARY.encode() + b"\r\n\r\n"), Halt.MALFORMED),
    "dropped": Bad(
        lambda a: Reply(raw=HEAD + b"content-length: 99999\r\n\r\n" + a.text.encode()),
        Halt.UNREACHABLE,
    ),
    "huge body": Bad(lambda a: Reply(a.text.encode() * 2_000), Halt.MALFORMED),
    "claims to be packed": Bad(
        lambda a: replace(message(a, a.text), headers={"content-encoding": "gzip"}),
        Halt.MALFORMED,
    ),
}


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom the plan trusts."""
    return authority()


@pytest.fixture(scope="module")
def served(
    ours: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MessagesServer, Tap]]:
    """An endpoint that answers as the session says, and what its broker relays."""

    def answering(asked: Asked) -> Reply:
        way = asked.text.split("answer:")[1].split(":")[0]
        return ANSWERS[way].answer(asked) if way in ANSWERS else message(asked, codes())

    pem = ours.sign()
    with serving(pem, answering) as server, tapped(server.server_port) as tap:
        yield server, tap


@sealed_tiers
def test_no_answer_of_an_endpoint_gets_a_word_out(
    tier: Tier,
    ours: Authority,
    served: tuple[MessagesServer, Tap],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each bad answer, held against what the keeper may hear; and a good one at the end."""
    server, tap = served
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    monkeypatch.setenv("HTTPS_PROXY", f"http://{CANARY}.example:1")
    with (
        overheard(monkeypatch) as heard,
        sealed(tier, asking(f"https://{HOST}:{tap.port}", ours.roots)) as asker,
    ):
        for way, bad in ANSWERS.items():
            before = len(server.asked)
            assert said_of(asker, f"answer:{way}: {CANARY}", heard) == bad.heard, way
            for asked in server.asked[before:]:
                assert CANARY in asked.text
        assert said_of(asker, f"answer:good: {CANARY}", heard) == "rated"
    relayed = tap.bytes(up=True) + tap.bytes(up=False)
    assert WORD not in relayed
    assert API_KEY.encode() not in relayed
    assert list(tmp_path.rglob("*")) == []


def said_of(asker: Asker, text: str, heard: Callable[[], bytes]) -> Halt | str:
    """One session in a worker of its own: its status, or why nobody could be asked."""
    with asker.start() as worker:
        worker.channel.send(asker.frame(session(text), 0, worker))
        worker.channel.send(b"")
        answer = worker.channel.receive(row_width(codebook()) + CLOSING_BYTES)
        assert worker.close() == 0
    assert WORD not in answer + heard()
    (labels,) = read(answer)
    if isinstance(labels, Halt):
        assert CANARY not in str(halted(labels).to_json())
        return labels
    return labels["status"]


@pytest.mark.parametrize("way", ANSWERS)
def test_each_answer_held_the_word(way: str) -> None:
    """The control: what the server sends would have told whoever printed it."""
    body = {"model": "m", "messages": [{"role": "user", "content": f"answer:x: {CANARY} " * 20}]}
    reply = ANSWERS[way].answer(Asked(body, 0, {}))
    sent = (reply.raw or reply.body) + json.dumps(dict(reply.headers)).encode()
    assert WORD in sent
