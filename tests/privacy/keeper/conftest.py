"""What tests of the keeper share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scene import Scene, sealed_house


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A house with a custodian, an approved plan and one session that was taken in."""
    with sealed_house(tmp_path) as made:
        yield made
