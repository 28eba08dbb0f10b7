"""
What was done: work mode, relation to a code base, and the size of the task.

Each mode collects weights: from the wording of the requests (the opening ones count most),
from what was changed, and from what was run.  The highest sum wins if it is high enough;
otherwise the rule abstains.  Weights were set by hand and looked over on the reference labels.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from math import log1p

from privacy.codebook import UNCLEAR

from .evidence import Evidence
from .tables import CUES, REPORTS, SPEECH, SUBJECTS, matches

CHANGED: dict[str, dict[str, float]] = {
    "code": {"build": 2.5, "fix": 2.0},
    "test": {"test": 2.5, "fix": 1.5, "build": 1.0},
    "document": {"communicate": 4.0, "plan": 1.0},
    "prompt": {"orchestrate": 5.0},
    "workflow": {"operate": 4.0},
    "setting": {"build": 1.0, "operate": 1.5, "fix": 0.5},
    "data": {"analyze": 3.5},
}
"""Weights for the share of the changed lines that lies in a sort of artefact."""
RUN: dict[str, dict[str, float]] = {
    "git": {"operate": 1.5},
    "deploy": {"operate": 3.0},
    "package": {"operate": 1.0},
    "review": {"test": 2.0},
    "data": {"analyze": 3.5},
    "document": {"communicate": 2.0},
}
"""Weights for the share of the shell commands that are of a sort."""
IDLE = {"understand": 2.0, "test": 1.0, "plan": 1.0, "communicate": 0.5, "build": -2.5, "fix": -1.5}
"""Added where nothing was changed."""
WROTE = {"understand": -3.0, "plan": -2.5}
"""Added where code was changed."""
MENDED = {"test": -1.0, "analyze": -1.0}
"""Added where code other than tests or data makes up most of what was changed."""
_POLITE = re.compile(
    r"^(?:\W+|\w+: |(?:hi|hello|hey)(?: there)?\b|good (?:morning|afternoon|evening)\b"
    r"|(?:ok(?:ay)?|so|next|now|please|help me(?: to)?|help|let.s|how do i)\b|in \S+:"
    r"|i(?:.d like| want| have| need|.m trying| would like)(?: you)? to\b"
    r"|we (?:need|have|want) to\b|(?:can|could|would|will) (?:you|we)\b)+"
)
"""What comes before the thing that is asked for."""
ERRED = 2.0
"""For fixing: an error that the person showed, or a check that failed before any change."""
_CODE_PATH = re.compile(
    r"\.(?:py|go|ts|tsx|js|rs|java|c|cpp|cs|rb|php|swift|kt|sh|ps1)$", re.MULTILINE
)
OPENING = 300
"""Characters of a request that say what it is about; the rest counts a third, in the first."""
LEAST = 1.5
"""Sum below which the rule abstains."""
LATER = (1.0, 0.7)
"""What a later request weighs by its place: the second, any after it."""
REQUESTS = 12
"""Requests that are looked at."""
PLAN_READ = 600
"""Characters of a handed plan after its title: why it was made; then come the things it touches."""
SOURCES: dict[str, float] = {
    "asked": 1.0, "later": 0.25, "planned": 0.25, "reported": 1.0, "named": 0.75,
    "changed": 0.5, "run": 0.5, "state": 0.75, "mended": 0.75,
}  # fmt: skip
"""
What each source of evidence weighs.

Chosen over repositories, rounded to quarters: `./run bench offline` does it again.
"""


def work_mode(seen: Evidence) -> str:
    """The dominant activity."""
    return leading(mode_points(seen), SOURCES)


def mode_scores(
    points: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]
) -> dict[str, float]:
    """What every mode has collected; the reason for a label is in these sums."""
    scores: dict[str, float] = defaultdict(float)
    for source, told in points.items():
        for mode, worth in told.items():
            scores[mode] += weights[source] * worth
    return scores


def leading(points: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> str:
    """
    The mode of the highest sum.

    It abstains where the sum is low, and where nothing but the state of things speaks for it:
    that nothing was changed is true of a session about nothing.
    """
    scores = mode_scores(points, weights)
    if not scores:
        return UNCLEAR
    mode, score = max(sorted(scores.items()), key=lambda item: item[1])
    spoken = any(told.get(mode, 0) > 0 for source, told in points.items() if source != "state")
    return mode if score >= LEAST and spoken else UNCLEAR


def mode_points(seen: Evidence) -> dict[str, dict[str, float]]:
    """
    What each source says about every mode, before it is weighed.

    Returns:
        Source → mode → points; empty where nothing was asked or done.
    """
    points: dict[str, dict[str, float]] = {source: defaultdict(float) for source in SOURCES}
    asked = [text for text in seen.requests if not matches(SPEECH["routine"], text)]
    if not asked and not seen.actions:
        return {}
    for place, text in enumerate(asked[:REQUESTS]):
        weight = LATER[min(place, len(LATER)) - 1] if place else 1.0
        _hear(points["later" if place else "asked"], text, weight, beyond=0.0 if place else 0.3)
    for plan in seen.plans[:1]:
        body = plan.partition("\n")[2][:PLAN_READ]
        for mode, worth, at_start, pattern in CUES:
            if not at_start and pattern.search(body):
                points["planned"][mode] += worth
    for cues, texts, source in (
        (REPORTS, seen.reports, "reported"),
        (SUBJECTS, sorted(set(seen.subjects)), "named"),
    ):
        for text in texts:
            for mode, worth, pattern in cues:
                if pattern.search(text):
                    points[source][mode] += worth / len(texts)
    changed = Counter(seen.volume)
    if changed["code"]:  # tests that come with code are part of that work
        changed["code"] += changed.pop("test", 0)
    _add(points["changed"], CHANGED, changed, min(1.0, 0.5 + log1p(seen.lines) / 8))
    _add(points["run"], RUN, seen.commands, min(1.0, seen.kinds.get("shell", 0) / 4))
    wrote = sum(seen.volume.get(sort, 0) for sort in ("code", "test", "setting"))
    delegated = seen.handed or seen.commits or seen.kinds.get("agent", 0)
    _merge(points["state"], WROTE if wrote else {} if seen.lines or delegated else IDLE)
    if seen.volume.get("code", 0) * 2 > seen.lines:
        _merge(points["state"], MENDED)
    points["mended"]["fix"] = ERRED * (any(seen.shown_errors[:1]) + seen.failed_first)
    return points


def _hear(points: dict[str, float], text: str, weight: float, beyond: float) -> None:
    """Add what a request's opening says, and `beyond` of what only the rest of it says."""
    start = _POLITE.sub("", text[: 2 * OPENING])[:OPENING]
    for mode, worth, at_start, pattern in CUES:
        if pattern.search(start if at_start else text[:OPENING]):
            points[mode] += worth * weight
        elif beyond and not at_start and pattern.search(text):
            points[mode] += worth * beyond


def _merge(points: dict[str, float], more: Mapping[str, float]) -> None:
    for mode, worth in more.items():
        points[mode] += worth


def _add(
    scores: dict[str, float],
    table: Mapping[str, Mapping[str, float]],
    counts: Mapping[str, int],
    strength: float,
) -> None:
    total = sum(counts.values())
    for sort, count in counts.items():
        for mode, weight in table.get(sort, {}).items():
            scores[mode] += weight * strength * count / total


def codebase(seen: Evidence) -> str:
    """How the session stands to a code base."""
    code = sum(seen.volume.get(s, 0) for s in ("code", "test", "setting", "workflow", "prompt"))
    technical = bool(seen.commands) or _CODE_PATH.search(seen.paths)
    read = seen.kinds.get("read", 0) + seen.kinds.get("search", 0) + seen.kinds.get("edit", 0)
    if code or (seen.lines and technical):
        asked = any(matches(SPEECH["from_scratch"], text) for text in seen.requests[:1])
        # One setting, test or workflow that is written goes to something that is there already.
        written = seen.volume.get("code", 0) and not seen.kinds.get("edit", 0) and read < 3
        return "create" if seen.kinds.get("write", 0) and (asked or written) else "modify"
    if technical and seen.actions:
        return "modify" if seen.commits or seen.kinds.get("edit", 0) else "explore"
    return "none" if seen.requests else UNCLEAR


VALUE = (
    (3.2, "lt25"), (4.6, "25-50"), (5.5, "50-100"), (6.7, "100-250"), (7.8, "250-500"),
    (9.0, "500-1000"), (10.5, "1000-5000"),
)  # fmt: skip
"""(effort up to which, band); beyond the last: gt5000."""


def effort(seen: Evidence) -> float:
    """Size of the work on a logarithmic scale: lines, actions, files, prose where no code is."""
    prose = 0.0 if seen.lines else 0.35 * log1p(seen.answer_words / 10)
    return 0.6 * log1p(seen.lines) + 0.7 * log1p(seen.actions) + 0.4 * log1p(seen.files) + prose


def task_value(seen: Evidence) -> str:
    """The value band, by size alone: ordinal use only."""
    if not seen.requests:
        return UNCLEAR
    size = effort(seen)
    return next((band for top, band in VALUE if size <= top), "gt5000")
