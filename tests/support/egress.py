"""
A sealed worker that asks a server on loopback through a real broker: as the keeper runs it.

Nothing is replaced: plan, seal, broker, TLS and SDK are the ones of a run; only who asks the
worker is the test itself, so that it can look at every frame.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from threading import Thread

from classifiers.broker import Broker, Caps, resolve
from classifiers.raters.claude.rater import ClaudeRater
from privacy.closing import CLOSING_BYTES, Closing
from privacy.codebook import codebook
from privacy.endpoint import read_endpoint
from privacy.halts import Halt
from privacy.keeper.egress import Egress, broker
from privacy.keeper.workshop import WorkerKind
from privacy.labels import LabelRecord, row_width, unpack_bucket
from privacy.plan import Rater
from privacy.raters import CLAUDE, Answers
from privacy.sandbox.launch import Worker, Zygote
from privacy.sandbox.manifest import collect
from privacy.sandbox.tiers import Tier
from privacy.sealing import run_info, seal
from tests.classifiers.logs import agent, log, person
from tests.classifiers.test_worker import bound_plan
from tests.support.house import installed
from tests.support.messages import API_KEY
from tests.support.workers.setting import SEALING

MODEL = "claude-haiku-5-5"
CANARY = "heliotrope-4471-canary"
"""What no byte outside may hold; of ASCII, so that no encoding hides it."""
ACCOUNT = bytes(range(16))


def asking(url: str, roots: str = "", model: str = MODEL, answers: Answers = "schema") -> Rater:
    """The rater of a plan; without roots, of an endpoint in clear."""
    return replace(CLAUDE, model=model, endpoint=url, roots=roots, answers=answers)


def session(text: str = CANARY) -> bytes:
    """A log in which somebody says something."""
    return log(person(f"please fix the crash: {text}"), agent(f"Done with {text}."))


@cache
def relaying() -> WorkerKind:
    """A kind of worker with a broker and without the SDK: what is hashed in half a second."""
    code = collect(("privacy", "classifiers"), SEALING)
    return WorkerKind("privacy.sandbox.idle", code, "classifiers/broker.py")


@contextmanager
def unsealed(
    rater: Rater, key: str = API_KEY, seconds: float = 20.0, patience: float = 0.0
) -> Iterator[ClaudeRater]:
    """The rater in this process, and a broker in a thread of it: for what needs no seal."""
    address = read_endpoint(rater.endpoint)
    with brokering(resolve(address.host, address.port)) as egress:
        made = ClaudeRater(rater, seconds=seconds, patience=patience)
        with egress.control() as control:
            made.unlock(key.encode(), control)
            yield made
            made.close()


@contextmanager
def brokering(
    addresses: list[tuple[int, tuple[object, ...]]], caps: Caps | None = None
) -> Iterator[Egress]:
    """A broker in a thread of this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        thread = Thread(target=Broker(theirs, addresses, caps).serve)
        thread.start()
        try:
            with ours:
                yield Egress(ours)
        finally:
            thread.join(20)
    assert not thread.is_alive()


Answer = dict[str, str] | Halt
"""A record's labels by column, or why nobody could be asked."""


@dataclass(frozen=True)
class Asker:
    """Sealed workers, forked from one zygote as they are wanted."""

    zygote: Zygote
    egress: Egress
    plan: str
    """Hash of the bound plan."""
    key: str

    def start(self) -> AbstractContextManager[Worker]:
        """A worker that has its key and waits for sessions."""
        return self._start()

    @contextmanager
    def _start(self) -> Iterator[Worker]:
        with self.egress.control() as control, self.zygote.start(control=control) as worker:
            worker.channel.timeout = 60.0
            worker.channel.send(self.key.encode())
            yield worker

    def frame(self, data: bytes, number: int, worker: Worker) -> bytes:
        """A session as the keeper sends it."""
        told = {"account": ACCOUNT.hex(), "month": "2026-02", "session": name(number).hex()}
        return seal(data, told, public=worker.public_key, info=run_info(self.plan)).encode()

    def answer(self, sessions: Sequence[bytes]) -> bytes:
        """What one worker says of a batch."""
        with self.start() as worker:
            for number, data in enumerate(sessions):
                worker.channel.send(self.frame(data, number, worker))
            worker.channel.send(b"")
            return worker.channel.receive(len(sessions) * row_width(codebook()) + CLOSING_BYTES)

    def label(self, data: bytes | None = None) -> Answer:
        """One session's labels, or why there are none."""
        (answer,) = self.batch([session() if data is None else data])
        return answer

    def batch(self, sessions: Sequence[bytes]) -> list[Answer]:
        """The same for several, in order, by one worker."""
        return read(self.answer(sessions), len(sessions))


def name(number: int) -> bytes:
    """A session's key."""
    return number.to_bytes(16)


def read(answer: bytes, sessions: int = 1, *, closed: bool = True) -> list[Answer]:
    """A worker's answer about sessions, in their order; closed, if its rater asks somebody."""
    end = len(answer) - CLOSING_BYTES if closed else len(answer)
    halt = Closing.decode(answer[end:]).halt if closed else None
    rows = dict(unpack_bucket(answer[:end], codebook()))
    found: list[Answer] = []
    for number in range(sessions):
        row = rows.get(name(number))
        if row is None:
            assert halt
            found.append(halt)
            continue
        record = LabelRecord.decode(row, codebook())
        assert record.account == ACCOUNT
        found.append({
            field.name: field.labels[position]
            for field, position in zip(codebook().fields, record.labels, strict=True)
        })  # fmt: skip
    return found


@contextmanager
def sealed(tier: Tier, rater: Rater, key: str = API_KEY) -> Iterator[Asker]:
    """Workers at a tier and the keeper's own broker, all gone afterwards."""
    plan, kind = bound_plan(rater), installed().asking
    with (
        broker(kind, rater.endpoint) as egress,
        Zygote(tier, kind.code, kind.module, plan.canonical) as zygote,
    ):
        yield Asker(zygote, egress, plan.hash, key)
