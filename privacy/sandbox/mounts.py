"""
One file or folder of the host that a worker may read: where it lies, and what it is called.

The name stands in the hash and is the same on every machine; the targets are where the worker
finds it.  Without mounts, links in a folder of their own do the same for packages.
"""

import os
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CODE, DEPENDENCIES = "code", "deps"
"""Folders in which a worker finds its packages, and what they depend on."""
COMPILED = "__pycache__"
"""Neither hashed nor read: see `interpreter`."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder, and its places."""

    name: str
    """In the hash: the same on every machine."""
    source: Path
    targets: tuple[str, ...]
    """Where it lies inside; several for a library that is known by several names."""
    masked: tuple[str, ...] = ()
    """Entries of a folder that are hidden."""

    def files(self) -> Iterator[tuple[str, str]]:
        """Every file and link below, as its name in the hash and its path."""
        if not self.source.is_dir():
            return iter([(self.name, str(self.source))])
        return _below(self.name, str(self.source), {*self.masked, COMPILED})


def _below(name: str, folder: str, hidden: Set[str]) -> Iterator[tuple[str, str]]:
    # Looked at before and after every start of a worker: paths as texts, and one walk.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and entry.name in hidden:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _below(f"{name}/{entry.name}", entry.path, {COMPILED})
            else:
                yield f"{name}/{entry.name}", entry.path


def link(mounts: Iterable[Mount], folder: Path) -> None:
    """Make the folders `code` and `deps` of links to what would be mounted there."""
    for part in (CODE, DEPENDENCIES):
        (folder / part).mkdir(mode=0o755)
    for mount in mounts:
        if mount.name.split("/", 1)[0] in (CODE, DEPENDENCIES):
            (folder / mount.name).parent.mkdir(exist_ok=True)
            (folder / mount.name).symlink_to(mount.source)
