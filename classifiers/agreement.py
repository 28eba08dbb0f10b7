"""
How far two raters agree: Cohen's κ [1], weighted by squared distance for ordered labels [2].

For ordered instruments (kind ordinal or percent) labels are compared by their place in the
instrument's list; pairs in which either side is no place on the scale (`unclear`, and `none`
of a share) are left out and counted, since an abstention is no distance.  Nominal instruments
take every label as it is, abstentions included: who abstains where the other has a label
disagrees.  So coverage, and κ among what was answered, stand beside it.

Sessions of one account or repository resemble each other.  The interval of κ comes from drawing
whole groups anew, and within each its sessions [3]: where groups are few it is wide, as it
should be, and it knows nothing of groups unlike all of them.

[1] Cohen 1960, Educational and Psychological Measurement 20(1):37-46.
[2] Cohen 1968, Psychological Bulletin 70(4):213-220.
[3] Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from privacy.codebook import UNCLEAR, Instrument

Pair = tuple[str, str]
"""A session's label by the one whose labels count as right, and by the rater."""
DRAWS = 400
"""Samples from which an interval is taken."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two raters on one instrument."""

    instrument: str
    kappa: float | None
    """None where both always give one and the same label: there is nothing to agree on."""
    exact: float
    """Share of pairs with the same label."""
    adjacent: float
    """Share of pairs at most one place apart; of a nominal instrument the same as `exact`."""
    n: int
    """Pairs compared."""
    left_out: int
    """Pairs with an abstention on an ordered instrument."""
    coverage: float
    """Share of all pairs in which the rater did not abstain."""
    kappa_answered: float | None
    """κ of those alone; of an ordered instrument it is the same."""


def agreement(instrument: Instrument, pairs: Sequence[Pair]) -> Agreement | None:
    """
    Compare two raters on one instrument.

    Args:
        instrument: Decides which labels there are, and whether they are ordered.
        pairs: One for each session that both rated, labels of the instrument.

    Returns:
        The agreement; None if no pair can be compared.
    """
    ordered = instrument.kind != "nominal"
    scale = places(instrument)
    kept = [pair for pair in pairs if not ordered or all(label in scale for label in pair)]
    if not kept:
        return None
    gaps = [abs(scale[one] - scale[other]) if ordered else one != other for one, other in kept]
    return Agreement(
        instrument.name,
        _kappa(Counter(kept), scale if ordered else None),
        exact=sum(gap == 0 for gap in gaps) / len(kept),
        adjacent=sum(gap <= ordered for gap in gaps) / len(kept),
        n=len(kept),
        left_out=len(pairs) - len(kept),
        coverage=sum(found != UNCLEAR for _, found in pairs) / len(pairs),
        kappa_answered=_kappa(
            Counter(pair for pair in kept if pair[1] != UNCLEAR), scale if ordered else None
        ),
    )


def interval(
    instrument: Instrument, groups: Mapping[str, Sequence[Pair]], draws: int = DRAWS
) -> tuple[float, float] | None:
    """
    The 95 % interval of κ.

    Args:
        instrument: As for `agreement`.
        groups: Pairs by account, repository or folder.
        draws: Samples to take.  The same pairs give the same interval.

    Returns:
        Lower and upper end; None if κ is undefined in more than a few samples.
    """
    scale = places(instrument) if instrument.kind != "nominal" else None
    kept = [
        found
        for _, pairs in sorted(groups.items())
        if (found := [p for p in pairs if scale is None or all(label in scale for label in p)])
    ]
    chance = Random(1)  # noqa: S311 - one file of labels, one interval
    kappas = []
    for _ in range(draws if kept else 0):
        sample: Counter[Pair] = Counter()
        for group in chance.choices(kept, k=len(kept)):
            sample.update(chance.choices(group, k=len(group)))
        kappas.append(_kappa(sample, scale))
    known = sorted(kappa for kappa in kappas if kappa is not None)
    if len(known) < 0.975 * draws or not known:
        return None
    tail = len(known) // 40
    return known[tail], known[-1 - tail]


def places(instrument: Instrument) -> dict[str, int]:
    """Label → place on the scale; labels that are no place on it are missing."""
    # A share's `none` says that there was nothing to share; a signal's `none` is its zero.
    apart = {UNCLEAR, "none"} if instrument.kind == "percent" else {UNCLEAR}
    return {label: place for place, label in enumerate(instrument.labels) if label not in apart}


def _kappa(pairs: Counter[Pair], scale: Mapping[str, int] | None) -> float | None:
    """1 − Σ observed disagreement / Σ expected, squared distances as weights if ordered."""

    def weight(one: str, other: str) -> int:
        return (scale[one] - scale[other]) ** 2 if scale else int(one != other)

    ones: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for (one, other), times in pairs.items():
        ones[one] += times
        others[other] += times
    observed = sum(weight(one, other) * times for (one, other), times in pairs.items())
    expected = sum(
        weight(one, other) * times * more
        for one, times in ones.items()
        for other, more in others.items()
    )
    return 1 - observed * pairs.total() / expected if expected else None
