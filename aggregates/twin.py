"""
Draw a synthetic population of label records with the published margins.

A twin stands in for labels that nobody may look at: a plan's forecast, a rehearsal and the tests of
coverage run on it.  It is made of random numbers and margins, so it holds nothing about anybody,
and it is seeded on purpose: this is data, not a mechanism's noise.

Expertise and occupation belong to the account, everything else to the session.  Sessions of an
account are alike because a draw falls back, now and then, on a random number the account keeps for
that purpose (`margins.HABIT`): whichever of the two uniform numbers is used, it is uniform and
independent of the account's other traits, so that every margin of `law.model` stays exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import Codebook
from privacy.errors import ConfigurationError
from privacy.labels import PSEUDONYM_BYTES, SESSION_KEY_BYTES, row_width

from . import margins as m
from .accounts import account_sizes
from .evidence import SIGNALS
from .law import BANDS, LEVELS, MODES, OCCUPATIONS, Model, model
from .planted import Planted, planted
from .sizes import Floats, grid, stored, whole

__all__ = ["Planted", "Twin", "draw", "planted"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Twin:
    """Label rows of a whole population, as the classify worker would have left them."""

    rows: NDArray[np.uint8]
    """(sessions, row_width), sorted by account, then by session key."""
    codebook: Codebook

    def column(self, name: str) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """
        One column of all rows, shape (sessions,).

        Returns:
            Positions of labels (uint8) for a field, stored values (uint16) for a measure.

        Raises:
            KeyError: The codebook has no such column.
        """
        fields = [field.name for field in self.codebook.fields]
        if name in fields:
            return self.rows[:, SESSION_KEY_BYTES + fields.index(name)]
        measures = [measure.name for measure in self.codebook.measures]
        if name not in measures:
            raise KeyError(name)
        at = SESSION_KEY_BYTES + len(fields) + 2 * measures.index(name)
        pair = self.rows[:, at : at + 2].astype(np.uint16)
        return (pair[:, 0] << np.uint16(8)) | pair[:, 1]

    def buckets(self, n: int) -> list[bytes]:
        """The rows as n buckets, each account whole in one, byte for byte as they are sealed."""
        top = np.ascontiguousarray(self.rows[:, -PSEUDONYM_BYTES:][:, :4]).view(">u4")[:, 0]
        bucket = top.astype(np.uint64) * np.uint64(n) >> np.uint64(32)
        ends = np.searchsorted(bucket, np.arange(n + 1, dtype=np.uint64))
        return [self.rows[a:b].tobytes() for a, b in pairwise(ends)]


def draw(accounts: int, sessions: int, *, seed: int | None, codebook: Codebook) -> Twin:
    """
    Draw a population.

    Args:
        accounts: Exact number of accounts.
        sessions: Exact number of sessions, at least one per account.
        seed: Same seed, same population; `None` for a fresh one.
        codebook: Decides order and positions of the columns.

    Raises:
        ConfigurationError: There are fewer sessions than accounts, or no accounts.
    """
    if not 0 < accounts <= sessions:
        raise ConfigurationError(
            "TWIN_SIZE",
            rule="A population has at least one account, and each account at least one session.",
            found=f"{accounts} accounts and {sessions} sessions.",
            remedy="ask for at least as many sessions as accounts.",
        )
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(accounts), rng.permutation(account_sizes(accounts, sessions)))
    labels, sizes = _labels(model(), who, rng)
    return Twin(_rows(labels, sizes, who, rng, codebook), codebook)


class _Chance:
    """Uniform numbers for sessions, some of them kept by the session's account."""

    def __init__(self, who: Ints, rng: np.random.Generator) -> None:
        self._who, self._rng = who, rng
        self._kept = {name: rng.random(int(who[-1]) + 1) for name in m.HABIT}

    def fresh(self) -> Floats:
        return self._rng.random(len(self._who))

    def habit(self, name: str) -> Floats:
        falls_back = self.fresh() < m.HABIT[name]
        return np.where(falls_back, self._kept[name][self._who], self.fresh())


def _labels(
    law: Model, who: Ints, rng: np.random.Generator
) -> tuple[dict[str, tuple[tuple[str, ...], Ints]], dict[str, Floats]]:
    """Columns by name: own labels with a position in them, and sizes in the measures' units."""
    chance, people = _Chance(who, rng), int(who[-1]) + 1
    level = _pick(np.array(list(m.EXPERTISE.values())), rng.random(people))[who]
    occupation = _pick(np.array(list(m.OCCUPATION.values())), rng.random(people))[who]
    month = rng.integers(0, len(m.MONTHS), len(who))
    mode = _pick(law.mode[month], chance.habit("work_mode"))
    band = _pick(law.band[month, level], chance.fresh())
    relation = _pick(law.codebase[mode], chance.habit("codebase"))
    planning = _pick(np.array(m.PLANNING), chance.habit("decisions"))
    execution = _pick(np.array(m.EXECUTION), chance.fresh())

    limits = law.reached[level]
    limits[:, 0] += law.by_mode[mode] + law.by_band[band]
    limits[:, :2] += law.by_occupation[occupation][:, None]
    kind = (chance.habit("outcome")[:, None] >= limits).sum(axis=1)
    goal = chance.fresh() >= m.NO_GOAL
    trouble = (chance.fresh() < law.troubled[level, kind]) & goal
    none = {name: np.array(row) for name, row in m.SIGNAL_WITHOUT_GOAL.items()}
    shown = np.where(goal[:, None], law.success_signal[kind], none["success"])
    broken = np.where(
        goal[:, None], law.failure_signal[trouble.astype(int), level, kind], none["failure"]
    )
    success, failure = _pick(shown, chance.fresh()), _pick(broken, chance.fresh())
    outcome = np.where(goal, np.array([0, 0, 1, 2])[kind], 3)
    prone = (trouble & (kind == 3)).astype(int)
    wrote = chance.fresh() >= law.wrote_nothing[prone, level, relation]

    sizes = _sizes(law, chance, level, planning, execution, wrote=wrote, grown=relation != 2)
    can = wrote & (sizes["actions"] >= m.COMMIT_NEEDS)
    hard = np.where(success >= 4, m.COMMITTED["hard"], m.COMMITTED["soft"])
    commits = np.where(
        can & (chance.fresh() < hard), rng.geometric(1 / m.COMMITS_MEAN, len(who)), 0
    )
    sizes["commits"] = np.minimum(commits, np.maximum(1, sizes["actions"] // 3)) * (commits > 0)
    yes_no = ("yes", "no")
    telemetry = chance.fresh() < m.TELEMETRY
    columns = {
        "expertise": (LEVELS, level),
        "occupation": (OCCUPATIONS, occupation),
        "task_occupation": (tuple(m.TASK), _task(occupation, chance)),
        "month": (m.MONTHS, month),
        "work_mode": (MODES, mode),
        "task_value": (BANDS, band),
        "codebase": (m.CODEBASES, relation),
        "planning_by_user": (m.PERCENTS, planning),
        "execution_by_user": (m.PERCENTS, execution),
        "outcome": (("succeeded", "partial", "failed", "no_goal"), outcome),
        "success_signal": (SIGNALS, success),
        "failure_signal": (SIGNALS, failure),
        "wrote_code": (yes_no, (~wrote).astype(int)),
        "surface": (tuple(m.SURFACE), _pick(_shares(m.SURFACE), chance.fresh())),
        "model_family": (tuple(m.MODEL_FAMILY), _pick(_shares(m.MODEL_FAMILY), chance.fresh())),
        "interactive": (yes_no, np.zeros(len(who), dtype=int)),
        "staff": (yes_no, np.ones(len(who), dtype=int)),
        "telemetry": (("present", "absent"), (~telemetry).astype(int)),
        "telemetry_wrote_code": (
            ("yes", "no", "absent"),
            np.where(telemetry, (~wrote).astype(int), 2),
        ),
        "status": (("rated",), np.zeros(len(who), dtype=int)),
        **_bands(sizes),
    }
    return columns, sizes


def _sizes(
    law: Model,
    chance: _Chance,
    level: Ints,
    planning: Ints,
    execution: Ints,
    *,
    wrote: NDArray[np.bool_],
    grown: NDArray[np.bool_],
) -> dict[str, Floats]:
    z: Floats = grid()
    led = np.isin(execution, [m.PERCENTS.index(p) for p in ("90", "100")])
    planned = np.isin(planning, [m.PERCENTS.index(p) for p in ("0", "10")])
    styles = m.ACTIONS_BY_STYLE
    shift = np.where(led, styles["user_led"], np.where(planned, styles["agent_planned"], 0.0))
    prompts = (_pick(law.prompts, chance.fresh()) + 1.0).astype(np.float64)
    at = (chance.habit("size") * len(z)).astype(int)
    spread = shift + m.ACTIONS_SPREAD * z[at]
    per_prompt = np.exp(law.log_actions[level] + spread).astype(np.float64)
    busy = wrote | (chance.fresh() >= m.IDLE)
    actions = np.where(busy, whole(prompts, per_prompt), 0.0)
    at = (chance.fresh() * len(z)).astype(int)
    wordy = np.exp(law.log_words[level] + m.WORDS_SPREAD * z[at]).astype(np.float64)
    words = whole(prompts, wordy)
    at = (chance.fresh() * len(z)).astype(int)
    lines = whole(np.ones(len(z)), m.LINES_ADDED_MEDIAN * np.exp(m.LINES_ADDED_SPREAD * z))[at]
    added = np.where(wrote, np.minimum(lines, m.LINES_ADDED_MOST), 0.0)
    at = (chance.fresh() * len(z)).astype(int)
    ratio = m.LINES_REMOVED_RATIO * np.exp(m.LINES_REMOVED_SPREAD * z)[at]
    return {
        "prompts": prompts,
        "actions": actions,
        "words_out": words,
        "lines_added": added,
        "lines_removed": np.where(grown, np.floor(added * ratio), 0.0),
        "actions_per_prompt": actions / prompts,
        "words_per_prompt": words / prompts,
    }


def _bands(sizes: dict[str, Floats]) -> dict[str, tuple[tuple[str, ...], Ints]]:
    # The columns that follow from sizes; their labels are those of the codebook.
    characters = m.CHARACTERS_PER_WORD * sizes["words_out"]
    calls = np.floor(sizes["prompts"] + m.CALLS_PER_ACTION * sizes["actions"])
    cut = np.maximum(0.0, 1 - 25_000 / characters)
    bounds = {
        "length_band": np.searchsorted([2e3, 5e3, 1e4, 2.5e4, 1e5], characters, side="right"),
        "model_calls": np.searchsorted([1, 2, 4, 8, 16, 32, 64, 128], calls, side="right"),
        "share_cut": np.floor(10 * cut).astype(int),
    }
    return {name: ((), position) for name, position in bounds.items()}


def _task(occupation: Ints, chance: _Chance) -> Ints:
    names = tuple(m.TASK)
    own = np.array([names.index(o) if o in names else -1 for o in OCCUPATIONS])[occupation]
    software = occupation == OCCUPATIONS.index("15")
    share = np.where(software, m.TASK_IS_OWN["15"], m.TASK_IS_OWN["other"])
    keeps = (chance.fresh() < share) & (own >= 0)
    return np.where(keeps, own, _pick(_shares(m.TASK), chance.fresh()))


def _shares(table: dict[str, float]) -> Floats:
    return np.array(list(table.values()))


def _pick(probabilities: Floats, uniform: Floats) -> Ints:
    """Position drawn by the inverse distribution function; rows of probabilities, or one row."""
    bounds = np.cumsum(probabilities, axis=-1)[..., :-1]
    if bounds.ndim == 1:
        return np.searchsorted(bounds, uniform, side="right")
    return np.asarray((uniform[:, None] >= bounds).sum(axis=1))


def _rows(
    labels: dict[str, tuple[tuple[str, ...], Ints]],
    sizes: dict[str, Floats],
    who: Ints,
    rng: np.random.Generator,
    codebook: Codebook,
) -> NDArray[np.uint8]:
    rows = np.empty((len(who), row_width(codebook)), dtype=np.uint8)
    for at, field in enumerate(codebook.fields, SESSION_KEY_BYTES):
        if field.name not in labels:  # of a question of one's own nothing is published
            labels[field.name] = (), rng.integers(0, len(field.labels) - 1, len(who))
        own, position = labels[field.name]
        code = [field.index(label) for label in own] or range(len(field.labels))
        rows[:, at] = np.array(code, dtype=np.uint8)[position]
    at = SESSION_KEY_BYTES + len(codebook.fields)
    for measure in codebook.measures:
        value = stored(measure, sizes[measure.name]).astype(">u2")
        rows[:, at : at + 2] = value[:, None].view(np.uint8)
        at += 2
    keys = rng.bytes(len(who) * SESSION_KEY_BYTES)
    rows[:, :SESSION_KEY_BYTES] = _blocks(keys, SESSION_KEY_BYTES)
    pseudonyms = _blocks(rng.bytes((int(who[-1]) + 1) * PSEUDONYM_BYTES), PSEUDONYM_BYTES)
    rows[:, -PSEUDONYM_BYTES:] = pseudonyms[who]
    return rows[np.lexsort([*_halves(rows[:, :SESSION_KEY_BYTES]), *_halves(pseudonyms[who])])]


def _blocks(data: bytes, width: int) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, width)


def _halves(block: NDArray[np.uint8]) -> Iterator[NDArray[np.uint64]]:
    # Least significant first, as lexsort wants its keys.
    pair = np.ascontiguousarray(block).view(">u8").astype(np.uint64)
    yield from (pair[:, 1], pair[:, 0])
