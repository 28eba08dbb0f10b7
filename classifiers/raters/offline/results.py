"""
What came of it: outcome, and the evidence for success and for failure.

Hard signals are a commit or proposal, checks that passed at the end, an approval in the
person's own words; against them an error that nothing followed, checks that failed at the end,
a complaint that stayed the last word.  What was mended on the way counts for little.
"""

from privacy.codebook import UNCLEAR

from .evidence import Evidence
from .tables import SPEECH, matches

HARD, SOFT = ("4", "5"), ("none", "1", "2")
CLOSING = 300
"""Characters at the end of the agent's last words that say how it left the work."""


def success_signal(seen: Evidence) -> str:
    """none, 1 … 5."""
    if not seen.requests:
        return UNCLEAR
    hard = hard_success(seen)
    if hard >= 2:
        return "5"
    if hard == 1:
        return "4"
    if stuck(seen):
        return "1"
    if seen.unclosed or (seen.unfinished and not seen.lines):
        return "1" if seen.actions else "none"
    finished = matches(SPEECH["done"], seen.said) > 0 and not seen.unfinished
    if seen.lines and finished:
        return "3"
    if finished or (seen.said and not seen.unfinished):
        return "2"
    return "1" if seen.lines or seen.actions else "none"


def hard_success(seen: Evidence) -> int:
    """How many different hard signals there are that the objective was reached."""
    later = seen.own[1:]
    approved = any(
        matches(SPEECH["approval"], text) and not matches(SPEECH["complaint"], text)
        for text in later[-2:]
    )
    delivered = seen.commits + seen.proposals > 0
    return delivered + seen.passed + (approved or (delivered and _accepted(later)))


def failure_signal(seen: Evidence) -> str:
    """none, 1 … 5."""
    if not seen.requests:
        return UNCLEAR
    pushback, left = _pushback(seen), seen.unfinished or seen.unclosed
    final = (
        bool(seen.own) and len(seen.own) > 1 and bool(matches(SPEECH["complaint"], seen.own[-1]))
    )
    hard = (
        stuck(seen)
        + (final and seen.unfinished)
        + (seen.trailing_errors >= 3 and seen.unfinished)
        + (seen.failed and left)
    )
    if hard >= 2:
        return "5"
    if hard:
        return "4"
    if pushback >= 3 or (final and pushback >= 2):
        return "3"
    if (seen.failed or seen.unfinished) and not seen.commits:
        return "3"
    if pushback or seen.rejections >= 2 or (seen.unclosed and not seen.commits):
        return "2"
    return "1" if seen.errors else "none"


def outcome(seen: Evidence) -> str:
    """succeeded, partial, failed or no_goal."""
    if not _has_objective(seen.requests):
        return "no_goal"
    if not (seen.said or seen.actions):
        return "no_goal"
    trouble, success = failure_signal(seen), success_signal(seen)
    if seen.unfinished and not (seen.lines or seen.commits):
        return "failed" if success in SOFT else "partial"  # given up before anything came of it
    if seen.unclosed and success in SOFT and not stuck(seen):
        return "partial"  # the log stops while the agent works
    if trouble in HARD and success in SOFT:
        return "failed"
    if trouble in HARD or (trouble == "3" and success in SOFT):
        return "partial"
    if success in (*SOFT, "3") and matches(SPEECH["partial"], seen.said[-CLOSING:]):
        return "partial"
    if success in ("none", "1"):
        return "partial" if seen.lines or seen.said else "failed"
    return "succeeded"


def _has_objective(requests: tuple[str, ...]) -> bool:
    """
    Whether anything was asked for.

    A session that opens with a greeting, or by trying what the program is, has an objective
    only if a later request names one; words that move along or complain name none.
    """
    if not requests or not matches(SPEECH["greeting"], requests[0]):
        return bool(requests)
    empty = (*SPEECH["greeting"], *SPEECH["routine"], *SPEECH["complaint"], *SPEECH["dangling"])
    return not all(matches(empty, text) for text in requests)


def stuck(seen: Evidence) -> bool:
    """Whether the agent's last words are that it did not get there."""
    return matches(SPEECH["stuck"], seen.said[-CLOSING:]) > 0


def _accepted(later: tuple[str, ...]) -> bool:
    """Whether the person had the work committed, sent or merged."""
    return any(
        matches(SPEECH["acceptance"], text) and (matches(SPEECH["routine"], text) or len(text) < 60)
        for text in later
    )


def _pushback(seen: Evidence) -> int:
    """Times the person complained, corrected or showed an error after the first request."""
    said = SPEECH["complaint"] + SPEECH["corrections"]
    return sum(
        shown or matches(said, text) > 0
        for text, shown in zip(seen.own[1:], seen.shown_errors[1:], strict=True)
    )
