"""How a worker can end: the only thing besides frames that it says."""

from enum import IntEnum


class Ending(IntEnum):
    """
    Exit codes of a worker and of its zygote.

    Before the key they say which step failed.  Afterwards there is one, whatever happened: a
    code that told more would be a word about a session.  What the kernel killed has none:
    −signal instead.
    """

    ENDED = 0
    """It had a key; nothing is said of what it did with it."""
    NOT_STARTED = 70
    """It was called in a way that no launcher calls it."""
    NOT_PREPARED = 71
    """The module could not be imported, or its `prepare` refused the plan."""
    NOT_SEALED = 72
    """The kernel refused a layer, or there was a second thread."""
    NO_GO = 73
    """The keeper did not like the probes, or went away."""
