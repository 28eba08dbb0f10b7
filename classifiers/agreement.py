"""
How far two raters agree: Cohen's κ [1], weighted by squared distance for ordered labels [2].

For ordered instruments (kind ordinal or percent) labels are compared by their place in the
instrument's list; pairs in which either side is no place on the scale (`unclear`, and `none`
of a share) are left out and counted, since an abstention is no distance.  Nominal instruments
take every label as it is, abstentions included.

[1] Cohen 1960, Educational and Psychological Measurement 20(1):37-46.
[2] Cohen 1968, Psychological Bulletin 70(4):213-220.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from privacy.codebook import UNCLEAR, Instrument

Pair = tuple[str, str]
"""A session's label by one rater and by the other."""


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
        _kappa(kept, scale if ordered else None),
        exact=sum(gap == 0 for gap in gaps) / len(kept),
        adjacent=sum(gap <= ordered for gap in gaps) / len(kept),
        n=len(kept),
        left_out=len(pairs) - len(kept),
    )


def places(instrument: Instrument) -> dict[str, int]:
    """Label → place on the scale; labels that are no place on it are missing."""
    # A share's `none` says that there was nothing to share; a signal's `none` is its zero.
    apart = {UNCLEAR, "none"} if instrument.kind == "percent" else {UNCLEAR}
    return {label: place for place, label in enumerate(instrument.labels) if label not in apart}


def _kappa(pairs: Sequence[Pair], scale: dict[str, int] | None) -> float | None:
    """1 − Σ observed disagreement / Σ expected, squared distances as weights if ordered."""

    def weight(one: str, other: str) -> int:
        return (scale[one] - scale[other]) ** 2 if scale else int(one != other)

    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    observed = sum(weight(one, other) for one, other in pairs) / len(pairs)
    expected = (
        sum(
            weight(one, other) * times * more
            for one, times in ones.items()
            for other, more in others.items()
        )
        / len(pairs) ** 2
    )
    return 1 - observed / expected if expected else None
