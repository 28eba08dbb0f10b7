"""
One file or folder of the host that a worker may read: where it lies, and what it is called.

The name stands in the hash and is the same on every machine; the targets are where the worker
finds it.  Without mounts, links in a folder of their own do the same for packages.
"""

import os
from collections.abc import Iterable, Iterator
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
        """Name in the hash, and path, of every file and link below."""
        # Texts, and no `Path` for each: a run looks at eight thousand files four times.
        top = str(self.source)
        if not self.source.is_dir():
            yield self.name, top
            return
        for folder, folders, names in os.walk(top):
            hidden = self.masked if folder == top else ()
            folders[:] = [name for name in folders if name not in (*hidden, COMPILED)]
            links = [name for name in folders if os.path.islink(f"{folder}/{name}")]  # noqa: PTH114
            below = self.name + folder[len(top) :]
            for name in [*names, *links]:
                yield f"{below}/{name}", f"{folder}/{name}"


def link(mounts: Iterable[Mount], folder: Path) -> None:
    """Make the folders `code` and `deps` of links to what would be mounted there."""
    for part in (CODE, DEPENDENCIES):
        (folder / part).mkdir(mode=0o755)
    for mount in mounts:
        if mount.name.split("/", 1)[0] in (CODE, DEPENDENCIES):
            (folder / mount.name).parent.mkdir(exist_ok=True)
            (folder / mount.name).symlink_to(mount.source)
