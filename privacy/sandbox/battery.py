"""The escape battery with and without the seal, side by side: what `doctor` shows."""

import os

from .launch import required, start
from .manifest import CodeManifest
from .tiers import Tier

_IDLE = "privacy.sandbox.idle"


def battery(tier: Tier, manifest: CodeManifest) -> list[dict[str, str]]:
    """
    Try every escape in a sealed child and in a plain one.

    Both aim at sockets that listen, a secret and a victim process that are really there.

    Args:
        tier: How the sealed child is isolated.
        manifest: The package `privacy` and what it needs, at least.

    Returns:
        A row for each probe that the tier must block: `name`, and its answer `sealed` and `plain`.

    Raises:
        IncompleteError: A child ended before it had answered.
        ConfigurationError: The tier does not work here.
    """
    # An opening is for the reader to see here, not to be refused.
    with start(tier, manifest, _IDLE, b"", expect_blocked=False) as worker:
        sealed = worker.probes
    leak = os.open(os.devnull, os.O_RDONLY)
    try:
        with start(Tier.T0, manifest, _IDLE, b"", unsafe_leak=(leak,)) as worker:
            plain = worker.probes
    finally:
        os.close(leak)
    return [
        {"name": probe.name, "sealed": sealed[probe.name], "plain": plain[probe.name]}
        for probe in required(tier)
    ]
