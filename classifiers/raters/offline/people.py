"""
Who asked: expertise in the task, occupation, and the share of the decisions.

Only the person's own words count.  Plans that the agent drafted, pasted logs and options that
were offered are not theirs.  With too few words of their own the rule abstains.
"""

import re
from math import log1p, log2

from privacy.codebook import UNCLEAR

from .evidence import Evidence
from .tables import SPEECH, TRADES, distinct, matches

LEVELS = ("novice", "beginner", "intermediate", "advanced", "expert")
FEWEST_WORDS = 7
"""Own words, routine ones left out, below which expertise is not judged."""
_SENTENCE = re.compile(r"[.!?;:]\s+|\n")
_STATEMENT = re.compile(
    r"(?:but |and |because |so |mind that |note that |since |while )*"
    r"(?:the|that|this|those|these|our|each|every|an?|in|on|under|if|when|for|any|all|there"
    r"|\w+s|\w+ \w+ (?:is|are|has|have|needs?|must)) "
)
ENOUGH = 2
"""Signs of an occupation that make it the person's."""
WEIGHTS = {
    "told": 0.5, "weighs": 0.3, "facts": 0.6, "specific": 0.3,
    "targeted": 0.75, "raises": 0.5, "corrections": 0.2, "conceded": 0.4,
    "vague": -0.6, "lost": -0.5, "objections": -0.8,
}  # fmt: skip
"""What a signal is worth in steps of the scale, once seen; more of it adds less and less."""
FOREIGN, LONG = 2, 25
"""Marks of a report, and words, from which a text is taken to be pasted."""
MOST = 2
"""Times that a signal counts: a long session has more of all of them."""
PLAIN = 2.0
"""Points of a request that shows nothing either way: intermediate."""
STEPS = (0.3, 1.65, 2.6, 4.5)
"""Points from which beginner, intermediate, advanced and expert begin."""


def substantive(seen: Evidence) -> list[str]:
    """What the person said beyond routine words such as "commit" or "yes"."""
    return [text for text in seen.own if text and not matches(SPEECH["routine"], text)]


def expertise(seen: Evidence) -> str:
    """How expert the person is in this task's domain."""
    said = substantive(seen)
    words = sum(len(text.split()) for text in said)
    if words < FEWEST_WORDS:
        return UNCLEAR
    return LEVELS[sum(points(seen) >= step for step in STEPS)]


def points(seen: Evidence) -> float:
    """Points for framing, checks and corrections, the codebook's three signals."""
    found = signals(seen)
    return PLAIN + sum(
        weight * log2(1 + min(found[name], MOST)) for name, weight in WEIGHTS.items()
    )


def signals(seen: Evidence) -> dict[str, int]:
    """
    How often each sign of expertise, or of its lack, is there.

    Framing: facts told that are not on the screen, weighed alternatives, particulars; loose
    words against them.  Checks: those with a target.  Corrections: cases raised and objections
    by the person, those that the agent conceded, and those by the agent.
    """
    said = [text for text in substantive(seen) if not _is_report(text)]
    sentences = [part.strip() for text in said for part in _SENTENCE.split(text)]
    each = {
        name: sum(matches(SPEECH[name], text) > 0 for text in sentences)
        for name in ("told", "weighs", "targeted", "raises", "corrections", "vague", "lost")
    }
    return each | {
        "facts": sum(_is_fact(part) for part in sentences),
        "specific": sum(matches(SPEECH["specific"], text) for text in said),
        "conceded": min(2, seen.concessions),
        "objections": min(2, seen.objections),
    }


def _is_report(text: str) -> bool:
    """Whether somebody else's review or ticket speaks: its style, and at length."""
    return matches(SPEECH["report"], text) >= FOREIGN and len(text.split()) > LONG


def _is_fact(sentence: str) -> bool:
    """Whether a sentence states how something is, with a limit or a contrast in it."""
    return bool(
        _STATEMENT.match(sentence)
        and matches(SPEECH["limits"], sentence)
        and not matches(SPEECH["complaint"], sentence)
    )


def occupation(seen: Evidence) -> str:
    """The person's own profession; abstains without a sign that it is theirs."""
    return _leader(occupation_scores(seen), ENOUGH)


def occupation_scores(seen: Evidence) -> dict[str, float]:
    """
    Signs of each profession; the reason for a label is in these sums.

    One statement is enough, one folder of the trade too; of weaker signs it takes two.  The
    words of the task tip the balance between professions, and are no sign themselves.
    """
    told = "\n".join((*seen.own, seen.instructions))
    folders = _spaced(seen.folders)
    found: dict[str, float] = {}
    for code, trade in TRADES.items():
        score = 4.0 * bool(trade.is_one.search(told))
        score += 3.0 * min(2, distinct(trade.is_theirs, told))
        score += 1.0 * distinct(trade.signs, told)
        score += 2.0 * bool(trade.places.search(folders))
        # Between two professions the task decides; words of software are in every session.
        if score >= ENOUGH and code != "15":
            score += 0.5 * min(3, distinct(trade.work, told))
        found[code] = score
    # Branches, reviews, tests that are kept and workflows: that is how a software team works.
    found["15"] += sum(
        (
            seen.proposals > 0,
            seen.commits > 0,
            seen.commands.get("git", 0) > 0,
            seen.commands.get("review", 0) > 0,
            bool(seen.volume.get("test") or seen.volume.get("workflow")),
        )
    )
    return found


def task_occupation(seen: Evidence) -> str:
    """
    Whose workers would typically do this work; abstains without a word of any trade.

    What was asked counts first, then what was touched and what the agent reported.  Code is
    written in every trade now, so that it was written is one sign of software among others.
    """
    asked = "\n".join((*seen.requests, *seen.plans))
    places = _spaced(seen.paths)
    found = {}
    for code, trade in TRADES.items():
        found[code] = distinct(trade.work, asked) + 0.5 * distinct(trade.work, places)
    code_lines = sum(seen.volume.get(sort, 0) for sort in ("code", "test", "setting", "workflow"))
    found["15"] += 0.5 * (code_lines > 0) + 0.5 * bool(seen.commands.get("git") or seen.commits)
    found["15"] += bool(seen.commands.get("deploy") or seen.commands.get("review"))
    found["15"] += bool(seen.volume.get("prompt"))
    return _leader(found, 0.5)


def _leader(found: dict[str, float], enough: float) -> str:
    code, score = max(sorted(found.items()), key=lambda item: item[1])
    return code if score >= enough else UNCLEAR


def _spaced(path: str) -> str:
    return path.replace("-", " ").replace("_", " ").replace("/", " ")


def planning_by_user(seen: Evidence) -> str:
    """
    The person's share of what was decided about aims and approach, in tens of per cent.

    It falls with what the agent did for each thing that was said, as so much was left to it, and
    with questions: who asks has not decided.
    """
    if not seen.requests:
        return UNCLEAR
    if seen.handed and not substantive(seen):
        return "20"  # the plan was the agent's; its approval is one decision of the person
    aims, ceded = _count(seen, "aims"), _count(seen, "ceding")
    steering = seen.rejections + seen.approvals + 0.5 * seen.offered
    left = log1p(seen.actions / max(len(seen.own), 1))
    asked = sum("?" in text for text in seen.own) / max(len(seen.own), 1)
    share = 84 + 3 * log1p(aims) + 2 * log1p(steering) - 20 * min(2, ceded)
    return _tens(share - 8 * left - 12 * asked - 30 * seen.handed)


def execution_by_user(seen: Evidence) -> str:
    """The person's share of which files, code and commands, in tens of per cent."""
    if not seen.requests:
        return UNCLEAR
    if not seen.actions:
        return "none"
    named, ceded = _count(seen, "particulars"), _count(seen, "ceding")
    detail = 7 * log1p(named) + 4 * log1p(_count(seen, "specific")) + 3 * log1p(seen.own_words / 20)
    share = 6 + detail + 4 * log1p(seen.rejections) - 8 * min(2, ceded)
    return _tens(share - 2.2 * log1p(seen.actions))


def _count(seen: Evidence, name: str) -> int:
    """In how many ways the person's requests show something, over all of them."""
    return sum(matches(SPEECH[name], text) for text in substantive(seen))


def _tens(share: float) -> str:
    return str(int(min(100, max(0, round(share / 10) * 10))))
