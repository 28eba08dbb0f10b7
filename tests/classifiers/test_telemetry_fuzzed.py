"""Whatever a collector's file holds: no error, no word of it, and only numbers that can be."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from classifiers.edge import LARGEST, RunMemory, Tally
from classifiers.edge_telemetry import holds_telemetry, read_telemetry
from classifiers.otlp import KEPT, LARGEST_VALUE, Reader
from classifiers.telemetry import Telemetry
from tests.classifiers.exports import ANN, Json, event, lines, logs, metrics, point, result, spans

SOUND = [
    metrics(point("lines_of_code.count", 3, type="added"), point("commit.count", 1, whole=True)),
    metrics(point("lines_of_code.count", 9, type="added", temporality=2)),
    logs(result("toolu_1"), event("tool_decision", tool_use_id="toolu_2", decision="reject")),
    spans(),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["attributes", "key", "value", "sum", "dataPoints", "asInt", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> Json:
    """A sound export in which something is something else."""
    export: Json = json.loads(json.dumps(draw(st.sampled_from(SOUND))))
    for _ in range(draw(st.integers(1, 3))):
        places = [*walk(export)]
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        holder[key] = draw(json_values)
    return export


def walk(value: object) -> list[tuple[Any, Any]]:
    """Every place in a value: what holds it, and where."""
    held: dict[Any, object] = {}
    if isinstance(value, list | dict):
        held = dict(enumerate(value)) if isinstance(value, list) else value
    return [(value, key) for key in held] + [x for inner in held.values() for x in walk(inner)]


@given(mutated())
def test_any_export_gives_points_that_can_be(export: Json) -> None:
    """Finite, not negative, of the listed attributes; and never an error."""
    reader = Reader()
    for each in reader.points(export):
        assert set(each.attributes) <= KEPT
        assert all(isinstance(value, str) for value in each.attributes.values())
        assert 0 <= each.value <= LARGEST_VALUE
        assert 0 < each.time < 2**64
        assert 0 <= each.start < 2**64
    assert all(code.startswith("TELEMETRY_") for code in reader.codes)


@given(st.lists(mutated(), min_size=1, max_size=4), st.binary(max_size=60), st.data())
def test_any_file_is_read_or_passed_over(
    exports: list[Json], noise: bytes, data: st.DataObject
) -> None:
    """Torn where it may be, with noise in it: what comes out is in its closed form, or nothing."""
    whole = lines([*exports, *SOUND])
    at = data.draw(st.integers(0, len(whole)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "otlp.jsonl"
        path.write_bytes(whole[:at] + noise + whole[at:])
        assert holds_telemetry(path, LARGEST) in (True, False)
        told = list(read_telemetry([path], lambda *_: "ann", RunMemory(), Tally(), LARGEST))
    for each in told:
        assert Telemetry.decode(each.blob).encode() == each.blob
        assert each.points >= 0
        assert ANN.encode() not in each.blob
