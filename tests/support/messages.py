"""The development server, as tests want it: it keeps what it was asked."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clerestory.devstub import Answering, Asked, Reply, Stub, running
from clerestory.devstub.answers import message_of
from clerestory.devstub.likes import Local, Manners
from privacy.codebook import codebook

API_KEY = "sk-test-7f3c-canary-of-the-key"


class MessagesServer(Stub):
    """A running server; `asked` holds every request that it could read."""

    def __init__(self, pem: bytes | None, answering: Answering) -> None:
        super().__init__(pem, answering)
        self.asked: list[Asked] = []

    def hear(self, asked: Asked) -> None:
        """Keep it."""
        self.asked.append(asked)


class LocalServer(Local):
    """A server like one on the keeper's machine; `asked` as above."""

    def __init__(self, manners: Manners) -> None:
        super().__init__(manners)
        self.asked: list[Asked] = []

    def hear(self, asked: Asked) -> None:
        """Keep it."""
        self.asked.append(asked)


@contextmanager
def serving(pem: bytes | None, answering: Answering) -> Iterator[MessagesServer]:
    """A server for as long as the block runs; plain HTTP without a certificate."""
    with running(MessagesServer(pem, answering)) as server:
        yield server


def message(asked: Asked, text: str, **changed: object) -> Reply:
    """A good answer with a text; its size depends on the session as the API's does, by usage."""
    said = message_of(asked.body, text, **changed)
    if "usage" not in changed:
        said["usage"] |= asked.cached.usage(asked.body)
    return Reply(json.dumps(said).encode())


def codes(labels: Mapping[str, str] | None = None) -> str:
    """An answer in codes: the given labels, `unclear` for the rest."""
    given = labels or {}
    answer = {
        each.name: each.codes[each.labels.index(given.get(each.name, "unclear"))]
        for each in codebook().instruments
    }
    return json.dumps(answer, separators=(",", ":"))


def labelled(labels: Mapping[str, str] | None = None) -> Answering:
    """Answer every session alike."""
    return lambda asked: message(asked, codes(labels))
