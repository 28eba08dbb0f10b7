"""
The anchor set: public sessions that a rater reads again and again, so that its drift shows.

A model behind one name may be changed by whoever offers it.  So the same sessions are labelled
whenever prompts, rater or the calendar month change, by the same sealed worker as everybody's, and
what was said of them is kept.  They are public: of them labels may be shown, session by session.

The set that ships is made up; it lies in this package, which both workers mount, so its bytes are
part of the code that a plan is bound to.  An organisation may have a folder of its own instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

from .errors import ConfigurationError

SHIPPED = Path(__file__).with_name("anchor_set.jsonl")
"""A session a line; `planted` says what it was made to look like, and no rater is shown it."""
MOST_SESSIONS = 1_000
"""Every calendar month each of them is asked about once: more cost more than they tell."""
FEWEST_SESSIONS = 10
"""With fewer, nothing that is found among them bounds anything."""
LARGEST_SESSION = 2**20
"""bytes"""


@dataclass(frozen=True)
class AnchorSet:
    """Public sessions, in their order."""

    sessions: tuple[bytes, ...]

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each session: whoever has the sessions can tell that they are these."""
        return tuple(sha256(session).hexdigest() for session in self.sessions)

    @property
    def hash(self) -> str:
        """The set's identity: readings of two sets are never compared."""
        return set_hash(self.digests)


def set_hash(digests: Sequence[str]) -> str:
    """SHA-256 over the sessions' own, in their order."""
    return sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


@cache
def shipped() -> AnchorSet:
    """The set of this version."""
    return AnchorSet(tuple(SHIPPED.read_bytes().splitlines()))


def read_folder(folder: Path) -> AnchorSet:
    """
    An organisation's own set: every file of a folder is one public session, in order of names.

    Raises:
        ConfigurationError: There is no such folder, or too few, too many, the same, or too large
            files in it.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        counted = FEWEST_SESSIONS <= len(paths) <= MOST_SESSIONS
        large = not counted or any(path.stat().st_size > LARGEST_SESSION for path in paths)
        sessions = () if large else tuple(path.read_bytes() for path in paths)
    except OSError:
        raise _unusable("no folder that can be read.") from None
    if large:
        raise _unusable("fewer files, more, or a larger one.")
    if len(set(sessions)) < len(sessions) or not all(sessions):
        raise _unusable("an empty file, or the same session twice.")
    return AnchorSet(sessions)


def _unusable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "ANCHOR_SET",
        rule=f"An anchor set is a folder of {FEWEST_SESSIONS} to {MOST_SESSIONS} public sessions, "
        f"a file each, of at most {LARGEST_SESSION} bytes.",
        found=found,
        remedy="mend the folder that keeper.toml names as anchor_set, or leave the key out: a set "
        "of made-up sessions ships.",
    )
