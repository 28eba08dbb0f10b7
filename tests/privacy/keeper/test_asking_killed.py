"""Whoever is killed while a model is asked: the keeper counts no less than the server charged."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Lock

import pytest

from clerestory.devstub import Asked, Reply, authority
from clerestory.keeping import running_keeper
from privacy.keeper.journal import Journal, Spent
from privacy.keeper.labels_index import open_database
from privacy.label_sets import label_sets
from privacy.plan import Plan, read_plan
from privacy.vault import Vault
from tests.support.asking import Asking, asking_world, study
from tests.support.messages import codes, message, serving
from tests.support.processes import descendants
from tests.support.world import must

AGAIN = '[[reading]]\nname = "again"\nshare = "5/6"\n'
SESSIONS, ANSWERED, PATIENCE = 24, 6, 60.0
"""Sessions of the vault; answers before the server keeps everybody waiting; seconds."""
MICRODOLLARS = {
    "input_tokens": 0.1,
    "output_tokens": 0.5,
    "cache_read_input_tokens": 0.01,
    "cache_creation_input_tokens": 0.125,
}
"""For a token of the model that is asked, as its price list has it."""


class Till:
    """A model that writes down what it charges; from an answer on it waits until it may go on."""

    def __init__(self) -> None:
        self.times, self.charged = Counter[str](), 0.0
        self.reached, self.go_on = Event(), Event()
        self._begun, self.open, self._answers = 0, 0, ANSWERED
        self._lock = Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            self._begun, self.open = self._begun + 1, self.open + 1
            waits = self._begun > self._answers
        if waits:
            self.reached.set()
            self.go_on.wait(PATIENCE)
        reply = message(asked, codes())
        usage = json.loads(reply.body)["usage"]
        with self._lock:
            self.times["\n".join(asked.text.splitlines()[2:-1])] += 1
            self.charged += sum(price * (usage.get(n) or 0) for n, price in MICRODOLLARS.items())
            self.open -= 1
        return reply

    def drain(self) -> int:
        """Let everybody go on, and wait until all have their answers; how many there were."""
        self.go_on.set()
        while self.open:
            time.sleep(0.01)
        return sum(self.times.values())

    def wait_after(self, more: int) -> None:
        """Answer so many more before everybody has to wait again."""
        with self._lock:
            self._answers = self._begun + more
        self.reached.clear()
        self.go_on.clear()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A vault under a policy that names the server."""
    ours = authority()
    folder = tmp_path_factory.mktemp("killed")
    with (
        serving(ours.sign(), Till()) as server,
        asking_world(folder, server, ours.roots) as asking,
    ):
        yield asking


@contextmanager
def till(asking: Asking, view: str, more: str = "") -> Iterator[tuple[Till, Path]]:
    """A till of its own, and an approved plan whose labels nobody has made yet."""
    world, server = asking.world, asking.server
    path, plan = world.folder / f"{view}.toml", world.folder / f"{view}.json"
    how = f'view = "{view}"\ndollars = 5.0\n{more}'
    path.write_text(study(server.url, more=how), encoding="utf-8")
    must("plan", path, "--out", plan)
    must("submit", world.vault, plan)
    must("approve", world.vault, plan, "--key", world.key)
    made = Till()
    server.answering = made
    yield made, plan


def begun(asking: Asking, plan: Path, made: Till) -> "subprocess.Popen[str]":
    """The command, once the server keeps it waiting."""
    vault, key = asking.world.vault, asking.key_file
    command = ["classify", str(vault), str(plan), "--api-key-file", str(key)]
    process = subprocess.Popen(
        [sys.executable, "-m", "clerestory", *command],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert made.reached.wait(PATIENCE)
    return process


def classify(asking: Asking, plan: Path) -> None:
    """Go on until all is labelled."""
    must("classify", asking.world.vault, plan, "--api-key-file", asking.key_file)


def books(asking: Asking, plan: Path, reading: int = 0) -> tuple[Spent, int]:
    """What the keeper counts for a plan's labels, and how many sessions a reading has labelled."""
    made: Plan = read_plan(plan.read_bytes())
    names = label_sets(made, Vault.open(asking.world.vault).floor.hash)
    with closing(open_database(asking.world.state / "labelled.db")) as database:
        query = "SELECT COUNT(*) FROM labelled WHERE label_set = ?"
        (labelled,) = database.execute(query, (names[reading],)).fetchone()
        return Journal(database, names[0]).spent(), labelled


def sample(asking: Asking, plan: Path) -> tuple[set[str], set[str]]:
    """Sessions with a second label, and those that the keyed hash chooses."""
    made: Plan = read_plan(plan.read_bytes())
    (reading,) = made.readings
    first, again = label_sets(made, Vault.open(asking.world.vault).floor.hash)
    with closing(open_database(asking.world.state / "labelled.db")) as database:
        ((secret,),) = database.execute("SELECT secret FROM sampling").fetchall()
        query = "SELECT session FROM labelled WHERE label_set = ?"
        there, labelled = (
            {session for (session,) in database.execute(query, (name,))} for name in (first, again)
        )
    return labelled, {session for session in there if reading.chooses(session, secret)}


def check_books(asking: Asking, plan: Path, made: Till) -> Spent:
    """
    All is labelled, and the keeper counts no less than the server charged.

    Nor more than that, but for a class's quarter, a microdollar a call, and what is named lost.
    """
    deadline = time.monotonic() + PATIENCE
    while made.open and time.monotonic() < deadline:
        time.sleep(0.01)
    counted, labelled = books(asking, plan)
    calls = sum(made.times.values())

    assert labelled == SESSIONS
    assert len(made.times) == SESSIONS
    assert counted.out == 0
    assert made.charged <= counted.total
    assert counted.settled <= made.charged * 5 / 4 + 4 * calls
    return counted


def test_workers_that_are_killed_cost_their_allowance(asking: Asking) -> None:
    """Their sessions are asked again, by the same run; what they had taken nobody can know."""
    with till(asking, "tail") as (made, plan):
        process = begun(asking, plan, made)
        workers = _waiting(asking.world.keeper)
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        made.go_on.set()
        _, told = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, told
        assert check_books(asking, plan, made).lost > 0


def _waiting(keeper: int) -> set[int]:
    """Workers, once none of them is starting any more: all then wait for the server."""
    seen, workers = set[int](), {0}
    while workers != seen:
        seen = workers
        time.sleep(0.5)
        workers = {pid for pid in descendants(keeper) if not descendants(pid)}
    return {pid for pid in workers if b"broker.py" not in _command(pid)}


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_command_that_is_killed_costs_nothing(asking: Asking) -> None:
    """The keeper does not hang on who asked it; and the control: nothing lost, all asked once."""
    with till(asking, "full") as (made, plan):
        process = begun(asking, plan, made)
        process.kill()
        process.communicate(timeout=PATIENCE)
        made.go_on.set()
        classify(asking, plan)
        assert check_books(asking, plan, made).lost == 0
        assert set(made.times.values()) == {1}


def test_a_keeper_that_is_killed_counts_what_was_out_at_its_worst(asking: Asking) -> None:
    """
    What had its record is not asked again; all else is, and the server charges it again.

    So in a first reading, and in a second: one sample, and one book for both.  That fewer than
    seven of 24 are of a sample of 5/6, and nobody waits, has a chance below 1e-9.
    """
    vault, state = asking.world.vault, asking.world.state
    with till(asking, "whole", AGAIN) as (made, plan), ExitStack() as keepers:
        keeper, lost = asking.world.keeper, 0
        for reading in (0, 1):
            process = begun(asking, plan, made)
            os.kill(keeper, signal.SIGKILL)
            _, told = process.communicate(timeout=PATIENCE)
            assert "KEEPER_WENT_AWAY" in told
            counted, labelled = books(asking, plan, reading)
            assert counted.out > 0
            assert labelled < SESSIONS
            lost += counted.out
            answered = made.drain()
            made.wait_after(SESSIONS - labelled + ANSWERED)
            keeper = keepers.enter_context(running_keeper(vault, state))
        made.go_on.set()
        for _ in range(2):
            classify(asking, plan)
            again, chosen = sample(asking, plan)
            assert labelled < len(again) <= SESSIONS
            assert again == chosen
            assert sum(made.times.values()) == answered + len(again) - labelled
        assert check_books(asking, plan, made).lost == lost
