"""
Who asked: expertise in the task, occupation, and the share of the decisions.

Only the person's own words count.  Plans that the agent drafted, pasted logs and options that
were offered are not theirs.  With too few words of their own the rule abstains.
"""

from math import log1p

from privacy.codebook import UNCLEAR

from .evidence import Evidence
from .tables import MINE, ROLES, SPEECH, WORK, distinct, matches

LEVELS = ("novice", "beginner", "intermediate", "advanced", "expert")
FEWEST_WORDS = 7
"""Own words, routine ones left out, below which expertise is not judged."""
ENOUGH = 2
"""Signs of an occupation that make it the person's."""
STEPS = (0.3, 1.05, 2.7, 4.5)
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
    """
    Points for framing, checks and corrections, the codebook's three signals.

    Each saturates, so that length alone does not make an expert.
    """
    said = substantive(seen)
    framing = sum(matches(SPEECH["specific"], text) for text in said)
    checks = sum(matches(SPEECH["checks"], text) > 0 for text in said)
    corrections = sum(matches(SPEECH["corrections"], text) > 0 for text in said)
    vague = sum(matches(SPEECH["vague"], text) > 0 for text in said)
    length = log1p(sum(len(text.split()) for text in said)) / 5
    return (
        0.6
        + length
        + 0.9 * log1p(framing)
        + 0.8 * log1p(checks)
        + 0.8 * log1p(corrections)
        + 0.5 * min(2, seen.concessions)
        - 0.9 * log1p(vague)
    )


def occupation(seen: Evidence) -> str:
    """The person's own profession; abstains without a sign that it is theirs."""
    own = "\n".join(seen.own)
    places = seen.paths.replace("-", " ").replace("_", " ").replace("/", " ")
    found = {code: distinct(pattern, own) for code, pattern in MINE.items()}
    found["15"] += (seen.proposals > 0) + (seen.commands.get("git", 0) > 0) + (seen.commits > 0)
    found["15"] += seen.commands.get("review", 0) > 0
    # A project's own files tell a software team too: its tests and workflows are kept.
    found["15"] += bool(seen.volume.get("test") or seen.volume.get("workflow"))
    for code, pattern in WORK.items():
        if code != "15":  # words of software are all over a session with a coding agent
            found[code] += distinct(pattern, own) if found[code] else 0
            found[code] += distinct(pattern, places) > 0
    for code, pattern in ROLES.items():
        found[code] += 3 * bool(pattern.search(own))
    code, score = max(sorted(found.items()), key=lambda item: item[1])
    return code if score >= ENOUGH else UNCLEAR


def task_occupation(seen: Evidence) -> str:
    """Whose workers would typically do this work; abstains without a word of any trade."""
    asked = "\n".join((*seen.requests, *seen.plans))
    found = {code: distinct(pattern, asked) for code, pattern in WORK.items()}
    code_lines = sum(seen.volume.get(sort, 0) for sort in ("code", "test", "setting", "workflow"))
    found["15"] += 3 * (code_lines > 0) + 2 * bool(seen.commands.get("git") or seen.commits)
    found["15"] += bool(seen.commands.get("deploy") or seen.commands.get("review"))
    found["15"] += bool(seen.volume.get("prompt"))
    code, score = max(sorted(found.items()), key=lambda item: item[1])
    return code if score >= 1 else UNCLEAR


def planning_by_user(seen: Evidence) -> str:
    """The person's share of what was decided about aims and approach, in tens of per cent."""
    if not seen.requests:
        return UNCLEAR
    if seen.handed and not substantive(seen):
        return "20"  # the plan was the agent's; its approval is one decision of the person
    aims, ceded = _count(seen, "aims"), _count(seen, "ceding")
    steering = seen.rejections + seen.approvals + 0.5 * seen.offered
    share = 56 + 9 * log1p(aims) + 4 * log1p(steering) - 20 * min(2, ceded)
    return _tens(share - 22 * seen.handed - 3 * log1p(seen.kinds.get("plan", 0)))


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
