"""
What is wrong with a study, all of it: so that a researcher mends a file in one go.

A table is compiled by itself, as `plan` will compile it, and no prices are reckoned.  Only where
every part is right by itself are they put together, since what follows from a mistake is none.
"""

from collections.abc import Callable, Iterator

from privacy.codebook import Codebook
from privacy.codebook import codebook as installed
from privacy.errors import ConfigurationError

from .asked import rater_of
from .plan import draft, where_of
from .study import Study
from .workload import bound_of, queries_of

BETWEEN = "\n          "
"""Between several findings of one kind: each on a line of its own, below the first."""


def check(study: Study, codebook: Codebook | None = None) -> None:
    """
    Check that a study can be compiled.

    Args:
        study: A study that was read.
        codebook: The closed vocabulary; that of this installation by default.

    Raises:
        ConfigurationError: It cannot: the one thing that is wrong, or all of them with their lines.
    """
    book = codebook or installed()
    wrong = [*_wrong(study, book)]
    if not wrong:
        draft(study, rater_of(study), book)
        return
    first = wrong[0]
    alike = [error for error in wrong if error.code == first.code]
    raise ConfigurationError(
        first.code,
        rule=first.rule,
        found=BETWEEN.join(error.found for error in alike),
        remedy=BETWEEN.join(dict.fromkeys(error.remedy for error in alike)),
    )


def _wrong(study: Study, book: Codebook) -> Iterator[ConfigurationError]:
    bound = bound_of(study, study.budget.k, "privacy")
    parts: list[Callable[[], object]] = [
        lambda: rater_of(study),
        lambda: where_of(study, book),
        *(
            lambda number=number: queries_of(study, number, bound=bound, codebook=book)
            for number in range(len(study.tables))
        ),
    ]
    for part in parts:
        try:
            part()
        except ConfigurationError as error:
            yield error
