"""
Be a node, or a courier: processes that run until they are told to stop.

Both stop on SIGTERM or SIGINT, at once; what a node's workers were doing ends with it.
"""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from privacy.errors import ConfigurationError
from privacy.keeper.listening import bound, give


def be_node(
    key: Path, trust: Sequence[Path], socket: Path, group: str, ready: Callable[[str], None]
) -> None:
    """
    Run sealed workers for keepers until told to stop.

    Args:
        key: The node's private key.
        trust: Public keys of keepers.
        socket: Where the scheduler's processes knock.
        group: Whose members may, beside this user.
        ready: Told who this node is, when it listens.

    Raises:
        ConfigurationError: A key cannot be read, or the socket not be made.
    """
    from clerestory.workshop import workshop
    from privacy.nodes.agent import Agent
    from privacy.sandbox.tiers import best_tier
    from privacy.signing import SigningKey, fingerprint

    own = SigningKey.read(key)
    agent = Agent(own, tuple(_public(path) for path in trust), workshop(), best_tier())
    with bound(socket) as listener:
        if group:
            give(socket, group, 0o660)
        listener.listen()
        _stop_when_told()
        ready(f"{fingerprint(own.public)}: ready, workers at {agent.tier.name}")
        agent.serve(listener)


def be_courier(address: str, socket: Path, group: str, ready: Callable[[], None]) -> None:
    """
    Carry between a keeper and a Ray cluster until told to stop.

    Raises:
        ConfigurationError: The cluster cannot be reached or is open to everybody, or the socket
            cannot be made.
    """
    from clerestory.courier import carry

    def begun() -> None:
        _stop_when_told()  # after Ray, which has handlers of its own
        ready()

    with bound(socket) as listener:
        if group:
            give(socket, group, 0o660)
        carry(listener, address, begun)


def _public(path: Path) -> str:
    from privacy.signing import read_public

    try:
        return read_public(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            "KEEPER_KEY_UNREADABLE",
            rule="A node is told whom it works for: public keys of keepers.",
            found="a file that cannot be read as one.",
            remedy="give the keeper's signing.key.pub with --trust.",
        ) from None


def _stop_when_told() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def _stop(_: int, __: FrameType | None) -> None:
    # Threads may be in the middle of anything; nothing that they hold outlives us.
    os._exit(0)
