"""
The law of the synthetic population, one factor for each column: P(column | parents).

`law.model` says how a record is drawn; here each step of `twin` stands as a table of chances, so
that what the population expects of any query is a finite sum (`joint`).  Two columns are not here,
since nothing asks for them: bands of length, and of model calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import codebook

from . import margins as m
from .evidence import SIGNALS
from .law import BANDS, LEVELS, MODES, OCCUPATIONS, STYLES, model
from .sizes import Floats, grid, stored, whole

Tensor = NDArray[np.float64]
YES_NO = ("yes", "no")
OUTCOMES = ("succeeded", "partial", "failed", "no_goal")


@dataclass(frozen=True, slots=True)
class Factor:
    """How one column is drawn."""

    given: tuple[str, ...]
    """Its parents, the axes of `chance` before the last."""
    labels: tuple[str, ...]
    """What it can be; of a measure, the stored values 0, 1, … have no names."""
    chance: Tensor
    """P(column | parents), shape (*parents, labels)."""


@cache
def factors() -> Mapping[str, Factor]:
    """Every column of `twin`, and what lies between them, by name."""
    law = model()
    return {
        **_alone(),
        "work_mode": Factor(("month",), MODES, law.mode),
        "task_value": Factor(("month", "expertise"), BANDS, law.band),
        "codebase": Factor(("work_mode",), m.CODEBASES, law.codebase),
        "kind": _kind(),
        "outcome": Factor(("kind", "goal"), OUTCOMES, _outcome()),
        "trouble": Factor(("expertise", "kind", "goal"), YES_NO, _trouble()),
        "success_signal": Factor(("kind", "goal"), SIGNALS, _success_signal()),
        "failure_signal": Factor(
            ("trouble", "expertise", "kind", "goal"), SIGNALS, _failure_signal()
        ),
        "wrote_code": Factor(("trouble", "kind", "expertise", "codebase"), YES_NO, _wrote()),
        "telemetry_wrote_code": Factor(
            ("telemetry", "wrote_code"), (*YES_NO, "absent"), _as_telemetry()
        ),
        "task_occupation": Factor(("occupation",), tuple(m.TASK), _task()),
        "style": Factor(("planning_by_user", "execution_by_user"), STYLES, _style()),
        "busy": Factor(("wrote_code",), YES_NO, np.array([[1, 0], [1 - m.IDLE, m.IDLE]])),
        "actions_per_prompt": Factor(("expertise", "style", "busy"), (), _actions()),
        "words_per_prompt": Factor(("expertise",), (), _words()),
    }


def _alone() -> dict[str, Factor]:
    """Columns that depend on no other."""
    law = model()
    shares = {
        "expertise": m.EXPERTISE,
        "occupation": m.OCCUPATION,
        "month": dict.fromkeys(m.MONTHS, 1 / len(m.MONTHS)),
        "planning_by_user": dict(zip(m.PERCENTS, m.PLANNING, strict=True)),
        "execution_by_user": dict(zip(m.PERCENTS, m.EXECUTION, strict=True)),
        "goal": {"yes": 1 - m.NO_GOAL, "no": m.NO_GOAL},
        "surface": m.SURFACE,
        "model_family": m.MODEL_FAMILY,
        "interactive": {"yes": 1.0},
        "staff": {"no": 1.0},
        "telemetry": {"present": m.TELEMETRY, "absent": 1 - m.TELEMETRY},
        "status": {"rated": 1.0},
    }
    prompts = stored(codebook().measure("prompts"), np.arange(1.0, len(law.prompts) + 1))
    return {
        **{name: Factor((), tuple(of), np.array([*of.values()])) for name, of in shares.items()},
        "prompts": Factor((), (), _histogram(prompts, law.prompts)),
    }


def _kind() -> Factor:
    """P(verified, unverified, partial, failed | expertise, mode, value, occupation)."""
    law = model()
    shape = (len(LEVELS), len(MODES), len(BANDS), len(OCCUPATIONS))
    bounds = np.zeros((*shape, 5))
    bounds[..., 1:4] = law.reached[:, None, None, None, :]
    bounds[..., 1] += law.by_mode[:, None, None] + law.by_band[:, None]
    bounds[..., 1:3] += law.by_occupation[:, None]
    bounds[..., 4] = 1
    given = ("expertise", "work_mode", "task_value", "occupation")
    return Factor(given, ("verified", "unverified", "partial", "failed"), np.diff(bounds))


def _outcome() -> Tensor:
    table = np.zeros((4, 2, 4))
    table[range(4), 0, [0, 0, 1, 2]] = 1
    table[:, 1, 3] = 1
    return table


def _trouble() -> Tensor:
    law = model()
    yes = np.stack([law.troubled, np.zeros_like(law.troubled)], axis=-1)
    return np.stack([yes, 1 - yes], axis=-1)


def _success_signal() -> Tensor:
    none = np.broadcast_to(m.SIGNAL_WITHOUT_GOAL["success"], (4, 6))
    return np.stack([model().success_signal, none], axis=1)


def _failure_signal() -> Tensor:
    shown = model().failure_signal[::-1]  # in trouble first, as `trouble` has it
    none = np.broadcast_to(m.SIGNAL_WITHOUT_GOAL["failure"], shown.shape)
    return np.stack([shown, none], axis=3)


def _wrote() -> Tensor:
    nothing = model().wrote_nothing
    table = np.broadcast_to(nothing[0], (2, 4, *nothing[0].shape)).copy()
    table[0, 3] = nothing[1]  # failed in trouble
    return np.stack([1 - table, table], axis=-1)


def _as_telemetry() -> Tensor:
    table = np.zeros((2, 2, 3))
    table[0, [0, 1], [0, 1]] = 1
    table[1, :, 2] = 1
    return table


def _task() -> Tensor:
    names = tuple(m.TASK)
    other = np.array([*m.TASK.values()])
    rows = []
    for occupation in OCCUPATIONS:
        own = m.TASK_IS_OWN["15" if occupation == "15" else "other"] * (occupation in names)
        rows.append((1 - own) * other + own * np.array([name == occupation for name in names]))
    return np.array(rows)


def _style() -> Tensor:
    table = np.zeros((len(m.PERCENTS), len(m.PERCENTS), len(STYLES)))
    table[:, :, STYLES.index("shared")] = 1
    for name, chosen in (("agent_planned", ("0", "10")), ("user_led", ("90", "100"))):
        places = [m.PERCENTS.index(percent) for percent in chosen]
        rows = (places, slice(None)) if name == "agent_planned" else (slice(None), places)
        table[rows] = np.eye(len(STYLES))[STYLES.index(name)]
    return table


def _actions() -> Tensor:
    """P(stored actions per prompt | expertise, style, busy)."""
    law, measure = model(), codebook().measure("actions_per_prompt")
    counts = np.arange(1.0, len(law.prompts) + 1)[:, None]
    chance = np.broadcast_to(law.prompts[:, None] / len(grid()), (len(counts), len(grid())))
    idle = _histogram(np.zeros(1), np.ones(1))
    rows = []
    for centre in law.log_actions:
        for style in STYLES:
            size = np.exp(centre + m.ACTIONS_BY_STYLE[style] + m.ACTIONS_SPREAD * grid())
            drawn = _histogram(stored(measure, whole(counts, size) / counts), chance)
            rows += [drawn, idle]
    return _stacked(rows, (len(LEVELS), len(STYLES), 2))


def _words() -> Tensor:
    """P(stored words per prompt | expertise)."""
    law, measure = model(), codebook().measure("words_per_prompt")
    counts = np.arange(1.0, len(law.prompts) + 1)[:, None]
    chance = np.broadcast_to(law.prompts[:, None] / len(grid()), (len(counts), len(grid())))
    rows = []
    for centre in law.log_words:
        size = np.exp(centre + m.WORDS_SPREAD * grid())
        rows.append(_histogram(stored(measure, whole(counts, size) / counts), chance))
    return _stacked(rows, (len(LEVELS),))


def _histogram(values: Floats, chance: Floats) -> Tensor:
    return np.bincount(values.astype(np.int64).ravel(), chance.ravel()).astype(np.float64)


def _stacked(rows: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
    table = np.zeros((len(rows), max(map(len, rows))))
    for row, found in zip(table, rows, strict=True):
        row[: len(found)] = found
    return table.reshape(*shape, -1)
