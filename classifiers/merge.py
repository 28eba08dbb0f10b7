"""
One label of several: what becomes of the labels of a session's parts.

A session that is read in parts has a label from each.  How they become one stands in the
instrument's file, since it follows from what is asked: an outcome is judged at the end, evidence of
success adds up, shares are of all decisions.  A part that does not tell is passed over; so is a
label that the instrument passes over, where another part says anything else.

Merging is no judgement: it follows from labels and lengths alone, and one part is its own result.
"""

from collections.abc import Callable, Mapping, Sequence

from privacy.codebook import UNCLEAR, Codebook, Instrument, Merge

Part = tuple[Mapping[str, str], int]
"""Labels of one part, and characters of its text."""
Said = list[tuple[str, int]]
"""What the parts that tell say of one question, in order, and how long they are."""


def merge(parts: Sequence[Part], codebook: Codebook) -> dict[str, str]:
    """
    Labels of a session, from those of its parts.

    Args:
        parts: In the order of the session.  An instrument without a label does not tell.
        codebook: The instruments, with their rules.
    """
    return {one.name: _merged(one, parts) for one in codebook.instruments}


def _merged(instrument: Instrument, parts: Sequence[Part]) -> str:
    said = [(labels.get(instrument.name, UNCLEAR), size) for labels, size in parts]
    told = [one for one in said if one[0] != UNCLEAR]
    strong = [one for one in told if one[0] not in instrument.passed_over]
    counted = strong or told
    return _RULES[instrument.merge](counted, instrument) if counted else UNCLEAR


def _most_text(said: Said, _: Instrument) -> str:
    """Of labels with equally much text, the one that was said first."""
    weight: dict[str, int] = {}
    for label, size in said:
        weight[label] = weight.get(label, 0) + size
    return max(weight, key=lambda label: weight[label])


def _last(said: Said, _: Instrument) -> str:
    return said[-1][0]


def _highest(said: Said, instrument: Instrument) -> str:
    return max((label for label, _ in said), key=instrument.labels.index)


def _foremost(said: Said, instrument: Instrument) -> str:
    return min((label for label, _ in said), key=instrument.labels.index)


def _median(said: Said, instrument: Instrument) -> str:
    """The lower one, where half of the text lies on either side."""
    ordered = sorted(said, key=lambda one: instrument.labels.index(one[0]))
    half, below = sum(size for _, size in said), 0
    for label, size in ordered:
        below += 2 * size
        if below >= half:
            return label
    return ordered[-1][0]


def _mean(said: Said, instrument: Instrument) -> str:
    """Of percentages, to the nearest label, half upwards; what is no number has no share in it."""
    numbers = {label: int(label) for label in instrument.labels if label.isdecimal()}
    shares = [(numbers[label], size) for label, size in said if label in numbers]
    if not shares:
        return said[-1][0]
    whole = sum(size for _, size in shares)
    total = sum(share * size for share, size in shares)
    # Compared as integers: which of two labels is nearer must not hang on a rounding.
    return min(numbers, key=lambda label: (abs(numbers[label] * whole - total), -numbers[label]))


_RULES: Mapping[Merge, Callable[[Said, Instrument], str]] = {
    "most_text": _most_text,
    "last": _last,
    "highest": _highest,
    "foremost": _foremost,
    "median": _median,
    "mean": _mean,
}
