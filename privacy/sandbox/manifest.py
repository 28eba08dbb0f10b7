"""
What is mounted is what is hashed: the list of files that a worker can read before its seal.

A manifest names our package folders, the installed distributions they need, the interpreter
with its standard library, and the shared libraries that the kernel really maps for them.  Each
is a part with a hash of its own (see `mounted`), the same on two machines with the same
software, wherever that is installed.

Compiled files in `__pycache__` are neither hashed nor read (see `interpreter`).  Those that
workers find were made of these sources by the keeper itself (see `compiled`); they are held to
be unchanged like everything else, and stand in no hash.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from privacy.errors import ConfigurationError, RefusedError
from privacy.mounted import code_hash, part_hash

from . import interpreter
from .compiled import Compiled
from .libraries import interpreter_mounts, library_mounts
from .mounts import CODE, COMPILED, DEPENDENCIES, Mount, link

_RECORD = (".dist-info", ".egg-info")
_MASKED = (
    "site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "lib2to3",
    "ensurepip",
)  # fmt: skip
"""Parts of the standard library's folder that no worker needs."""


@dataclass(frozen=True, slots=True)
class CodeManifest:
    """Everything that is mounted into a worker."""

    mounts: tuple[Mount, ...]
    python: Path
    """The interpreter, at the same path outside and inside."""
    parts: Mapping[str, str]
    """Name of a part → SHA-256 of its names and contents, hexadecimal."""
    stamp: Mapping[str, str]
    """The fingerprint from before the contents were read."""
    compiled: Compiled
    """What workers find beside it."""
    made: Mapping[str, str]
    """As `parts`, of what was compiled."""

    @property
    def hash(self) -> str:
        """SHA-256 over all parts, hexadecimal."""
        return code_hash(self.parts)

    def fingerprint(self) -> Mapping[str, str]:
        """
        Cheap identity of each part: path, size, inode and times of every file, hashed.

        The time at which an inode changed cannot be set back, as that of its contents can.
        """
        return _each((*self.mounts, self.compiled.mount), _fingerprint)

    def check_unchanged(self) -> Mapping[str, str]:
        """
        Refuse files that are not those that were hashed.

        Returns:
            The fingerprint of the files that were looked at.

        Raises:
            RefusedError: A file was changed, added or removed; collect again.
        """
        now = self.fingerprint()
        touched = {name for name, stamp in now.items() if stamp != self.stamp.get(name)}
        # A hard link to a file, or the same file copied over itself, touches and changes nothing.
        everything, known = (*self.mounts, self.compiled.mount), {**self.parts, **self.made}
        again = _each([mount for mount in everything if mount.name in touched], part_hash)
        if changed := sorted(name for name in touched if again[name] != known.get(name)):
            raise _changed(changed, "since it was hashed")
        return now

    def check_untouched(self, seen: Mapping[str, str]) -> None:
        """
        Refuse files that were touched at all, between two moments of one worker's start.

        Args:
            seen: What `check_unchanged` returned before a worker began to read them.

        Raises:
            RefusedError: A worker may have read something else.
        """
        now = self.fingerprint()
        if touched := sorted(name for name, stamp in now.items() if stamp != seen.get(name)):
            raise _changed(touched, "while a worker read it")

    def link_into(self, folder: Path) -> None:
        """Make the folders `code` and `deps` of links to it, for a worker without mounts."""
        link(self.mounts, folder)


def collect(
    packages: Sequence[str | Path], distributions: Sequence[str], modules: Sequence[str] = ()
) -> CodeManifest:
    """
    List and hash what a worker may read.

    Args:
        packages: Our packages, by name as they are imported here, or a package's folder.
        distributions: Installed distributions that they need, each with what it needs itself.
        modules: What the worker will import, to find the libraries that the kernel maps.

    Raises:
        ConfigurationError: A package is not found, a module cannot be imported from the list
            alone, or a link leads out of a folder that would be mounted.
        RefusedError: A file was changed while it was compiled.
    """
    ours = [_package(package) for package in packages]
    theirs = [mount for name in distributions for mount in _distribution(name)]
    named = {mount.name: mount for mount in (*ours, *theirs)}
    listed = (*named.values(), *interpreter_mounts(_MASKED))
    before, compiled = _each(listed, _fingerprint), Compiled.empty()
    mounts = (*listed, *library_mounts(listed, modules, compiled))
    stamp = _each((*mounts, compiled.mount), _fingerprint)
    if changed := [name for name in before if stamp[name] != before[name]]:
        raise _changed(changed, "while it was compiled")
    parts, made = _each(mounts, part_hash), _each([compiled.mount], part_hash)
    return CodeManifest(mounts, interpreter.binary(), parts, stamp, compiled, made)


def _package(package: str | Path) -> Mount:
    if isinstance(package, Path):
        folder: Path | None = package.resolve()
    else:
        spec = find_spec(package)
        places = spec.submodule_search_locations if spec else None
        folder = Path(next(iter(places))).resolve() if places else None
    if folder is None or not folder.is_dir():
        raise _missing(f"no package {package}.")
    return _checked(Mount(f"{CODE}/{folder.name}", folder, (f"/{CODE}/{folder.name}",)))


def _distribution(name: str) -> Iterator[Mount]:
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise _missing(f"no distribution {name}.") from None
    files = installed.files or ()
    # Of the distribution's own record only METADATA: opendp looks its version up.  The rest
    # says who installed it, and would make hashes differ between machines.
    parts = {
        str(file) if file.parts[0].endswith(_RECORD) else file.parts[0]
        for file in files
        if not file.parts[0].endswith((*_RECORD, ".pth")) or file.name == "METADATA"
    } - {"..", COMPILED}
    if not parts:
        raise _missing(f"no list of the files of {name}.")
    for part in sorted(parts):
        source = Path(str(installed.locate_file(part))).resolve()
        place = f"{DEPENDENCIES}/{part}"
        yield _checked(Mount(place, source, (f"/{place}",)))


def _checked(mount: Mount) -> Mount:
    """Refuse a link that leads out: inside it would lead nowhere, or to unhashed code."""
    for name, path in ((name, Path(path)) for name, path in mount.files()):
        if path.is_symlink() and not path.resolve().is_relative_to(mount.source):
            raise ConfigurationError(
                "CODE_LINK",
                rule="Code that is mounted into a worker lies in one folder.",
                found=f"the link {name}, which leads out of it.",
                remedy="put the file itself there.",
            )
    return mount


def _each(mounts: Iterable[Mount], of: Callable[[list[tuple[str, str]]], str]) -> dict[str, str]:
    """Something of every part, by its name; two files of one name are one part."""
    files: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for mount in mounts:
        files[mount.name] += mount.files()
    return {name: of(found) for name, found in files.items()}


def _fingerprint(files: list[tuple[str, str]]) -> str:
    lines = []
    for _, path in files:
        try:
            stat = os.stat(path)  # noqa: PTH116 - of thousands, before every start
            times = f"{stat.st_mtime_ns}\0{stat.st_ctime_ns}"
            lines.append(f"{path}\0{stat.st_size}\0{stat.st_ino}\0{times}\n")
        except OSError:
            lines.append(f"{path}\0gone\n")
    return sha256("".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()


def _changed(parts: Sequence[str], when: str) -> RefusedError:
    return RefusedError(
        "CODE_CHANGED",
        rule="A worker runs the code that was hashed and approved.",
        found=f"a file that was changed, added or removed {when}, in {', '.join(parts)}.",
        remedy="restart the keeper; a changed hash needs plans to be submitted again.",
    )


def _missing(found: str) -> ConfigurationError:
    return ConfigurationError(
        "CODE_MISSING",
        rule="A worker is started from installed packages, all of them listed.",
        found=found,
        remedy="install Clerestory anew, with pip or uv, in an environment of its own.",
    )
