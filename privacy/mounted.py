"""
What was mounted into a worker, in parts that a stranger can hold against what was published.

A part is one of our packages (`code/privacy`), a folder or file of a distribution
(`deps/pydantic`), the interpreter, its library, or a shared library of the system.  Its hash is
over names and contents, so that it is the same on every machine with the same software: whoever
unpacks a released wheel reckons `part_hash` of its folders and compares.  Parts make a worker's
hash, the two workers' hashes make the one that a plan is bound to; nothing else is in them.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import file_digest, sha256
from pathlib import Path

_METADATA = re.compile(r"deps/([^/]+)-([^-/]+)\.dist-info/METADATA")


def part_hash(files: Iterable[tuple[str, str]]) -> str:
    """
    SHA-256 of a part, hexadecimal.

    Args:
        files: Every file and link of it: its name, `code/privacy/errors.py`, and its path.
    """
    digest = sha256()
    for name, path in sorted(files):
        digest.update(f"{name}\0{_content(Path(path))}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def folder_hash(folder: Path, name: str) -> str:
    """
    SHA-256 of a part that lies in a folder of one's own: an unpacked wheel, a checkout.

    Args:
        folder: The package's folder.
        name: The part's name: `code/privacy`, `deps/pydantic`.
    """
    paths = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    files = ((f"{name}/{path.relative_to(folder)}", str(path)) for path in paths if path.is_file())
    return part_hash(files)


def code_hash(parts: Mapping[str, str]) -> str:
    """SHA-256 of all parts of a worker, hexadecimal."""
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(parts.items()))
    return sha256(lines.encode(errors="surrogateescape")).hexdigest()


def both_hash(classify: str, aggregate: str) -> str:
    """SHA-256 over both workers' hashes: what a plan is bound to."""
    return sha256(f"{classify}\n{aggregate}\n".encode()).hexdigest()


def distributions(parts: Iterable[str]) -> dict[str, str]:
    """Distributions among parts → their versions."""
    return {match[1]: match[2] for name in sorted(parts) if (match := _METADATA.fullmatch(name))}


def _content(path: Path) -> str:
    link = f"{path.readlink()}\0" if path.is_symlink() else ""
    if not path.is_file():  # a link to a folder, or to nothing
        return link
    with path.open("rb") as file:
        return link + file_digest(file, "sha256").hexdigest()
