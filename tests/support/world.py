"""
A small world to test in: a vault, its running keeper, an officer, an approved plan.

Everything in it is real: the command line in processes of its own, the keeper behind its
socket, sealed workers.  Whoever makes one stops the keeper by its process id.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clerestory.keeping import running_keeper
from tests.support.prepared import prepared

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "studies" / "first-look.toml"
AUTHOR = "researcher@example.org"
KEPT = ("--retention-days", "36500")
"""The made-up months stay in the past; what is over its time is erased."""

Command = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs one."""


def clerestory(*arguments: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run one command as a user would, without a terminal."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return prepared().run([str(argument) for argument in arguments], cwd, env)


def alone(*arguments: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """The same from nothing: slower, and what a user waits for."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "clerestory", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def must(*arguments: str | Path, run: Command = clerestory) -> str:
    """Run one command that has to work; returns its standard output."""
    done = run(*arguments)
    if done.returncode != 0:
        raise AssertionError(f"{arguments[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class World:
    """Paths of one vault and what belongs to it."""

    folder: Path
    keeper: int
    """Process id of its keeper."""

    @property
    def vault(self) -> Path:
        return self.folder / "vault"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def plan(self) -> Path:
        return self.folder / "plan.json"

    @property
    def key(self) -> Path:
        return self.folder / "officer.key"

    def entries(self) -> list[dict[str, Any]]:
        """The ledger."""
        entries: list[dict[str, Any]] = json.loads(must("ledger", self.vault, "--json"))["entries"]
        return entries


@contextmanager
def labels_world(
    folder: Path, accounts: int = 3_000, sessions: int = 5_000, *, study: Path = STUDY
) -> Iterator[World]:
    """A vault of planted labels with an approved plan."""
    folder.mkdir(parents=True, exist_ok=True)
    must(
        *("synthesize", folder / "vault", "--labels-only"),
        *("--accounts", str(accounts), "--sessions", str(sessions), "--seed", "7"),
    )
    with _kept(folder, study) as world:
        yield world


@contextmanager
def sessions_world(folder: Path, accounts: int = 30, sessions: int = 45) -> Iterator[World]:
    """A vault of sealed synthetic sessions with an approved plan; raw logs in `raw`."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "raw"
    must(
        *("synthesize", raw, "--accounts", str(accounts), "--sessions", str(sessions)),
        *("--seed", "7"),
    )
    must("init", folder / "vault", "--single-person", "--synthetic", "--tier", "T0", *KEPT)
    with _kept(folder) as world:
        sources = raw / "logs", raw / "telemetry"
        must("seal", world.vault, *sources, "--accounts", raw / "accounts.csv")
        yield world


@contextmanager
def _kept(folder: Path, study: Path = STUDY) -> Iterator[World]:
    with running_keeper(folder / "vault", folder / "state") as pid:
        world = World(folder, pid)
        must("keys", "new", world.key)
        must("keys", "enrol", world.vault, f"{world.key}.pub", "--name", AUTHOR)
        must("plan", study, "--out", world.plan)
        must("submit", world.vault, world.plan)
        must("approve", world.vault, world.plan, "--key", world.key)
        yield world
