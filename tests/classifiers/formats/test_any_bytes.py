"""Whatever a file holds: a session or a reason, at the edge and in the worker, and no word."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers.formats import FORMATS, OTHERS, read_session
from classifiers.sessions import REASONS, UnreadableError
from classifiers.structure import measures
from tests.classifiers.formats import (
    made,
    test_aider,
    test_atif,
    test_claude_ai,
    test_cline,
    test_codex,
    test_codex_versions,
    test_compliance,
    test_console,
    test_copilot_cli,
    test_cursor,
    test_gemini,
    test_generic,
    test_inspect_log,
    test_opencode,
    test_pi,
    test_qwen,
    test_specstory,
    test_swe_agent,
    test_vscode_chat,
)
from tests.classifiers.logs import log, person

WORDS = "canary-in-the-mine"
REFUSALS = {"READ", "EMPTY", "NOT_A_SESSION_LOG", "UNREADABLE_ENCODING"}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([WORDS, "2026-02-03T04:05:06Z", "user", "assistant", "ses_1", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "text", "content", "role", "x"]), inner)
    ),
    max_leaves=6,
)

_TOOL = test_opencode.tool("edit", input={"filePath": "a"}, output="", metadata={"diff": "+a"})
RECORDS: dict[str, list[made.Json]] = {
    "codex": test_codex.SESSION,
    "codex_later": [
        test_codex.meta(history_mode="paginated"),
        test_codex_versions.shown(WORDS),
        test_codex.item("custom_tool_call", name="exec", call_id="x", input=WORDS),
        test_codex_versions.completed("CommandExecution", id="1", command=["ls"], exitCode=0),
        test_codex_versions.completed("FileChange", id="2", changes={"a": {"type": "add"}}),
    ],
    "qwen": test_qwen.SESSION,
    "cline": test_cline.TASK,
    "copilot_cli": test_copilot_cli.SESSION,
    "pi": test_pi.SESSION,
    "vscode_chat": [test_vscode_chat.chat(test_vscode_chat.WORK)],
    "cursor": test_cursor.SESSION,
    "opencode_storage": [*test_opencode.PIECES, *test_opencode.CHILD],
    "codex_exec": [
        {"type": "thread.started", "thread_id": "t"},
        {"type": "item.completed", "item": {"id": "1", "type": "agent_message", "text": WORDS}},
        {"type": "item.completed", "item": {"type": "file_change", "changes": [{"path": "a"}]}},
    ],
    "gemini": [
        test_gemini.chat(
            test_gemini.PROMPT,
            {"type": "gemini", "content": WORDS, "toolCalls": [test_gemini.wrote()]},
        )
    ],
    "opencode": [
        test_opencode.export(
            "ses_1",
            test_opencode.message("user", test_opencode.text(WORDS)),
            test_opencode.message("assistant", _TOOL),
        )
    ],
    "claude_ai": [
        test_claude_ai.conversation(
            "c",
            test_claude_ai.message("1", "human", WORDS, "0"),
            test_claude_ai.message("2", "assistant", WORDS, "1"),
        )
    ],
    "compliance": [
        test_compliance.page(
            test_compliance.message(1, "user", test_compliance.text(WORDS)),
            test_compliance.message(2, "assistant", test_compliance.used("Bash", "1", "{}")),
            test_compliance.message(3, "user", test_compliance.got("1", WORDS)),
        )
    ],
    "atif": [test_atif.run(test_atif.ASKED, test_atif.SUNG)],
    "swe_agent": [
        test_swe_agent.run(WORDS, *test_swe_agent.STEPS, ("", "str_replace_editor create a", ""))
    ],
    "inspect": [
        {
            "version": 2,
            "status": "success",
            "eval": {"task": "t", "created": made.TIME},
            "samples": [test_inspect_log.sample(1)],
        }
    ],
    "generic": [test_generic.session("s", test_generic.ASKED, test_generic.DONE)],
}
TEXTS = {
    "specstory": test_specstory.HEAD + test_specstory.TALK,
    "console": test_console.BANNER + test_console.TALK,
    "aider": test_aider.FIRST + test_aider.SECOND,
}


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value that could hold another."""
    inner: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(each for key, part in inner for each in places(part, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:  # noqa: ANN401 - any JSON
    """A value with something else in one place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def outcome(data: bytes) -> tuple[str, str]:
    """What reading gives: a reason or nothing, and what a traceback would show of it."""
    try:
        session = read_session(data)
    except UnreadableError as error:
        return error.reason, repr(error)
    measures(session)
    return "", repr(session)


def survives(data: bytes) -> None:
    """The edge and the reader say nothing but codes about what they refuse."""
    reason, shown = outcome(data)
    assert reason in ("", *REASONS)
    assert WORDS not in shown
    with TemporaryDirectory() as folder:
        found, tally = made.sealed(Path(folder), b=data, z=log(person("sound")))
    assert set(tally.files.values()) <= REFUSALS
    assert WORDS not in repr((found, tally.files, tally.sessions, tally.records))
    assert b"sound" in b"".join(each.blob for each in found)
    for each in found:  # what is sealed is at least known again
        reason, shown = outcome(each.blob)
        assert reason in ("", "NO_CONVERSATION", "SUBAGENT_ALONE")
        assert WORDS not in shown


def test_every_format_has_a_sample_here() -> None:
    """A format that is added must be tried too, and its sample be read as its own."""
    samples = [made.lines(*each) for each in RECORDS.values()]
    samples += [text.encode() for text in TEXTS.values()]
    found = {read_session(sample).format for sample in samples}
    assert found == {known.NAME for known in OTHERS}


@pytest.mark.parametrize("name", RECORDS)
def test_no_format_claims_a_record_of_anothers(name: str) -> None:
    """Dispatch is by content: two formats that both want a file would make its name decide."""
    (own,) = {read_session(made.lines(*RECORDS[name])).format}
    claimed = {known.NAME for each in RECORDS[name] for known in FORMATS if known.claims(each)}
    assert claimed == {own}
    told = log(person("hello"))
    assert [k.NAME for k in FORMATS if k.claims(json.loads(told))] == ["claude_code"]


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_in_any_place_gives_a_session_or_a_reason(name: str, data: st.DataObject) -> None:
    """Formats change without notice, and files are edited by hand."""
    value: Any = RECORDS[name]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(value)[1:]))
        value = replaced(value, place, data.draw(JSON))
    write: Callable[[Any], bytes] = data.draw(
        st.sampled_from(
            [made.document, lambda all_: b"".join(json.dumps(e).encode() + b"\n" for e in all_)]
        )
    )
    survives(write(value))


@pytest.mark.parametrize("name", [*RECORDS, *TEXTS])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_to_the_bytes_gives_a_session_or_a_reason(
    name: str, data: st.DataObject
) -> None:
    """Disks fill up, copies break off, editors write other encodings."""
    whole = made.lines(*RECORDS[name]) if name in RECORDS else TEXTS[name].encode()
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    new = data.draw(st.binary(max_size=8) | st.sampled_from([b"\n", b"\0" * 9, b"[" * 999, b'"']))
    damaged = whole[:start] + new + whole[end:]
    survives(
        data.draw(st.sampled_from([damaged, damaged.decode("utf-8", "replace").encode("utf-16")]))
    )


def test_the_control_finds_the_word() -> None:
    """The canary is in what is sealed, so that its absence from reprs says something."""
    with TemporaryDirectory() as folder:
        (one,), _ = made.sealed(Path(folder), a=made.lines(*RECORDS["gemini"]))
    assert WORDS.encode() in one.blob
    assert any(WORDS in "".join(said.text) for said in read_session(one.blob).utterances)


@pytest.mark.parametrize("name", [*RECORDS, *TEXTS])
def test_a_file_is_read_as_its_bytes_are(name: str) -> None:
    """Whoever looks at a file reads what a worker reads of the sealed bytes, from its beginning."""
    data = made.lines(*RECORDS[name]) if name in RECORDS else TEXTS[name].encode()
    file = BytesIO(data)
    file.seek(len(data) // 2)
    assert read_session(file) == read_session(data)
