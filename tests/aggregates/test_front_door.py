"""`from aggregates import …` gives the verbs, and loads nothing heavy before they are used."""

import subprocess
import sys

import pytest

import aggregates

PROBE = """
import sys
import aggregates
heavy = {"numpy", "pandas", "opendp", "pydantic"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from aggregates import Study, plan, release
assert heavy & set(sys.modules)
assert "pandas" not in sys.modules
import aggregates.plan, aggregates.release
from aggregates import plan as again
from aggregates.plan import plan as inner
assert plan is again is inner
assert release.__module__ == "aggregates.release"
"""


def test_the_door_is_lazy_and_verbs_stay_verbs() -> None:
    """In a fresh process; importing the submodule of a verb's name must not hide the verb."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_what_the_door_does_not_have_is_an_attribute_error() -> None:
    """As with any module; and what it lists it has (`verify` comes from `privacy`)."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = aggregates.nothing

    for name in {*aggregates.__all__} - {"verify"}:
        assert callable(getattr(aggregates, name))
