"""Sums are a function of the set of points: not of their order, their files, or their copies."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from classifiers.otlp import Reader
from classifiers.telemetry import Call, Counts, Telemetry, hash_of
from classifiers.telemetry_sums import Sums, together
from tests.classifiers.exports import Json, event, logs, metrics, point, result

LINES = "lines_of_code.count"


def summed(*exports: Json) -> Sums:
    """Sums of exports of one session, in that order."""
    sums, reader = Sums(), Reader()
    for export in exports:
        for each in reader.points(export):
            sums.add(each)
    return sums


def lines(value: float, at: int, since: int = 0, **more: object) -> Json:
    """One export of one counter."""
    return metrics(point(LINES, value, at=at, since=since, type="added", **more))  # type: ignore[arg-type]


def test_deltas_are_added_and_repetitions_are_not() -> None:
    """3 + 4 = 7, however often the second was sent again."""
    first, second = lines(3, 60), lines(4, 120, 60)
    assert summed(first, second).counts == Counts(lines_added=7)
    again = summed(first, second, second, first, second)
    assert again.counts == Counts(lines_added=7)
    assert again.points == 2
    # The control: the same value at another time is another point.
    assert summed(first, second, lines(4, 180, 120)).counts == Counts(lines_added=11)


def test_a_cumulative_counter_counts_from_each_of_its_beginnings() -> None:
    """5, then 9 of one process; 2 of the one that resumed: 9 + 2 = 11, in any order."""
    told = [
        lines(5, 60, temporality=2),
        lines(9, 120, temporality=2),
        lines(2, 500, 480, temporality=2),
        lines(9, 120, temporality=2),
    ]
    for order in permutations(told):
        assert summed(*order).counts == Counts(lines_added=11)
    # The one that resumed counts more than the one before it: 9 + 12 = 21, and not 12.
    more = [lines(9, 120, temporality=2), lines(12, 500, 480, temporality=2)]
    assert summed(*more).counts == summed(*more[::-1]).counts == Counts(lines_added=21)
    # Read as deltas they would be 5 + 9 + 2 = 16.
    assert summed(
        *(lines(v, at, s) for v, at, s in ((5, 60, 0), (9, 120, 0), (2, 500, 480)))
    ).counts
    deltas = summed(lines(5, 60), lines(9, 120), lines(2, 500, 480))
    assert deltas.counts == Counts(lines_added=16)


def test_a_counter_that_falls_has_begun_again() -> None:
    """7, then 3 with no new beginning stated: 7 + 3 = 10; then 4: one more."""
    told = [lines(7, 60, temporality=2), lines(3, 120, temporality=2), lines(4, 180, temporality=2)]
    for order in permutations(told):
        assert summed(*order).counts == Counts(lines_added=11)


def test_every_counter_has_its_sum() -> None:
    """Named as the vendor names them; what is unknown only shows that counters were exported."""
    told = metrics(
        point(LINES, 10, type="added"),
        point(LINES, 4, type="removed"),
        point("commit.count", 2, whole=True),
        point("pull_request.count", 1),
        point("code_edit_tool.decision", 3, tool_name="Edit", decision="accept"),
        point("code_edit_tool.decision", 2, tool_name="Write", decision="accept"),
        point("code_edit_tool.decision", 5, tool_name="Edit", decision="reject"),
        point("active_time.total", 1.75, type="user"),
        point("active_time.total", 2.5, type="cli"),
        point("token.usage", 100, type="input"),
        point("token.usage", 20, type="output"),
        point("token.usage", 3, type="cacheRead"),
        point("token.usage", 4, type="cacheCreation"),
        point("cost.usage", 0.5, model="m"),
        point("of.the.future", 9),
    )
    assert summed(told).counts == Counts(
        lines_added=10,
        lines_removed=4,
        commits=2,
        pull_requests=1,
        edits_accepted=5,
        edits_rejected=5,
        active_seconds=4,  # 4.25
        tokens_in=100,
        tokens_out=20,
        tokens_cached=7,
    )


def test_looking_at_agents_is_no_session() -> None:
    """The start of a view counts for nothing, not even for counters having been exported."""
    view = metrics(point("session.count", 1, start_type="agents_view", at=1))
    assert summed(view).counts is None
    assert summed(view).points == 0
    fresh = metrics(point("session.count", 1, start_type="fresh"))
    assert summed(fresh).counts == Counts()
    assert summed(view, fresh).began == summed(fresh).began


def test_rejected_edits_leave_decisions_and_no_lines() -> None:
    """Counters were exported, and none of them counted a line."""
    told = metrics(point("code_edit_tool.decision", 2, tool_name="Edit", decision="reject"))
    assert summed(told).counts == Counts(edits_rejected=2)


def test_events_tell_of_calls_each_once() -> None:
    """A decision and a result are one call; sent again they are the same one."""
    told = [
        logs(event("tool_decision", tool_use_id="toolu_1", tool_name="Edit", decision="accept")),
        logs(result("toolu_1", decision_type="accept")),
        logs(result("toolu_2", "Bash", success="false")),
        logs(event("tool_decision", tool_use_id="toolu_3", tool_name="Write", decision="reject")),
        logs(event("user_prompt", prompt_length=7)),
        logs(result("", "Bash")),
    ]
    expected = {
        hash_of("toolu_1"): Call(edits=True, outcome="ok", decision="accept"),
        hash_of("toolu_2"): Call(edits=False, outcome="failed", decision="none"),
        hash_of("toolu_3"): Call(edits=True, outcome="unknown", decision="reject"),
    }
    for order in (told, told[::-1], told * 2):
        found = summed(*order)
        assert found.calls == expected
        assert found.counts is None
        assert found.points == 3


def test_sessions_of_a_client_are_put_together() -> None:
    """Sums add up, calls are united; it is joined by its id if one of them is."""
    one = Telemetry(Counts(lines_added=2), {"a" * 24: Call(outcome="failed")}, by_calls=True)
    two = Telemetry(Counts(lines_added=3, commits=1), {"a" * 24: Call(outcome="ok")})
    assert together([one]) == one
    assert together([one, two]) == together([two, one])
    assert together([one, two]) == Telemetry(
        Counts(lines_added=5, commits=1), {"a" * 24: Call(outcome="ok")}
    )
    assert together([Telemetry(), two]).counts == two.counts
    assert together([Telemetry(), Telemetry()]).counts is None


points = st.builds(
    point,
    st.sampled_from([LINES, "commit.count", "token.usage", "session.count"]),
    st.integers(0, 50).map(float),
    at=st.integers(1, 6),
    since=st.integers(0, 3),
    temporality=st.sampled_from([1, 2]),
    type=st.sampled_from(["added", "removed", "input", "output"]),
    model=st.sampled_from(["m1", "m2"]),
)
calls = st.builds(
    result,
    st.sampled_from(["toolu_1", "toolu_2", "toolu_3"]),
    st.sampled_from(["Edit", "Bash"]),
    success=st.sampled_from(["true", "false"]),
    at=st.integers(1, 6),
)


@given(
    st.lists(points, min_size=1, max_size=12), st.lists(calls, max_size=6), st.randoms(), st.data()
)
def test_order_copies_and_files_change_nothing(
    counted: list[Json], happened: list[Json], dice: object, data: st.DataObject
) -> None:
    """Any order, any copies and any division into exports give the same closed form."""
    plain = summed(*(metrics(each) for each in counted), *(logs(each) for each in happened))

    copied = [*counted, *data.draw(st.lists(st.sampled_from(counted), max_size=12))]
    dice.shuffle(copied)  # type: ignore[attr-defined]
    cut = data.draw(st.integers(0, len(copied)))
    exports = [metrics(*copied[:cut]), *(logs(each) for each in happened), metrics(*copied[cut:])]
    dice.shuffle(exports)  # type: ignore[attr-defined]
    mixed = summed(*exports)

    assert mixed.counts == plain.counts
    assert mixed.calls == plain.calls
    assert (mixed.points, mixed.began) == (plain.points, plain.began)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40)), min_size=1, max_size=8))
def test_both_temporalities_tell_the_same_story(steps: list[tuple[int, int]]) -> None:
    """The same counting, exported as deltas or as totals, has one sum."""
    at = total = 0
    deltas, totals = [], []
    for seconds, grown in steps:
        deltas.append(lines(grown, at + seconds, at))
        at, total = at + seconds, total + grown
        totals.append(lines(total, at, 0, temporality=2))
    assert summed(*deltas).counts == summed(*totals).counts == Counts(lines_added=total)
