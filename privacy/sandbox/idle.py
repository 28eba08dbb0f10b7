"""A worker that does nothing: `doctor` starts it to hear its probes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.sandbox.channel import Channel
    from privacy.sealing import KeyPair


def prepare(plan: bytes) -> None:
    """Any plan will do."""
    del plan


def run(channel: "Channel", key: "KeyPair") -> None:
    """End at once."""
    del channel, key
