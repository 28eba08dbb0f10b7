"""
Decide what happens in a synthetic session before a word of it is written.

A plot realises one label row: how many prompts, actions, lines and commits there are is copied from
the row (capped, so that files stay small, and the capped figure is what counts); outcome, signals,
work mode and shares of decisions choose which actions, in which order, and how it ends.
"""

from dataclasses import dataclass, field
from random import Random

MOST_PROMPTS, MOST_ACTIONS, MOST_ADDED, MOST_REMOVED, MOST_COMMITS = 4, 18, 36, 18, 3

MIX = {
    "plan": {"read": 4, "search": 3, "web": 2, "todo": 1, "look": 1},
    "build": {"read": 4, "search": 2, "look": 3, "todo": 1, "tests": 1},
    "fix": {"read": 4, "search": 3, "look": 3, "tests": 2},
    "understand": {"read": 6, "search": 4, "look": 2},
    "test": {"read": 3, "search": 1, "tests": 4, "look": 2},
    "operate": {"operate": 5, "look": 4, "read": 2},
    "analyze": {"compute": 5, "read": 3, "look": 2},
    "orchestrate": {"read": 4, "search": 1, "look": 2, "web": 1, "todo": 1},
    "communicate": {"read": 4, "search": 1, "web": 1, "look": 1},
}
"""Actions beyond edits and commits, by work mode; a tenth is drawn from another mode's."""
STRAY = 0.1
RUNS = ("build", "fix", "test", "operate", "orchestrate")
"""Work modes in which tests are natural."""


@dataclass(slots=True)
class Row:
    """What a session is to be, from a label row."""

    labels: dict[str, str]
    prompts: int
    actions: int
    lines_added: int
    lines_removed: int
    commits: int


@dataclass(frozen=True, slots=True)
class Step:
    """One action to be taken: a kind and its size."""

    kind: str
    added: int = 0
    removed: int = 0


@dataclass(slots=True)
class Plot:
    """What happens, turn by turn."""

    turns: list[list[Step]]
    hard: set[str]
    """Hard signs of success: commit, tests, approval, output."""
    bad: set[str]
    """Hard signs of failure: error, tests, complaint."""
    pushes: set[int] = field(default_factory=set)
    """Prompts that push back."""


def cap(row: Row) -> Row:
    """The row at sizes that files are written in, consistent in itself."""
    prompts = min(row.prompts, MOST_PROMPTS)
    actions = min(MOST_ACTIONS, round(row.actions * prompts / row.prompts))
    if row.lines_added or row.actions:
        actions = max(actions, 1)
    added = min(row.lines_added, MOST_ADDED)
    commits = min(row.commits, MOST_COMMITS, max(0, actions - 1)) if added else 0
    # Nothing can be removed without an edit, and an edit adds a line here.
    removed = min(row.lines_removed, MOST_REMOVED) if added else 0
    return Row(row.labels, prompts, actions, added, removed, commits)


def plot(row: Row, dice: Random) -> Plot:
    """Choose the actions of a capped row and deal them to its prompts."""
    labels, mode = row.labels, row.labels["work_mode"]
    success, failure = labels["success_signal"], labels["failure_signal"]
    changes = _changes(row, dice)
    free = row.actions - len(changes) - row.commits
    hard = _hard(row, free, dice)
    bad = _bad(row, free - ("tests" in hard) - ("output" in hard), dice)
    steps: list[tuple[float, Step]] = []
    late = 0.5 if labels["outcome"] in ("succeeded", "no_goal") else 1.1
    fixed = [
        *((0.97, "tests_passed") for _ in range("tests" in hard)),
        *((0.98, "compute") for _ in range("output" in hard)),
        *((late, "trouble") for _ in range("error" in bad)),
        *((late, "tests_failed") for _ in range("tests" in bad)),
    ]
    rough = {"none": 0.02, "1": 0.35}.get(failure, 0.2)
    for _ in range(free - len(fixed)):
        kind = _other(mode, dice)
        if kind == "tests":
            # A failing run is an episode that is recovered from; only `bad` ones are not.
            kind = "tests_passed" if success in ("3", "4", "5") else "tests_failed"
            kind = kind if dice.random() < 0.7 and mode in RUNS else "look"
        if dice.random() < rough / 3:
            kind = "trouble"
        steps.append(
            (dice.random() * (0.95 if kind not in ("read", "search") else 0.7), Step(kind))
        )
    steps += [(when, Step(kind)) for when, kind in fixed]
    steps += [(0.25 + 0.65 * dice.random(), change) for change in changes]
    steps += [(0.99 + dice.random() / 1000, Step("commit")) for _ in range(row.commits)]
    steps.sort(key=lambda pair: pair[0])
    return Plot(
        _deal(
            [step for _, step in steps],
            row,
            dice,
            closes=bool({"approval", "complaint"} & (hard | bad)),
        ),
        hard,
        bad,
        _pushes(row, dice),
    )


def _changes(row: Row, dice: Random) -> list[Step]:
    room = row.actions - row.commits
    if not row.lines_added or room < 1:
        return []
    count = min(room, row.lines_added, max(1, round(row.actions * dice.uniform(0.08, 0.3))))
    added, removed = _shares(row.lines_added - count, count, dice), [0] * count
    new = row.labels["codebase"] in ("create", "none") and not row.lines_removed
    if row.lines_removed:
        removed = _shares(row.lines_removed, count, dice)
    return [
        Step("create" if new and not less and dice.random() < 0.75 else "edit", 1 + more, less)
        for more, less in zip(added, removed, strict=True)
    ]


def _shares(total: int, parts: int, dice: Random) -> list[int]:
    cuts = sorted(dice.randrange(total + 1) for _ in range(parts - 1))
    return [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]


def _hard(row: Row, free: int, dice: Random) -> set[str]:
    wanted = {"4": 1, "5": 2}.get(row.labels["success_signal"], 0)
    possible = [
        *(["approval"] if row.prompts > 1 else []),
        *(["tests"] if free > 0 and row.labels["work_mode"] in RUNS else []),
        *(["output"] if free > 1 else []),
    ]
    dice.shuffle(possible)
    return {*(["commit"] if row.commits else []), *possible[: max(0, wanted - bool(row.commits))]}


def _bad(row: Row, free: int, dice: Random) -> set[str]:
    wanted = {"4": 1, "5": 2}.get(row.labels["failure_signal"], 0)
    possible = [
        *(["complaint"] if row.prompts > 1 else []),
        *(["error"] if free > 0 else []),
        *(["tests"] if free > 1 and row.labels["work_mode"] in RUNS else []),
    ]
    dice.shuffle(possible)
    return set(possible[:wanted])


def _pushes(row: Row, dice: Random) -> set[int]:
    # Push-back at one or two of the prompts between the first and the last.
    often = {"2": 1, "3": 2, "4": 1, "5": 1}.get(row.labels["failure_signal"], 0)
    between = range(1, row.prompts - 1) if row.prompts > 2 else range(1, row.prompts)
    return set(dice.sample(between, min(often, len(between))))


def _other(mode: str, dice: Random) -> str:
    if dice.random() < STRAY:
        mode = dice.choice(tuple(MIX))
    mix = MIX[mode]
    return dice.choices(tuple(mix), tuple(mix.values()))[0]


def _deal(steps: list[Step], row: Row, dice: Random, *, closes: bool) -> list[list[Step]]:
    # A last word of praise or anger starts no work.
    working = max(1, row.prompts - closes)
    cuts = sorted(dice.randrange(len(steps) + 1) for _ in range(working - 1))
    dealt = [steps[a:b] for a, b in zip([0, *cuts], [*cuts, len(steps)], strict=True)]
    return dealt + [[] for _ in range(row.prompts - working)]
