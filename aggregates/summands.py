"""
What a query sums, and how much of it one account can add.

Ranges are public: those of the codebook, or narrower ones that a study states.  What lies beyond an
end counts as the end, so that the largest summand is known before any session is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from privacy.codebook import LOG_STEPS, Codebook, Measure
from privacy.plan import Axis, Clip, Level, Query, Value
from privacy.queries import SESSIONS, size_names
from privacy.unit import CLIPS, SCALE

if TYPE_CHECKING:
    from .study import Study

STEPS = 10_000
"""Steps into which a mean's range is parted: far finer than any noise, small enough to square."""
NORMS, LENGTHS, CAPPED = "norms", "sizes", "whole"
"""The queries of a total beside its count, after the table's name and a dot."""
MOMENTS = "moments"
"""The query of a design effect, after the table's name and a dot."""
SIZES = (1, 2, 3, 6, 11)
"""Where bins of account sizes begin unless a study says otherwise: 1, 2, 3 to 5, 6 to 10, more."""
MOST = 2**20
"""Sessions that an account cannot have: a bucket holds fewer.  No bin begins beyond the last C."""


@dataclass(frozen=True, slots=True)
class Summed:
    """What a query sums: a value, from where it is counted, and how large it can be."""

    value: Value
    centre: int
    largest: int
    unit: float = 0.0


ONE = Summed("one", 0, 1)


def logarithm(low: int, high: int) -> tuple[Summed, Summed]:
    """The logarithm around the middle of its range, and its square; both ends as stored."""
    centre = (low + high) // 2
    half = max(high - centre, centre - low, 1)
    squared = Summed("log_squared", centre, half * half // LOG_STEPS + 1)
    return Summed("log", centre, half), squared


def amount_of(measure: Measure, low: int, high: int) -> tuple[Summed, Summed]:
    """
    The quantity around the middle of its range, and the square of what lies above its low end.

    Sizes are skewed: most lie near the low end.  Squares are therefore counted from there, where
    they are small against the noise-free part that a centred square would have to be freed of.
    """
    bottom, top = measure.decode(low), measure.decode(high)
    unit = (top - bottom) / STEPS
    first, last = round(bottom / unit), round(top / unit)
    centre = (first + last) // 2
    half = max(last - centre, centre - first)
    squared = Summed("amount_squared", first, (last - first) ** 2 // LOG_STEPS, unit)
    return Summed("amount", centre, half, unit), squared


def measure_of(study: "Study", number: int, key: str, codebook: Codebook) -> Measure:
    """
    The measure that a key of a table names.

    Raises:
        ConfigurationError: There is none of that name.
    """
    named = getattr(study.tables[number], key)
    measures = {measure.name: measure for measure in codebook.measures}
    if named not in measures:
        found = f"the unknown measure {named!r}."
        remedy = f"choose one of {', '.join(measures)}."
        raise study.error(found, remedy, "table", number, key)
    return measures[named]


def clamp(study: "Study", number: int, codebook: Codebook) -> tuple[int, int]:
    """Ends of a measure's public range, in stored units."""
    spec, measure = study.tables[number], measure_of(study, number, "measure", codebook)
    low, high = spec.between or (measure.floor, measure.ceiling)
    if not measure.floor <= low < high <= measure.ceiling:
        found = f"bounds from {low} to {high} for {measure.name}."
        remedy = f"choose them between {measure.floor} and {measure.ceiling}."
        raise study.error(found, remedy, "table", number, "between")
    return measure.encode(low), measure.encode(high)


def totals_of(count: Query) -> list[Query]:
    """
    The four queries of a table of totals.

    Args:
        count: A count over the table's cells, of whatever sensitivity.

    Returns:
        Clipped counts; the capped grand total; histograms of accounts by norm and by sessions, each
        account in one bin, so that the bounds of the others can be chosen after noise.
    """
    clips = tuple(Clip(bound, bound * SCALE, 0.0) for bound in CLIPS)
    names = [f"up to {bound}" for bound in CLIPS]
    bins = tuple(Level(name, {}) for name in (*names, f"above {CLIPS[-1]}"))
    clipped = replace(count, value="clipped", sensitivity=SCALE, clips=clips)
    table = count.name.rpartition(".")[0]

    def about(part: str, value: Value, axes: tuple[Axis, ...]) -> Query:
        bounds = clips if value == "capped" else ()
        name = f"{table}.{part}"
        return replace(clipped, name=name, value=value, axes=axes, of=count.name, clips=bounds)

    return [
        clipped,
        about(CAPPED, "capped", ()),
        about(NORMS, "norm", (Axis("norm", bins),)),
        about(LENGTHS, "size", (Axis("sessions", bins),)),
    ]


def moments_of(count: Query, names: Sequence[str], sensitivity: int) -> Query:
    """
    The query of a table's moments.

    Args:
        count: The counts in whose cells they are taken.
        names: What they are of: a share or a rate.
        sensitivity: Δ, most that one account moves them.
    """
    axis = Axis(MOMENTS, tuple(Level(name, {}) for name in names))
    name = f"{count.name.rpartition('.')[0]}.{MOMENTS}"
    return replace(
        count, name=name, axes=(axis,), value="moments", of=count.name, sensitivity=sensitivity
    )


def sizes_of(count: Query, bins: Sequence[int]) -> Query:
    """
    The query of a table of account sizes.

    Args:
        count: A count without axes, of whatever sensitivity; what it counts is an account's size.
        bins: Where bins begin, rising from 1; the last is open.
    """
    edges = (*bins, MOST)
    levels = tuple(Level(name, {}) for name in size_names(edges))
    axis = Axis(SESSIONS, levels, SESSIONS, edges)
    return replace(count, axes=(axis,), value="size", sensitivity=SCALE)
