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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from privacy.signing import SigningKey
from tests.support.processes import descendants
from tests.support.world import ROOT

RAY = Path(sys.executable).with_name("ray")
STORE_BYTES = 80_000_000
PATIENCE = 180.0
"""seconds: for Ray to begin on a busy machine."""
KNOCKS = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
"""A node that was killed refuses three knocks at once; one that is slow still has ten seconds."""
SLOTS = 1
"""Workers at once on each node: there are two cores."""


class Cluster:
    """
    Two nodes, and what carries to them; each part is a process, and can be killed.

    Args:
        folder: From `folder`; the courier listens at `courier.sock` in it.
        keepers: Public keys of the keepers that the nodes work for.
        keys: The nodes' keys; the first node is the cluster's head.
    """

    def __init__(self, folder: Path, keepers: Sequence[str], keys: Sequence[SigningKey]) -> None:
        self.folder, self.keys = folder, keys
        self._running: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self._token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._trust: list[object] = []
        for number, public in enumerate(keepers):
            (folder / f"keeper-{number}.pub").write_text(public + "\n")
            self._trust += ["--trust", folder / f"keeper-{number}.pub"]
        for number, key in enumerate(keys):
            key.write(folder / f"node-{number}.key")

    @property
    def ray_processes(self) -> set[int]:
        """Every process of Ray's, and the courier."""
        pids = {one.pid for (part, _), one in self._running.items() if part != "agent"}
        return pids.union(*map(descendants, pids))

    def start(self) -> None:
        """Start everything, and wait until it is there."""
        address = ""
        for number in range(len(self.keys)):
            self._start_agent(number)
            self._start_ray(number, address)
            if not address:
                address = self._told("ray", 0, r"ray start --address='([^']+)'")
        for number in range(len(self.keys)):
            self._told("ray", number, "runtime (started)")
            self._told("agent", number, "(ready)")
        socket = self.folder / "courier.sock"
        self._start_ours("courier", 0, ["courier", address, "--socket", socket], self._token)
        self._told("courier", 0, "(ready)")

    def start_agent(self, number: int) -> None:
        """Start a node's agent again."""
        self._start_agent(number)
        self._told("agent", number, "(ready)")

    def kill(self, part: str, number: int = 0) -> None:
        """Kill a part and all that came of it, at once and by their own ids."""
        process = self._running.pop((part, number))
        for pid in (*descendants(process.pid), process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """Kill what still runs; Ray would drain for half a minute, and nothing is to be saved."""
        for part, number in reversed([*self._running]):
            self.kill(part, number)

    def _start_agent(self, number: int) -> None:
        words = ["node", "--key", self.folder / f"node-{number}.key", *self._trust]
        self._start_ours("agent", number, [*words, "--socket", self._agent_socket(number)], {})

    def _start_ours(
        self, part: str, number: int, words: Sequence[object], more: Mapping[str, str]
    ) -> None:
        command = [sys.executable, "-P", "-m", "clerestory", *map(str, words)]
        self._start(part, number, command, more)

    def _start_ray(self, number: int, address: str) -> None:
        there = ["--address", address] if address else ["--head", "--port", "0"]
        alone = ["--include-dashboard", "false", "--temp-dir", str(self.folder / "r")]
        words = [
            *(str(RAY), "start", *there, "--block", "--disable-usage-stats"),
            *("--num-cpus", "0", "--resources", f'{{"clerestory": {SLOTS}}}'),
            *("--object-store-memory", str(STORE_BYTES), "--include-log-monitor", "false"),
            *([] if address else alone),
        ]
        at = {"CLERESTORY_NODE": str(self._agent_socket(number))}
        self._start("ray", number, words, {**self._token, **at, **KNOCKS})

    def _start(self, part: str, number: int, words: Sequence[str], more: Mapping[str, str]) -> None:
        with self._output(part, number).open("wb") as out:
            self._running[part, number] = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **more},
            )

    def _told(self, part: str, number: int, pattern: str) -> str:
        """Wait for words of a part's, and give them."""
        deadline = time.monotonic() + PATIENCE
        while True:
            said = self._output(part, number).read_text(encoding="utf-8", errors="replace")
            if found := re.search(pattern, said):
                return found[1]
            if time.monotonic() > deadline:
                raise AssertionError(f"the {part} of node {number} did not begin in time: {said}")
            time.sleep(0.05)

    def _output(self, part: str, number: int) -> Path:
        return self.folder / f"{part}-{number}.out"

    def _agent_socket(self, number: int) -> Path:
        return self.folder / f"node-{number}.sock"


@contextmanager
def folder() -> Iterator[Path]:
    """Where it all lies: a short path, since sockets have short names."""
    made = Path(mkdtemp(prefix="cr-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running(folder: Path, keepers: Sequence[str], keys: Sequence[SigningKey]) -> Iterator[Cluster]:
    """A cluster for as long as the block runs; see `Cluster`."""
    with closing(Cluster(folder, keepers, keys)) as made:
        made.start()
        yield made
