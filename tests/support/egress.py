"""
A sealed worker that asks a server on loopback through a real broker: as the keeper runs it.

Nothing is replaced: plan, seal, broker, TLS and SDK are the ones of a run; only who asks the
worker is the test itself, so that it can look at every frame.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from threading import Thread

from classifiers.broker import Broker, resolve
from classifiers.raters.claude import ClaudeRater
from privacy.codebook import codebook
from privacy.endpoint import read_endpoint
from privacy.halts import Halt
from privacy.keeper.egress import broker
from privacy.keeper.workshop import WorkerKind
from privacy.labels import LabelRecord, record_width
from privacy.plan import Rater
from privacy.raters import CLAUDE
from privacy.sandbox.launch import Worker, start
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


def asking(url: str, roots: str, model: str = MODEL) -> Rater:
    """The rater of a plan."""
    return replace(CLAUDE, model=model, endpoint=url, roots=roots)


def session(text: str = CANARY) -> bytes:
    """A log in which somebody says something."""
    return log(person(f"please fix the crash: {text}"), agent(f"Done with {text}."))


@cache
def relaying() -> WorkerKind:
    """A kind of worker with a broker and without the SDK: what is hashed in half a second."""
    code = collect(("privacy", "classifiers"), SEALING)
    return WorkerKind("privacy.sandbox.idle", code, "classifiers/broker.py")


@contextmanager
def unsealed(rater: Rater, key: str = API_KEY, seconds: float = 20.0) -> Iterator[ClaudeRater]:
    """The rater in this process, and a broker in a thread of it: for what needs no seal."""
    address = read_endpoint(rater.endpoint)
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        thread = Thread(target=Broker(theirs, resolve(address.host, address.port)).serve)
        thread.start()
        try:
            with ours:
                made = ClaudeRater(rater, seconds=seconds)
                made.unlock(key.encode(), ours)
                yield made
                made.close()
        finally:
            thread.join(20)


@dataclass(frozen=True)
class Asker:
    """A sealed worker that waits for sessions."""

    worker: Worker
    plan_hash: str

    def send(self, data: bytes) -> bytes:
        """One session's answer: a record, or a byte."""
        header = {"account": ACCOUNT.hex(), "month": "2026-02"}
        info = run_info(self.plan_hash)
        blob = seal(data, header, public=self.worker.public_key, info=info)
        self.worker.channel.send(blob.encode())
        return self.worker.channel.receive(record_width(codebook()))

    def label(self, data: bytes | None = None) -> dict[str, str] | Halt:
        """The same, read."""
        return read(self.send(session() if data is None else data))


def read(answer: bytes) -> dict[str, str] | Halt:
    """A record's labels by column, or why nobody could be asked."""
    if len(answer) == 1:
        return Halt(answer[0])
    record = LabelRecord.decode(answer, codebook())
    assert record.account == ACCOUNT
    return {
        field.name: field.labels[position]
        for field, position in zip(codebook().fields, record.labels, strict=True)
    }


@contextmanager
def sealed(tier: Tier, rater: Rater, key: str = API_KEY) -> Iterator[Asker]:
    """A worker at a tier, its broker beside it, both gone afterwards."""
    plan, kind = bound_plan(rater), installed().asking
    with (
        broker(kind, rater.endpoint) as control,
        start(tier, kind.code, kind.module, plan.canonical, control=control) as worker,
    ):
        worker.channel.timeout = 60.0
        worker.channel.send(key.encode())
        yield Asker(worker, plan.hash)
