"""
A worker as its keeper holds it: two pipes, a life line, what its probes said, and its key.

The worker is a child of its zygote, not of this process, so that its end is told by the zygote
over the life line.  After it was given the go, how it ended is told no more exactly than `Ending`
allows: an exit code that a module chose could be a word about a session.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from signal import SIGKILL
from types import TracebackType
from typing import Self

from privacy.errors import RefusedError

from .channel import Channel
from .endings import Ending
from .forks import EXIT_CODE
from .probes import PROBES, Answer, Probe
from .tiers import Tier

CLOSE_SECONDS = 10.0
_AT_ONCE = 0.001
"""Seconds: a socket takes 0 for another mode."""


class Worker:
    """
    A running worker that has answered its probes and has a key of its own.

    Use it in a `with` statement, or call `close`.
    """

    def __init__(
        self, tier: Tier, pipes: tuple[int, int], line: socket.socket, timeout: float
    ) -> None:
        self.tier = tier
        self.channel = Channel(*pipes, timeout=timeout)
        """For frames of the module's own; `channel.timeout` may be changed."""
        self.probes: Mapping[str, Answer] = {}
        """Name of a probe → what it answered."""
        self.public_key = b""
        """The run's ephemeral key; its secret half is in the sealed worker alone."""
        self.document = b""
        """Evidence by hardware, bound to the key.  A launcher that starts workers in an enclave
        fills it in; none of this version does."""
        self.resources = ExitStack()
        """Closed with the worker: what was started for it alone."""
        self._pipes, self._line = pipes, line
        self._exit_code: int | None = None

    def kill(self) -> None:
        """End it, from any thread; whoever waits for its next frame hears that it is gone."""
        with suppress(OSError):  # its zygote has ended, and so has it
            self._line.send(b"K")

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """
        Wait for the worker's end, ending it if need be, and leave nothing behind.

        Args:
            timeout: Seconds until it is killed; it hears at once that no frame will follow.

        Returns:
            A code of `Ending`, or −signal if it was killed.
        """
        if self._exit_code is None:
            with self.resources, self._line:
                for pipe in self._pipes:
                    os.close(pipe)
                code = self._hear(timeout)
                if code is None:
                    self.kill()
                    code = self._hear(CLOSE_SECONDS)
            if code is None:
                code = -SIGKILL
            self._exit_code = Ending.ENDED if self.public_key and code >= 0 else code
        return self._exit_code

    def _hear(self, timeout: float) -> int | None:
        """The exit code, or None if there is none in time."""
        self._line.settimeout(timeout or _AT_ONCE)
        try:
            said = self._line.recv(EXIT_CODE.size)
        except TimeoutError:
            return None
        except OSError:
            said = b""
        # A zygote that is gone took its workers along.
        return EXIT_CODE.unpack(said)[0] if len(said) == EXIT_CODE.size else -SIGKILL

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(0.0 if kind else CLOSE_SECONDS)


def required(tier: Tier) -> Sequence[Probe]:
    """The probes that a tier must block."""
    launcher = tier.launcher
    if not launcher.seals:
        return ()
    return [probe for probe in PROBES if launcher.namespaces or not probe.needs_namespaces]


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
