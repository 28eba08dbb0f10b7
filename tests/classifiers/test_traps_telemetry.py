"""Traps of telemetry, all in one stream of exports.  T34; its parts are tried one by one beside."""

from itertools import permutations

from classifiers.otlp import Reader
from classifiers.telemetry import Counts
from classifiers.telemetry_sums import Sums
from tests.classifiers.exports import Json, metrics, point

LINES = "lines_of_code.count"


def test_t34_deltas_are_summed_once_whatever_they_are_written_as() -> None:
    """
    Deltas add up, integers come as texts, exports are repeated, a view of agents is no session.

    12 + 30 lines in one session, the second sent twice; 5 in points that name no session, which
    are nobody's sum: they do not fall to the session beside them.
    """
    first = metrics(point(LINES, 12, type="added", whole=True))
    second = metrics(point(LINES, 30, at=120, since=60, type="added"))
    nameless = metrics(point(LINES, 5, session="", type="added"))
    view = metrics(point("session.count", 1, session="s2", start_type="agents_view"))
    for order in permutations([first, second, second, nameless, view]):
        told = _sums(*order)
        assert told["s1"].counts == Counts(lines_added=42)
        assert told["s2"].counts is None
        assert told[""].counts == Counts(lines_added=5)
    fresh = metrics(point("session.count", 1, session="s2", start_type="fresh"))
    assert _sums(fresh)["s2"].counts == Counts()  # the control: a session without a line


def _sums(*exports: Json) -> dict[str, Sums]:
    """Sums by the session that a point names."""
    found: dict[str, Sums] = {}
    reader = Reader()
    for export in exports:
        for each in reader.points(export):
            found.setdefault(each.session, Sums()).add(each)
    return found
