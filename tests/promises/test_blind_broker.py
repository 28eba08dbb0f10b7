"""
Promise: who carries a session's text to its model can neither read it nor send it elsewhere.

A sealed worker asks a server on loopback through the keeper's own broker.  Everything that the
broker relays is kept by a relay behind it, so that it can be searched; the control of each search
is the same request without TLS.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import anthropic
import pytest

from clerestory.devstub import HOST, Authority, authority
from clerestory.workshop import ASKING
from privacy.closing import Closing
from privacy.errors import RefusedError
from privacy.halts import Halt
from privacy.sandbox.launch import start
from privacy.sandbox.tiers import Tier
from tests.support.egress import CANARY, MODEL, asking, sealed, session
from tests.support.house import installed
from tests.support.messages import API_KEY, MessagesServer, labelled, serving
from tests.support.tap import Tap, tapped
from tests.support.workers.setting import sealed_tiers, small
from tests.support.world import ROOT

NOBODY = 65534
CANNOT_IMPORT = 3
LABELS = {"work_mode": "fix", "expertise": "novice", "outcome": "succeeded"}


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom the plan trusts."""
    return authority()


@pytest.fixture
def server(ours: Authority, tmp_path: Path) -> Iterator[MessagesServer]:
    """The plan's endpoint."""
    with serving(ours.sign(), labelled(LABELS)) as running:
        yield running


@pytest.fixture
def tap(server: MessagesServer) -> Iterator[Tap]:
    """Between the broker and the endpoint."""
    with tapped(server.server_port) as running:
        yield running


@sealed_tiers
def test_a_sealed_worker_is_answered_and_nobody_reads_along(
    tier: Tier, ours: Authority, server: MessagesServer, tap: Tap
) -> None:
    """Labels come back; of text and key no byte was relayed in clear, and the server had both."""
    with sealed(tier, asking(f"https://{HOST}:{tap.port}", ours.roots)) as asker:
        for labels in asker.batch([session(f"{CANARY} {number}") for number in range(12)]):
            assert isinstance(labels, dict)
            assert labels["status"] == "rated"
            assert {name: labels[name] for name in LABELS} == LABELS
    assert [asked.headers["Authorization"] for asked in server.asked] == [f"Bearer {API_KEY}"] * 12
    assert all(CANARY in asked.text for asked in server.asked)
    up, down = tap.bytes(up=True), tap.bytes(up=False)
    assert len(up) > 12 * 2**15
    for word in (CANARY.encode(), API_KEY.encode(), MODEL.encode(), b"/v1/messages", b"work_mode"):
        assert word not in up + down
    # What is not hidden: the name of the server.
    assert HOST.encode() in up


def test_the_search_would_find_what_is_not_encrypted() -> None:
    """The control: the same question without TLS, through the same relay."""
    with serving(None, labelled()) as server, tapped(server.server_port) as tap:
        client = anthropic.Anthropic(
            api_key=API_KEY, base_url=f"http://{HOST}:{tap.port}", open_telemetry=False
        )
        with client:
            client.messages.create(
                model=MODEL, max_tokens=9, messages=[{"role": "user", "content": CANARY}]
            )
        up = tap.bytes(up=True)
        for word in (CANARY.encode(), API_KEY.encode(), MODEL.encode(), b"/v1/messages"):
            assert word in up


@sealed_tiers
def test_a_man_in_the_middle_is_refused(tier: Tier, ours: Authority, tmp_path: Path) -> None:
    """Another authority's certificate for the right name: no request is sent, no label is made."""
    evil = authority("Evil")
    with serving(evil.sign(), labelled()) as server:
        with sealed(tier, asking(server.url, ours.roots)) as asker:
            assert asker.label() is Halt.NOT_TRUSTED
        assert server.connections == 1
        assert server.asked == []
        with sealed(tier, asking(server.url, evil.roots)) as asker:
            assert isinstance(asker.label(), dict)
        assert len(server.asked) == 1


def test_a_certificate_for_another_host_is_refused(ours: Authority, tmp_path: Path) -> None:
    """The right authority is not enough: whoever has a certificate of it is not the endpoint."""
    with serving(ours.sign("other.example"), labelled()) as server:
        with sealed(Tier.T1, asking(server.url, ours.roots)) as asker:
            assert asker.label() is Halt.NOT_TRUSTED
        assert server.asked == []


def test_an_older_tls_is_refused(ours: Authority, tmp_path: Path) -> None:
    """TLS 1.2 shows the certificate and lets lengths of names be seen; nothing needs it."""
    import ssl

    with serving(ours.sign(), labelled()) as server:
        assert server.context is not None
        server.context.minimum_version = ssl.TLSVersion.TLSv1_2
        server.context.maximum_version = ssl.TLSVersion.TLSv1_2
        with sealed(Tier.T1, asking(server.url, ours.roots)) as asker:
            assert asker.label() is Halt.NOT_TRUSTED
        assert server.asked == []


def test_environment_and_proxies_change_nothing(
    ours: Authority, server: MessagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the keeper's own environment says about proxies, addresses, logs: none of it arrives."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        place = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "all_proxy",
                     "ANTHROPIC_BASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"):  # fmt: skip
            monkeypatch.setenv(name, place)
        monkeypatch.setenv("ANTHROPIC_LOG", "debug")
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-evil: 1")
        monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content")
        monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
        with sealed(Tier.T1, asking(server.url, ours.roots)) as asker:
            assert isinstance(asker.label(), dict)
        with pytest.raises(TimeoutError):
            listener.accept()
        assert "x-evil" not in server.asked[0].headers
        # The control: an SDK that is left to itself obeys.
        monkeypatch.delenv("SSL_CERT_FILE")
        client = anthropic.Anthropic(api_key="k", max_retries=0, timeout=2)
        with client, pytest.raises(anthropic.APIConnectionError):
            client.messages.create(model="m", max_tokens=1, messages=[])
        connection, _ = listener.accept()
        connection.close()
    assert server.asked[1:] == []


def test_without_a_broker_a_worker_asks_nobody(ours: Authority, server: MessagesServer) -> None:
    """The seal leaves no other way: with a key and a plan, but no control socket, it stops."""
    from tests.classifiers.test_worker import bound_plan

    kind, plan = installed().asking, bound_plan(asking(server.url, ours.roots))
    with start(Tier.T1, kind.code, kind.module, plan.canonical) as worker:
        worker.channel.timeout = 20.0
        worker.channel.send(API_KEY.encode())
        worker.channel.send(b"")
        assert Closing.decode(worker.channel.receive(3)).halt is Halt.NO_KEY
    assert server.connections == 0


def test_a_tcp_socket_is_no_control(ours: Authority, server: MessagesServer) -> None:
    """A keeper that would hand down a connection itself gets a worker without a key."""
    with (
        socket.create_connection(("127.0.0.1", server.server_port)) as tcp,
        pytest.raises(RefusedError, match="hold_other_descriptors"),
    ):
        start(Tier.T1, small(), "privacy.sandbox.idle", b"", control=tcp)


UNPRIVILEGED = """
import json, sys
sys.path[:0] = sys.argv[1:3]
try: import anthropic, privacy.sealing
except ImportError: sys.exit(3)
from classifiers.broker import Broker
from clerestory_asking import ask
print(json.dumps(ask(*sys.argv[3:])))
"""
ASK = """
from privacy.closing import CLOSING_BYTES
from privacy.keeper.egress import broker
from privacy.keeper.workshop import WorkerKind
from privacy.labels import row_width
from privacy.codebook import codebook
from privacy.plan import read_plan
from privacy.sandbox.launch import start
from privacy.sandbox.manifest import collect
from privacy.sandbox.tiers import survey
from privacy.sealing import run_info, seal

def ask(distributions, plan, key, data):
    modules = ("classifiers.worker", "classifiers.raters.claude.rater", "pydantic")
    code = collect(("privacy", "classifiers"), distributions.split(), modules)
    kind = WorkerKind("classifiers.worker", code, "classifiers/broker.py")
    plan = read_plan(plan.encode())
    answers = {}
    for tier in [f.tier for f in survey() if f.works and f.tier.seals]:
        with broker(kind, plan.rater.endpoint) as egress, egress.control() as control:
            with start(tier, code, kind.module, plan.canonical, control=control) as worker:
                worker.channel.timeout = 60.0
                worker.channel.send(key.encode())
                header = {"account": bytes(range(16)).hex(), "month": "2026-02"}
                header["session"] = bytes(16).hex()
                public, info = worker.public_key, run_info(plan.hash)
                blob = seal(bytes.fromhex(data), header, public=public, info=info)
                worker.channel.send(blob.encode())
                worker.channel.send(b"")
                limit = row_width(codebook()) + CLOSING_BYTES
                answers[tier.name] = worker.channel.receive(limit).hex()
    return answers
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_is_answered_as_well(ours: Authority, server: MessagesServer) -> None:
    """As nobody, with the host's own Python and a copy of the code: same seal, same way out."""
    from tests.classifiers.test_worker import bound_plan
    from tests.support.egress import read

    python, drop = shutil.which("python3", path="/usr/bin"), shutil.which("setpriv")
    if not python or not drop:
        pytest.skip("apt-get install python3 util-linux")
    plan = bound_plan(asking(server.url, ours.roots))
    dependencies = str(distribution("cryptography").locate_file(""))
    with TemporaryDirectory() as name:  # pytest's own are for root's eyes only
        folder = Path(name)
        folder.chmod(0o755)
        for package in ("privacy", "classifiers"):
            shutil.copytree(ROOT / package, folder / package)
        (folder / "clerestory_asking.py").write_text(ASK, encoding="utf-8")
        done = subprocess.run(
            [
                *(drop, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
                *(python, "-I", "-B", "-c", UNPRIVILEGED, name, dependencies),
                *(" ".join(ASKING), plan.canonical.decode(), API_KEY, session().hex()),
            ],
            capture_output=True,
            cwd="/",
            check=False,
            timeout=120,
        )
    if done.returncode == CANNOT_IMPORT:
        pytest.skip(f"as nobody, {python} cannot import from {dependencies}")
    assert done.returncode == 0, done.stderr.decode()
    answers = json.loads(done.stdout)
    assert answers
    for answer in answers.values():
        (labels,) = read(bytes.fromhex(answer))
        assert isinstance(labels, dict)
        assert labels["work_mode"] == "fix"
    assert len(server.asked) == len(answers)
