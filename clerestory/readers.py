"""
Who reads files in the open for `validate`, once or twice: an installed rater, or a study's.

A second reading is by the same reader again, or by one that differs in one thing: what it is shown
(a view), how it is asked (a mode), or which model answers at the same endpoint.  A reader that
asks sends what it is shown of every file to the study's endpoint, through the transport and the
broker of a run.  A study's cap holds for all readings together: before a call that might pass it,
reading stops.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from aggregates.asked import rater_of as named_by
from aggregates.asked import spending_of
from aggregates.study import Study
from classifiers.raters import Halted, Unrated, rater_of
from classifiers.raters import Rater as Hand
from classifiers.rendering import render
from classifiers.sessions import Session
from classifiers.views import seen
from privacy.codebook import UNCLEAR, codebook
from privacy.endpoint import in_clear
from privacy.errors import ConfigurationError
from privacy.halts import halted
from privacy.keeper.egress import NOBODYS_KEY
from privacy.prices import micro, price_list
from privacy.raters import OFFLINE, RATERS, Mode, Rater, asks
from privacy.spending import Spending
from privacy.views import UNSEEN, VIEWS

AGAIN, MODEL = "again", "model="
"""What a second reading may be beside a view or a mode: the first once more; another model."""
_MODES: Mapping[str, Mode] = {mode: mode for mode in get_args(Mode)}
_MODEL = re.compile(r"[a-z0-9][a-z0-9.:-]{0,99}")


@dataclass(frozen=True, slots=True)
class Reader:
    """One reading of files."""

    rater: Rater
    _hand: Hand

    def read(self, session: Session) -> tuple[dict[str, str], str]:
        """
        Label a session.

        Returns:
            A label of every instrument, and how it went: `rated`, or why there is no label.

        Raises:
            IncompleteError: Nobody could be asked, or the cap leaves too little.
        """
        view, status, told = self.rater.view, "rated", dict[str, str]()
        part = seen(session, view)
        try:
            told = dict(self._hand.rate(part, render(part, view)))
        except Unrated as outcome:
            status = outcome.status
        except Halted as stopped:
            raise halted(stopped.code) from None
        labels = dict.fromkeys((one.name for one in codebook().instruments), UNCLEAR)
        return {**labels, **told, **dict.fromkeys(UNSEEN[view], UNCLEAR)}, status


@dataclass(frozen=True, slots=True)
class Readings:
    """Who reads: first, and a second time where that is wanted."""

    first: Rater
    second: Rater | None = None
    key: bytes = b""
    """For the endpoint, where somebody is asked."""
    study: Study | None = None
    """Where the first one is named, and what it may cost."""

    @classmethod
    def of(cls, rater: str, study: Path | None, against: str, key: bytes) -> "Readings":
        """
        The readings that a command asks for.

        Args:
            rater: Name of a rater that asks nobody; empty for the study's, or the offline one.
            study: A study whose `[rater]` reads; None for an installed rater.
            against: What the second reading differs in; empty for none.
            key: For the study's endpoint; empty without one.

        Raises:
            ConfigurationError: There is no such rater, or it cannot be read against so.
        """
        asked = None if study is None else Study.read(study)
        if asked is not None and rater:
            raise bad("a rater by name, beside a study that names one.", "give one of the two.")
        # Nothing waits here for what was sent: every question is asked and answered.
        first = _installed(rater) if asked is None else replace(named_by(asked), batches=False)
        if in_clear(first.endpoint):
            key = key or NOBODYS_KEY
        if asks(first.name) != bool(key):
            found = "a key of a rater that asks nobody." if key else "no key of a rater that asks."
            raise bad(found, "give --api-key-file with a study whose rater asks, and only there.")
        return cls(first, second_of(first, against) if against else None, key, asked)

    @property
    def both(self) -> tuple[Rater, ...]:
        """The raters, in the order in which they read."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def asking(self) -> tuple[Rater, ...]:
        """Those who are sent text, each once."""
        return tuple(dict.fromkeys(rater for rater in self.both if asks(rater.name)))

    def each(self) -> Generator[Reader, None, None]:
        """
        One reader after the other; the next may spend what the one before has left.

        Raises:
            ConfigurationError: There is a cap, and no price to hold a reading by it.
        """
        if self.study is None or not asks(self.first.name):
            yield from (Reader(rater, rater_of(rater)) for rater in self.both)
            return
        from clerestory.probing.asking import asking  # late: the SDK takes seconds

        priced = [_spending(self.study, rater) for rater in self.both]
        spent = 0
        with asking(self.first, self.key) as server:
            for rater, spending in zip(self.both, priced, strict=True):
                with server.reading(rater) as hand:
                    cap = spending.cap if spending else None
                    hand.meter.begin(spending if cap else None, max(0, (cap or 0) - spent))
                    yield Reader(rater, hand)
                    spent += hand.meter.spent


def second_of(first: Rater, against: str) -> Rater:
    """
    The rater of a second reading.

    Args:
        first: Who reads first.
        against: `again`, a view, a mode, or `model=NAME`.

    Raises:
        ConfigurationError: It is none of them, or nothing would differ.
    """
    if against == AGAIN:
        return first
    other = first
    if against in VIEWS:
        other = replace(first, view=against)
    elif asks(first.name) and (mode := _MODES.get(against)):
        other = replace(first, mode=mode)
    elif asks(first.name) and against.startswith(MODEL) and _MODEL.fullmatch(against, len(MODEL)):
        other = replace(first, model=against.removeprefix(MODEL))
    if other == first:
        known = [AGAIN, *VIEWS, *((*_MODES, f"{MODEL}NAME") if asks(first.name) else ())]
        found = f"a second reading by {against!r}, which is unknown here, or what the first is."
        raise bad(found, f"choose another one of: {', '.join(known)}.")
    return other


def bad(found: str, remedy: str) -> ConfigurationError:
    """The refusal of what a comparison is asked to start from."""
    rule = "Validation compares a known rater with labels of the codebook, file by file."
    return ConfigurationError("VALIDATION_INPUT", rule=rule, found=found, remedy=remedy)


def _installed(name: str) -> Rater:
    here = [one for one in RATERS if not asks(one)]
    if (name or OFFLINE.name) not in here:
        raise bad(
            f"the rater {name!r}, which asks somebody or is not known.",
            f"choose one of: {', '.join(here)}; or --study, whose rater may ask.",
        )
    return RATERS[name or OFFLINE.name]


def _spending(study: Study, rater: Rater) -> Spending | None:
    """Prices of a reading and the study's cap; stated prices are those of the study's model."""
    if rater.model == study.rater.model or study.rater.dollars is None:
        return spending_of(study, rater)
    listed = price_list().models.get(rater.model)
    if listed is None:
        found = f"a cap in dollars, and no listed price of {rater.model!r}."
        raise bad(found, "name a model of the price list, or take `dollars` out of the study.")
    return Spending(listed.prices, micro(study.rater.dollars))
