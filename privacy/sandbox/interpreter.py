"""
The Python that workers run: the base interpreter, never a virtual environment's.

It is started with `-I -S -B` (no environment, no working directory on the path, no
site-packages and so no .pth file, nothing written) and never finds a compiled file beside its
source, whatever that says: it looks in one folder, which the keeper has filled (`compiled`), or
which cannot exist.
"""

import os
import sys
from pathlib import Path
from struct import Struct

_ALONE = ("-I", "-S", "-X", "utf8", "-W", "ignore")

_IDENTITY = Struct("<4sB27xQ14xHH")
"""ELF-64 header [elf(5)]: magic, class, offset, size and number of program headers."""
_SEGMENT = Struct("<I4xQ16xQ")
"""Program header: type, offset in the file, size in the file."""
_ELF64, _INTERPRETER = 2, 3


def flags(compiled: str | Path = "/dev/null/none", *, writing: bool = False) -> tuple[str, ...]:
    """
    The interpreter's own arguments.

    Args:
        compiled: Where compiled files lie, each under its source's path.
        writing: Put those there that are missing.
    """
    return (*_ALONE, *(() if writing else ("-B",)), "-X", f"pycache_prefix={compiled}")


FLAGS = flags()
"""Without any compiled file."""


def binary() -> Path:
    """The interpreter's real file."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def standard_library() -> Path:
    """The folder of the standard library, extension modules below it."""
    return Path(os.__file__).resolve().parent


def loader() -> str | None:
    """
    The program that loads the interpreter's libraries, under the name the kernel looks for.

    Returns:
        None for an interpreter that is linked statically, or is no ELF-64 file.
    """
    with binary().open("rb") as file:
        magic, kind, offset, size, count = _IDENTITY.unpack(file.read(_IDENTITY.size))
        if magic != b"\x7fELF" or kind != _ELF64:
            return None
        for place in range(count):
            file.seek(offset + place * size)
            segment, start, length = _SEGMENT.unpack(file.read(_SEGMENT.size))
            if segment == _INTERPRETER:
                file.seek(start)
                return file.read(length).rstrip(b"\0").decode()
    return None
