"""
The whole way on made-up sessions, with the commands a user would type.

Each step runs the command line itself and shows what it runs, so that the demo is a recipe.
At the end stands a page that only synthetic data can have: truth against release.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

from clerestory.keeping import running_keeper
from privacy.errors import ConfigurationError, IncompleteError

AUTHOR = "researcher@example.org"
SEED = "2026"
MARK = ".clerestory-demo"
"""File that says that a folder is a demo's, and may be cleared."""

Say = Callable[[str], None]


def run_demo(folder: Path, *, accounts: int, sessions: int, say: Say) -> Path:
    """
    Go the whole way.

    Args:
        folder: Where vault, bundle and truth.csv go; an earlier demo there is cleared.
        accounts: How many made-up accounts.
        sessions: How many made-up sessions.
        say: Shows a line to the person at the terminal.

    Returns:
        Path of the report.

    Raises:
        ConfigurationError: The folder holds something else.
        IncompleteError: A step failed; its own words are on standard error.
    """
    start = time.monotonic()
    _make_room(folder, say)
    vault, plan, bundle = folder / "vault", folder / "plan.json", folder / "bundle"
    key = folder / "officer.key"

    def step(why: str, *arguments: str | Path) -> None:
        _step(say, why, *arguments)

    step(
        "Made-up people work with a coding agent for seven months.",
        *("synthesize", folder, "--accounts", str(accounts), "--sessions", str(sessions)),
        *("--seed", SEED),
    )
    step(
        "A vault, with terms of collection that never change.",
        *("init", vault, "--single-person", "--synthetic", "--tier", "T0"),
        *("--retention-days", "36500"),
    )
    step("An officer's key, to sign with.", "keys", "new", key)
    say("\n# The keeper: the one process with keys and budget. It runs beside us from here on.")
    say(f"$ clerestory keeper {vault} --state {folder / 'keeper'} &")
    with running_keeper(vault, folder / "keeper"):
        step("The officer is enrolled.", "keys", "enrol", vault, f"{key}.pub", "--name", AUTHOR)
        step(
            "Logs are split into sessions and sealed: from here on nobody reads them.",
            *("seal", vault, folder / "logs", folder / "telemetry"),
            *("--accounts", folder / "accounts.csv"),
        )
        step(
            "A study becomes a plan: queries, noise, cost, and what it is expected to show.",
            *("plan", first_look(), "--out", plan, "--accounts", str(accounts)),
            *("--sessions", str(sessions)),
        )
        step("The plan is handed in …", "submit", vault, plan)
        step("… and signed.", "approve", vault, plan, "--key", key)
        step("Sealed workers label the sessions.", "classify", vault, plan)
        step(
            "A sealed worker makes tables; the charge is recorded before it has a key.",
            *("release", vault, plan, "--out", bundle),
        )
        step("What was spent, and on what.", "ledger", vault)
    step("A stranger checks the bundle.", "verify", bundle, "--trust", bundle / "keeper.pub")
    from clerestory.truth import write_truth

    page = write_truth(folder, vault, folder / "keeper", plan, bundle)
    say(f"\n{page}: truth against release, since these data are synthetic")
    say(f"The whole way took {time.monotonic() - start:.0f} s.")
    return bundle / "report.html"


def _make_room(folder: Path, say: Say) -> None:
    """An empty folder with the demo's mark; an earlier demo is cleared away, nothing else is."""
    mark = folder / MARK
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        if not mark.is_file():
            raise ConfigurationError(
                "DEMO_EXISTS",
                rule="A demo starts in an empty folder, or in that of an earlier demo.",
                found="something else in its place.",
                remedy="name another folder.",
            )
        say(f"clearing the earlier demo in {folder}")
        rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text("Made by `clerestory demo`, which clears this folder when it runs again.\n")


def first_look() -> Path:
    """The ready-made study."""
    return studies() / "first-look.toml"


def studies() -> Path:
    """The ready-made studies: beside the packages in a checkout, inside them when installed."""
    packages = Path(__file__).resolve().parent
    places = (packages.parent / "studies", packages / "studies")
    return next(place for place in places if place.is_dir())


def _step(say: Say, why: str, *arguments: str | Path) -> None:
    words = [str(argument) for argument in arguments]
    say(f"\n# {why}\n$ clerestory {' '.join(words)}")
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-P", "-m", "clerestory", *words],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode != 0:
        raise IncompleteError(
            "DEMO_STEP_FAILED",
            rule="Every step of the demo is a command that works.",
            found=f"`clerestory {words[0]}` ended with {done.returncode}.",
            remedy="read what it said above; `clerestory doctor` examines the machine.",
        )
