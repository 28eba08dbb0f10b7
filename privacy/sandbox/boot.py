"""
The worker's own beginning: `python -I -S -B …/code/privacy/sandbox/boot.py MODULE [CONTROL]`.

What comes out is frames of the protocol and an exit code of `Ending`; no text, whatever
happens.  Standard input and output are taken away from everybody but the channel and become
/dev/null, where the launcher has put standard error; the descriptor CONTROL, where there is one,
moves to its fixed number (`control`); what is raised ends in a number; and the
process ends without running anybody's exit handlers.

Protocol, one frame each: ← setup (JSON: the probes' target, whether to seal) ← plan
→ probe report ← go → public key; then it is the module's.  A module has `prepare(plan)`, which
imports and warms up whatever `run(channel, key)` will need: after the seal no file opens.
"""

import fcntl
import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from privacy.sandbox.channel import Channel
    from privacy.sealing import KeyPair

GO = b"G"
LARGEST_SETUP = 2**16
LARGEST_PLAN = 2**26
"""bytes"""
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS")
_FREE = 10
"""A number above all that are used."""
_ABOVE = 2
"""boot.py lies in the folder sandbox of the folder privacy of the folder of packages."""


class WorkerModule(Protocol):
    """What the launcher's MODULE must be."""

    def prepare(self, plan: bytes) -> None:
        """Refuse the plan by raising, or get ready for it, whatever it takes."""

    def run(self, channel: "Channel", key: "KeyPair") -> None:
        """Do the work, sealed."""


def main(arguments: list[str]) -> int:
    """Be a worker; returns an exit code of `Ending`."""
    from privacy.sandbox.channel import Channel
    from privacy.sandbox.endings import Ending

    ending = Ending.NOT_STARTED
    try:
        name, *control = arguments
        channel = Channel(*_take_descriptors(control))
        setup = json.loads(channel.receive(LARGEST_SETUP))
        plan = channel.receive(LARGEST_PLAN)
        ending = Ending.NOT_PREPARED
        module, keys = _prepare(name, plan)
        if setup["seal"]:
            os.environ.clear()  # Python itself sets LC_CTYPE where there is no locale
        ending = Ending.NOT_SEALED
        report = _seal_and_probe(setup)
        ending = Ending.NO_GO
        channel.send(report)
        if channel.receive(len(GO)) != GO:
            return ending
        ending = Ending.NOT_SEALED
        if setup["seal"]:
            _seal_for_good()
        ending = Ending.BROKEN
        key = keys.generate()
        channel.send(key.public)
        module.run(channel, key)
    except BaseException:  # noqa: BLE001 - nothing that was raised in here may be told
        return ending
    return Ending.DONE


def _take_descriptors(control: list[str]) -> tuple[int, int]:
    from privacy.sandbox.control import place

    # The numbers of the pipes may be those at which an inherited control lies, so it moves first.
    # Nothing that was handed down by mistake is overwritten by them: the probes are to find it.
    inherited = [fcntl.fcntl(int(name), fcntl.F_DUPFD, _FREE) for name in control]
    for name in control:
        os.close(int(name))
    pipes = os.dup(0), os.dup(1)
    for descriptor in (0, 1):
        os.dup2(2, descriptor)
    for descriptor in inherited:
        place(descriptor)
    return pipes


def _prepare(name: str, plan: bytes) -> tuple[WorkerModule, "type[KeyPair]"]:
    for variable in _ONE_THREAD:  # Landlock binds one thread
        os.environ[variable] = "1"
    from privacy.sandbox import probes, seal  # noqa: F401 - imported while files can be read
    from privacy.sealing import KeyPair

    KeyPair.generate()
    module = cast("WorkerModule", importlib.import_module(name))
    module.prepare(plan)
    return module, KeyPair


def _seal_and_probe(setup: dict[str, Any]) -> bytes:
    from privacy.sandbox import seal
    from privacy.sandbox.probes import PROBES, run_probes
    from privacy.sandbox.target import Target

    target, skip = Target(**setup["target"]), frozenset(setup["unsafe_skip"])
    early = tuple(probe for probe in PROBES if probe.before_filter)
    late = PROBES[len(early) :]
    if not setup["seal"]:
        return run_probes(target, (*early, *late))
    seal.seal_surroundings(skip)
    report = run_probes(target, early)
    seal.seal_calls(skip)
    return report + run_probes(target, late)


def _seal_for_good() -> None:
    from privacy.sandbox import seal

    seal.seal_for_good()


if __name__ == "__main__":
    code = Path(__file__).parents[_ABOVE]
    sys.path[:0] = [str(code), str(code.parent / "deps")]
    os._exit(main(sys.argv[1:]))
