"""
What is mounted is what is hashed: the list of files that a worker can read before its seal.

A manifest names our package folders, the installed distributions they need, the interpreter
with its standard library, and the shared libraries that the kernel really maps for them.  Its
hash is over names relative to each of these and over contents, so that it says the same on two
machines with the same software, wherever that is installed.

Compiled files in `__pycache__` are neither hashed nor read (see `interpreter`): sources are
compiled anew in every worker, which costs 0.4 s for numpy and opendp.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from privacy.errors import ConfigurationError, RefusedError

from .libraries import interpreter_mounts
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
    hash: str
    """SHA-256 over sorted names and contents, hexadecimal."""
    stamp: str
    """The fingerprint from before the contents were read."""

    def fingerprint(self) -> str:
        """Cheap identity: path, size, time of change and inode of every file, hashed."""
        return _fingerprint(self.mounts)

    def check_unchanged(self) -> None:
        """
        Refuse files that are not those that were hashed.

        Raises:
            RefusedError: A file was changed, added or removed; collect again.
        """
        if self.fingerprint() != self.stamp:
            raise RefusedError(
                "CODE_CHANGED",
                rule="A worker runs the code that was hashed and approved.",
                found="a file of it that was changed, added or removed since.",
                remedy="restart the keeper; a changed hash needs plans to be submitted again.",
            )

    def link_into(self, folder: Path) -> None:
        """Make the folders `code` and `deps` of links, for a worker without mounts."""
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
    """
    ours = [_package(package) for package in packages]
    theirs = [mount for name in distributions for mount in _distribution(name)]
    named = {mount.name: mount for mount in (*ours, *theirs)}
    python, base = interpreter_mounts(tuple(named.values()), modules, masked=_MASKED)
    mounts = (*named.values(), *base)
    stamp = _fingerprint(mounts)
    return CodeManifest(mounts, python, _hash(mounts), stamp)


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
    for name, path in mount.files():
        if path.is_symlink() and not path.resolve().is_relative_to(mount.source):
            raise ConfigurationError(
                "CODE_LINK",
                rule="Code that is mounted into a worker lies in one folder.",
                found=f"the link {name}, which leads out of it.",
                remedy="put the file itself there.",
            )
    return mount


def _hash(mounts: Iterable[Mount]) -> str:
    digest = sha256()
    for name, path in sorted(file for mount in mounts for file in mount.files()):
        digest.update(f"{name}\0{_content(path)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _content(path: Path) -> str:
    link = f"{path.readlink()}\0" if path.is_symlink() else ""
    if not path.is_file():  # a link to a folder, or to nothing
        return link
    with path.open("rb") as file:
        return link + file_digest(file, "sha256").hexdigest()


def _fingerprint(mounts: Iterable[Mount]) -> str:
    lines = []
    for _, path in (file for mount in mounts for file in mount.files()):
        try:
            stat = path.stat()
            lines.append(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\n")
        except OSError:
            lines.append(f"{path}\0gone\n")
    return sha256("".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()


def _missing(found: str) -> ConfigurationError:
    return ConfigurationError(
        "CODE_MISSING",
        rule="A worker is started from installed packages, all of them listed.",
        found=found,
        remedy="install Clerestory anew, with pip or uv, in an environment of its own.",
    )
