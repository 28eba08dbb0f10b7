"""The closed form: what telemetry may hold, and what it says of a session."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.telemetry import (
    DECISIONS,
    OUTCOMES,
    WARM_UP_TELEMETRY,
    Call,
    Counts,
    Telemetry,
    calls_in,
    hash_of,
    wrote_code,
)

SESSION = (
    b'{"type":"assistant","message":{"content":[{"type":"tool_use","id":"toolu_01"}]}}\n'
    b'{"type":"user","message":{"content":"say \\"toolu_quoted\\" and toolu_bare"}}\n'
)
EDITED = Call(edits=True, outcome="ok")
SEARCHED = Call(outcome="ok")

whole = st.integers(0, 10**12)
telemetry = st.builds(
    Telemetry,
    st.none() | st.builds(Counts, *[whole] * len(Counts.__dataclass_fields__)),
    st.dictionaries(
        st.text("0123456789abcdef", min_size=24, max_size=24),
        st.builds(Call, st.booleans(), st.sampled_from(OUTCOMES), st.sampled_from(DECISIONS)),
        max_size=4,
    ),
    st.booleans(),
)


@given(telemetry)
def test_the_closed_form_is_read_back(made: Telemetry) -> None:
    """What the edge sealed is what the worker joins."""
    assert Telemetry.decode(made.encode()) == made


@given(telemetry, st.data())
def test_bytes_that_are_not_exactly_it_are_refused(made: Telemetry, data: st.DataObject) -> None:
    """One form, one spelling: no room for a word."""
    sound = made.encode()
    at = data.draw(st.integers(0, len(sound) - 1))
    for other in (sound[:at], sound + b" ", sound[:at] + b"\xff" + sound[at + 1 :], b"", b"7"):
        with pytest.raises(ValueError, match="no telemetry in its closed form"):
            Telemetry.decode(other)


@pytest.mark.parametrize(
    "change",
    [
        {"counts": {"lines_added": "many"}},
        {"counts": {"lines_added": -1}},
        {"counts": {"lines_added": 1.5}},
        {"counts": {"lines_added": True}},
        {"counts": {"email": 1}},
        {"counts": []},
        {"calls": {"toolu_01": [1, "ok", "none"]}},
        {"calls": {"a" * 24: [1, "please fix it", "none"]}},
        {"calls": {"a" * 24: [1, "ok", "maybe"]}},
        {"calls": {"a" * 24: [1, "ok"]}},
        {"calls": []},
        {"by_calls": 1},
        {"more": 1},
        {"type": "user"},
        {"telemetry": 2},
    ],
)
def test_nothing_else_has_a_place_in_it(change: dict[str, object]) -> None:
    """Numbers that count, hashes and closed words."""
    sound = json.loads(WARM_UP_TELEMETRY)
    assert Telemetry.decode(json.dumps(sound, separators=(",", ":")).encode())
    counts = sound["counts"] | change["counts"] if isinstance(change.get("counts"), dict) else None
    changed = sound | change | ({"counts": counts} if counts else {})
    with pytest.raises(ValueError, match="no telemetry"):
        Telemetry.decode(json.dumps(changed, separators=(",", ":")).encode())


def said(*calls: str, counts: Counts | None = None, by_calls: bool = False, **of: Call) -> str:
    """What telemetry says of the session: calls that edited, and others by name."""
    told = {hash_of(name): EDITED for name in calls}
    told |= {hash_of(name): call for name, call in of.items()}
    return wrote_code(Telemetry(counts, told, by_calls).encode(), SESSION)


def test_lines_decide_where_counters_were_exported() -> None:
    """One line is enough; a session whose edits were all rejected has decisions and no line."""
    assert said(counts=Counts(lines_added=1)) == "yes"
    assert said(counts=Counts(lines_removed=7, edits_accepted=1)) == "no"
    assert said(counts=Counts(edits_rejected=3)) == "no"
    assert said(counts=Counts()) == "no"
    # An edit that went through and added nothing: the counter is the better witness.
    assert said("toolu_01", counts=Counts(lines_removed=2)) == "no"


def test_results_decide_where_no_counter_was_exported() -> None:
    """An editing tool that went through; one that failed, or another tool, is none."""
    assert said("toolu_01") == "yes"
    assert said(toolu_01=SEARCHED) == "no"
    assert said(toolu_01=Call(edits=True, outcome="failed")) == "no"
    assert said(toolu_01=Call(edits=True, outcome="unknown", decision="accept")) == "no"
    assert said() == "no"


def test_calls_of_another_session_say_nothing() -> None:
    """Neither for a session that has none of them, nor beside one that has."""
    assert said("toolu_99") == "absent"
    assert said("toolu_99", toolu_01=SEARCHED) == "no"
    assert said("toolu_99", "toolu_01") == "yes"


def test_what_came_by_its_calls_alone_needs_one_of_them() -> None:
    """The worker does not believe the edge's routing: a call has to be in the session."""
    lines = Counts(lines_added=5)
    assert said("toolu_01", counts=lines, by_calls=True) == "yes"
    assert said("toolu_99", counts=lines, by_calls=True) == "absent"
    assert said(counts=lines, by_calls=True) == "absent"
    assert said("toolu_99", counts=lines) == "yes"


def test_calls_are_found_in_a_sessions_bytes_and_not_in_its_words() -> None:
    """A text that quotes an id has its quotes escaped."""
    assert calls_in(SESSION) == {"toolu_01"}
    assert calls_in(b'"toolu_bdrk_0aZ-9" "toolu_" "tool_1" "toolu_x y"') == {"toolu_bdrk_0aZ-9"}
