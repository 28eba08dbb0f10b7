"""
The interpreter's part of a manifest: itself, its standard library, and shared libraries.

Which libraries those are is asked, not guessed: a child imports what the worker will import,
from the listed folders alone, and the kernel's map of its memory names every file of which it
runs a part (`census`).  A list of needed libraries would miss what is opened by name.  What the
child has compiled on its way is kept for the workers (`compiled`).
"""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from privacy.errors import ConfigurationError

from . import interpreter
from .compiled import Compiled
from .mounts import CODE, DEPENDENCIES, Mount, link

BOOT_MODULES = (
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.hazmat.primitives.asymmetric.ec", "ctypes", "hashlib", "json",
    "privacy.sealing", "privacy.sandbox.forks", "privacy.sandbox.life", "privacy.sandbox.probes",
)  # fmt: skip
"""Imported by every worker."""
_CENSUS_SECONDS = 120.0


def interpreter_mounts(masked: tuple[str, ...]) -> tuple[Mount, Mount]:
    """
    The interpreter's file, and its standard library.

    Args:
        masked: Names in the library's folder to hide.
    """
    python, library = interpreter.binary(), interpreter.standard_library()
    hidden = tuple(name for name in masked if (library / name).is_dir())
    hidden += tuple(path.name for path in library.glob("config-*") if path.is_dir())
    return (
        Mount(f"python/bin/{python.name}", python, (str(python),)),
        Mount(f"python/lib/{library.name}", library, (str(library),), hidden),
    )


def library_mounts(
    listed: Sequence[Mount], modules: Sequence[str], compiled: Compiled
) -> list[Mount]:
    """
    Shared libraries that a worker needs besides what is listed.

    Args:
        listed: Mounts of packages, distributions and the interpreter.
        modules: What the worker imports.
        compiled: Filled with what Python compiles to import it.

    Raises:
        ConfigurationError: A module cannot be imported from the listed folders.
    """
    mounts: list[Mount] = []
    inside = [mount.source for mount in listed]
    mapped = [
        Path(file)
        for file in _census(listed, (*BOOT_MODULES, *modules), compiled)
        if not any(Path(file).is_relative_to(folder) for folder in inside)
    ]
    loader = interpreter.loader()
    home = next((f.parent for f in mapped if f.name.startswith(("libc.so", "libc-"))), None)
    for file in mapped:
        names = [*_names(file, home)]
        if loader and Path(loader).resolve() == file:
            names.append(loader)
        mounts.append(Mount(f"system/{file.name}", file, tuple(dict.fromkeys(names))))
    return mounts


def _names(library: Path, home: Path | None) -> Iterator[str]:
    """
    Every path at which the loader may look for a library.

    It looks for the name that stands in the program (`libz.so.1`), which is a link to the file
    that the kernel names (`libz.so.1.2.13`); and, without a cache of paths, in the folder of
    the C library and where the program says.
    """
    links = [
        path
        for path in library.parent.glob(f"{library.name.split('.so')[0]}*.so*")
        if path.is_symlink() and path.resolve() == library
    ]
    for path in (library, *links):
        yield str(path)
        if home and home != library.parent:
            yield str(home / path.name)


def _census(listed: Iterable[Mount], modules: Sequence[str], compiled: Compiled) -> list[str]:
    with TemporaryDirectory(prefix="clerestory-") as name:
        folder = Path(name)
        link(listed, folder)
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own file
            [
                str(interpreter.binary()),
                *interpreter.flags(compiled.folder, writing=True),
                str(Path(__file__).with_name("census.py")),
                *(str(folder / part) for part in (CODE, DEPENDENCIES)),
                *modules,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=_CENSUS_SECONDS,
            check=False,
        )
        compiled.settle(folder)
    if done.returncode == 0:
        answer: dict[str, list[str]] = json.loads(done.stdout)
    else:
        answer = {"failed": ["the interpreter"]}
    if "files" not in answer:
        raise ConfigurationError(
            "CODE_INCOMPLETE",
            rule="A worker imports everything from the listed packages alone.",
            found=f"{': '.join(answer['failed'])}.",
            remedy="install Clerestory anew; a developer lists what the module newly needs.",
        )
    return answer["files"]
