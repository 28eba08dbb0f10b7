"""Leave something in a module and in memory, and tell what was found there: who sees it?"""

from privacy.sandbox.channel import Channel
from privacy.sealing import KeyPair

_left: list[bytes] = []


def prepare(plan: bytes) -> None:
    """Nothing to prepare."""
    del plan


def run(channel: Channel, key: KeyPair) -> None:
    """Answer every frame with what was left before it, then leave it; an empty frame ends."""
    del key
    while frame := channel.receive(2**16):
        channel.send(b"|".join(_left))
        _left.append(frame)
