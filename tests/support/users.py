"""
Real users of the machine, for tests that run as root: a child that has become somebody else.

A child is forked and not started anew, since another user may not be able to read where this
Python lies; what it needs was imported before.  The numbers need no entry in /etc/passwd.
"""

import json
import os
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from grp import getgrall
from pathlib import Path
from typing import Any

import pytest

from clerestory.sealing import seal_sources
from privacy.errors import ClerestoryError
from privacy.keeper.client import Asker, ask, asking_as
from privacy.keeper.desk import Desk
from privacy.keeper.server import serve
from privacy.keeper.service import Keeper
from privacy.keeper.state import State
from privacy.sandbox.tiers import Tier
from privacy.vault import Vault
from tests.support.house import installed

KEEPER, CUSTODIAN, RESEARCHER, OFFICER, MALLORY = range(61_001, 61_006)
"""User numbers of nobody else."""
SEALERS = 61_100
"""Group of custodian and keeper, in the vault's folder of sessions."""

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become other users")


@dataclass(frozen=True)
class Outcome:
    """What became of something that a user tried."""

    value: Any
    code: str
    """Code of a typed error, name of another; empty if all went well."""


def group_of_askers() -> tuple[str, int]:
    """A group of this machine, by name and number: the socket is given to one by name."""
    found = next(group for group in getgrall() if group.gr_gid not in (0, SEALERS))
    return found.gr_name, found.gr_gid


def as_user(user: int, function: Callable[[], Any], *, groups: tuple[int, ...] = ()) -> Outcome:
    """Do something as another user, in a child of ours; its result crosses as JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        told: dict[str, Any] = {"value": None, "code": ""}
        try:
            _become(user, groups)
            told["value"] = function()
        except ClerestoryError as error:
            told["code"] = error.code
        except BaseException as error:  # noqa: BLE001 - a child ends here, whatever happens
            told["code"] = type(error).__name__
            traceback.print_exc()
        with os.fdopen(writing, "w") as pipe:
            pipe.write(json.dumps(told))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return Outcome(**json.loads(text))


@contextmanager
def running_as(
    user: int, function: Callable[[Callable[[], None]], object], *, groups: tuple[int, ...] = ()
) -> Iterator[int]:
    """Another user's process beside us, from when it says that it is ready until it is killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _become(user, groups)
            function(lambda: _say(writing))
        except BaseException:  # noqa: BLE001 - as above
            traceback.print_exc()
        os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"1", "it ended before it was ready"
        yield child
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@contextmanager
def kept_by(
    user: int, vault: Path, state: Path, *, group: str = "", groups: tuple[int, ...] = ()
) -> Iterator[int]:
    """A keeper under a user of its own; yields its process id."""

    def keep(ready: Callable[[], None]) -> None:
        opened = Vault.open(vault)
        keeper = Keeper(Desk(opened, State(state, opened), installed(), Tier.T0))
        serve(keeper, ready, group)

    installed()
    with running_as(user, keep, groups=groups) as process:
        yield process


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="clerestory-users-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def asked(
    vault: Path, verb: str, *, key: Path | None = None, trust: str = "", **request: str
) -> dict[str, Any]:
    """Ask a vault's keeper, as whoever we are."""
    with asking_as(Asker(key, trust)):
        return ask(Vault.open(vault), verb, lambda _, __: None, **request)


def sealed(vault: Path, custodian: Path, logs: Path, account: str) -> dict[str, int]:
    """Seal some logs, as whoever we are."""
    return seal_sources(vault, custodian, [logs], None, account, lambda _, __: None)


def _say(pipe: int) -> None:
    os.write(pipe, b"1")


def _become(user: int, groups: tuple[int, ...]) -> None:
    os.setgroups(groups)
    os.setgid(user)
    os.setuid(user)
