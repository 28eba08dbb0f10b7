"""
What came of it: outcome, and the evidence for success and for failure.

Hard signals are a commit or proposal, checks that passed at the end, an approval in the
person's own words; against them an error that nothing followed, checks that failed at the end,
a complaint that stayed the last word.  What was mended on the way counts for little.

Each sign has a code; a label is a function of the signs alone.
"""

from itertools import compress

from privacy.codebook import UNCLEAR

from .evidence import Evidence
from .tables import SPEECH, matches

HARD, SOFT = ("4", "5"), ("none", "1", "2")
CLOSING = 300
"""Characters at the end of the agent's last words that say how it left the work."""
SUCCESS = ("DELIVERED", "CHECKS_PASSED", "ACCEPTED")
"""Hard signs of success, each of its own kind."""
FAILURE = ("GAVE_UP", "LEFT_COMPLAINING", "LEFT_WITH_ERRORS", "LEFT_FAILING")
"""Hard signs of failure."""
SOFT_SIGNS = ("PUSHED_BACK", "REFUSED_TWICE", "UNCLOSED", "PART_LEFT")
SUCCESS_SIGNS = (
    *SUCCESS, "GAVE_UP", "STOPPED_EARLY", "SAID_DONE", "CHANGED", "ANSWERED", "ACTED"
)  # fmt: skip
FAILURE_SIGNS = (
    *FAILURE, "PUSHED_BACK_OFTEN", "CHECKS_FAILED", "BROKEN_OFF", "PUSHED_BACK", "REFUSED_TWICE",
    "UNCLOSED", "PART_LEFT", "ERRORS",
)  # fmt: skip


def success_signs(seen: Evidence) -> tuple[str, ...]:
    """Codes of what speaks for success, and of what forbids to think so."""
    later = seen.own[1:]
    approved = any(
        matches(SPEECH["approval"], text) and not matches(SPEECH["complaint"], text)
        for text in later[-2:]
    )
    delivered = seen.commits + seen.proposals > 0
    said_so = seen.handed_in or matches(SPEECH["done"], seen.said) > 0
    finished = said_so and not seen.unfinished
    there = (
        delivered,
        seen.passed,
        approved or (delivered and _accepted(later)),
        stuck(seen),
        seen.unclosed or (seen.unfinished and not seen.lines),
        finished,
        seen.lines,
        seen.said and not seen.unfinished,
        seen.actions,
    )
    return tuple(compress(SUCCESS_SIGNS, there))


def success_signal(seen: Evidence) -> str:
    """none, 1 … 5."""
    if not seen.requests:
        return UNCLEAR
    signs = success_signs(seen)
    if hard := sum(code in SUCCESS for code in signs):
        return "5" if hard >= 2 else "4"
    if "GAVE_UP" in signs:
        return "1"
    if "STOPPED_EARLY" in signs:
        return "1" if "ACTED" in signs else "none"
    if "CHANGED" in signs and "SAID_DONE" in signs:
        return "3"
    if "SAID_DONE" in signs or "ANSWERED" in signs:
        return "2"
    return "1" if "CHANGED" in signs or "ACTED" in signs else "none"


def failure_signs(seen: Evidence) -> tuple[str, ...]:
    """Codes of what speaks for failure."""
    pushed = _pushback(seen)
    final = len(seen.own) > 1 and bool(matches(SPEECH["complaint"], seen.own[-1]))
    there = (
        stuck(seen),
        final and seen.unfinished,
        seen.trailing_errors >= 3 and seen.unfinished,
        seen.failed and (seen.unfinished or seen.unclosed),
        pushed >= 3 or (final and pushed >= 2),
        seen.failed and not seen.commits,
        seen.unfinished and not seen.commits,
        pushed,
        seen.rejections >= 2,
        seen.unclosed and not seen.commits,
        part_left(seen) and not any(code in SUCCESS for code in success_signs(seen)),
        seen.errors,
    )
    return tuple(compress(FAILURE_SIGNS, there))


def failure_signal(seen: Evidence) -> str:
    """none, 1 … 5."""
    if not seen.requests:
        return UNCLEAR
    signs = failure_signs(seen)
    if hard := sum(code in FAILURE for code in signs):
        return "5" if hard >= 2 else "4"
    if any(code in signs for code in ("PUSHED_BACK_OFTEN", "CHECKS_FAILED", "BROKEN_OFF")):
        return "3"
    if any(code in signs for code in SOFT_SIGNS):
        return "2"
    return "1" if "ERRORS" in signs else "none"


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
    if success in (*SOFT, "3") and part_left(seen):
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


def part_left(seen: Evidence) -> bool:
    """Whether the agent's last words are that a part is missing."""
    return matches(SPEECH["partial"], seen.said[-CLOSING:]) > 0


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
