"""
Why a model could not be asked: a byte of the closing behind a classify worker's records.

None of these says anything about a session: a refusal, a cut or an invalid answer is a label,
and the run goes on.  What stands here is about the way to the model, so it stops the run, and
the same command again goes on.  Nothing of what the server said crosses: its words may quote
what it was sent.
"""

from enum import IntEnum

from .errors import IncompleteError


class Halt(IntEnum):
    """A worker's reason to stop."""

    UNREACHABLE = 1
    """No connection, or it broke off."""
    NOT_TRUSTED = 2
    """The certificate does not lead to the plan's roots, or names another host; or no TLS 1.3."""
    DENIED = 3
    BUSY = 4
    OVERLOADED = 5
    REJECTED = 6
    FAILED = 7
    SLOW = 8
    MALFORMED = 9
    """An answer that is none of the Messages API's, or longer than any."""
    OTHER_MODEL = 10
    CAPPED = 11
    """The broker has opened as many connections as it may."""
    NO_KEY = 12
    SPENT = 13
    """What the batch was allowed might not do for the next call."""
    OVERCHARGED = 14
    """An answer that says it took more tokens than there were bytes."""
    PENDING = 20
    """Batches that were sent have not ended."""
    LOST = 21
    """The endpoint does not know a batch that was sent."""
    SPEND_LIMIT = 30
    """The endpoint's own limit on money, which no waiting mends."""


_RULE = "A session is labelled by the model that its plan names, at the endpoint it names."
_AGAIN = "run the command again; it goes on where it stopped."
_TOLD: dict[Halt, tuple[str, str]] = {
    Halt.UNREACHABLE: ("no connection to the endpoint, or one that broke off.", _AGAIN),
    Halt.NOT_TRUSTED: (
        "an endpoint whose certificate does not lead to the plan's roots.",
        "find out who answers there; if its roots changed, compile the study with the new ones.",
    ),
    Halt.DENIED: ("an endpoint that does not accept the key.", "give a key that it accepts."),
    Halt.BUSY: ("an endpoint that asks for fewer requests.", f"wait; then {_AGAIN}"),
    Halt.OVERLOADED: ("an endpoint that is overloaded.", f"wait; then {_AGAIN}"),
    Halt.REJECTED: (
        "an endpoint that rejects the request.",
        "look whether it knows the plan's model, and takes the form that answers are asked for in: "
        "`clerestory backend probe` tells.",
    ),
    Halt.FAILED: ("an endpoint that failed.", _AGAIN),
    Halt.SLOW: ("no answer in time.", _AGAIN),
    Halt.MALFORMED: (
        "an answer that is not in the form of the Messages API.",
        "look whether something else answers at the endpoint.",
    ),
    Halt.OTHER_MODEL: (
        "an answer by another model than the plan names.",
        "name the model that the endpoint answers with.",
    ),
    Halt.CAPPED: ("more connections than a run may open.", _AGAIN),
    Halt.NO_KEY: (
        "no key for the endpoint.",
        "give one: `clerestory classify VAULT PLAN --api-key-file FILE`.",
    ),
    Halt.SPENT: (
        "a cap that the next session might pass.",
        "compile the study with more `dollars` in [rater]; what was labelled stays, and what it "
        "cost counts.",
    ),
    Halt.OVERCHARGED: (
        "an answer that says it took more tokens than it can have taken.",
        "look what counts tokens at the endpoint; its account is not believed.",
    ),
    Halt.PENDING: (
        "message batches that have not ended.",
        f"wait: a batch ends within a day, mostly within an hour; then {_AGAIN}",
    ),
    Halt.LOST: (
        "an endpoint that does not know a message batch which it was sent.",
        "give a key of the workspace that the batch was sent with; after 29 days it is given up, "
        "and its sessions are sent again.",
    ),
    Halt.SPEND_LIMIT: (
        "an endpoint whose own limit on money is reached.",
        f"have whoever pays there raise it, or wait until it is a new one; then {_AGAIN}",
    ),
}


def halted(code: Halt) -> IncompleteError:
    """The error that a reason becomes outside: our words, and none of the server's."""
    found, remedy = _TOLD[code]
    return IncompleteError(f"ENDPOINT_{code.name}", rule=_RULE, found=found, remedy=remedy)
