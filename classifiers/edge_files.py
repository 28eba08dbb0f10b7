"""
Files of a source and their lines, whatever lies there.

Links are not followed and only regular files are opened: a tree may hold sockets, pipes and
loops.  A line is read up to a limit, so that memory is bounded by it.
"""

import codecs
import os
import stat
from collections.abc import Iterator
from pathlib import Path

LONGEST_LINE = 64 * 2**20
"""bytes: what is longer is no record that a session could keep."""
_HEAD = 64 * 2**10
_PACKED = {
    b"PK\x03\x04": "COMPRESSED", b"\x1f\x8b": "COMPRESSED", b"\x28\xb5\x2f\xfd": "COMPRESSED",
    b"\xfd7zXZ\0": "COMPRESSED", b"BZh": "COMPRESSED", b"SQLite format 3\0": "DATABASE",
}  # fmt: skip
"""How files begin that hold sessions in a form that is not read: zip, gzip, Zstandard, …"""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Unreadable(Exception):  # noqa: N818 - a reason, not a fault
    """
    A file that cannot be taken.

    Args:
        code: One of EMPTY, NOT_A_SESSION_LOG, NOT_A_FILE, UNREADABLE_FILE, TOO_LARGE, COMPRESSED
            (to be unpacked first), DATABASE (to be exported first).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def files_of(source: Path) -> Iterator[Path]:
    """
    Everything below a folder that is not a folder, in one order; a file alone is itself.

    Folders that cannot be opened come last, to be refused like files.
    """
    if not source.is_dir():
        yield source
        return
    closed: list[Path] = []
    for folder, folders, names in os.walk(
        source, onerror=lambda e: closed.append(Path(e.filename))
    ):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted((*names, *links)):
            yield Path(folder) / name
    yield from closed


def head_of(path: Path) -> bytes:
    """
    The beginning of a file, as it lies on disk: up to 64 KiB, never blank.

    Raises:
        Unreadable: It is no regular file, cannot be read, is empty, or is packed.
    """
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise Unreadable("UNREADABLE_FILE" if stat.S_ISDIR(mode) else "NOT_A_FILE")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        raise Unreadable("UNREADABLE_FILE") from None
    if not head.strip(b"\0\r\n\t "):
        raise Unreadable("EMPTY" if len(head) < _HEAD else "NOT_A_SESSION_LOG")
    for beginning, code in _PACKED.items():
        if head.startswith(beginning):
            raise Unreadable(code)
    return head


def lines_of(path: Path) -> Iterator[bytes]:
    """
    The lines of a file in UTF-8, without what ends them; over-long ones are left out.

    Raises:
        Unreadable: It is no regular file, cannot be read, is empty or holds no object.
    """
    head = head_of(path)
    if b"{" not in head:
        raise Unreadable("NOT_A_SESSION_LOG")
    try:
        if head.startswith(_UTF16):
            yield from _utf16_lines(path)
            return
        with path.open("rb") as file:
            file.seek(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
            whole = True
            while line := file.readline(LONGEST_LINE):
                ends = line.endswith(b"\n")
                if whole and (ends or len(line) < LONGEST_LINE):
                    yield line
                whole = ends
    except OSError:
        raise Unreadable("UNREADABLE_FILE") from None


def chunks_of(path: Path) -> Iterator[str]:
    """
    The text of a file, a mebibyte at a time.

    Raises:
        Unreadable: It is no regular file, cannot be read, or is empty.
    """
    encoding = "utf-16" if head_of(path).startswith(_UTF16) else "utf-8-sig"
    try:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            while chunk := file.read(2**20):
                yield chunk
    except OSError:
        raise Unreadable("UNREADABLE_FILE") from None


def whole_of(path: Path, limit: int) -> bytes:
    """
    All of a file in UTF-8.

    Raises:
        Unreadable: As `chunks_of`, and TOO_LARGE if it is longer than the limit in bytes.
    """
    head_of(path)
    try:
        if path.stat().st_size > limit:
            raise Unreadable("TOO_LARGE")
    except OSError:
        raise Unreadable("UNREADABLE_FILE") from None
    return "".join(chunks_of(path)).encode("utf-8", "replace")


def _utf16_lines(path: Path) -> Iterator[bytes]:
    with path.open(encoding="utf-16", errors="replace", newline="\n") as file:
        while line := file.readline(LONGEST_LINE):
            yield line.encode("utf-8", "replace")
