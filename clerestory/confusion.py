"""
Write down how a rater's labels fell on sessions whose right labels are known.

The file goes beside a study, whose plan then carries the counts.  It holds counts of sessions that
somebody might read and chose to label, and nothing else of them; whose they are is for him who
publishes the study to settle.  Groups are by the *rater's* label, as the keys of tables are.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from aggregates.validation import FORMAT
from clerestory.validation import Rated
from privacy.codebook import codebook
from privacy.confusion import ANSWERS, NO, OUTSIDE, YES
from privacy.derived import DERIVED, Condition, Derived
from privacy.errors import ConfigurationError

Labels = Mapping[str, str]


def confusion(rated: Rated, *, by: Sequence[str], reference: str, same_population: bool) -> str:
    """
    The counts as the file that a study names.

    Args:
        rated: Sessions with their right labels and the rater's.
        by: Instruments whose labels make groups, each crossed with the others; none for one table.
        reference: In words: whose labels count as right, and of which sessions.
        same_population: Whether the sessions are a sample of the study's own population.

    Raises:
        ConfigurationError: A group by what is no instrument, or no session to count.
    """
    names = {instrument.name for instrument in codebook().instruments}
    if unknown := sorted(set(by) - names):
        raise _bad(f"groups by {', '.join(unknown)}.", f"choose among {', '.join(sorted(names))}.")
    if not reference.strip() or not reference.isprintable():
        raise _bad("no word on whose labels are right.", 'give --reference "two readers, …".')
    groups: dict[tuple[tuple[str, str], ...], list[tuple[Labels, Labels]]] = {(): [*rated.pairs]}
    for right, given in rated.pairs if by else ():
        groups.setdefault(tuple((axis, given[axis]) for axis in by), []).append((right, given))
    tables = [
        {"of": of, "group": dict(group), "labels": list(labels), "counts": counts}
        for group, pairs in sorted(groups.items())
        for of, labels, counts in _tables(pairs)
        if of not in dict(group)
    ]
    if not tables:
        raise _bad("no session with a right label.", "label some sessions first.")
    rater = rated.rater
    head = {
        "format": FORMAT,
        "rater": {
            key: getattr(rater, key)
            for key in ("name", "version", "model", "view", "mode", "answers")
        },
        "codebook": codebook().hash,
        "reference": reference,
        "same_population": same_population,
    }
    # A table a line: errors name lines, and people read the file.
    lines = ",\n".join(json.dumps(table, ensure_ascii=False) for table in tables)
    begin = json.dumps(head, ensure_ascii=False, indent=0).removesuffix("\n}")
    return f'{begin},\n"tables": [\n{lines}\n]\n}}\n'


def _tables(
    pairs: Sequence[tuple[Labels, Labels]],
) -> Iterator[tuple[str, tuple[str, ...], list[list[int]]]]:
    for one in codebook().instruments:
        both = [(right[one.name], given[one.name]) for right, given in pairs if one.name in right]
        if both:
            yield one.name, one.labels, _square(one.labels, both)
    for name, derived in DERIVED.items():
        columns = {*derived.yes, *derived.base}
        both = [
            (_answer(derived, right), _answer(derived, given))
            for right, given in pairs
            if columns <= right.keys() and columns <= given.keys()
        ]
        if both:
            yield name, ANSWERS, _square(ANSWERS, both)


def _square(labels: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[list[int]]:
    counts = Counter(pairs)
    return [[counts[right, given] for given in labels] for right in labels]


def _answer(derived: Derived, labels: Labels) -> str:
    if not _holds(derived.base, labels):
        return OUTSIDE
    return YES if _holds(derived.yes, labels) else NO


def _holds(condition: Condition, labels: Labels) -> bool:
    return all(labels[column] in wanted for column, wanted in condition.items())


def _bad(found: str, remedy: str) -> ConfigurationError:
    rule = "Counts of a rater's mistakes say whose labels are right, and of which sessions."
    return ConfigurationError("CONFUSION_INPUT", rule=rule, found=found, remedy=remedy)
