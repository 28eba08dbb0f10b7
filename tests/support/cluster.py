"""
Two machines made of processes: a Ray cluster of two nodes, an agent on each, and a courier.

All of it is real and on this machine: Ray as `ray start` starts it, with a token; agents and
courier by the command line.  Everything is stopped by its own process id.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from privacy.signing import SigningKey
from tests.support.processes import descendants
from tests.support.world import ROOT

RAY = Path(sys.executable).with_name("ray")
STORE_BYTES = 80_000_000
PATIENCE = 60.0
"""seconds: for Ray to begin on a busy machine."""
SLOTS = 1
"""Workers at once on each node: there are two cores."""


@dataclass(frozen=True)
class Node:
    """One machine: its raylet and its agent."""

    key: SigningKey
    ray: "subprocess.Popen[bytes]"
    agent: "subprocess.Popen[bytes]"


@dataclass(frozen=True)
class Cluster:
    """Two nodes, and what carries to them."""

    folder: Path
    nodes: tuple[Node, ...]
    courier: "subprocess.Popen[bytes]"

    @property
    def ray_processes(self) -> set[int]:
        """Every process of Ray's, and the courier."""
        pids = (node.ray.pid for node in self.nodes)
        return {self.courier.pid}.union(*(descendants(pid) for pid in pids))


@contextmanager
def folder() -> Iterator[Path]:
    """Where it all lies: a short path, since sockets have short names."""
    made = Path(mkdtemp(prefix="cr-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def cluster(folder: Path, keepers: Sequence[str], keys: Sequence[SigningKey]) -> Iterator[Cluster]:
    """
    A cluster that works for some keepers.

    Args:
        folder: From `folder`; the courier listens at `courier.sock` in it.
        keepers: Public keys of keepers.
        keys: The nodes' keys; the first node is the cluster's head.
    """
    trust = []
    for number, public in enumerate(keepers):
        (folder / f"keeper-{number}.pub").write_text(public + "\n")
        trust += ["--trust", str(folder / f"keeper-{number}.pub")]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with ExitStack() as stack:
        nodes, address = [], ""
        for number, key in enumerate(keys):
            key.write(folder / f"node-{number}.key")
            at = folder / f"node-{number}.sock"
            agent = stack.enter_context(
                _started(
                    ["node", "--key", folder / f"node-{number}.key", *trust, "--socket", at],
                    folder / f"node-{number}.out",
                )
            )
            environment = {**token, "CLERESTORY_NODE": str(at)}
            ray = stack.enter_context(_raylet(folder, number, address, environment))
            address = address or _address(folder / f"ray-{number}.out")
            nodes.append(Node(key, ray, agent))
        for number in range(len(keys)):
            _until(lambda n=number: "started" in _text(folder / f"ray-{n}.out"))  # type: ignore[misc]
            _until(lambda n=number: "ready" in _text(folder / f"node-{n}.out"))  # type: ignore[misc]
        courier = stack.enter_context(
            _started(
                ["courier", address, "--socket", folder / "courier.sock"],
                folder / "courier.out",
                token,
            )
        )
        _until(lambda: "ready" in _text(folder / "courier.out"))
        yield Cluster(folder, tuple(nodes), courier)


@contextmanager
def _raylet(
    folder: Path, number: int, address: str, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    where = ["--address", address] if address else ["--head", "--port", "0"]
    words = [
        *(str(RAY), "start", *where, "--block", "--disable-usage-stats"),
        *("--num-cpus", "0", "--resources", f'{{"clerestory": {SLOTS}}}'),
        *("--object-store-memory", str(STORE_BYTES), "--include-log-monitor", "false"),
        *([] if address else ["--include-dashboard", "false", "--temp-dir", str(folder / "r")]),
    ]
    with _process(words, folder / f"ray-{number}.out", environment) as process:
        yield process


@contextmanager
def _started(
    words: Sequence[object], output: Path, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-P", "-m", "clerestory", *map(str, words)]
    with _process(command, output, environment or {}) as process:
        yield process


@contextmanager
def _process(
    words: Sequence[str], output: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of ours; it and what came of it are ended by their own ids."""
    with output.open("wb") as out:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )
    try:
        yield process
    finally:
        # At once: Ray would drain for half a minute, and there is nothing to be saved.
        for pid in (*descendants(process.pid), process.pid):
            _kill(pid)
        process.wait()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _address(output: Path) -> str:
    found: list[str] = []

    def told() -> bool:
        found[:] = re.findall(r"ray start --address='([^']+)'", _text(output))
        return bool(found)

    _until(told)
    return found[0]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not there():
        if time.monotonic() > deadline:
            raise AssertionError("a part of the cluster did not begin in time")
        time.sleep(0.05)
