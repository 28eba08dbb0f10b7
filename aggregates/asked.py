"""
Who labels a study's sessions: the study's `[rater]` table, made into what a plan says of it.

A rater that asks a model is named with the model, the endpoint, and a file of roots that lies
beside the study; what stands in that file is in the plan, so that officers sign it.  A server on
the keeper's machine that is spoken with in clear has no roots.
"""

from dataclasses import replace

from privacy.endpoint import certificates, in_clear, read_endpoint
from privacy.errors import ConfigurationError
from privacy.plan import Rater
from privacy.prices import micro, price_list
from privacy.raters import RATERS, asks
from privacy.second import Reading, is_share
from privacy.spending import Prices, Spending, dearest

from .study import Study

PRICES = ("price_input", "price_output")
"""Keys that a rater may have if it asks somebody, both or none."""
OPEN = ("model", "endpoint", "roots")
"""Keys of the table that a rater needs if it asks somebody, and may not have if it does not."""
HOW = ("mode", "batches", "answers", "requests_per_minute", "tokens_per_minute", "dollars")
"""Keys that say how a model is asked, and what that may take."""


def rater_of(study: Study) -> Rater:
    """
    The rater that a study names.

    Raises:
        ConfigurationError: There is none of that name, a key is missing or too much, or the
            file of roots holds none; names the line.
    """
    choice = study.rater
    family = RATERS.get(choice.name)
    if family is None:
        found = f"the rater {choice.name!r}, where {', '.join(RATERS)} are known."
        raise study.error(found, "name a rater that is installed.", "rater", "name")
    clear = in_clear(choice.endpoint)
    if clear and choice.roots:
        found = "roots of an endpoint in clear, which has no certificate."
        raise study.error(found, "take them out.", "rater", "roots")
    for key in OPEN:
        told = bool(getattr(choice, key)) or (key == "roots" and clear)
        if told and not asks(choice.name):
            found = f"{key} of the rater {choice.name}, which asks nobody."
            raise study.error(found, "take it out, or name another rater.", "rater", key)
        if asks(choice.name) and not told:
            found = f"no {key} of the rater {choice.name}."
            remedy = 'write model, endpoint = "https://host" and roots = "roots.pem".'
            raise study.error(found, remedy, "rater", key)
    for key in HOW:
        if not asks(choice.name) and getattr(choice, key) != getattr(family, key, None):
            found = f"{key} of the rater {choice.name}, which asks nobody."
            raise study.error(found, "take it out, or name another rater.", "rater", key)
    stated = [key for key in PRICES if getattr(choice, key) is not None]
    if stated and (len(stated) < len(PRICES) or not asks(choice.name)):
        found = f"{' and '.join(stated)} of the rater {choice.name}."
        remedy = f"write {' and '.join(PRICES)}, of a rater that asks a model."
        raise study.error(found, remedy, "rater", stated[0])
    if not asks(choice.name):
        return replace(family, view=choice.view)
    try:
        read_endpoint(choice.endpoint)
    except ConfigurationError as error:
        raise study.error(error.found, error.remedy, "rater", "endpoint") from None
    return replace(
        family,
        model=choice.model,
        endpoint=choice.endpoint,
        roots="" if clear else _roots(study),
        view=choice.view,
        mode=choice.mode,
        batches=choice.batches,
        answers=choice.answers,
    )


def readings_of(study: Study, rater: Rater) -> tuple[Reading, ...]:
    """
    The second readings that a study asks for.

    Raises:
        ConfigurationError: Two have one name, a share is none, or the rater cannot have them.
    """
    made: list[Reading] = []
    for number, one in enumerate(study.readings):
        at = ("reading", number)
        if one.name in [other.name for other in made]:
            found = f"a second reading with the name {one.name!r}."
            raise study.error(found, "give each reading its own name.", *at, "name")
        if not is_share(one.share):
            found = f"a share of {one.share!r}."
            raise study.error(found, 'write a fraction above 0, 1 at most: "1/20".', *at, "share")
        if rater.batches:
            found = "a reading beside message batches, which carry the first one alone."
            raise study.error(found, "take batches out of the rater.", *at, "name")
        for key in ("mode", "model"):
            if getattr(one, key) and not asks(rater.name):
                found = f"{key} of the rater {rater.name}, which asks nobody."
                raise study.error(found, "take it out, or name another rater.", *at, key)
        other = replace(
            rater,
            view=one.view or rater.view,
            mode=one.mode or rater.mode,
            model=one.model or rater.model,
        )
        made.append(Reading(one.name, one.share, other))
    return (*made,)


def spending_of(study: Study, rater: Rater) -> Spending | None:
    """
    Prices and cap of a study's rater; None where it asks nobody, or no price is known.

    Where second readings ask other models, the dearest price of each kind counts for all of them:
    one cap holds whoever is asked.

    Raises:
        ConfigurationError: There is a cap and no price to hold it by.
    """
    choice, known = study.rater, price_list().models
    names = [rater.model, *(one.model for one in study.readings if one.model)]
    listed = [known[name].prices for name in names if name in known]
    if not asks(rater.name):
        return None
    if choice.price_input is not None and choice.price_output is not None:
        read = micro(choice.price_input)
        prices = Prices(read, micro(choice.price_output), cache_read=read, cache_write=read)
    elif len(listed) == len(names):
        prices = dearest(listed)
    elif choice.dollars is not None:
        found = f"a cap in dollars and no known price of {' or '.join(sorted(set(names)))}."
        raise study.error(found, f"write {' and '.join(PRICES)}.", "rater", "dollars")
    else:
        return None
    return Spending(prices, None if choice.dollars is None else micro(choice.dollars))


def _roots(study: Study) -> str:
    at = ("rater", "roots")
    if study.folder is None:
        found = "a file of roots in a study that is no file itself."
        raise study.error(found, "read the study from where it lies.", *at)
    try:
        roots = (study.folder / study.rater.roots).read_text(encoding="ascii")
        certificates(roots)
    except (OSError, UnicodeDecodeError):
        found = f"no readable file {study.rater.roots!r} beside the study."
        raise study.error(found, "put the endpoint's root there, in PEM.", *at) from None
    except ConfigurationError as error:
        raise study.error(error.found, error.remedy, *at) from None
    return roots
