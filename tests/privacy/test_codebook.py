"""The closed vocabulary: complete, one width, and nothing of a value in a refusal."""

from dataclasses import replace
from math import exp, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.codebook import LOG_STEPS, MEASURES, UNCLEAR, Measure, _read, codebook
from privacy.derived import DERIVED, GROUPINGS

BOOK = codebook()
INSTRUMENT = """
name = "colour"
version = 1
kind = "nominal"
ask = "together"
merge = "last"
question = "Which colour?"
"""
LABELS = """
[[label]]
name = "red"
code = "r"
definition = "like blood"
[[label]]
name = "unclear"
code = "u"
definition = "nobody can tell"
"""


def test_the_instruments_are_those_of_the_codebook() -> None:
    """Width and meaning of every record hang on this list; `unclear` is one label of each."""
    assert {i.name: len(i.labels) for i in BOOK.instruments} == {
        "work_mode": 9 + 1,
        "codebase": 4 + 1,
        "planning_by_user": 11 + 2,  # 0, 10, … 100; none; unclear
        "execution_by_user": 11 + 2,
        "expertise": 5 + 1,
        "occupation": 23 + 1,  # SOC 2018 major groups
        "task_occupation": 23 + 1,
        "outcome": 4 + 1,
        "success_signal": 6 + 1,
        "failure_signal": 6 + 1,
        "task_value": 8 + 1,
    }
    assert all(i.labels[-1] == UNCLEAR for i in BOOK.instruments)
    assert all(len(i.labels) == len(i.codes) == len(i.definitions) for i in BOOK.instruments)
    assert all(len(code) == 1 for i in BOOK.instruments for code in i.codes)


def test_capacity_is_the_sum_of_the_logarithms() -> None:
    """The bits that a plan prints are counted, not guessed."""
    # 10 · 5 · 13 · 13 · 6 · 24 · 24 · 5 · 7 · 7 · 9 combinations of instruments' labels.
    combinations = 10 * 5 * 13 * 13 * 6 * 24 * 24 * 5 * 7 * 7 * 9
    assert BOOK.instrument_bits == pytest.approx(log2(combinations))
    assert BOOK.instrument_bits < BOOK.bits
    assert BOOK.measure_bits == pytest.approx(sum(log2(m.top + 1) for m in MEASURES))


def test_every_column_has_a_closed_list_without_repetition() -> None:
    """A position must mean one label, and a byte must hold every position."""
    names = [field.name for field in BOOK.fields]
    assert len(set(names)) == len(names)
    for field in BOOK.fields:
        assert len(set(field.labels)) == len(field.labels) <= 256


def test_a_value_outside_the_vocabulary_is_refused_without_being_said() -> None:
    """A rater's answer may be a person's word: the refusal names the column alone."""
    field = BOOK.field("outcome")
    assert field.labels[field.index("failed")] == "failed"
    with pytest.raises(KeyError) as refusal:
        field.index("my password is hunter2")
    assert "hunter2" not in repr(refusal.value)
    assert "outcome" in str(refusal.value)


@given(st.sampled_from(MEASURES), st.floats(0, 1e12))
def test_a_measure_keeps_a_thousandth_of_a_logarithm(measure: Measure, value: float) -> None:
    """Inside its bounds a stored value is off by half a step; outside it is the bound."""
    stored = measure.encode(value)
    assert 0 <= stored <= measure.top < 2**16
    inside = min(max(value, measure.floor), measure.ceiling)
    # Half a step of rounding here, and half a step in rounding the bound itself.
    off = exp(1 / LOG_STEPS)
    assert inside / off <= measure.decode(stored) <= inside * off


@given(st.sampled_from(MEASURES), st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_is_never_stored_as_less(measure: Measure, one: float, other: float) -> None:
    """Order survives: means and bands would be wrong otherwise."""
    low, high = sorted((one, other))
    assert measure.encode(low) <= measure.encode(high)


def test_derived_measures_speak_the_vocabulary() -> None:
    """A misspelt label would be a condition that nobody ever fulfils."""
    columns = {field.name: set(field.labels) for field in BOOK.fields}
    conditions = [c for d in DERIVED.values() for c in (d.yes, d.base)]
    assert conditions
    for condition in conditions:
        for column, labels in condition.items():
            assert labels
            assert set(labels) <= columns[column]
    for grouping in GROUPINGS.values():
        grouped = [label for labels in grouping.groups.values() for label in labels]
        assert set(grouped) <= columns[grouping.of]
        assert len(set(grouped)) == len(grouped)


def test_any_change_of_words_is_another_codebook() -> None:
    """Labels made under other questions are other labels."""
    first, *rest = BOOK.instruments
    reworded = replace(BOOK, instruments=(replace(first, question="Something else?"), *rest))
    narrower = replace(BOOK, measures=BOOK.measures[1:])

    merged = replace(BOOK, instruments=(replace(first, merge="last"), *rest))
    passing = replace(BOOK, instruments=(replace(first, passed_over=("none",)), *rest))

    assert first.merge != "last"
    assert "none" in first.labels
    assert not first.passed_over
    books = (BOOK, reworded, narrower, merged, passing)
    assert len({book.hash for book in books}) == len(books)
    assert reworded.prompts_hash != BOOK.prompts_hash == narrower.prompts_hash
    assert replace(BOOK).hash == BOOK.hash


def test_an_instrument_is_read_whole_or_refused() -> None:
    """A file of `instruments/` that would break a record's meaning does not load."""
    read = _read(INSTRUMENT + LABELS)
    assert (read.labels, read.codes) == (("red", "unclear"), ("r", "u"))
    assert (read.merge, read.passed_over) == ("last", ())
    for broken in (
        LABELS.replace('"unclear"', '"vague"'),
        LABELS.replace('"red"', '"unclear"'),
        LABELS.replace('"r"', '"u"'),
        LABELS.replace('"r"', '"rr"'),
    ):
        with pytest.raises(ValueError, match="Instrument colour"):
            _read(INSTRUMENT + broken)
    for stated, other in (
        ('ask = "together"', 'ask = "sometimes"'),
        ('merge = "last"', 'merge = "best"'),
        ('merge = "last"', 'merge = "last"\npassed_over = ["blue"]'),
        ('merge = "last"', 'merge = "last"\npassed_over = ["red", "unclear"]'),
    ):
        assert stated in INSTRUMENT
        with pytest.raises(ValueError, match="Instrument colour"):
            _read(INSTRUMENT.replace(stated, other) + LABELS)
    with pytest.raises(TypeError, match="merge"):
        _read(INSTRUMENT.replace('merge = "last"\n', "") + LABELS)


def test_names_of_columns_and_measures_lead_to_them() -> None:
    """And a name that is none is a `KeyError`, not a guess."""
    assert BOOK.field("month").labels[-1] == "unknown"
    assert BOOK.measure("actions").unit == "tool calls"
    with pytest.raises(KeyError):
        BOOK.field("actions")
    with pytest.raises(KeyError):
        BOOK.measure("month")
