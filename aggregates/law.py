"""
The joint law of the synthetic population.

`model` turns the margins into one law, so that each margin is an expectation of that law and not a
hope: effects on verified success add up and are centred, tilts of one column by another are linear,
and whatever is discrete is summed term by term.  No probability is ever clipped; a margin that
would need it raises.

Why tilts: expertise moves verified success all else equal (adjusted) and also chooses larger tasks.
With P(band | expertise) = g·(1 + κ·b), b the band's centred effect and g its pooled share,
E[b | expertise] = κ·Var(b): κ is the published gap, unadjusted less adjusted, over Var(b).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import margins as m
from .evidence import failure_signals, no_line_on_average, no_lines, success_signals
from .sizes import Floats, prompt_counts, solve_centre, style_shares

LEVELS = tuple(m.EXPERTISE)
MODES = tuple(m.WORK_MODE)
BANDS = tuple(m.TASK_VALUE)
OCCUPATIONS = tuple(m.OCCUPATION)
STYLES = tuple(m.ACTIONS_BY_STYLE)


@dataclass(frozen=True, slots=True)
class Model:
    """Tables of the joint law; the last axis of each is the column it draws."""

    mode: Floats
    """(month, mode)"""
    band: Floats
    """(month, level, band)"""
    codebase: Floats
    """(mode, relation)"""
    reached: Floats
    """(level, 3): verified, judged, at least partial, at centred effects 0."""
    by_mode: Floats
    by_band: Floats
    by_occupation: Floats
    """What mode, band and occupation add to verified success (occupation: to judged, too)."""
    outcome: Floats
    """(level, class): what `reached` and the effects come to on average."""
    troubled: Floats
    """(level, class): P(failure signal 3 or more)."""
    success_signal: Floats
    """(class, signal)"""
    failure_signal: Floats
    """(troubled, level, class, signal)"""
    wrote_nothing: Floats
    """(abandoned-prone, level, relation): P(no line added); 1 is a troubled failure."""
    idle: Floats
    """(level,): P(no tool call), over all sessions."""
    prompts: Floats
    """(PROMPTS_MOST,): P(1 prompt), …"""
    style: Floats
    """(style,)"""
    log_actions: Floats
    log_words: Floats
    """(level,): μ of the logarithm per prompt."""


@cache
def model() -> Model:
    """The joint law; `ValueError` if a margin would need a probability outside [0, 1]."""
    level = _row(m.EXPERTISE)
    mode = _modes()
    by_mode = _centred(_row(m.VERIFIED_BY_WORK_MODE), mode.mean(axis=0))
    by_band = _centred(np.array(m.VERIFIED_BY_TASK_VALUE), _row(m.TASK_VALUE))
    tilt, unadjusted = _tilts(level, by_band)
    codebase = _codebase(mode.mean(axis=0))
    reached = np.stack(
        [_row(m.VERIFIED_ADJUSTED), _row(m.JUDGED), _row(m.AT_LEAST_PARTIAL)], axis=1
    )
    bounds = np.stack([unadjusted, reached[:, 1], reached[:, 2], np.ones(len(LEVELS))], axis=1)
    outcome = np.diff(bounds, axis=1, prepend=0.0)
    trouble = np.array([m.IN_TROUBLE[name] for name in LEVELS])
    verified, judged, partial = trouble[:, 0], trouble[:, 1], trouble[:, 2]
    inside = np.stack([verified, judged - verified, partial - judged, 1 - partial], axis=1)
    share = _row(m.TROUBLED)
    joint = share[:, None] * inside
    wrote_nothing = no_lines(trouble[:, 4] / (1 - partial))
    idle = m.IDLE * no_line_on_average(wrote_nothing, (1 - m.NO_GOAL) * joint[:, 3])
    prompts, style = prompt_counts(), style_shares()
    by_style = np.array([m.ACTIONS_BY_STYLE[name] for name in STYLES])
    tables = Model(
        mode=mode,
        band=_bands(tilt, by_band),
        codebase=codebase,
        reached=reached,
        by_mode=by_mode,
        by_band=by_band,
        by_occupation=_by_occupation(float(level @ unadjusted)),
        outcome=outcome,
        troubled=joint / outcome,
        success_signal=success_signals(level @ outcome),
        failure_signal=failure_signals(level, outcome, joint, trouble),
        wrote_nothing=wrote_nothing,
        idle=idle,
        prompts=prompts,
        style=style,
        log_actions=np.array(
            [
                solve_centre(
                    "actions_per_prompt",
                    target,
                    1 - quiet,
                    prompts,
                    by_style,
                    style,
                    m.ACTIONS_SPREAD,
                )
                for target, quiet in zip(m.ACTIONS_PER_PROMPT.values(), idle, strict=True)
            ]
        ),
        log_words=np.array(
            [
                solve_centre(
                    "words_per_prompt", t, 1.0, prompts, np.zeros(1), np.ones(1), m.WORDS_SPREAD
                )
                for t in m.WORDS_PER_PROMPT.values()
            ]
        ),
    )
    _check(tables)
    return tables


def _row(table: Mapping[str, float]) -> Floats:
    return np.array(list(table.values()), dtype=np.float64)


def _centred(effect: Floats, share: Floats) -> Floats:
    return effect - float(share @ effect)


def _modes() -> Floats:
    first, pooled, last = np.array(list(m.WORK_MODE.values())).T
    step = np.arange(len(m.MONTHS)) / (len(m.MONTHS) - 1)
    bend = step * (1 - step)
    straight = first[None, :] + step[:, None] * (last - first)[None, :]
    return np.asarray(straight + bend[:, None] * ((pooled - (first + last) / 2) / bend.mean()))


def _tilts(level: Floats, by_band: Floats) -> tuple[Floats, Floats]:
    # κ of unclear expertise balances the others, so that pooled shares of bands stay g.
    variance = float(_row(m.TASK_VALUE) @ by_band**2)
    gap = np.array([m.VERIFIED_UNADJUSTED[n] - m.VERIFIED_ADJUSTED[n] for n in LEVELS[:-1]])
    gap = np.append(gap, -float(level[:-1] @ gap) / level[-1])
    return gap / variance, _row(m.VERIFIED_ADJUSTED) + gap


def _bands(tilt: Floats, by_band: Floats) -> Floats:
    pooled, shift = _row(m.TASK_VALUE), np.array(m.TASK_VALUE_SHIFT)
    middle = np.array(m.TASK_VALUE_MIDDLE)
    scale = float(pooled @ middle) * (m.TASK_VALUE_GROWTH - 1) / (m.TASK_VALUE_GROWTH + 1)
    drift = (
        np.linspace(-1, 1, len(m.MONTHS))[:, None] * shift[None, :] * scale / float(shift @ middle)
    )
    tilted = pooled * (1 + tilt[:, None] * by_band[None, :])
    return np.asarray(tilted[None, :, :] + drift[:, None, :])


def _codebase(pooled: Floats) -> Floats:
    known = {mode: np.array(row) for mode, row in m.CODEBASE.items()}
    share = dict(zip(MODES, pooled, strict=True))
    rest = np.array(m.CODEBASE_POOLED) - sum(share[mode] * row for mode, row in known.items())
    return np.array([known.get(mode, rest / share["operate"]) for mode in MODES])


def _by_occupation(mean: float) -> Floats:
    share = m.OCCUPATION
    others = [o for o in OCCUPATIONS if o not in {"15", "unclear"}]
    figure = {o: m.VERIFIED_BY_OCCUPATION.get(o, 0.27) for o in others}
    weight = sum(share[o] for o in others)
    centre = sum(share[o] * figure[o] for o in others) / weight
    rate = {o: m.VERIFIED_OTHER + m.OCCUPATION_SPREAD * (figure[o] - centre) for o in others}
    rate["15"] = m.VERIFIED_SOFTWARE
    effect = {o: value - mean for o, value in rate.items()}
    effect["unclear"] = -sum(share[o] * e for o, e in effect.items()) / share["unclear"]
    return np.array([effect[o] for o in OCCUPATIONS])


def _check(law: Model) -> None:
    tables = {name: getattr(law, name) for name in ("mode", "band", "codebase", "outcome")}
    tables |= {"success_signal": law.success_signal, "prompts": law.prompts, "style": law.style}
    for name, table in tables.items():
        if table.min() < -1e-12 or not np.allclose(table.sum(axis=-1), 1, atol=1e-9):
            raise ValueError(f"The margins of {name} are no probabilities.")
    lowest, highest = (
        f(law.by_mode) + f(law.by_band) + f(law.by_occupation) for f in (np.min, np.max)
    )
    judged = law.reached[:, 1] + law.by_occupation.min()
    partial = law.reached[:, 2] - law.by_occupation.max()
    if (law.reached[:, 0] + lowest).min() < 0 or (law.reached[:, 0] + highest > judged).any():
        raise ValueError("Effects on verified success leave [0, judged success].")
    if (law.reached[:, 1] > partial).any() or law.troubled.max() > 1:
        raise ValueError("Judged success or trouble exceeds what contains it.")
    for table in (law.failure_signal, law.wrote_nothing, law.idle):
        if table.min() < 0 or table.max() > 1:
            raise ValueError("A signal or a share of code is no probability.")
