"""Worlds that several tests share: made once, read by many."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.world import World, labels_world, must, sessions_world

LONGEST = (
    "aggregates/test_audit.py",
    "privacy/keeper/test_asking.py",
    "clerestory/test_courier.py",
    "clerestory/test_demo.py",
    "privacy/keeper/test_asking_killed.py",
    "promises/test_charge_before_key.py",
    "clerestory/test_reproducing.py",
    "promises/test_one_changed_byte.py",
    "test_project.py",
    "promises/test_crash_anywhere.py",
    "clerestory/test_wrong_input.py",
    "privacy/keeper/test_drifting.py",
    "classifiers/formats/test_memory.py",
    "clerestory/devstub/test_command.py",
    "clerestory/test_passphrase.py",
    "promises/test_only_labels_leave.py",
    "clerestory/test_tiers.py",
    "privacy/keeper/test_approvals_machine.py",
    "clerestory/test_every_kind.py",
    "promises/test_too_few_people.py",
)
"""Files of about a minute and more, the longest first: begun last, one would run alone."""

settings.register_profile("untimed", deadline=None)  # a busy machine says nothing about the code
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; a file's own order stays."""
    folder = Path(__file__).parent
    places = {folder / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


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
