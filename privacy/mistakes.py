"""
How far a rater's mistakes may have moved a printed share or rate.

Let q be the part of sessions that the rater labels yes, and p the part that the right labels
would.  With sensitivity Se and specificity Sp, q = p·Se + (1-p)·(1-Sp), so p = (q - 1 + Sp)/J with
J = Se + Sp - 1 [1].  Se and Sp come from a finite confusion table; with Jeffreys' prior they are
independent Beta variables, whose means and variances stand below in closed form: what a bootstrap
of the table would approach, without its chance.

**Error.**  Where J is large enough, the root mean square distance of q from p is
√[(q - p̂)² + (p̂²·V(Se) + (1-p̂)²·V(Sp))/J²].  Whatever p is, q - p = (1-p)(1-Sp) - p(1-Se), whose
mean square is convex in p and so largest at p = 0 or p = 1; the error is never stated larger than
that, and as large as that where J < .3, since p is not identified then: a rater that hardly tells
yes from no says hardly anything about p.

It is no deviation around a mean alone: a bias is in it.  If q - p is normal with any mean b and
deviation s, then |q - p| ≤ 1.96·√(b² + s²) at least as often as 95 %.  But b is not known: it is
read off q itself, as q - p̂, and what noise and sampling do to q they do to p̂ 1/J times.  So s has
them *stretched* by 1/J in it, where b is from p̂; where the worst stands in its place, as they are.

Everything here is arithmetic on what a plan and a printed row say, so the keeper and every reader
can do it again.  What it leans on: that the rater errs here as in the validation; and that it is
right about which sessions are in the base, since pairs of which either is outside are left out.

[1] Rogan & Gladen 1978, American Journal of Epidemiology 107(1):71-76.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, sqrt

from .confusion import NO, YES, Confusion, between
from .derived import DERIVED
from .plan import Kind, Plan, Query, Table
from .rows import read_keys

VALIDATED: tuple[Kind, ...] = ("share", "rate", "corrected", "adjusted_rate")
"""
Statistics whose classifier error is known.

An adjusted rate is linear in its outcome and gives back what is constant, so labels that are
J·truth + (1 - Sp) adjust to the same of the truth.  Of a mean, a quantile or a total nothing is
said: a measure is counted and not judged, and a session in a wrong cell moves two of them.
"""
DIGITS = 6
LEAST_COUNTED = 10
"""Sessions of each right label below which a group's own table says less than that of all."""
LEAST_YOUDEN = 0.3
"""J = Se + Sp - 1 below which a rate is not identified: its error would be multiplied threefold."""


@dataclass(frozen=True, slots=True)
class Mistakes:
    """A rater against the right labels, for one answer among those of a base."""

    found: int
    """Right label yes, rater yes."""
    missed: int
    """Right label yes, rater no."""
    invented: int
    """Right label no, rater yes."""
    refused: int
    """Right label no, rater no."""
    same_group: bool = False
    """Whether they are of the group and population of the number that they are used for."""

    @property
    def sensitivity(self) -> float:
        """Se: mean of Beta(found + ½, missed + ½)."""
        return (self.found + 0.5) / (self.found + self.missed + 1)

    @property
    def specificity(self) -> float:
        """Sp: mean of Beta(refused + ½, invented + ½)."""
        return (self.refused + 0.5) / (self.refused + self.invented + 1)

    @property
    def is_enough(self) -> bool:
        """Whether both right labels were seen often enough to be told of a group by itself."""
        return min(self.found + self.missed, self.invented + self.refused) >= LEAST_COUNTED

    @property
    def youden(self) -> float:
        """J = Se + Sp - 1: how far the rater tells yes from no."""
        return self.sensitivity + self.specificity - 1

    @property
    def is_identified(self) -> bool:
        """Whether a rate can be corrected: mistakes of its own group, few enough."""
        return self.same_group and self.youden >= LEAST_YOUDEN

    def variance(self, p: float) -> float:
        """Of q at a true p, from the finite table: p²·V(Se) + (1-p)²·V(Sp)."""
        se, sp = self.sensitivity, self.specificity
        yes, no = self.found + self.missed + 2, self.refused + self.invented + 2
        return p**2 * se * (1 - se) / yes + (1 - p) ** 2 * sp * (1 - sp) / no

    def corrected(self, q: float) -> float:
        """p̂ = (q - 1 + Sp)/J, in [0, 1]."""
        return min(max((q - 1 + self.specificity) / self.youden, 0.0), 1.0)

    def error(self, q: float) -> float:
        """Root mean square distance of a printed q from what the right labels would say."""
        return sqrt(min(self._reckoned(q), self._worst))

    def stretch(self, q: float) -> float:
        """How many times the other errors of q belong into q - p: 1/J where p̂ is made of q."""
        return 1 / self.youden if self._reckoned(q) < self._worst else 1.0

    def _reckoned(self, q: float) -> float:
        """Mean square distance by what p̂ says of q; infinite where it says nothing."""
        if self.youden < LEAST_YOUDEN:
            return inf
        p = self.corrected(q)
        return (q - p) ** 2 + self.variance(p) / self.youden**2

    @property
    def _worst(self) -> float:
        """Mean square distance at the p where it is largest."""
        return max((self.labelled(p) - p) ** 2 + self.variance(p) for p in (0.0, 1.0))

    def labelled(self, p: float) -> float:
        """What the rater makes of a true p: q = p·Se + (1-p)·(1-Sp)."""
        return p * self.sensitivity + (1 - p) * (1 - self.specificity)


def mistakes_of(plan: Plan, table: Table, keys: Mapping[str, str]) -> Mistakes | None:
    """
    The mistakes that a plan states for one number.

    Those of the number's own group count, if they are of enough sessions, else those of all groups
    together; only the former, and only in a sample of the study's population and in a table without
    a condition of its own, are taken for the mistakes that were made in the number itself.

    Args:
        plan: The plan, with its validation.
        table: A share, a rate, or one of them corrected.
        keys: The row's, by axis.

    Returns:
        None where the plan states none.
    """
    if plan.validation is None or not table.validated:
        return None
    counts = plan.query(table.queries[0])
    group = {axis: level for axis, level in keys.items() if axis in table.by}
    tables = [one for one in plan.validation.tables if one.of == table.validated]
    sides = _sides(counts, table, keys)
    if sides is None:
        return None
    own, whole = (
        next((_against(one, *sides) for one in tables if one.group == wanted), None)
        for wanted in (group, {})
    )
    if own is None or not (own.is_enough or whole is None or whole == own):
        return whole
    same = plan.validation.same_population and not counts.where
    return replace(own, same_group=same and own.is_enough)


def _sides(
    counts: Query, table: Table, keys: Mapping[str, str]
) -> tuple[frozenset[str], frozenset[str]] | None:
    """Labels that are a yes to a number, and those that are a no."""
    if _is_answered(table):
        return frozenset({YES}), frozenset({NO})
    axis = counts.axes[-1]
    labels = {level.name: frozenset(level.when[table.validated]) for level in axis.levels}
    if keys[axis.name] not in labels:  # what was withheld: which labels those are, noise has chosen
        return None
    yes = labels[keys[axis.name]]
    return yes, frozenset().union(*labels.values()) - yes


def printed_error(plan: Plan, table: Table, keys: str, estimate: float) -> float | None:
    """
    The column `se_classifier` of a printed row, from the plan and the estimate beside it.

    Args:
        plan: The plan, with its validation.
        table: The row's.
        keys: `axis=level; …`
        estimate: As printed, or before it is rounded.

    Returns:
        None where the plan states no mistakes, or (corrected) none that a number can be made of.
    """
    mistakes = mistakes_of(plan, table, read_keys(keys))
    if mistakes is None or (table.kind == "corrected" and not mistakes.is_identified):
        return None
    value = rounded(estimate)
    if table.kind == "corrected":
        return rounded(sqrt(mistakes.variance(value)) / mistakes.youden)
    return rounded(mistakes.error(value))


def printed_stretch(plan: Plan, table: Table, keys: str, estimate: float) -> float:
    """How many times the other errors stand in a printed interval; 1 if no mistakes are stated."""
    mistakes = mistakes_of(plan, table, read_keys(keys))
    if mistakes is None or table.kind == "corrected":  # its interval is no sum of squares
        return 1.0
    return mistakes.stretch(rounded(estimate))


def is_identified(plan: Plan, table: Table, keys: str) -> bool:
    """Whether a corrected number can be made: the plan alone says so, and its row follows."""
    mistakes = mistakes_of(plan, table, read_keys(keys))
    return mistakes is not None and mistakes.is_identified


def rounded(number: float) -> float:
    """A number to six significant digits, as it is printed; rounding keeps order."""
    return float(f"{number:.{DIGITS}g}")


def fits_validation(plan: Plan, table: Table) -> bool:
    """Whether a table that leans on confusion tables is of what they are of."""
    if not table.validated:
        return table.kind != "corrected"
    told = plan.validation.tables if plan.validation else ()
    tables = [one for one in told if one.of == table.validated]
    if not tables or table.kind not in VALIDATED or not table.queries:
        return False
    axes = plan.query(table.queries[0]).axes
    if not axes:
        return False
    if _is_answered(table):
        answers = [set(one.labels) >= {YES, NO} for one in tables]
        return table.validated in DERIVED and all(answers)
    used = [label for level in axes[-1].levels for label in level.when.get(table.validated, ())]
    whole = all(set(level.when) == {table.validated} for level in axes[-1].levels)
    return whole and all(set(used) <= set(one.labels) for one in tables)


def _is_answered(table: Table) -> bool:
    return table.is_rate or table.kind == "adjusted_rate"


def _against(table: Confusion, yes: frozenset[str], no: frozenset[str]) -> Mistakes:
    return Mistakes(
        found=between(table, yes, yes),
        missed=between(table, yes, no),
        invented=between(table, no, yes),
        refused=between(table, no, no),
    )
