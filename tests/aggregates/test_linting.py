"""What `check` finds in a study, and where."""

from pathlib import Path

import pytest

from aggregates.linting import check
from aggregates.study import Study
from privacy.errors import ConfigurationError
from tests.aggregates.rows import HEAD, MEAN, RATE, SHARE, TOTAL

STUDIES = Path(__file__).parents[2] / "studies"


def test_all_that_is_wrong_is_named_at_once() -> None:
    """Each thing with its own line: three tables that the codebook does not know."""
    text = (
        HEAD
        + SHARE.replace('"work_mode"', '"mood"')
        + RATE.replace('"verified_success"', '"luck"')
        + MEAN
        + TOTAL.replace('"work_mode"', '"weather"')
    )
    lines = [n for n, line in enumerate(text.splitlines(), 1)
             if any(word in line for word in ("mood", "luck", "weather"))]  # fmt: skip

    with pytest.raises(ConfigurationError) as refused:
        check(Study.parse(text))

    found = refused.value.found.splitlines()
    assert len(lines) == len(found) == 3
    for line, told, word in zip(lines, found, ("mood", "luck", "weather"), strict=True):
        assert f"line {line} of" in told
        assert word in told


def test_a_mistake_of_the_whole_is_found_where_the_parts_are_right() -> None:
    """A rater nobody knows, and one table that is right: one thing is wrong, not two."""
    with pytest.raises(ConfigurationError) as refused:
        check(Study.parse(HEAD + '[rater]\nname = "oracle"\n' + SHARE))
    assert len(refused.value.found.splitlines()) == 1
    assert "oracle" in refused.value.found


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.stem)
def test_ready_made_studies_are_right(path: Path) -> None:
    """The control, and what a researcher copies from."""
    check(Study.read(path))
