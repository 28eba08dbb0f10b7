"""
What is exactly true of the synthetic population: the parameters a release should give back.

Every figure is an expectation under `law.model`, in closed form.  They hold for the mean session
and, account sizes being independent of everything else, for the mean account too, so they are the
same at every contribution bound.  Rates are among sessions with a goal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import log

import numpy as np

from . import margins as m
from .evidence import CLASSES, SIGNALS
from .law import LEVELS, MODES, model
from .sizes import Floats

OUTCOMES = ("succeeded", "partial", "failed", "no_goal")

IN_TROUBLE = ("verified", "judged", "partial", "verified_failure", "abandoned")

Shares = Mapping[str, float]
SharesBy = Mapping[str, Shares]


@dataclass(frozen=True, slots=True)
class Planted:
    """Exact parameters of the population, by name of column and label."""

    share: SharesBy
    """Shares of all sessions, by column: expertise, occupation, work_mode, codebase, task_value,
    planning_by_user, execution_by_user, outcome, wrote_code."""
    work_mode_by_month: SharesBy
    outcome_by_expertise: SharesBy
    """Shares of all sessions of a level, no_goal included."""
    judged_success_by_expertise: Shares
    at_least_partial_by_expertise: Shares
    verified_success: float
    verified_success_by_expertise: Shares
    """As found: larger tasks, which experts choose, end verified more often."""
    verified_success_by_expertise_adjusted: Shares
    """All else equal: work mode, task value, month and occupation as in the whole population.
    Linear and additive, so a linear probability model with these controls has it as its truth."""
    verified_success_by_work_mode: Shares
    verified_success_by_occupation: Shares
    verified_success_by_software_occupation: Shares
    """Keys software and other; unclear occupations are left out."""
    troubled_by_expertise: Shares
    """Share of sessions with a goal whose failure signal is 3 or more."""
    in_trouble: SharesBy
    """By level: verified, judged, partial (at least), verified_failure, abandoned."""
    succeeded_by_success_signal: Shares
    succeeded_by_failure_signal: Shares
    mean_log_actions_per_prompt_by_expertise: Shares
    """Mean natural logarithm, idle sessions at the measure's floor, rounded as records are."""
    actions_per_prompt_by_expertise: Shares
    """Geometric mean: the exponential of the above."""
    words_per_prompt_by_expertise: Shares


@cache
def planted() -> Planted:
    """The planted parameters."""
    law = model()
    level = np.array(list(m.EXPERTISE.values()))
    found = _named(LEVELS, law.outcome[:, 0])
    mean = float(level @ law.outcome[:, 0])
    modes = law.mode.mean(axis=0)
    outcome = np.stack([law.outcome[:, :2].sum(axis=1), *law.outcome[:, 2:].T, 0 * level], axis=1)
    outcome = (1 - m.NO_GOAL) * outcome
    outcome[:, 3] = m.NO_GOAL
    occupations = {o: mean + e for o, e in zip(m.OCCUPATION, law.by_occupation, strict=True)}
    wrote = 1 - float(level @ (law.idle / m.IDLE))
    return Planted(
        share={
            "expertise": m.EXPERTISE,
            "occupation": m.OCCUPATION,
            "work_mode": _named(MODES, modes),
            "codebase": dict(zip(m.CODEBASES, m.CODEBASE_POOLED, strict=True)),
            "task_value": m.TASK_VALUE,
            "planning_by_user": dict(zip(m.PERCENTS, m.PLANNING, strict=True)),
            "execution_by_user": dict(zip(m.PERCENTS, m.EXECUTION, strict=True)),
            "outcome": _named(OUTCOMES, level @ outcome),
            "wrote_code": {"yes": wrote, "no": 1 - wrote},
        },
        work_mode_by_month={
            month: _named(MODES, row) for month, row in zip(m.MONTHS, law.mode, strict=True)
        },
        outcome_by_expertise={
            name: _named(OUTCOMES, row) for name, row in zip(LEVELS, outcome, strict=True)
        },
        judged_success_by_expertise=m.JUDGED,
        at_least_partial_by_expertise=m.AT_LEAST_PARTIAL,
        verified_success=mean,
        verified_success_by_expertise=found,
        verified_success_by_expertise_adjusted=m.VERIFIED_ADJUSTED,
        verified_success_by_work_mode=_named(MODES, mean + law.by_mode + _by_months(level)),
        verified_success_by_occupation=occupations,
        verified_success_by_software_occupation=_software(occupations),
        troubled_by_expertise=m.TROUBLED,
        in_trouble={
            name: dict(zip(IN_TROUBLE, row, strict=True)) for name, row in m.IN_TROUBLE.items()
        },
        succeeded_by_success_signal=_succeeded(level @ law.outcome, law.success_signal),
        succeeded_by_failure_signal=_by_failure_signal(level),
        mean_log_actions_per_prompt_by_expertise={
            name: log(value) for name, value in m.ACTIONS_PER_PROMPT.items()
        },
        actions_per_prompt_by_expertise=m.ACTIONS_PER_PROMPT,
        words_per_prompt_by_expertise=m.WORDS_PER_PROMPT,
    )


def _by_months(level: Floats) -> Floats:
    # Modes and values both drift, so a mode that grows meets the values of later months.
    law = model()
    by_month = np.einsum("l,tlb,b->t", level, law.band, law.by_band)
    return np.asarray(by_month @ law.mode / law.mode.sum(axis=0))


def _software(rate: Shares) -> Shares:
    others = [o for o in m.OCCUPATION if o not in {"15", "unclear"}]
    weight = sum(m.OCCUPATION[o] for o in others)
    other = sum(m.OCCUPATION[o] * rate[o] for o in others) / weight
    return {"software": rate["15"], "other": other}


def _succeeded(mass: Floats, signal: Floats) -> Shares:
    # mass: share of each class; signal: (class, signal).
    joint = mass[:, None] * signal
    return _named(SIGNALS, joint[:2].sum(axis=0) / joint.sum(axis=0))


def _by_failure_signal(level: Floats) -> Shares:
    law = model()
    chance = np.stack([1 - law.troubled, law.troubled])
    joint = level[None, :, None] * law.outcome[None] * chance
    signal = np.einsum("tlc,tlcs->cs", joint, law.failure_signal)
    total = signal.sum(axis=0)
    return _named(SIGNALS, signal[: CLASSES.index("partial")].sum(axis=0) / total)


def _named(names: tuple[str, ...], values: Floats) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
