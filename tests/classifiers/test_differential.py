"""
Our reading of real logs against another's: inspect-swe, which parses Claude Code's as well.

For development: it needs the real logs and an environment that has the other parser (CLERESTORY_
INSPECT_SWE names its Python), and is skipped, with the commands that make one, where there is none.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.sessions import Session
from tests.support.corpus import real_logs
from tests.support.world import ROOT

pytestmark = pytest.mark.corpus

VARIABLE, VERSION = "CLERESTORY_INSPECT_SWE", "0.2.72"
HOW = (
    f"no other parser: python3 -m venv DIR && DIR/bin/pip install inspect-swe=={VERSION},"
    f" then {VARIABLE}=DIR/bin/python"
)
FAILS = {"edge_cases.jsonl": 2}
"""Files with records that inspect-swe fails on: one whose message is a word, one whose list holds
a word.  The first is no record to us either; of the second we read the word."""


@dataclass(frozen=True)
class Group:
    """Files that make sessions together, what inspect-swe finds in them and what we do."""

    name: str
    theirs: list[dict[str, list[str]]]
    ours: list[Session]

    def all_of(self, key: str) -> set[str]:
        """What inspect-swe finds of a kind in all the files."""
        return {each for file in self.theirs for each in file[key]}


@pytest.fixture(scope="module")
def groups() -> list[Group]:
    """Trunks alone, and trunks with the files of their sub-agents."""
    python, folder = os.environ.get(VARIABLE), real_logs()
    if not python:
        pytest.skip(HOW)
    places = [folder / "claude_code", folder / "claude_code_fixtures"]
    paths = sorted(path for place in places for path in place.rglob("*.jsonl"))
    script = ROOT / "benchmarks" / "peer" / "inspect_swe_events.py"
    given = "\n".join(map(str, paths))
    told = subprocess.run(
        [python, str(script)], input=given, capture_output=True, text=True, check=True
    )
    theirs = dict(zip(paths, map(json.loads, told.stdout.splitlines()), strict=True))
    beside = [path for path in paths if path.name.startswith("agent-")]
    found = [
        Group(path.name, [theirs[path]], _read([path])) for path in paths if path not in beside
    ]
    of_session = {path: _session_of(path) for path in paths}
    for trunk in (path for path in paths if path not in beside):
        agents = [path for path in beside if of_session[path] == of_session[trunk]]
        if agents:
            files = [trunk, *agents]
            found.append(Group(trunk.name, [theirs[path] for path in files], _read(files)))
    assert len(paths) - len(beside) < len(found) > len(beside) > 0
    return found


def _session_of(path: Path) -> str:
    """The first session that a file names; sub-agents' files name that of their trunk."""
    found = re.search(rb'"sessionId": ?"([^"]+)"', path.read_bytes())
    return found[1].decode() if found else path.name


def _read(paths: list[Path]) -> list[Session]:
    """What the worker reads of what the edge seals of some files, and of no others beside them."""
    source = Path(os.path.commonpath(paths))
    sealed = read_source(source, lambda p: "one" if p in paths else None, RunMemory(), Tally())
    return [read_session(each.blob) for each in sealed]


def test_calls_and_answers_are_the_same(groups: list[Group]) -> None:
    """The same ids of tool calls and of the model's answers, in every real file."""
    for group in groups:
        parts = [part for session in group.ours for part in session.all_sessions]
        calls = {"".join(call.call_id) for part in parts for call in part.calls}
        answers = {"".join(name) for part in parts for name in part.answers}
        assert calls == group.all_of("calls"), group.name
        assert answers == group.all_of("answers"), group.name
    assert sum(len(group.all_of("calls")) for group in groups) > 0
    assert sum(len(group.all_of("made_up")) for group in groups) > 0  # which are no answers to us


def test_prompts_are_among_its_users_words(groups: list[Group]) -> None:
    """
    Whatever we read as typed into the prompt, it reads as a user's.

    Not the other way: it takes notices, summaries and handed-over plans for a user's as well, and
    leaves out commands; what was typed elsewhere (T1 to T4) it does not read.
    """
    more = 0
    for group in groups:
        ours = ["".join(s.text) for one in group.ours for s in one.human if s.via == "prompt"]
        theirs = [words for file in group.theirs for words in file["words"]]
        strangers = sum(not any(words in text for text in theirs) for words in ours)
        failed = sum(len(file["failed"]) for file in group.theirs)
        assert strangers <= failed, group.name
        assert len(ours) <= len(theirs), group.name
        more += len(theirs) - len(ours)
    assert more > 0


def test_what_it_fails_on_is_known(groups: list[Group]) -> None:
    """Records that it cannot parse are not compared; there are those that we know of."""
    failed = {group.name: sum(len(file["failed"]) for file in group.theirs) for group in groups}
    assert {name: count for name, count in failed.items() if count} == FAILS
