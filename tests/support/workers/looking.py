"""Look at everything before the seal, and tell it behind: what a worker could have read."""

import json
import os
from pathlib import Path

from privacy.sandbox.channel import Channel
from privacy.sealing import KeyPair

_seen: dict[str, list[str]] = {"files": [], "writable": []}


def prepare(plan: bytes) -> None:
    """Walk the whole file system; try to write into every folder of it."""
    del plan
    for folder, _, names in os.walk("/"):
        _seen["files"] += [str(Path(folder, name)) for name in names]
        try:
            Path(folder, "written").touch()
        except OSError:
            continue
        _seen["writable"].append(folder)


def run(channel: Channel, key: KeyPair) -> None:
    """Tell it."""
    del key
    channel.send(json.dumps(_seen).encode())
