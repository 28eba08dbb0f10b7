"""Worlds that several tests share: made once, read by many."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.world import World, labels_world, must, sessions_world

settings.register_profile("untimed", deadline=None)  # a busy machine says nothing about the code
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A vault of planted labels, released into `bundle`.  Look, do not touch."""
    with labels_world(tmp_path_factory.mktemp("released")) as world:
        must("release", world.vault, world.plan, "--out", world.folder / "bundle")
        yield world


@pytest.fixture(scope="session")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A vault of sealed sessions, classified and released into `bundle`.  Look, do not touch."""
    with sessions_world(tmp_path_factory.mktemp("classified")) as world:
        must("classify", world.vault, world.plan)
        must("release", world.vault, world.plan, "--out", world.folder / "bundle")
        yield world


@pytest.fixture
def bundle(released: World, tmp_path: Path) -> Path:
    """A bundle of one's own, to spoil."""
    copy = tmp_path / "bundle"
    copy.mkdir()
    for path in (released.folder / "bundle").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy
