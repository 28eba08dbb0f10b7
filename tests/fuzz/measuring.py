"""
What one input costs: processor time, and the peak of what Python allocates.

The bounds are straight lines in the input's length, so that no input is dear for its size.
"""

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

BYTES_PER_BYTE = 80
"""Peak of memory for each byte of input.  The worst that is known are empty strings in a list of
blocks: of three bytes (`"",`) each becomes an object with two keys, 184 bytes of Python's, and
stands in two lists, 16 more: 200 / 3 = 67.  Running text takes one to four."""
BYTES_BEFORE = 256 * 2**10
"""bytes: what any input may take; a session of one prompt takes 9 KiB."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured of one input."""

    length: int
    """bytes of input"""
    seconds: float
    """of processor time; slower while memory is traced"""
    peak: int
    """bytes; 0 if it was not traced"""

    @property
    def per_byte(self) -> float:
        """Peak of memory for each byte, what any input may take left out."""
        return max(0, self.peak - BYTES_BEFORE) / max(1, self.length)


def cost(run: Callable[[], object], length: int, *, traced: bool) -> Cost:
    """Run something once, and say what it took."""
    if traced:
        tracemalloc.start()
    start = time.process_time()
    try:
        run()
        seconds = time.process_time() - start
        peak = tracemalloc.get_traced_memory()[1] if traced else 0
    finally:
        if traced:
            tracemalloc.stop()
    return Cost(length, seconds, peak)
