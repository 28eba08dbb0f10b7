"""
How much of a log is read: limits in bytes, records and characters, never in seconds.

A session within them is read on any machine, and takes the memory that `docs/formats.md` states;
what goes beyond one of them becomes the label `too_large`, on any machine alike.  A limit in
seconds would make a label depend on who else was at work.  The limits lie far above what people
do: the largest real sessions met had some thousand events in a few megabytes.
"""

from .sessions import UnreadableError

LARGEST = 64 * 2**20
"""bytes: a longer session is sealed as a stub; a document is read whole up to it."""
LONGEST_RECORD = 16 * 2**20
"""bytes of a line in a log of lines.  A line lies in memory as bytes, as text and as values."""
MOST_RECORDS = 500_000
"""Lines of a log, blank ones included."""
BYTES_A_VALUE = 16
"""bytes: a record of more than a million values has at least so many for each of them.  A value of
two bytes takes a hundred in memory; what people and programs write has thirty and more."""
MOST_EVENTS = 250_000
"""What is said, thought, asked for and answered in a log, and ids that have to be known again."""
MOST_PARTS = 10_000
"""Sessions and sub-agents in a log."""
MOST_KEPT = 64 * 2**20
"""Characters of a log's texts, ids and names that stay in memory: all of them in the largest
session; a file that the edge has not cut may hold more."""


class Room:
    """What may still be kept of a log; one for all sessions and sub-agents in it."""

    def __init__(self) -> None:
        self._parts, self._events, self._characters = MOST_PARTS, MOST_EVENTS, MOST_KEPT

    def open(self, name: str) -> None:
        """
        Take the place of a session or a sub-agent.

        Raises:
            UnreadableError: TOO_LARGE, if there is none left.
        """
        self._parts -= 1
        if self._parts < 0:
            raise too_large()
        self.take(name)

    def take(self, *texts: str) -> None:
        """
        Take the place of one event and its texts.

        Raises:
            UnreadableError: TOO_LARGE, if there is none left.
        """
        self._events -= 1
        self._characters -= sum(map(len, texts))
        if self._events < 0 or self._characters < 0:
            raise too_large()


def too_large() -> UnreadableError:
    """What ends the reading of a log that is larger than we read."""
    return UnreadableError("TOO_LARGE")
