"""
The command line from a process that has imported it: what most of a command's time goes to.

Each command is a process of its own all the same, forked from one that has run none: its
arguments, folder, environment, output and exit code are what they would be.  That a command
starts from nothing is shown where it is the point: by the demo, keepers, nodes and the stub.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600.0
"""seconds, for one command."""

_LARGEST = 1 << 20
"""bytes: arguments and environment of a command."""
_IMPORTED = (
    "aggregates.answer",
    "aggregates.forecast",
    "aggregates.plan",
    "aggregates.release",
    "aggregates.study",
    "clerestory.cli",
    "clerestory.costing",
    "clerestory.founding",
    "clerestory.synthesis",
    "clerestory.workshop",
    "privacy.custodian",
    "privacy.keeper.client",
    "privacy.verification",
    "opendp._data",
    "typer._adapters",
)
"""What commands import inside themselves."""


class Prepared:
    """A process that has imported the command line, and forks."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
        self._socket, self._sending = ours, threading.Lock()
        self._process = subprocess.Popen(  # ends when we do: then its socket does
            [sys.executable, "-P", "-m", "tests.support.prepared", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        )
        theirs.close()

    def run(
        self, arguments: "list[str]", cwd: Path, env: "dict[str, str]"
    ) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end."""
        asked = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": env}).encode()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            answer, theirs = socket.socketpair()
            with answer:
                with theirs, self._sending:
                    given = [out.fileno(), err.fileno(), theirs.fileno()]
                    socket.send_fds(self._socket, [asked], given)
                answer.settimeout(PATIENCE)
                with answer.makefile("r") as lines:
                    pid = int(lines.readline())
                    try:
                        code = int(lines.readline())
                    except TimeoutError:
                        os.kill(pid, signal.SIGKILL)
                        raise
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


@cache
def prepared() -> Prepared:
    """The one of this process."""
    return Prepared()


def _import() -> None:
    """Import what commands import when they run; nothing runs, and no thread starts."""
    for name in _IMPORTED:
        import_module(name)
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError("a process with threads must not fork commands")
    gc.freeze()


def _next(requests: socket.socket) -> bool:
    """Serve until asked for a command; true in the process that is to be it, false at the end."""
    while True:
        asked, given, _, _ = socket.recv_fds(requests, _LARGEST, 3)
        if not asked:
            return False
        out, err, answer = given
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if (command := os.fork()) == 0:
                _become(json.loads(asked), out, err, answer)
                return True
            os.write(answer, f"{command}\n".encode())
            code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            os.write(answer, f"{code}\n".encode())
            os._exit(0)
        for number in given:
            os.close(number)


def _become(asked: "dict[str, object]", out: int, err: int, answer: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    for number in (out, err, answer):
        os.close(number)
    sys.argv = ["clerestory", *asked["arguments"]]  # type: ignore[misc]
    os.chdir(str(asked["cwd"]))
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]


if __name__ == "__main__":
    _import()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if _next(socket.socket(fileno=int(sys.argv[1]))):
        from clerestory.cli import main

        main()
