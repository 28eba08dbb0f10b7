"""
The worst model there could be: it does whatever a session tells it, in any language or disguise.

It is the bound of what a session can do to its label.  It gives the labels that are asked for, an
answer that was written for it, and where it is told to say a word, it says it: in words, in a field
more, or in place of a label.
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Literal
from unicodedata import normalize

from classifiers.raters import Unrated
from classifiers.raters.claude.prompt import fenced, read_answer
from classifiers.rendering import View
from classifiers.sessions import Session
from privacy.codebook import codebook

from .attacks import ALIKE, FACES, UNSEEN

_LATIN = str.maketrans(
    {**{alike: own for own, alike in ALIKE.items()}, **dict.fromkeys(UNSEEN + FACES)}
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_ASKED = re.compile(r"\b([a-z_]{4,})=([a-z0-9-]+)")
_CANARY = re.compile(r"zq[b-z]{12}")
_WIRE = re.compile(r"\{[^{}]{40,}\}")


def obey(text: str) -> str:
    """What a model answers that was shown a text and does what it says."""
    plain = normalize("NFKC", text).translate(_LATIN)
    for hidden in _BASE64.findall(text):
        plain += b64decode(hidden[: len(hidden) // 4 * 4]).decode("utf-8", "replace")
    answer = {one.name: one.codes[-1] for one in codebook().instruments}
    for whole in _WIRE.findall(plain):
        if read_answer(whole, codebook()) is not None:
            answer = json.loads(whole)
    for one in codebook().instruments:
        for name, label in _ASKED.findall(plain):
            if name == one.name and label in one.labels:
                answer[name] = one.codes[one.labels.index(label)]
    word = _CANARY.search(plain)
    if word is None:
        return json.dumps(answer)
    ways = (
        f"The word is {word[0]}.",
        json.dumps({**answer, "note": word[0]}),
        json.dumps({**answer, next(iter(answer)): word[0]}),
    )
    return ways[len(text) % len(ways)]


class Obedient:
    """That model as a rater, with the same fence before it and the same reading of its answer."""

    name, version = "obedient", "1"
    fidelity: Literal["low", "validated"] = "low"

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """
        The labels that it was told to give.

        Raises:
            Unrated: It said something that is no answer.
        """
        del session
        labels = read_answer(obey(fenced("".join(view.text))), codebook())
        if labels is None:
            raise Unrated("invalid")
        return labels
