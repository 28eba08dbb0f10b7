"""Every spelling of an export is read as the same points; what is none is counted, and no more."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from classifiers.otlp import KEPT, Point, Reader, attributes_of, is_telemetry, month_of
from classifiers.telemetry import Counts
from classifiers.telemetry_sums import Sums
from tests.classifiers.exports import (
    ANN,
    BEGAN,
    SECOND,
    Json,
    event,
    kv,
    logs,
    metrics,
    point,
    resource,
    result,
    snaked,
    spans,
)


def read(*exports: Json) -> tuple[list[Point], dict[str, int]]:
    """Points of exports, and what was passed over."""
    reader = Reader()
    found = [each for export in exports for each in reader.points(export)]
    return found, dict(+reader.codes)


def counts(*exports: Json) -> Counts | None:
    """Sums of exports of one session."""
    sums = Sums()
    for each in read(*exports)[0]:
        sums.add(each)
    return sums.counts


LINES = "lines_of_code.count"
ADDED = point(LINES, 12.0, type="added")


def test_a_point_is_read_with_what_is_kept_of_it() -> None:
    """Names, times and value; of attributes those on the list."""
    ((one,), passed) = read(metrics(ADDED))
    assert passed == {}
    assert (one.account, one.session, one.name) == (ANN, "s1", LINES)
    assert (one.start, one.time, one.value) == (BEGAN, BEGAN + 60 * SECOND, 12.0)
    assert one.temporality == "delta"
    assert one.attributes == {"session.id": "s1", "user.account_uuid": ANN, "type": "added"}
    assert set(one.attributes) <= KEPT


def shaped(change: Callable[[Json], object]) -> Json:
    """The export with its one point changed in place."""
    made: Json = json.loads(json.dumps(metrics(ADDED)))
    change(made["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["sum"])
    return made


def of_point(**changed: object) -> Callable[[Json], object]:
    """Change fields of the point."""

    def change(total: Json) -> None:
        one = total["dataPoints"][0]
        one.pop("asDouble")
        one.update(changed)

    return change


SPELLINGS = {
    "snake": snaked(metrics(ADDED)),
    "text": shaped(of_point(asInt="12")),
    "number": shaped(of_point(asInt=12)),
    "double as a text": shaped(of_point(asDouble="12.0")),
    "double": shaped(of_point(asDouble=12)),
    "delta by name": shaped(
        lambda total: total.update(aggregationTemporality="AGGREGATION_TEMPORALITY_DELTA")
    ),
    "cumulative": shaped(lambda total: total.update(aggregationTemporality=2)),
    "cumulative by name": shaped(
        lambda total: total.update(aggregationTemporality="AGGREGATION_TEMPORALITY_CUMULATIVE")
    ),
    "no start": shaped(lambda total: total["dataPoints"][0].pop("startTimeUnixNano")),
    "times as numbers": shaped(
        lambda total: total["dataPoints"][0].update(timeUnixNano=BEGAN + 60 * SECOND)
    ),
    "no monotony stated": shaped(lambda total: total.pop("isMonotonic")),
    "flags of nothing": shaped(lambda total: total["dataPoints"][0].update(flags=0)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_a_number_are_one_number(spelling: str) -> None:
    """64-bit integers are texts or numbers, enumerations numbers or names, fields of two styles."""
    assert counts(SPELLINGS[spelling]) == Counts(lines_added=12)


BROKEN = {
    "no time": lambda total: total["dataPoints"][0].pop("timeUnixNano"),
    "a time that is none": lambda total: total["dataPoints"][0].update(timeUnixNano="noon"),
    "no value": of_point(),
    "not a number": of_point(asDouble="NaN"),
    "without end": of_point(asDouble="Infinity"),
    "negative": of_point(asDouble=-1),
    "negative text": of_point(asInt="-1"),
    "beyond reason": of_point(asInt="999999999999999999"),
    "too long a text": of_point(asInt="1" * 400),
    "yes": of_point(asInt=True),
    "a list": of_point(asDouble=[1]),
    "no temporality": lambda total: total.pop("aggregationTemporality"),
    "unspecified": lambda total: total.update(aggregationTemporality=0),
    "temporality in a list": lambda total: total.update(aggregationTemporality=[1]),
    "not recorded": lambda total: total["dataPoints"][0].update(flags=1),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_malformed_point_costs_itself_alone(how: str) -> None:
    """It is counted; the sound one beside it is read."""
    found, passed = read(shaped(BROKEN[how]), metrics(ADDED))
    assert [each.value for each in found] == [12.0]
    assert passed == {"TELEMETRY_BAD_POINT": 1}


@pytest.mark.parametrize(
    "junk",
    [
        {"resourceMetrics": "x"},
        {"resourceMetrics": [1, None, {"scopeMetrics": [{"metrics": [7]}]}]},
        {"resourceMetrics": [{"resource": [], "scopeMetrics": {}}]},
        metrics({"name": 7, "sum": {"dataPoints": [{}]}}),
        metrics({"name": "claude_code.x", "sum": []}),
        metrics({"name": "claude_code.x", "gauge": {"dataPoints": [{"asInt": 1}]}}),
        metrics({"name": "somebody.elses", "sum": {"dataPoints": [{"asInt": 1}]}}),
        logs("x", 7, None),  # type: ignore[arg-type]
    ],
)
def test_other_shapes_are_no_points(junk: Json) -> None:
    """A collector carries what it is given; the sound export behind it is read."""
    found, _ = read(junk, metrics(ADDED))
    assert [each.value for each in found] == [12.0]


def test_only_claude_code_is_listened_to() -> None:
    """A collector serves a whole house: what others export is counted and nothing else."""
    others = metrics(ADDED, by=resource("billing")), logs(event("x"), by=resource("billing"))
    nameless = metrics(ADDED, by={"attributes": []})
    found, passed = read(*others, nameless, metrics(ADDED))
    assert len(found) == 1
    assert passed == {"TELEMETRY_OTHER_SERVICE": 3}


def test_traces_are_counted_and_passed_over() -> None:
    """They are telemetry, and hold nothing that is asked."""
    assert is_telemetry(spans())
    assert read(spans(), spans()) == ([], {"TELEMETRY_TRACES": 2})
    assert is_telemetry(metrics(ADDED))
    assert is_telemetry(snaked(logs(event("x"))))
    assert not is_telemetry({"type": "user", "message": {"resourceMetrics": []}})
    assert not is_telemetry({"resourceMetrics": "a text"})


@pytest.mark.parametrize(
    "told",
    [
        event("tool_result", tool_use_id="toolu_1"),
        {**event("x"), "attributes": [kv("tool_use_id", "toolu_1")],
         "body": {"stringValue": "claude_code.tool_result"}},
        {**event("x"), "attributes": [kv("event.name", "claude_code.tool_result")]},
        {**event("x"), "attributes": [], "eventName": "claude_code.tool_result", "body": None},
        snaked(event("tool_result")),
    ],
)  # fmt: skip
def test_an_event_has_its_name_where_versions_put_it(told: Json) -> None:
    """In an attribute, in the body or in a field of its own, with the prefix or without."""
    ((one,), _) = read(logs(told))
    assert (one.name, one.temporality, one.time) == ("tool_result", None, BEGAN + 60 * SECOND)


def test_an_events_time_is_looked_for_where_it_may_be() -> None:
    """The record's own, the collector's, an attribute; without one it is no event."""
    sound = event("tool_result")
    nowhen = {key: value for key, value in sound.items() if key != "timeUnixNano"}
    seen = nowhen | {"observedTimeUnixNano": str(BEGAN)}
    at = kv("event.timestamp", "2025-11-05T10:00:00.000Z")
    stated = nowhen | {"attributes": [*nowhen["attributes"], at]}
    found, passed = read(logs(sound, seen, stated, nowhen))
    assert [each.time - BEGAN for each in found] == [60 * SECOND, 0, 0]
    assert passed == {"TELEMETRY_BAD_POINT": 1}


def test_attributes_are_texts_whatever_their_type() -> None:
    """Booleans come as texts and as booleans, integers as texts and as numbers."""
    told: Any = {
        "attributes": [
            {"key": "a", "value": {"boolValue": True}},
            kv("b", "true"),
            kv("c", 3),
            {"key": "d", "value": {"intValue": 3}},
            {"key": "e", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
            {"key": "f", "value": {}},
            {"key": 7, "value": {"stringValue": "x"}},
            {"key": "g"},
            "h",
        ]
    }
    found = attributes_of(told)
    assert (found["a"], found["b"], found["c"], found["d"]) == ("true", "true", "3", "3")
    assert found["f"] == found["g"] == ""
    assert set(found) == set("abcdefg")


def test_an_account_is_named_by_the_better_id() -> None:
    """The account's own, else the installation's; a session may be named by the process."""
    by = resource(**{"user.id": "installation", "session.id": "s9"})
    plain = point(LINES, 1.0, account="", session="", type="added")
    both = point(LINES, 1.0, session="", type="added")
    nobody = point(LINES, 1.0, account="", session="", type="added")
    ((one, two), _) = read(metrics(plain, both, by=by))
    assert (one.account, one.session) == ("installation", "s9")
    assert (two.account, two.session) == (ANN, "s9")
    ((three,), _) = read(metrics(nobody))
    assert (three.account, three.session) == ("", "")


@pytest.mark.parametrize("key", ["user.email", "organization.id", "host.name", "file_path", "cwd"])
def test_an_address_a_path_or_a_host_is_no_name_and_goes_no_further(key: str) -> None:
    """Who leaves accounts to the logs would else have addresses for accounts."""
    told: Json = {key: "ann@example.org"}
    nobodys = point(LINES, 1.0, account="", session="", type="added", **told)
    ((one, two), _) = read(metrics(nobodys), logs(event("tool_result", account="", **told)))
    for each in (one, two):
        assert each.account == ""
        assert "ann@example.org" not in each.attributes.values()


def test_two_series_that_differ_in_anything_are_two() -> None:
    """Also in attributes that go no further: else one would pass for the other's repetition."""
    others = [point(LINES, 1.0, type="added", model=model) for model in ("m1", "m2")]
    assert counts(metrics(*others)) == Counts(lines_added=2)
    hosts = [metrics(point(LINES, 1.0, type="added"), by=resource(host=h)) for h in "ab"]
    assert counts(*hosts) == Counts(lines_added=2)
    # The same attributes in another order are the same.
    again: Json = json.loads(json.dumps(others[0]))
    again["sum"]["dataPoints"][0]["attributes"].reverse()
    assert counts(metrics(others[0], again)) == Counts(lines_added=1)


def test_the_month_is_that_of_the_first_point() -> None:
    """In UTC; beyond our days it is not known."""
    assert month_of(BEGAN) == "2025-11"
    assert month_of(2**63) == month_of(1) == "unknown"


def test_results_and_decisions_are_read() -> None:
    """What is looked at in an event is on the list; its words are not."""
    told = result("toolu_1", error="Permission denied: /home/ann", tool_parameters='{"a":1}')
    ((one,), _) = read(logs(told))
    assert one.attributes == {
        "session.id": "s1",
        "user.account_uuid": ANN,
        "event.name": "tool_result",
        "tool_use_id": "toolu_1",
        "tool_name": "Edit",
        "success": "true",
    }
