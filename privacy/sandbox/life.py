"""
A worker's life, from the fork to its end: seal, probe, go, key, one batch.

Everything that it inherited and was not handed is closed first, the zygote's own socket too.  It
ends with its zygote.  Frames, one each: → probe report ← go → public key; then the channel is the
module's.

Promise: after the key was made, every end that is not the kernel's has one exit code.
"""

import fcntl
import json
import os
from typing import TYPE_CHECKING

from . import control, limits, seal
from .channel import Channel
from .endings import Ending
from .probes import PROBES, run_probes
from .target import Target

if TYPE_CHECKING:
    from privacy.sealing import KeyPair

    from .boot import WorkerModule

GO = b"G"
READ, WRITE = 3, 4
"""Numbers of the two pipes, in every worker."""
_ABOVE = 32
"""Where descriptors wait until they can be put in order."""
_HIGHEST = 2**20


class Life:
    """
    What a zygote's children do; see the module.

    Args:
        module: The worker's module, prepared.
        keys: Makes the run's key.
        seal: Whether to seal.
        skip: Layers of the seal to leave out, for tests of the probes.
    """

    def __init__(
        self, module: "WorkerModule", keys: "type[KeyPair]", *, seal: bool, skip: frozenset[str]
    ) -> None:
        self._module, self._keys, self._seal, self._skip = module, keys, seal, skip

    def __call__(self, request: bytes, descriptors: list[int]) -> int:
        """Live; returns an exit code of `Ending`."""
        ending = Ending.NOT_SEALED
        try:
            limits.die_with_parent()
            told = json.loads(request)
            _order(descriptors, controls=told["controls"])
            channel = Channel(READ, WRITE)
            report = self._seal_and_probe(Target(**told["target"]))
            ending = Ending.NO_GO
            channel.send(report)
            if channel.receive(len(GO)) != GO:
                return ending
            ending = Ending.NOT_SEALED
            if self._seal:
                seal.seal_for_good()
            ending = Ending.ENDED
            key = self._keys.generate()
            channel.send(key.public)
            self._module.run(channel, key)
        except BaseException:  # noqa: BLE001 - nothing that was raised in here may be told
            return ending
        return ending

    def _seal_and_probe(self, target: Target) -> bytes:
        early = tuple(probe for probe in PROBES if probe.before_filter)
        late = PROBES[len(early) :]
        if not self._seal:
            return run_probes(target, (*early, *late))
        seal.seal_surroundings(self._skip)
        report = run_probes(target, early)
        seal.seal_calls(self._skip)
        return report + run_probes(target, late)


def _order(descriptors: list[int], *, controls: int) -> None:
    """Put what was handed over at its numbers, and close everything else."""
    waiting = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for one in descriptors]
    os.closerange(READ, _ABOVE)
    read, write, *others = waiting
    os.dup2(read, READ, inheritable=False)
    os.dup2(write, WRITE, inheritable=False)
    if controls:
        control.place(others.pop(0))
    for number, leak in enumerate(others, start=control.NUMBER + 1):
        os.dup2(leak, number)
    os.closerange(_ABOVE, _HIGHEST)
