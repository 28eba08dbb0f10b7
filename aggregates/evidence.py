"""
How success, trouble and written lines show: the signals of the synthetic population.

Given a session's class (its outcome, success split by hard evidence), a signal depends on nothing
else but expertise and trouble.  Its shares are solved for, so that P(succeeded | signal) is the
published figure exactly: with s the mass of successes that show a signal and c the published
chance, the mass of the others at that signal must be s·(1/c - 1).
"""

import numpy as np

from . import margins as m
from .sizes import Floats

SIGNALS = ("none", "1", "2", "3", "4", "5")
CLASSES = ("verified", "unverified", "partial", "failed")
"""Outcome of a session with a goal, success split by hard evidence."""


def success_signals(mass: Floats) -> Floats:
    """
    P(success signal | class), shape (class, signal).

    Args:
        mass: Share of each class among sessions with a goal, shape (class,).
    """
    five = m.SUCCESS_SIGNAL_5_IF_VERIFIED
    table = np.zeros((len(CLASSES), len(SIGNALS)))
    table[0, 4:] = 1 - five, five
    table[1, :4] = m.SUCCESS_SIGNAL_IF_UNVERIFIED
    table[3] = m.SUCCESS_SIGNAL_IF_FAILED
    succeeded = mass[0] * table[0] + mass[1] * table[1]
    rest = (
        succeeded[1:] * (1 / np.array(m.SUCCEEDED_AT_SUCCESS_SIGNAL) - 1) - mass[3] * table[3, 1:]
    )
    table[2, 1:] = rest / mass[2]
    table[2, 0] = 1 - table[2, 1:].sum()
    return table


def failure_signals(level: Floats, outcome: Floats, joint: Floats, trouble: Floats) -> Floats:
    """
    P(failure signal | in trouble or not, level, class), shape (2, level, class, signal).

    Args:
        level: Share of each level of expertise, shape (level,).
        outcome: P(class | level), shape (level, class).
        joint: P(class and trouble | level), shape (level, class).
        trouble: Rows of `margins.IN_TROUBLE`, shape (level, 5).
    """
    table = np.zeros((2, len(level), len(CLASSES), len(SIGNALS)))
    hard = trouble[:, 3] / (1 - trouble[:, 2])
    five = m.FAILURE_SIGNAL_5_IF_VERIFIED_FAILURE
    table[1, :, 3, 3:] = np.stack([1 - hard, hard * (1 - five), hard * five], axis=1)
    four, last = m.FAILURE_SIGNAL_4_IF_TROUBLED["partial"], m.FAILURE_SIGNAL_5_IF_TROUBLED_PARTIAL
    table[1, :, 2, 3:] = 1 - four - last, four, last
    fives = float(level @ (joint[:, 2] * last + joint[:, 3] * hard * five))
    chance = m.SUCCEEDED_AT_FAILURE_SIGNAL
    ended = fives * chance["5"] / (1 - chance["5"]) / float(level @ joint[:, :2].sum(axis=1))
    four = m.FAILURE_SIGNAL_4_IF_TROUBLED["success"]
    table[1, :, :2, 3:] = 1 - four - ended, four, ended
    smooth = level @ (outcome - joint)
    good, rest = smooth[:2].sum(), smooth[2:].sum()
    one, two = m.FAILURE_SIGNAL_1_IF_SMOOTH_SUCCESS, m.FAILURE_SIGNAL_2_IF_SMOOTH_REST
    other = one * good * (1 / chance["1"] - 1) / rest
    second = two * rest / (1 / chance["2"] - 1) / good
    table[0, :, :2, :3] = 1 - one - second, one, second
    table[0, :, 2:, :3] = 1 - other - two, other, two
    return table


def no_lines(abandoned: Floats) -> Floats:
    """
    P(no line added | troubled failure or not, level, relation to a code base), shape (2, level, 4).

    Args:
        abandoned: Share of troubled failures that end without a line, shape (level,).
    """
    # A troubled failure ends without a line in the published share of cases.  Sessions that
    # only read have none anyway; the others are scaled towards 0 or 1, whichever is needed.
    pooled = np.array(m.CODEBASE_POOLED)
    usual = 1 - np.array([m.WROTE_CODE[relation] for relation in m.CODEBASES])
    reads = m.CODEBASES.index("explore")
    mean = (float(pooled @ usual) - pooled[reads]) / (1 - pooled[reads])
    wanted = (abandoned - pooled[reads]) / (1 - pooled[reads])
    fewer = usual[None, :] * (wanted / mean)[:, None]
    more = 1 - (1 - usual)[None, :] * ((1 - wanted) / (1 - mean))[:, None]
    failed = np.where((wanted <= mean)[:, None], fewer, more)
    failed[:, reads] = 1.0
    return np.stack([np.broadcast_to(usual, failed.shape), failed])


def no_line_on_average(wrote_nothing: Floats, failed: Floats) -> Floats:
    """P(no line added | level) from `no_lines` and the share of troubled failures of each level."""
    usual, prone = wrote_nothing @ np.array(m.CODEBASE_POOLED)
    return np.asarray(usual * (1 - failed) + prone * failed)
