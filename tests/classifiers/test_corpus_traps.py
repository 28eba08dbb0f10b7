"""
The traps once more, where a real file is at hand; the fixtures of `formats/test_traps_*` are ours.

Numbers were counted by eye in the files' records.  No word of a file stands here.
"""

from collections import Counter
from pathlib import Path

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.sessions import Session, count_words
from classifiers.structure import prompts
from tests.support.corpus import real_logs

pytestmark = pytest.mark.corpus

FILES: dict[str, list[tuple[str, dict[str, int]]]] = {
    "T1": [("45ba035c", {"steering": 1}), ("0ccf1a04", {"steering": 0})],
    "T2": [("634355e9", {"steering": 0})],
    "T3": [("34b1e2a4", {"rejection_note": 2, "rejected": 2})],
    "T4": [("2026-01-22-48f428f9", {"question_answer": 3})],
    "T5": [(name, {"plan_handoff": 1, "human words": 0}) for name in ("e4d2c72e", "6a5d9c1b")],
    "T6": [("fe1ffae3", {"prompts": 0, "actions": 26})],
    "T7": [
        ("03a1382e", {"compactions": 1, "summary": 1, "turns": 30}),
        ("2026-01-21-0cd9edf7", {"compactions": 0, "summary": 0, "turns": 4}),
    ],
    "T8": [
        ("d563fb6b", {"shell": 0, "slash_command": 0}),
        ("030e1e67", {"shell": 2}),
        ("2026-01-19-8b418ea5", {"slash_command": 1}),
    ],
    "T10": [("2cfdacb8", {"interrupted": 4})],
    "T11": [
        ("1ecba475", {"hook": 1, "prompts": 2}),
        ("2026-01-06-f6833005", {"hook": 1, "prompts": 3}),
    ],
    "T12": [("9ccc706b", {"notification": 1, "prompts": 2})],
    "T14": [("2026-01-19-86cc3044", {"bad lines": 0, "joined lines": 1})],
    "T16": [("e0a6db83", {"bad lines": 0, "broken": 0})],  # its surrogates stand in pairs
    "T18": [("2026-01-19-4931d45a", {"of other sessions": 3})],
    "T19": [("0ccf1a04", {"sub-agents": 0})],  # alone; beside their files: below
    "T20": [("303ebbc4", {"api_error": 3}), ("0ccf1a04", {"api_error": 9})],
    "T21": [("df0a6e5d", {"unknown": 0, "prompts": 1})],
    "T22": [("6b9a263d", {"images": 1})],
    "T24": [("88e16f61", {"interactive": 1})],
    "T29": [(name, {"is Claude Code's": 1}) for name in ("3a4a4468", "de1ed521")],
}


def found(name: str) -> Path:
    """The real file whose name begins so, after a date or not."""
    paths = [path for path in real_logs().rglob("*.jsonl") if name in path.name]
    if len(paths) != 1:
        pytest.skip(f"the real file {name} is not among these logs")
    return paths[0]


def counts(session: Session) -> Counter[str]:
    """Everything that a trap counts."""
    told = Counter[str](said.via for said in session.utterances)
    told.update(call.outcome for call in session.calls)
    whole = session.completeness
    texts = [said.text for said in session.utterances] + [call.result for call in session.calls]
    told.update(
        {
            "human words": sum(count_words(said.text) for said in session.human),
            "prompts": prompts(session),
            "actions": len(list(session.calls)),
            "turns": len(session.turns),
            "compactions": sum(turn.compactions for turn in session.turns),
            "bad lines": whole.bad_lines,
            "joined lines": whole.joined_lines,
            "of other sessions": whole.other_sessions,
            "unknown": whole.unknown_types,
            "images": whole.images,
            "broken": any("\ud800" <= letter <= "\udfff" for said in texts for letter in said),
            "sub-agents": sum(1 for _ in session.all_sessions) - 1,
            "interactive": session.interactive,
            "is Claude Code's": session.format == "claude_code",
        }
    )
    told["interrupted"] = sum(turn.interrupted for turn in session.turns)
    return told


@pytest.mark.parametrize(
    ("trap", "name", "expected"),
    [(trap, name, expected) for trap, files in FILES.items() for name, expected in files],
)
def test_a_real_file_is_read_as_its_trap_demands(
    trap: str, name: str, expected: dict[str, int]
) -> None:
    """A fixture shows what we think a file looks like; a real one shows what it does."""
    told = counts(read_session(found(name).read_bytes()))
    assert {key: told[key] for key in expected} == expected, trap


def test_two_real_sessions_that_share_records_weigh_as_their_union() -> None:
    """T17: in whichever order they come, an account says nothing twice."""
    paths = [found(name) for name in ("33cbf43f", "d1ffb512")]
    alone = [prompts(read_session(path.read_bytes())) for path in paths]

    def together(order: list[Path]) -> int:
        memory = RunMemory()
        return sum(
            prompts(read_session(each.blob))
            for path in order
            for each in read_source(path, lambda _: "ann", memory, Tally())
        )

    assert together(paths) == together(paths[::-1]) == max(alone) < sum(alone)


def test_real_subagents_hang_on_their_calls() -> None:
    """T19: five files below a trunk are one session."""
    trunk = found("0ccf1a04")
    tally = Tally()
    beside = [trunk, *trunk.with_suffix("").rglob("*.jsonl")]
    sealed = read_source(
        trunk.parent, lambda path: "ann" if path in beside else None, RunMemory(), tally
    )
    (session,) = (read_session(each.blob) for each in sealed)
    assert (counts(session)["sub-agents"], session.subagents) == (5, ())
    assert tally.sessions == {"TAKEN": 1}


def test_paths_of_real_windows_machines_are_kept() -> None:
    """T26: they stand in the actions as they were typed."""
    session = read_session(found("e0a6db83").read_bytes())
    edited = ["".join(call.subject) for call in session.calls if call.kind == "edit"]
    assert edited
    assert all(":\\" in path for path in edited)
