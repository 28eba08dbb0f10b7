"""
Formats that others add: entry points of the group `clerestory.formats`.

A plug-in is a module or object with `NAME`, `claims(record)` and `split(records)`.  It is loaded
at the custodian's edge, and so by `inspect-format`, and nowhere else: in the sealed worker is
what is mounted there, which is our own formats.  So what its `split` writes has to be in one of
those; `generic` is made for it.  A session that is written otherwise could never be read, and is
left out with the code NOT_MOUNTED.
"""

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Protocol

from .lines import Record
from .portions import Portion

GROUP = "clerestory.formats"


class Splits(Protocol):
    """What the edge needs of a format."""

    NAME: str

    def claims(self, record: Record, /) -> bool:
        """Whether a record can only come from this format."""
        ...

    def split(self, found: Iterator[Record], /) -> Iterator[Portion]:
        """What a file holds of each session."""
        ...


def installed() -> tuple[Splits, ...]:
    """
    The formats that others have added, by their entry points' names.

    One that cannot be loaded, or lacks a part, is left out: it is as if it were not installed.
    """
    found: list[Splits] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            plugin = point.load()
        except Exception:  # noqa: BLE001, S112 - foreign code; its error may say anything
            continue
        if all(callable(getattr(plugin, part, None)) for part in ("claims", "split")):
            found.append(plugin)
    return tuple(found)
