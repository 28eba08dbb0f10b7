"""
What the custodian declares of whose session it is: sealed with it, in a first line of our own.

A blob's header lies in clear, so nothing that tells of a person may stand there.  The edge writes
the line before every session, and whatever a log says comes behind it; it begins with a byte that
no log's line begins with when it is sealed, so that no log of before there was such a line can
pass for one.  All lines have one length: no size tells.
"""

from dataclasses import dataclass

from .errors import VerificationError

_OURS = b"\x1eclerestory/declared/"
_STAFF, _OTHER = (_OURS + b"1 staff=%b\n" % answer for answer in (b"yes", b"no "))


@dataclass(frozen=True, slots=True)
class Declared:
    """Declarations about a session's account; without any, nothing is said of it."""

    staff: bool = False
    """Whether it is of those who offer the agent or run the study: theirs is no ordinary use."""

    @property
    def line(self) -> bytes:
        """What stands before the session."""
        return _STAFF if self.staff else _OTHER


def split(sealed: bytes | memoryview) -> tuple[Declared, bytes]:
    """
    Part what was sealed into the declaration and the session.

    Raises:
        VerificationError: The declaration is of another version.
    """
    view = memoryview(sealed)
    if view[: len(_OURS)] != _OURS:  # sealed before there was a line: nothing was declared
        return Declared(), bytes(view)
    for line in (_STAFF, _OTHER):
        if view[: len(line)] == line:
            return Declared(staff=line == _STAFF), bytes(view[len(line) :])
    raise VerificationError(
        "DECLARATION_UNKNOWN",
        rule="A session is sealed behind a line that this version knows, or behind none.",
        found="a line of another version.",
        remedy="label it with the version that sealed it, or a newer one.",
    )
