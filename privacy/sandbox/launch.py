"""
Start a worker, hear its probes, and only then let it have a key.

The worker is a child of the calling process.  It is given the mounted code, a pipe in and a
pipe out; no environment, no working directory with anything in it, no standard error.  Unless
every probe that the tier must block is blocked, it is killed before it hears the go, and the
keeper never sees a public key to which it could wrap anything.

A worker dies with the *thread* that started it (PR_SET_PDEATHSIG counts threads), so start it
from the thread that works with it.
"""

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from privacy.errors import IncompleteError, RefusedError

from . import interpreter
from .attempts import BEFORE_FILTER, BEHIND_FILTER
from .boot import GO
from .channel import Channel
from .endings import Ending
from .lure import Lure, lure
from .manifest import CodeManifest
from .mounts import CODE
from .probes import PROBES, Answer, Probe, read_report
from .tiers import NAMESPACES, Tier, bubblewrap

LARGEST_KEY = 4096
"""bytes"""
START_SECONDS = 60.0
"""For each step of the handshake; numpy and opendp from source take about one."""
CLOSE_SECONDS = 10.0
_LAST_WORDS_SECONDS = 1.0
_SIGNALLED = 128
"""bubblewrap, like a shell, reports a child's signal as 128 + its number."""


class Worker:
    """
    A running worker that has answered its probes and has a key of its own.

    Use it in a `with` statement, or call `close`.
    """

    def __init__(
        self,
        tier: Tier,
        process: "subprocess.Popen[bytes]",
        resources: ExitStack,
        timeout: float,
    ) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a worker is spoken to by two pipes")
        self.tier, self.pid = tier, process.pid
        self.channel = Channel(process.stdout.fileno(), process.stdin.fileno(), timeout=timeout)
        """For frames of the module's own; `channel.timeout` may be changed."""
        self.probes: Mapping[str, Answer] = {}
        """Name of a probe → what it answered."""
        self.public_key = b""
        """The run's ephemeral key; its secret half is in the sealed worker alone."""
        self._process, self._resources = process, resources
        self._exit_code: int | None = None

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """
        Wait for the worker's end, ending it if need be, and leave nothing behind.

        Args:
            timeout: Seconds until it is killed; it hears at once that no frame will follow.

        Returns:
            A code of `Ending`, or −signal if it was killed.
        """
        if self._exit_code is None:
            with self._resources:
                for pipe in (self._process.stdin, self._process.stdout):
                    if pipe is not None:
                        pipe.close()
                try:
                    code = self._process.wait(timeout)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    code = self._process.wait()
            if self.tier is Tier.T2 and code > _SIGNALLED:
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


def start(
    tier: Tier,
    manifest: CodeManifest,
    module: str,
    plan: bytes,
    *,
    expect_blocked: bool = True,
    control: socket.socket | None = None,
    timeout: float = START_SECONDS,
    unsafe_skip: frozenset[str] = frozenset(),
    unsafe_leak: Sequence[int] = (),
) -> Worker:
    """
    Start a worker and lead it to where it has a key and waits for work.

    Args:
        tier: How strongly to isolate it.
        manifest: What it may read; checked against the files as they are now.
        module: The worker's module, of a package in the manifest.
        plan: Canonical bytes of the bound plan.
        expect_blocked: Refuse a worker with an open probe; without effect at T0.
        control: One end of a connected pair of Unix SEQPACKET sockets, the worker's way to ask for
            connections (`control`); stays open here, and is the caller's to close.
        timeout: Seconds for each step.
        unsafe_skip: Layers of the seal to leave out, for tests of the probes.
        unsafe_leak: Descriptors to hand down, for the plain side of the battery.

    Raises:
        RefusedError: `PROBE_OPEN`, naming the probes; `CODE_CHANGED`.
        IncompleteError: The worker ended before, with a code of `Ending`, or was too slow.
        ConfigurationError: The tier does not work here.
    """
    manifest.check_unchanged()
    with ExitStack() as resources:
        worker = _spawn(tier, manifest, module, resources, timeout, control, unsafe_leak)
    try:
        with lure() as bait:
            worker.probes = _ask(worker, plan, bait, unsafe_skip)
        if expect_blocked:
            check_blocked(tier, worker.probes)
        worker.channel.send(GO)
        worker.public_key = worker.channel.receive(LARGEST_KEY)
    except IncompleteError as error:
        raise _explained(error, worker.close(_LAST_WORDS_SECONDS)) from None
    except BaseException:
        worker.close(0.0)
        raise
    return worker


def check_blocked(tier: Tier, probes: Mapping[str, Answer]) -> None:
    """
    Refuse a worker that got out where its tier must hold it.

    Raises:
        RefusedError: Names the probes that were open.
    """
    openings = [probe.name for probe in required(tier) if probes[probe.name] == "open"]
    if openings:
        raise RefusedError(
            "PROBE_OPEN",
            rule=f"A worker is given a key when no escape succeeds; the tier is {tier.name}.",
            found=f"open: {', '.join(openings)}.",
            remedy="run `clerestory doctor`, and mend what it names or choose a lower tier.",
        )


def required(tier: Tier) -> Sequence[Probe]:
    """The probes that a tier must block."""
    if tier is Tier.T0:
        return ()
    return [probe for probe in PROBES if tier is Tier.T2 or not probe.needs_namespaces]


def _spawn(
    tier: Tier,
    manifest: CodeManifest,
    module: str,
    resources: ExitStack,
    timeout: float,
    control: socket.socket | None,
    unsafe_leak: Sequence[int],
) -> Worker:
    if tier is Tier.T2:
        folder = Path("/")
        command = [bubblewrap(), *NAMESPACES, *_mounts(manifest), "--"]
    else:
        folder = Path(resources.enter_context(TemporaryDirectory(prefix="clerestory-")))
        folder.chmod(0o755)
        manifest.link_into(folder)
        command = []
    entry = folder / CODE / "privacy" / "sandbox" / "boot.py"
    command += [str(manifest.python), *interpreter.FLAGS, str(entry), module]
    passed = [] if control is None else [control.fileno()]
    command += [str(descriptor) for descriptor in passed]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter on hashed code
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env={},
        cwd=folder,
        pass_fds=[*passed, *unsafe_leak],
        start_new_session=True,  # Ctrl-C is for the keeper, which then ends its workers
    )
    return Worker(tier, process, resources.pop_all(), timeout)


def _mounts(manifest: CodeManifest) -> Iterator[str]:
    """Exactly the manifest, read-only, and then nothing more."""
    for mount in manifest.mounts:
        for target in mount.targets:
            yield from ("--ro-bind", str(mount.source), target)
            for name in mount.masked:
                yield from ("--tmpfs", f"{target}/{name}", "--remount-ro", f"{target}/{name}")
    yield from ("--remount-ro", "/", "--chdir", "/")


def _ask(
    worker: Worker, plan: bytes, bait: Lure, unsafe_skip: frozenset[str]
) -> Mapping[str, Answer]:
    setup = {
        "seal": worker.tier.seals,
        "unsafe_skip": sorted(unsafe_skip),
        "target": bait.target.to_json(),
    }
    worker.channel.send(json.dumps(setup).encode())
    worker.channel.send(plan)
    probes = dict(read_report(worker.channel.receive(len(PROBES))))
    # What arrived counts, whatever the worker says.
    arrived = bait.delivered()
    if BEFORE_FILTER in arrived:
        probes["reach_host_network"] = "open"
    if BEHIND_FILTER in arrived:
        probes["send_udp"] = "open"
    return probes


def _explained(error: IncompleteError, code: int) -> IncompleteError:
    """Say how the worker ended, where it ended."""
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
