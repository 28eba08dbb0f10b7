"""
Compiled files: made by the keeper of the sources that it hashes, and found by its workers alone.

To compile numpy, OpenDP, pydantic and ourselves takes a second, and every zygote would do it
anew.  The census imports the same modules anyhow; what Python compiles for it is kept in a
folder of the keeper's own, as long as the keeper lives.  There a file lies under the path that
its source has inside a worker, and Python takes it only for a source of the time and size that
were compiled.  The folder is no part of the code's hash, since compiled files differ from one
machine to the next; it is held to be unchanged whenever a zygote starts, as the sources are.
"""

import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from . import interpreter
from .mounts import CODE, DEPENDENCIES, Mount

INSIDE = "/compiled"
"""Where a worker with mounts finds them."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Compiled:
    """A folder of compiled files, which goes with the object."""

    folder: Path

    @classmethod
    def empty(cls) -> "Compiled":
        """A new folder, for this user's eyes."""
        made = cls(Path(mkdtemp(prefix="clerestory-")))
        weakref.finalize(made, _remove, made.folder, os.getpid())
        return made

    @property
    def mount(self) -> Mount:
        """The folder as a worker finds it."""
        return Mount("compiled", self.folder, (INSIDE,))

    def settle(self, sources: Path) -> None:
        """
        Put what was compiled for links in a folder to where workers will have the same files.

        Args:
            sources: The folder that held the links `code` and `deps`, by its absolute path.
        """
        written = self.folder / sources.relative_to("/")
        for part in (CODE, DEPENDENCIES):
            if (written / part).is_dir():
                (written / part).rename(self.folder / part)
        while written != self.folder and written.is_dir() and not any(written.iterdir()):
            written.rmdir()
            written = written.parent

    def link_into(self, folder: Path) -> Path:
        """
        Show the same to a worker without mounts, whose packages lie in a folder.

        Returns:
            Where it finds them.
        """
        place = folder / "compiled"
        library = interpreter.standard_library()
        for source, kept in (
            *((folder / part, self.folder / part) for part in (CODE, DEPENDENCIES)),
            (library, self.folder / library.relative_to("/")),
        ):
            link = place / source.relative_to("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(kept)
        return place


def _remove(folder: Path, maker: int) -> None:
    """Not by a child that was forked: its maker still needs it."""
    if os.getpid() == maker:
        rmtree(folder, ignore_errors=True)
