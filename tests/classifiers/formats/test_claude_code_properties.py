"""What must hold for any session of Claude Code's, however its log was written down."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.rendering import render
from classifiers.sessions import Session
from classifiers.structure import measures
from tests.classifiers.logs import agent, attachment, call, log, person, queue, record, result, said

Json = dict[str, Any]

NOISES: list[Json] = [
    {"type": "progress", "data": {"type": "bash_progress"}, "sessionId": "session-a"},
    {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
    {"type": "mode", "mode": "plan", "sessionId": "session-a"},
    record("attachment", "") | {"attachment": {"type": "nested_memory", "content": "x"}},
    record("system", "") | {"subtype": "turn_duration", "durationMs": 3},
]
NOISE = st.sampled_from(NOISES)
STEPS = st.lists(
    st.sampled_from(["ask", "answer", "act", "refuse", "steer", "queue", "compact", "stop"]),
    max_size=9,
)


def told(steps: list[str]) -> list[Json]:
    """A session of some steps, in records."""
    found: list[Json] = [person("begin with the roof")]
    for number, step in enumerate(steps):
        name, words = f"toolu-{number}", f"words {number} of the session"
        refusal = f"The user doesn't want to proceed with this tool use. The user said:\n{words}"
        patch = {"structuredPatch": [{"lines": ["+a", "-b"]}]}
        made = call("Edit", name, file_path="/roof.py", old_string="b", new_string="a")
        match step:
            case "ask":
                found.append(person(words))
            case "answer":
                found.append(agent(words))
            case "act":
                found += [made, result("done", name, extra=patch)]
            case "refuse":
                found += [
                    made,
                    result(refusal.replace("The user s", "the user s"), name, error=True),
                ]
            case "steer":
                found.append(attachment(words, "human"))
            case "queue":
                found += [queue("enqueue", words), queue("remove")]
            case "compact":
                found.append(record("system", "") | {"subtype": "compact_boundary"})
            case "stop":
                found.append(person("[Request interrupted by user]"))
    return found


def seen(session: Session) -> tuple[object, ...]:
    """All that anybody is told of a session."""
    turns = [(turn.interrupted, turn.compactions) for turn in session.turns]
    return said(session), measures(session), turns, "".join(render(session).text)


@given(STEPS, st.data())
@settings(max_examples=40, deadline=None)
def test_what_the_program_notes_between_changes_nothing(
    steps: list[str], data: st.DataObject
) -> None:
    """Progress, snapshots, modes and memory stand between any two records."""
    plain = told(steps)
    mixed = [each for one in plain for each in (*data.draw(st.lists(NOISE, max_size=2)), one)]
    assert seen(read_session(log(*mixed))) == seen(read_session(log(*plain)))


@given(STEPS, st.data())
@settings(max_examples=40, deadline=None)
def test_a_record_that_is_met_again_changes_nothing(steps: list[str], data: st.DataObject) -> None:
    """Histories are repeated in whole and in part, under the old ids or under new ones."""
    plain = told(steps)
    known = [each for each in plain if "uuid" in each]
    again = data.draw(st.lists(st.sampled_from(known), max_size=4))
    renamed = data.draw(st.booleans())
    copies = [each | {"uuid": f"new-{n}"} if renamed else each for n, each in enumerate(again)]
    copies = [each for each in copies if not renamed or each["type"] in ("user", "assistant")]
    late = person("and then the floor")  # so that a copy of the last record goes back in time
    assert seen(read_session(log(*plain, late, *copies))) == seen(read_session(log(*plain, late)))


@given(STEPS, st.integers(1, 3), st.data())
@settings(max_examples=25, deadline=None)
def test_any_division_into_files_is_the_same_session(
    steps: list[str], files: int, data: st.DataObject
) -> None:
    """A session lies in one file or several, with what was copied between them."""
    plain = told(steps)
    ends = sorted(data.draw(st.lists(st.integers(1, len(plain)), min_size=files, max_size=files)))
    with TemporaryDirectory() as place:
        begin = 0
        for number, end in enumerate([*ends, len(plain)]):
            begin = min(begin, len(plain) - 1)
            back = max(0, begin - data.draw(st.integers(0, 2)))
            while plain[back]["type"] not in ("user", "assistant"):  # by which a log is known
                back -= 1
            part = plain[back:end]
            Path(place, f"{number}.jsonl").write_bytes(log(*part))
            begin = end
        found = list(read_source(Path(place), lambda _: "ann", RunMemory(), Tally()))
    whole = [read_session(each.blob) for each in found]
    assert [seen(each) for each in whole] == [seen(read_session(log(*plain)))]


@given(STEPS, st.data())
@settings(max_examples=40, deadline=None)
def test_a_log_that_was_cut_anywhere_is_read_to_there(
    steps: list[str], data: st.DataObject
) -> None:
    """A log is read while it is written: what stands before the cut is what stood before."""
    plain = told(steps)
    whole = log(*plain)
    first = len(log(plain[0]))
    # Of the log's length, which numbers of records change: bounds must be the same in every case.
    cut = first + data.draw(st.integers(0, 10**6)) * (len(whole) - first) // 10**6
    found = read_session(whole[:cut])
    complete = [line for line in whole[:cut].split(b"\n")[:-1] if line]
    last = whole[:cut].split(b"\n")[-1]
    sound = complete + ([last] if _is_record(last) else [])
    assert seen(found) == seen(read_session(b"\n".join(sound)))
    assert found.completeness.bad_lines == (len(sound) == len(complete) and bool(last))


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
