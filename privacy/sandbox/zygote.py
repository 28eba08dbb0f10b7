"""
A prepared process at its tier, from which workers are forked, and the lure beside it.

Importing costs most of a second and sealing a millisecond, so a run imports once: the zygote is
started in its tier's isolation, imports, prepares for the run's plan, and then forks a worker for
each batch.  It never has a key or data; each worker seals itself, answers the probes, and makes a
key of its own that no other worker and no zygote ever had.

What is imported is what is hashed: the manifest is checked before the zygote starts and after it
has prepared, and nothing is imported later.

A zygote dies with the *thread* that started it (PR_SET_PDEATHSIG counts threads), and its workers
with it.  Workers may be asked for and worked with from other threads.
"""

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from threading import Lock
from types import TracebackType
from typing import Self

from privacy.errors import IncompleteError

from . import interpreter
from .attempts import BEFORE_FILTER, BEHIND_FILTER
from .boot import READY
from .channel import Channel
from .endings import Ending
from .life import GO
from .lure import Lure, lure
from .manifest import CodeManifest
from .mounts import CODE
from .probes import PROBES, Answer, read_report
from .tiers import Tier
from .worker import CLOSE_SECONDS, Worker, check_blocked

LARGEST_KEY = 4096
"""bytes"""
START_SECONDS = 60.0
"""For each step."""
_LAST_WORDS_SECONDS = 5.0
_SIGNALLED = 128
"""bubblewrap, like a shell, reports a child's signal as 128 + its number."""


class Zygote:
    """
    Start and prepare; `start` then gives workers.

    Use it in a `with` statement, or call `close`: that ends its workers, too.

    Args:
        tier: How strongly to isolate it and its workers.
        manifest: What they may read; checked against the files as they are now.
        module: The workers' module, of a package in the manifest.
        plan: Canonical bytes of the bound plan.
        timeout: Seconds for each step.
        unsafe_skip: Layers of the seal to leave out, for tests of the probes.

    Raises:
        RefusedError: `CODE_CHANGED`.
        IncompleteError: It ended before it was ready, with a code of `Ending`, or was too slow.
        ConfigurationError: The tier does not work here.
    """

    def __init__(
        self,
        tier: Tier,
        manifest: CodeManifest,
        module: str,
        plan: bytes,
        *,
        timeout: float = START_SECONDS,
        unsafe_skip: frozenset[str] = frozenset(),
    ) -> None:
        self.tier, self.timeout = tier, timeout
        self._lock, self._resources = Lock(), ExitStack()
        self._exit_code: int | None = None
        seen = manifest.check_unchanged()
        with ExitStack() as resources:
            self._process, self._requests = _spawn(tier, manifest, module, resources)
            self._resources = resources.pop_all()
        channel = Channel(self._requests.fileno(), self._requests.fileno(), timeout=timeout)
        setup = {"seal": tier.seals, "unsafe_skip": sorted(unsafe_skip)}
        try:
            self._lure: Lure = self._resources.enter_context(lure())
            channel.send(json.dumps(setup).encode())
            channel.send(plan)
            channel.receive(len(READY))
            # All is imported now: what is changed from here on, nobody reads.
            manifest.check_untouched(seen)
        except IncompleteError as error:
            code = self.close(_LAST_WORDS_SECONDS)
            manifest.check_untouched(seen)  # half-written code fails in ways that name no cause
            raise explained(error, code) from None
        except BaseException:
            self.close(0.0)
            raise
        self._channel = channel

    def start(
        self,
        *,
        control: socket.socket | None = None,
        expect_blocked: bool = True,
        unsafe_leak: Sequence[int] = (),
    ) -> Worker:
        """
        Fork a worker and lead it to where it has a key and waits for work.

        Args:
            control: One end of a connected pair of Unix SEQPACKET sockets, the worker's way to
                ask for connections (`control`); stays open here, and is the caller's to close.
            expect_blocked: Refuse a worker with an open probe; without effect at T0.
            unsafe_leak: Descriptors to hand down, for the plain side of the battery.

        Raises:
            RefusedError: `PROBE_OPEN`, naming the probes.
            IncompleteError: The worker ended before, with a code of `Ending`, or was too slow.
        """
        worker = self._fork(control, unsafe_leak)
        try:
            worker.probes = self._hear(worker)
            if expect_blocked:
                check_blocked(self.tier, worker.probes)
            worker.channel.send(GO)
            worker.public_key = worker.channel.receive(LARGEST_KEY)
        except IncompleteError as error:
            raise explained(error, worker.close(_LAST_WORDS_SECONDS)) from None
        except BaseException:
            worker.close(0.0)
            raise
        return worker

    def check_alive(self) -> None:
        """
        Raise if it has ended.

        Raises:
            IncompleteError: `ZYGOTE_GONE`.
        """
        if self._process.poll() is not None:
            raise _gone()

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """
        End it and its workers, and leave nothing behind.

        Args:
            timeout: Seconds until it is killed; it hears at once that it is not needed.

        Returns:
            A code of `Ending`, or −signal if it was killed.
        """
        if self._exit_code is None:
            with self._resources:
                self._requests.close()
                try:
                    code = self._process.wait(timeout)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    code = self._process.wait()
            if code > _SIGNALLED:
                code = _SIGNALLED - code
            self._exit_code = code
        return self._exit_code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(0.0 if kind else CLOSE_SECONDS)

    def _fork(self, control: socket.socket | None, leaks: Sequence[int]) -> Worker:
        controls = [] if control is None else [control.fileno()]
        told = {"target": self._lure.target.to_json(), "controls": len(controls)}
        line, far_line = socket.socketpair()
        far_read, write = os.pipe()
        read, far_write = os.pipe()
        worker = Worker(self.tier, (read, write), line, self.timeout)
        handed = (far_line.fileno(), far_read, far_write, *controls, *leaks)
        try:
            with self._lock:
                self._channel.send(json.dumps(told).encode())
                socket.send_fds(self._requests, [b"F"], handed)
        except (IncompleteError, OSError):
            worker.close(0.0)
            raise _gone() from None
        finally:
            far_line.close()
            os.close(far_read)
            os.close(far_write)
        return worker

    def _hear(self, worker: Worker) -> Mapping[str, Answer]:
        probes = dict(read_report(worker.channel.receive(len(PROBES))))
        # What arrived counts, whatever the worker says.
        arrived = self._lure.delivered()
        if BEFORE_FILTER in arrived:
            probes["reach_host_network"] = "open"
        if BEHIND_FILTER in arrived:
            probes["send_udp"] = "open"
        return probes


def _spawn(
    tier: Tier, manifest: CodeManifest, module: str, resources: ExitStack
) -> "tuple[subprocess.Popen[bytes], socket.socket]":
    place = tier.launcher.place(manifest, resources)
    entry = place.folder / CODE / "privacy" / "sandbox" / "boot.py"
    words = [str(manifest.python), *interpreter.flags(place.compiled), str(entry), module]
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter on hashed code
            [*place.prefix, *words],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd=place.folder,
            start_new_session=True,  # Ctrl-C is for the keeper, which then ends its workers
        )
    return process, ours


def _gone() -> IncompleteError:
    return IncompleteError(
        "ZYGOTE_GONE",
        rule="Workers are forked from a process that was prepared for their plan.",
        found="that process has ended.",
        remedy="run the command again; it goes on where it stopped.",
    )


def explained(error: IncompleteError, code: int) -> IncompleteError:
    """Say how a zygote or worker ended, where it ended before there was a key."""
    if error.code != "CHANNEL_CLOSED":
        return error
    try:
        ending = Ending(code).name
    except ValueError:
        ending = "KILLED" if code < 0 else "UNKNOWN"
    return IncompleteError(
        f"WORKER_{ending}",
        rule="A worker gets ready for its plan, seals itself and asks for a key.",
        found=f"a worker that ended with {code} ({ending}) before.",
        remedy="run `clerestory doctor`; if that is well, the code and the plan do not fit.",
    )
