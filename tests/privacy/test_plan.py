"""The plan: what is signed reads back as itself, and nothing else passes for it."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import rfc8785
from hypothesis import assume, given
from hypothesis import strategies as st

from privacy.errors import ConfigurationError
from privacy.plan import Binding, Plan, read_plan
from tests.aggregates.rows import MEAN, RATE, SHARE, small_plan

PLAN = small_plan(SHARE, RATE, MEAN)
DATA = PLAN.canonical


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Where every scalar of some JSON stands."""
    if isinstance(value, dict):
        return [p for key, below in value.items() for p in paths(below, (*above, key))]
    if isinstance(value, list):
        return [p for key, below in enumerate(value) for p in paths(below, (*above, key))]
    return [above]


PATHS = [path for path in paths(json.loads(DATA)) if path != ("binding",)]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False),
    st.text(max_size=8), st.just([]), st.just({}),
)  # fmt: skip


def put(path: tuple[Any, ...], value: object) -> bytes:
    """The plan's JSON with one scalar replaced."""
    data = json.loads(DATA)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        return rfc8785.dumps(data)
    except ValueError:  # infinity: not canonical, but JSON as Python writes it
        return json.dumps(data).encode()


def read_or_none(data: bytes) -> Plan | None:
    """What is read; none when it is refused in the plan's own words."""
    try:
        return read_plan(data)
    except ConfigurationError as error:
        if error.code in ("PLAN_UNREADABLE", "PLAN_FORMAT"):
            return None
        raise


def test_a_plan_reads_back_as_it_was_written() -> None:
    """Compiler, officers, keeper and workers must mean the same thing."""
    assert read_plan(DATA) == PLAN
    assert read_plan(DATA).canonical == DATA == rfc8785.dumps(json.loads(DATA))
    bound = PLAN.bind(Binding("v", "f" * 64, "p" * 64, "c" * 64))
    assert read_plan(bound.canonical) == bound
    assert bound.hash != PLAN.hash


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused_or_makes_another_plan(place: int, flip: int) -> None:
    """An edit that is accepted must at least be somebody else's plan, unapproved."""
    changed = bytearray(DATA)
    changed[place] ^= flip
    read = read_or_none(bytes(changed))
    assert read is None or (read.hash != PLAN.hash and read.canonical == changed)


@given(st.sampled_from(PATHS), scalars)
def test_any_changed_value_is_refused_or_makes_another_plan(
    path: tuple[Any, ...], value: object
) -> None:
    """No field is decoration: each is in the hash, each has a type."""
    inner: Any = json.loads(DATA)
    for key in path:
        inner = inner[key]
    assume(type(inner) is not type(value) or inner != value)
    assume(not (isinstance(inner, int | float) and inner == value and inner is not True))
    read = read_or_none(put(path, value))
    assert read is None or read.hash != PLAN.hash


def deeper(extra: str) -> list[bytes]:
    """The plan with a further key at the top, in a part and in a part of a list."""
    text = DATA.decode()
    places = ('{"binding"', '"privacy":{', '"queries":[{', '"levels":[{')
    return [text.replace(at, at.replace("{", "{" + extra), 1).encode() for at in places]


@pytest.mark.parametrize("data", deeper('"surprise":1,'))
def test_unknown_keys_are_refused(data: bytes) -> None:
    """What nobody executes must not stand in what an officer reads."""
    json.loads(data)
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE"):
        read_plan(data)


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('"minimum_accounts":20', '"minimum_accounts":500,"minimum_accounts":20'),
        ('"purpose":"To be tested"', '"purpose":"Harmless","purpose":"To be tested"'),
    ],
)
def test_a_key_given_twice_is_refused(once: str, twice: str) -> None:
    """An officer's eye stops at the first of two values, a parser takes the last."""
    assert once in DATA.decode()
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE"):
        read_plan(DATA.decode().replace(once, twice, 1).encode())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("privacy", "minimum_accounts"), "20"),
        (("privacy", "tested"), 22.5),
        (("privacy", "scale"), True),
        (("privacy", "epsilon"), "2"),
        (("study", "name"), 7),
        (("study", "authors"), "a@example.org"),
        (("queries", 0, "where"), None),
    ],
)
def test_types_are_not_converted(path: tuple[Any, ...], value: object) -> None:
    """A "20" that becomes 20 is a plan that two readers read differently."""
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE"):
        read_plan(put(path, value))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"study":NaN}', DATA[:-1]],
    ids=["empty", "cut", "list", "null", "not-utf8", "deep", "nan", "one-short"],
)
def test_what_is_no_plan_is_refused_in_our_words(data: bytes) -> None:
    """A traceback would quote the file."""
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE") as refusal:
        read_plan(data)
    assert refusal.value.remedy


def test_another_format_is_named() -> None:
    """A plan of a later version is no damaged plan."""
    with pytest.raises(ConfigurationError, match="PLAN_FORMAT"):
        read_plan(put(("format",), "clerestory/plan/9"))


def test_a_refusal_quotes_no_value() -> None:
    """The refusal says where, and not what."""
    with pytest.raises(ConfigurationError) as refusal:
        read_plan(put(("privacy", "beta"), "secret words"))
    assert "secret" not in str(refusal.value)
    assert "privacy.beta" in refusal.value.found


def test_the_loss_is_the_exact_sum_and_cells_follow_the_axes() -> None:
    """Ten tenths are one, and a vector is as long as its cells are many."""
    tenth = replace(PLAN.queries[0], rho="1/10")
    assert replace(PLAN, queries=(tenth,) * 10).loss == Fraction(1)
    rate = PLAN.query("verified.count")
    assert rate.size == len(rate.cells) == 6 * 2
    assert rate.cells[:2] == (("novice", "yes"), ("novice", "no"))
