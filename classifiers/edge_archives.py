"""
Evaluations in an archive: `.eval` files of Inspect, a header and a file a sample.

Each sample is read by itself, and none that is longer than a session may be, so that neither
the archive's size nor what it claims to hold matters.  Other archives are refused: whose files
lie in them the custodian could not say file by file.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from .edge_files import Unreadable
from .formats.inspect_log import claims
from .formats.lines import Damage, Record, value_of
from .sessions import UnreadableError

_HEADERS = ("header.json", "_journal/start.json")
"""Written when an evaluation has ended, and when it began."""
_TORN = (BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
"""What reading may raise: damage, no JSON; a secret, a method that Python lacks, too deep."""


def evaluation(path: Path, damage: Damage, limit: int) -> Iterator[Record]:
    """
    The samples of an evaluation, each as a log of its own.

    Args:
        path: An archive.
        damage: Counts samples that are torn or longer than the limit.
        limit: Bytes up to which a sample is read.

    Raises:
        Unreadable: It is another archive, or compressed in another way (COMPRESSED).
    """
    try:
        archive = ZipFile(path)
    except _TORN:
        raise Unreadable("COMPRESSED") from None
    with archive:
        names = archive.namelist()
        header = next((name for name in _HEADERS if name in names), "")
        about = _document(archive, header, limit)
        log = {"status": "started", **(about or {}), "samples": []}
        samples = [name for name in names if name.startswith("samples/") and ".json" in name]
        if not claims(log) or not samples:
            raise Unreadable("COMPRESSED")
        for name in samples:
            sample = _document(archive, name, limit)
            if sample is None:
                damage.bad += 1
            else:
                yield {**log, "samples": [sample]}


def _document(archive: ZipFile, name: str, limit: int) -> Record | None:
    """The object in a member; None if there is none that can be read."""
    try:
        if archive.getinfo(name).file_size > limit:
            return None
        value = value_of(archive.read(name))
    except (KeyError, UnreadableError, *_TORN):
        return None
    return value if isinstance(value, dict) else None
