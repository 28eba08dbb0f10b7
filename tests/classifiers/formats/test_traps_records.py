"""
Traps of Claude Code's log: records that are damaged, copied, cut in pieces or not known.

T7, T13 to T18, T20, T21 and T36; one test a trap, named by its number.
"""

import json
from pathlib import Path

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.sessions import Session
from classifiers.structure import measures, prompts
from tests.classifiers.logs import agent, call, log, person, queue, record, result, said, session


def test_t07_compaction_does_not_begin_a_turn() -> None:
    """The summary is the model's; the chain breaks off, and the turn goes on."""
    summary = "This session is being continued from a previous conversation that ran out."
    asked = person("knit a scarf", parentUuid=None)
    boundary = record("system", "") | {
        "subtype": "compact_boundary",
        "parentUuid": None,
        "logicalParentUuid": asked["uuid"],
        "compactMetadata": {"trigger": "auto", "preTokens": 9, "preservedMessages": {"uuids": []}},
    }
    small = record("system", "") | {"subtype": "microcompact_boundary", "parentUuid": None}
    resumed = person(summary, isCompactSummary=True, parentUuid=boundary["uuid"])
    found = session(asked, boundary, resumed, small, asked, agent("Knitting."))
    assert len(found.turns) == 1
    assert found.turns[0].compactions == 1  # what is only trimmed is not summarised
    assert [each.via for each in found.utterances] == ["prompt", "summary", "assistant_text"]
    assert found.completeness.unknown_types == 0
    unflagged = session(person("knit"), boundary, person(summary), agent("Knitting."))
    assert said(unflagged) == [("prompt", "knit")]  # older versions do not mark it


def test_t13_lines_of_one_answer_are_one_answer() -> None:
    """A line is a block, and repeats what the answer took: nothing may count by lines."""
    usage = {"input_tokens": 9, "output_tokens": 700}
    first, second, third = agent("One."), agent("Two."), call("Read", file_path="a")
    for line in (first, second, third):
        line["message"] |= {"id": "msg-one", "usage": usage}
    split = session(person("count"), first, second, third, result("ok"))
    whole = agent("One.")
    whole["message"]["content"] = [
        block for line in (first, second, third) for block in line["message"]["content"]
    ]
    together = session(person("count"), whole, result("ok"))
    assert split.model_calls == together.model_calls == 1
    assert measures(split) == measures(together)
    assert session(person("count"), agent("One."), agent("Two.")).model_calls == 2  # the control


def test_t14_two_records_on_a_line_are_both_read() -> None:
    """Two processes wrote at once; neither record is damaged."""
    one, two = log(person("one")).strip(), log(person("two")).strip()
    found = read_session(one + two + b"\n" + log(agent("Three.")))
    assert said(found) == [("prompt", "one"), ("prompt", "two")]
    assert (found.completeness.bad_lines, found.completeness.joined_lines) == (0, 1)


def test_t15_what_is_damaged_is_counted_and_the_rest_is_read() -> None:
    """A torn record before a whole one, NUL bytes, a number, a blank line, a cut end."""
    one, two, three = (log(person(word)).strip() for word in ("one", "two", "three"))
    lines = [one, two[: len(two) // 2] + three, b"\0" * 99, b"null", b"", b" \t", two[:-9]]
    found = read_session(b"\n".join(lines))
    assert said(found) == [("prompt", "one"), ("prompt", "three")]
    assert found.completeness.bad_lines == 3  # the torn one, the null, the cut one


def test_t15_a_record_that_says_nothing_holds_no_other_back(tmp_path: Path) -> None:
    """One id on a broken record and on a whole one; at the edge as in the reader."""
    broken, keyless = person("?"), person("?")
    broken["message"] = "error"
    keyless["message"] = {"role": "user", "contenst": []}
    mended = person("I ask again", uuid=broken["uuid"]), person("and again", uuid=keyless["uuid"])
    data = log(person("I ask"), broken, keyless, *mended, mended[0])
    (tmp_path / "a.jsonl").write_bytes(data)
    (sealed,) = read_source(tmp_path, lambda _: "ann", RunMemory(), Tally())
    for found in (read_session(data), read_session(sealed.blob)):
        assert [words for _, words in said(found)] == ["I ask", "I ask again", "and again"]
        assert found.completeness.unknown_types == 2
    assert read_session(data).completeness.duplicate_records == 1


def test_t16_no_character_breaks_a_record_or_an_encoding() -> None:
    """Half a pair of surrogates, and separators that are no line feed."""
    odd = "tie\ud83d a\u2028b\u2029c\u0085d"
    data = b"".join(
        json.dumps(each, ensure_ascii=escaped).encode("utf-8", "surrogatepass") + b"\n"
        for each, escaped in ((person(odd), True), (agent(odd), False), (call("Bash", a=odd), True))
    )
    found = read_session(data)
    texts = [each.text for each in found.utterances] + [call.name for call in found.calls]
    assert [words for _, words in said(found)] == ["tie\ufffd a\u2028b\u2029c\u0085d"]
    assert len(texts) == 3
    assert all("".join(text).encode() for text in texts)
    assert found.completeness.bad_lines == 0


def test_t17_a_fork_adds_nothing_to_what_an_account_said(tmp_path: Path) -> None:
    """Its copies stay with the session that had them; what is new in it is its own."""
    history = [person("plant"), agent("Planted."), queue("enqueue", "water")]
    tail = person("prune", sessionId="session-b", timestamp="2026-03-01T00:00:00Z")
    fork = [each | {"sessionId": "session-b"} for each in history]
    (tmp_path / "first.jsonl").write_bytes(log(*history))
    (tmp_path / "fork.jsonl").write_bytes(log(*fork, tail))

    def account(*names: str) -> tuple[int, int, int]:
        memory, tally = RunMemory(), Tally()
        found = [
            read_session(each.blob)
            for name in names
            for each in read_source(tmp_path / name, lambda _: "ann", memory, tally)
        ]
        answered = sum(each.model_calls for each in found)
        return sum(map(prompts, found)), answered, tally.records["COPY"]

    assert account("first.jsonl", "fork.jsonl") == (2, 1, 3)
    assert account("fork.jsonl", "first.jsonl") == (2, 1, 3)
    assert account("first.jsonl") == (1, 1, 0)  # the control: "prune" is the fork's


def test_t17_a_history_written_once_more_under_new_ids_counts_once() -> None:
    """Some versions do so when a session is taken up again, and cut records in pieces."""
    picture = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    texts = [{"type": "text", "text": "<ide_selection>x</ide_selection>"}, _text("what is it")]
    asked = person([*texts, picture])
    history = [asked, agent("A kite."), call("Read", "toolu-1"), result("ok", "toolu-1")]
    copied = [
        person([each], timestamp=asked["timestamp"]) for each in (texts[0], picture, texts[1])
    ]
    copied += [each | {"uuid": f"new-{place}"} for place, each in enumerate(history[1:])]
    found = session(*history, *copied, person("and whose?"))
    assert said(found) == [("prompt", "what is it"), ("prompt", "and whose?")]
    told, once = measures(found), measures(session(*history, person("and whose?")))
    assert told == once
    assert found.completeness.duplicate_records == 4  # the picture, the words, the answer, a result
    assert found.completeness.orphan_results == 0
    again = person("what is it")  # the controls: asked again, later; a log of one time
    assert prompts(session(*history, again)) == 2
    times = [person("yes", timestamp="2026-02-03T00:00:00Z") for _ in range(2)]
    assert prompts(session(*times)) == 2


def test_t17_a_prompt_written_as_several_records_is_one() -> None:
    """Editors send a picture and words at once; some versions make a record of each."""
    picture = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    once = {"timestamp": "2026-02-03T00:00:00Z"}
    image, words = person([picture], **once), person("what is it", **once)
    for order in ([image, words], [words, image], [image, words, image]):
        assert said(session(*order, agent("A kite."))) == [("prompt", "what is it")]
    later = person("what is it", timestamp="2026-02-03T00:00:01Z")  # the control
    assert said(session(image, later)) == [("image", ""), ("prompt", "what is it")]


def test_t18_of_several_sessions_in_a_file_each_is_its_own(tmp_path: Path) -> None:
    """The edge parts them; a file that is read whole is the session of most of its records."""
    other = person("mine", sessionId="session-b")
    data = log(person("one"), other, person("two"))
    (tmp_path / "a.jsonl").write_bytes(data)
    sealed = read_source(tmp_path, lambda _: "ann", RunMemory(), Tally())
    assert {each.session: said(read_session(each.blob)) for each in sealed} == {
        "session-a": [("prompt", "one"), ("prompt", "two")],
        "session-b": [("prompt", "mine")],
    }
    found = read_session(data)
    assert said(found) == [("prompt", "one"), ("prompt", "two")]
    assert found.completeness.other_sessions == 1


def test_t20_what_the_program_says_for_the_model_is_not_the_models() -> None:
    """Errors of the service are counted; a fork's filler is neither an answer nor an error."""
    made_up = {"model": "<synthetic>"}
    failed, filler = agent("API Error: overloaded", isApiErrorMessage=True), agent("No response.")
    filler["message"] |= made_up
    failed["message"] |= made_up
    retried = record("system", "") | {"subtype": "api_error", "retryAttempt": 1}
    found = session(person("count"), agent("One."), failed, retried, filler)
    assert [each.via for each in found.utterances] == [
        "prompt", "assistant_text", "api_error", "api_error", "marker",
    ]  # fmt: skip
    assert (found.model_calls, measures(found)["words_out"]) == (1, 1)
    assert ["".join(model) for model in found.models] == ["claude-opus-4-5"]


def test_t21_an_answer_of_another_model_after_a_refusal_is_read() -> None:
    """A subtype and a block of their own; neither is a person's, a failure or unknown."""
    fallback = record("system", "") | {"subtype": "model_refusal_fallback", "content": "switched"}
    answer = record("assistant", [{"type": "fallback"}, _text("Another way.")])
    found = session(person("pick the lock"), fallback, answer)
    assert [each.via for each in found.utterances] == ["prompt", "assistant_text"]
    assert found.completeness.unknown_types == 0


@pytest.mark.parametrize(
    "unknown",
    [
        record("hologram", "?"),
        record("assistant", [{"type": "telepathy", "text": "SECRET"}]),
        person([{"type": "scent", "text": ""}]),
        record("system", "") | {"subtype": "moonrise"},
        {"type": None, "sessionId": "session-a"},
        {"type": "user", "message": "SECRET", "uuid": "u", "sessionId": "session-a"},
    ],
)
def test_t36_what_is_not_known_is_counted_and_never_shown(unknown: dict[str, object]) -> None:
    """The format changes without notice; a count is all that says so."""
    found = session(person("wave"), unknown, agent("Waved."))
    assert said(found) == [("prompt", "wave")]
    assert found.completeness.unknown_types == 1
    assert "SECRET" not in _shown(found)
    assert "hologram" not in _shown(found)
    assert session(person("wave"), agent("Waved.")).completeness.unknown_types == 0  # the control


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _shown(found: Session) -> str:
    return repr(found) + str(found)
