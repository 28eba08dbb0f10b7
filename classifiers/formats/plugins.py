'''
Formats that others add: one module with one function, and an entry point.

The function gets the records of a file, each a `dict`, and yields the sessions in it in the
form of `generic`.  It yields nothing if the file is not of its format, and something, be it a
session without messages, as soon as it has seen a record by which its format is known:

    """Moonlog: a line names the night, each further one is said or done in it."""


    def sessions(records):
        night = None
        for record in records:
            if "moon" in record:
                if night:
                    yield night
                night = {"session_id": record["moon"], "messages": []}
            elif night:
                night["messages"].append({"role": record["who"], "content": record["words"]})
        if night:
            yield night

In `pyproject.toml` of the package that holds it:

    [project.entry-points."clerestory.formats"]
    moonlog = "moonlog:sessions"

The function runs at the custodian's edge, and so in `inspect-format`, and nowhere else: in the
sealed worker is what is mounted there, which is our own formats.  It is asked about a file only
if none of ours knows it, so it can shadow none.  What it raises costs the file (FORMAT_FAILED),
and nothing of it is told: an error may quote what it failed on.
'''

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import entry_points
from typing import Protocol

from privacy.errors import ConfigurationError

from . import generic
from .lines import Record
from .portions import Portion

GROUP = "clerestory.formats"


class Splits(Protocol):
    """What the edge needs of a format."""

    @property
    def NAME(self) -> str:  # noqa: N802 - as the modules of formats have it
        """Its name, under which its sessions are known again."""
        ...

    def claims(self, record: Record, /) -> bool:
        """Whether a record can only come from this format."""
        ...

    def split(self, found: Iterator[Record], /) -> Iterator[Portion]:
        """What a file holds of each session."""
        ...


class Plugin:
    """A function that others have added, in the place of a format."""

    def __init__(self, name: str, sessions: Callable[[Iterator[Record]], Iterable[object]]) -> None:
        self.NAME = f"plug-in {name}"  # none of ours is called so
        self._sessions = sessions

    def claims(self, record: Record) -> bool:
        """Whether the function makes a session of a record; one that fails on it does not."""
        try:
            return any(True for _ in self._generic(iter((record.copy(),))))
        except Exception:  # noqa: BLE001 - foreign code; its error may say anything
            return False

    def split(self, found: Iterator[Record]) -> Iterator[Portion]:
        """The sessions that the function makes of a file."""
        return generic.split(self._generic(found))

    def _generic(self, found: Iterator[Record]) -> Iterator[Record]:
        """The function's sessions; what has not the form of one is none."""
        for session in self._sessions(found):
            if isinstance(session, dict) and generic.claims(session):
                yield session


def installed() -> tuple[Plugin, ...]:
    """
    The formats that others have added, by their entry points' names.

    Raises:
        ConfigurationError: One cannot be loaded.  Left out in silence, it would leave its files
            out as well, and nobody would know why.
    """
    found: list[Plugin] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            function = point.load()
        except Exception:  # noqa: BLE001 - foreign code; its error may say anything
            function = None
        if not callable(function):
            raise ConfigurationError(
                "PLUGIN_UNLOADABLE",
                rule=f"Whatever is installed as an entry point of {GROUP} is a function.",
                found=f"the entry point {point.name!r}, which cannot be loaded or is none.",
                remedy="mend the package that brings it, or uninstall that.",
            )
        found.append(Plugin(point.name, function))
    return tuple(found)
