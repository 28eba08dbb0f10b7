"""
A zygote's own beginning: `python -I -S -B …/code/privacy/sandbox/boot.py MODULE`.

The zygote imports the module and prepares for one plan, once; then it forks a worker for each
batch that it is asked for (`forks`), and a worker seals itself before it has a key (`life`).
The zygote is isolated as its launcher can, holds no key and never reads data, so that what a
worker inherits from it is code and the plan.

What comes out is frames of the protocol and an exit code of `Ending`; no text, whatever
happens.  Standard input is a socket to the keeper and is taken away from everybody but the
zygote; it and standard output become /dev/null, where the launcher has put standard error.

Protocol, one frame each: ← setup (JSON: whether to seal, and layers to leave out) ← plan
→ ready.  Then requests, as `forks` says.  A module has `prepare(plan)`, which imports and warms
up whatever `run(channel, key)` will need: after the seal no file opens.
"""

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from privacy.sandbox.channel import Channel
    from privacy.sealing import KeyPair

READY = b"R"
LARGEST_SETUP = 2**16
LARGEST_PLAN = 2**26
"""bytes"""
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS")
_REQUESTS = 20
"""Number of the socket to the keeper, above all that a worker has."""
_ABOVE = 2
"""boot.py lies in the folder sandbox of the folder privacy of the folder of packages."""


class WorkerModule(Protocol):
    """What the launcher's MODULE must be."""

    def prepare(self, plan: bytes) -> None:
        """Refuse the plan by raising, or get ready for it, whatever it takes."""

    def run(self, channel: "Channel", key: "KeyPair") -> None:
        """Do the work, sealed."""


def main(arguments: list[str]) -> int:
    """Be a zygote; returns an exit code of `Ending`."""
    from privacy.sandbox.channel import Channel
    from privacy.sandbox.endings import Ending

    ending = Ending.NOT_STARTED
    try:
        (name,) = arguments
        _take_requests()
        channel = Channel(_REQUESTS, _REQUESTS)
        setup = json.loads(channel.receive(LARGEST_SETUP))
        seal, skip = bool(setup["seal"]), frozenset(setup["unsafe_skip"])
        plan = channel.receive(LARGEST_PLAN)
        ending = Ending.NOT_PREPARED
        module, keys = _prepare(name, plan)
        ending = Ending.NOT_SEALED
        _settle(seal=seal, skip=skip)
        channel.send(READY)
        from privacy.sandbox.forks import serve
        from privacy.sandbox.life import Life

        serve(_REQUESTS, Life(module, keys, seal=seal, skip=skip))
    except BaseException:  # noqa: BLE001 - nothing that was raised in here may be told
        return ending
    return Ending.ENDED


def _take_requests() -> None:
    from privacy.sandbox.limits import die_with_parent

    die_with_parent()
    os.dup2(0, _REQUESTS, inheritable=False)
    for descriptor in (0, 1):
        os.dup2(2, descriptor)


def _prepare(name: str, plan: bytes) -> "tuple[WorkerModule, type[KeyPair]]":
    for variable in _ONE_THREAD:  # a fork takes one thread along, and Landlock binds one
        os.environ[variable] = "1"
    gc.disable()  # what is imported stays, and to look through it again and again takes a tenth
    from privacy.sandbox import forks, life  # noqa: F401 - imported while files can be read
    from privacy.sealing import KeyPair

    KeyPair.generate()
    module = cast("WorkerModule", importlib.import_module(name))
    module.prepare(plan)
    return module, KeyPair


def _settle(*, seal: bool, skip: frozenset[str]) -> None:
    from privacy.sandbox.limits import limit_zygote
    from privacy.sandbox.seal import check_single_thread

    if seal:
        check_single_thread()
        os.environ.clear()  # Python itself sets LC_CTYPE where there is no locale
        if "limits" not in skip:
            limit_zygote()
    gc.collect()
    gc.freeze()  # a worker's collector need not look at, and so copy, what lies here
    gc.enable()


if __name__ == "__main__":
    code = Path(__file__).parents[_ABOVE]
    sys.path[:0] = [str(code), str(code.parent / "deps")]
    os._exit(main(sys.argv[1:]))
