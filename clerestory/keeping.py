"""
Run a keeper, and have one run beside a demo or a test.

The keeper stops on SIGTERM or SIGINT; whoever starts one stops it by its own process id.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from privacy.errors import ConfigurationError
from privacy.keeper.client import is_listening
from privacy.vault import Vault

PATIENCE = 60.0
"""seconds: how long a keeper may take to hash its code and listen."""


def keep(
    folder: Path,
    state: Path,
    ready: Callable[[str], None],
    *,
    group: str = "",
    passphrase: bytes | None = None,
) -> None:
    """
    Be the keeper of a vault until told to stop.

    Args:
        folder: The vault.
        state: The keeper's own folder.
        ready: Told the tier of its workers when it listens.
        group: Group that may reach the socket; keeper.toml's by default.
        passphrase: What locks its keys, where keeper.toml says so.

    Raises:
        ConfigurationError: Vault and state do not belong together, or the state lies in the
            vault.
        RefusedError: Policy or isolation do not hold under the vault's floor.
    """
    from clerestory.workshop import workshop
    from privacy.keeper.desk import Desk
    from privacy.keeper.server import serve
    from privacy.keeper.service import Keeper
    from privacy.keeper.state import State
    from privacy.sandbox.tiers import best_tier

    vault = Vault.open(folder)
    if state.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(
            "STATE_INSIDE_VAULT",
            rule="Keys and ledger lie outside the vault that they protect.",
            found="a state folder inside the vault.",
            remedy="give --state a folder elsewhere.",
        )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    tier = best_tier()
    opened = State(state, vault, passphrase)
    try:
        keeper = Keeper(Desk(vault, opened, workshop(), tier))
    except BaseException:
        opened.close()
        raise
    try:
        serve(keeper, lambda: ready(tier.name), group or opened.configuration.group)
    except SystemExit:
        # At once, and with the state still locked: a request may be running in a thread.  What
        # it recorded is on the disk, and its workers die with their thread.
        os._exit(0)
    finally:
        opened.close()


@contextmanager
def running_keeper(vault: Path, state: Path) -> Iterator[int]:
    """
    A keeper beside us, for as long as the block runs.

    Yields:
        Its process id.

    Raises:
        ConfigurationError: It did not come up; its own words are on standard error.
    """
    command = [
        sys.executable,
        "-P",
        "-m",
        "clerestory",
        "keeper",
        str(vault),
        "--state",
        str(state),
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:  # noqa: S603 - ourselves
        try:
            _wait(process, Vault(vault))
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: "subprocess.Popen[bytes]", vault: Vault) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if is_listening(vault):
            return
        time.sleep(0.02)
    raise ConfigurationError(
        "KEEPER_DID_NOT_START",
        rule="Everything that needs a key is done by the vault's keeper.",
        found="a keeper that ended, or was not ready in a minute.",
        remedy="start it by hand and read what it says: `clerestory keeper VAULT --state DIR`.",
    )


def _stop(_: int, __: FrameType | None) -> None:
    # A daemon thread may be in the middle of a request: what it recorded is on the disk, and
    # workers die with us (PR_SET_PDEATHSIG).
    sys.exit(0)
