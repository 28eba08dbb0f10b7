"""
Start one worker, hear its probes, and only then let it have a key.

The worker is the only one of a zygote of its own: a run that draws noise, or asks once, starts
afresh.  It has the mounted code, a pipe in and a pipe out; no environment, no working directory
with anything in it, no standard error.  Unless every probe that the tier must block is blocked,
it is killed before it hears the go, and the keeper never sees a public key to which it could
wrap anything.
"""

import socket
from collections.abc import Sequence

from .manifest import CodeManifest
from .tiers import Tier
from .worker import Worker, check_blocked, required
from .zygote import START_SECONDS, Zygote

__all__ = ["START_SECONDS", "Worker", "Zygote", "check_blocked", "required", "start"]


def start(
    tier: Tier,
    manifest: CodeManifest,
    module: str,
    plan: bytes,
    *,
    control: socket.socket | None = None,
    expect_blocked: bool = True,
    timeout: float = START_SECONDS,
    unsafe_skip: frozenset[str] = frozenset(),
    unsafe_leak: Sequence[int] = (),
) -> Worker:
    """
    Start a worker and lead it to where it has a key and waits for work.

    Arguments and errors are those of `Zygote` and of its `start`.  The worker's zygote ends when
    the worker is closed, and both end with the thread that called this.
    """
    zygote = Zygote(tier, manifest, module, plan, timeout=timeout, unsafe_skip=unsafe_skip)
    try:
        worker = zygote.start(
            control=control, expect_blocked=expect_blocked, unsafe_leak=unsafe_leak
        )
    except BaseException:
        zygote.close(0.0)
        raise
    worker.resources.callback(zygote.close)
    return worker
