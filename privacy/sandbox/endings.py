"""How a worker can end: the only thing besides frames that it says."""

from enum import IntEnum


class Ending(IntEnum):
    """Exit codes of `boot`.  A worker that the kernel killed has none: −signal instead."""

    DONE = 0
    NOT_STARTED = 70
    """It was called in a way that no launcher calls it."""
    NOT_PREPARED = 71
    """The module could not be imported, or its `prepare` refused the plan."""
    NOT_SEALED = 72
    """The kernel refused a layer, or there was a second thread."""
    NO_GO = 73
    """The keeper did not like the probes, or went away."""
    BROKEN = 74
    """The module's `run` raised."""
