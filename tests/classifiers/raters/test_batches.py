"""Message batches as the rater sends and reads them, against a server that holds to the API."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import pytest

from classifiers.errands import LARGEST_ERRAND, Frames, begin
from classifiers.formats import read_session
from classifiers.raters import Halted, Unanswered, Unrated
from classifiers.raters.claude import batches
from classifiers.raters.claude.line import LARGEST_RESULTS, padded_length
from classifiers.raters.claude.rater import ClaudeRater
from classifiers.rendering import render
from classifiers.sessions import Session
from clerestory.devstub import Asked, Authority, Reply, authority, running
from clerestory.devstub.answers import message_of
from clerestory.devstub.batches import Batches
from clerestory.devstub.script import Script
from privacy.codebook import codebook
from privacy.halts import Halt
from privacy.sealing import KeyPair, run_info
from privacy.tickets import Errand, Ticket, read_sealed, ticket_info
from privacy.views import ViewName
from tests.classifiers.test_worker import bound_plan
from tests.support.egress import asking, session, unsealed
from tests.support.messages import MessagesServer, codes, message

MODES = ("fix", "build", "test", "fix", "build")
SESSIONS: list[Session] = [
    read_session(session(f"case {mode} {n}")) for n, mode in enumerate(MODES)
]
DIGESTS = [f"{number:064x}" for number in range(len(SESSIONS))]
Line = dict[str, Any]


def judged(text: str) -> str:
    """What the model thinks of a session: it can tell them apart."""
    found = re.search(r"case (\w+) ", text)
    assert found
    return codes({"work_mode": found[1]})


def answered(asked: Asked) -> Reply:
    """A plain call is answered as a request of a batch is."""
    return message(asked, judged(asked.text))


class Held(Batches):
    """Batches whose lines a test may look at, and change before they are told."""

    def __init__(self, looks: int = 0) -> None:
        super().__init__(Script(), looks)
        self.taken: list[Mapping[str, Any]] = []
        self.change: Callable[[list[Line]], list[Line]] = lambda lines: lines

    def take(self, body: Mapping[str, Any], url: str) -> Line:
        """Remember what came."""
        self.taken.append(body)
        return super().take(body, url)

    def results(self, name: str) -> bytes | None:
        """The lines, as the test wants them."""
        lines = super().results(name)
        if lines is None:
            return None
        changed = self.change([json.loads(line) for line in lines.splitlines()])
        return b"".join(json.dumps(line).encode() + b"\n" for line in changed)

    def _line(self, request: Mapping[str, Any]) -> Line:
        params = request["params"]
        text = judged(params["messages"][0]["content"][0]["text"])
        result = {"type": "succeeded", "message": message_of(params, text)}
        return {"custom_id": request["custom_id"], "result": result}


@dataclass
class Scene:
    """A rater, and the server that it asks."""

    rater: ClaudeRater
    server: MessagesServer
    held: Held

    def send(
        self, sessions: Sequence[Session] = SESSIONS, view: ViewName = "full"
    ) -> tuple[Ticket, Halt | None]:
        """Write sessions down, and send them."""
        self.rater.batches.write()
        for digest, one in zip(DIGESTS, sessions, strict=False):
            self.rater.batches.turn(digest)
            self.rater.rate(one, render(one, view))
        return self.rater.batches.send()

    def read(self, ticket: Ticket) -> list[str]:
        """What became of each: its mode, its status, or that there was no answer."""
        self.rater.batches.read(ticket)
        return [self._one(digest, one) for digest, one in zip(DIGESTS, SESSIONS, strict=True)]

    def _one(self, digest: str, one: Session) -> str:
        self.rater.batches.turn(digest)
        try:
            return self.rater.rate(one, render(one))["work_mode"]
        except Unrated as outcome:
            return outcome.status
        except Unanswered:
            return "unanswered"


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom the plan trusts."""
    return authority()


@pytest.fixture(scope="module")
def shared(ours: Authority) -> Iterator[Scene]:
    """One server and one rater: making them is most of the time."""
    server = MessagesServer(ours.sign(), answered)
    with running(server), unsealed(asking(server.url, ours.roots)) as rater:
        yield Scene(rater, server, Held())


@pytest.fixture
def scene(shared: Scene) -> Scene:
    """The same, with nothing of another test in it."""
    shared.held = shared.server.batches = Held()
    shared.server.asked.clear()
    shared.server.answering = answered
    shared.rater.batches.plain()
    return shared


EXPECTED = ["fix", "build", "test", "fix", "build"]


def test_a_batch_asks_what_calls_would_ask(scene: Scene) -> None:
    """Word for word, but for the fence, so that labels of both are labels of one rater."""
    one = SESSIONS[0]
    scene.rater.rate(one, render(one))
    (plain,) = scene.server.asked
    ticket, halt = scene.send()
    assert halt is None
    assert len(ticket.batches) == 1
    (body,) = scene.held.taken
    assert len(body["requests"]) == len(SESSIONS)

    def unfenced(params: Mapping[str, Any]) -> str:
        return re.sub(r"[0-9a-f]{32}", "FENCE", json.dumps(params, sort_keys=True))

    assert unfenced(body["requests"][0]["params"]) == unfenced(plain.body)
    sent = scene.server.asked[-1]
    assert sent.length == padded_length(sent.length)


def test_names_of_requests_are_opaque(scene: Scene) -> None:
    """Of session or account nothing stands beside the text, and twice sent has other names."""
    scene.send()
    scene.send()
    first, second = ({each["custom_id"] for each in body["requests"]} for body in scene.held.taken)
    assert len(first | second) == 2 * len(SESSIONS)
    assert not any(digest[-8:] in name for name in first | second for digest in DIGESTS)


def test_results_come_in_any_order(scene: Scene) -> None:
    """Each session gets its own answer: the server mixes them, and the test reverses them."""
    ticket, _ = scene.send()
    told: list[list[str]] = []

    def mixed(lines: list[Line]) -> list[Line]:
        told.append([line["custom_id"] for line in lines])
        return lines[::-1]

    asked = [each["custom_id"] for each in scene.held.taken[0]["requests"]]
    assert scene.read(ticket) == EXPECTED
    scene.held.change = mixed
    assert scene.read(ticket) == EXPECTED
    assert sorted(told[0]) == sorted(asked)
    assert told[0] != asked
    assert len(scene.server.asked) == 1  # nothing was asked by itself


def test_what_was_not_answered_is_no_label(scene: Scene) -> None:
    """Errored, expired, canceled, missing: due again, while the others have their labels."""
    ticket, _ = scene.send()
    names = [ticket.request(digest, 0) for digest in DIGESTS]
    ends = dict(zip(names, ("errored", "expired", "canceled", "missing"), strict=False))

    def change(lines: list[Line]) -> list[Line]:
        for line in lines:
            if end := ends.get(line["custom_id"]):
                line["result"] = {"type": end}
        return [line for line in lines if line["result"]["type"] != "missing"]

    scene.held.change = change
    assert scene.read(ticket) == [*["unanswered"] * 4, "build"]
    scene.held.change = lambda _: []
    assert scene.read(ticket) == ["unanswered"] * 5


def test_strange_lines_belong_to_nobody(scene: Scene) -> None:
    """Another's names are passed over; a name twice is no answer of this API."""
    ticket, _ = scene.send()
    scene.held.change = lambda lines: [*lines, {**lines[0], "custom_id": "stranger"}]
    assert scene.read(ticket) == EXPECTED
    scene.held.change = lambda lines: [*lines, lines[0]]
    with pytest.raises(Halted, match="MALFORMED"):
        scene.read(ticket)


def test_an_answer_of_a_batch_is_judged_as_any(scene: Scene) -> None:
    """Refused and cut are labels; what is not in form has its one repair, by a plain call."""
    ticket, _ = scene.send()
    first = [ticket.request(digest, 0) for digest in DIGESTS]
    changes: dict[str, Line] = {
        first[0]: {"stop_reason": "refusal"},
        first[1]: {"stop_reason": "max_tokens"},
        first[2]: {"content": [{"type": "text", "text": "no label"}]},
    }

    def change(lines: list[Line]) -> list[Line]:
        for line in lines:
            line["result"]["message"].update(changes.get(line["custom_id"], {}))
        return lines

    scene.held.change = change
    scene.server.asked.clear()
    assert scene.read(ticket) == ["refused", "cut", "test", "fix", "build"]
    (again,) = scene.server.asked
    assert again.is_repair
    assert "case test" in again.text
    scene.server.answering = lambda asked: message(asked, "still none")
    assert scene.read(ticket)[2] == "invalid"


def test_a_result_by_another_model_stops_the_run(scene: Scene) -> None:
    """As an answer by another model does."""
    ticket, _ = scene.send()

    def change(lines: list[Line]) -> list[Line]:
        return [
            {
                **line,
                "result": {
                    **line["result"],
                    "message": {**line["result"]["message"], "model": "b"},
                },
            }
            for line in lines
        ]

    scene.held.change = change
    with pytest.raises(Halted, match="OTHER_MODEL"):
        scene.read(ticket)


def test_a_batch_that_has_not_ended_is_pending(scene: Scene) -> None:
    """Nothing is read before; the next look, which ends it, is the control."""
    scene.held = scene.server.batches = Held(looks=1)
    ticket, _ = scene.send()
    with pytest.raises(Halted, match="PENDING"):
        scene.read(ticket)
    assert scene.read(ticket) == EXPECTED


def test_a_batch_that_is_not_known_is_lost_and_may_be_deleted_twice(scene: Scene) -> None:
    """With another workspace's key the API says 404: that must not pass for an empty batch."""
    ticket, _ = scene.send()
    assert scene.read(ticket) == EXPECTED
    scene.rater.batches.drop(ticket)
    with pytest.raises(Halted, match="LOST"):
        scene.read(ticket)
    scene.rater.batches.drop(ticket)  # a crash may have come in between


def test_a_server_is_held_to_the_batch_that_it_was_asked_about(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word about another says nothing of this one, and a name that is a path leads nowhere."""
    ticket, _ = scene.send()
    look: Callable[..., Any] = scene.held.look
    told: dict[str, object]
    for other in ("msgbatch_other", None):
        told = {"id": other}
        monkeypatch.setattr(scene.held, "look", lambda *at, told=told: {**look(*at), **told})
        with pytest.raises(Halted, match="MALFORMED"):
            scene.read(ticket)
    take = scene.held.take
    for name in ("../../models", "", 7, "n" * 65):
        told = {"id": name}
        monkeypatch.setattr(scene.held, "take", lambda *at, told=told: {**take(*at), **told})
        assert scene.send()[1] is Halt.MALFORMED
    monkeypatch.undo()
    assert scene.read(ticket) == EXPECTED


def test_a_batch_holds_as_much_as_it_may(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by bytes; what one batch cannot hold goes into the next, all in one ticket."""
    ticket, _ = scene.send()
    (body,) = scene.held.taken
    size = max(len(json.dumps(each, separators=(",", ":"))) for each in body["requests"])
    for name, most in (("MOST_REQUESTS", 2), ("MOST_BODY", 2 * size + 100)):
        scene.held = scene.server.batches = Held()
        with monkeypatch.context() as patched:
            patched.setattr(batches, name, most)
            ticket, halt = scene.send()
        assert [len(body["requests"]) for body in scene.held.taken] == [2, 2, 1]
        assert (len(ticket.batches), halt) == (3, None)
        assert scene.read(ticket) == EXPECTED


def test_what_no_batch_and_no_ticket_holds_is_left_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unanswered, so due again: a session never hangs on a bound."""
    monkeypatch.setattr(batches, "MOST_BODY", 100)
    assert scene.send()[0].batches == ()
    monkeypatch.undo()
    monkeypatch.setattr(batches, "MOST_REQUESTS", 1)
    monkeypatch.setattr(batches, "MOST_BATCHES", 2)
    ticket, _ = scene.send()
    assert scene.read(ticket) == ["fix", "build", *["unanswered"] * 3]


def test_a_halt_in_between_forgets_no_batch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent before is paid for: the ticket names it, and the halt is told beside it."""
    monkeypatch.setattr(batches, "MOST_REQUESTS", 2)
    post = scene.server.post

    def busy(path: str, headers: Mapping[str, str], data: bytes) -> Reply:
        return Reply(b"{}", 529) if scene.held.taken else post(path, headers, data)

    monkeypatch.setattr(scene.server, "post", busy)
    ticket, halt = scene.send()
    assert (len(ticket.batches), halt) == (1, Halt.OVERLOADED)
    assert scene.read(ticket)[:3] == ["fix", "build", "unanswered"]


def test_a_batch_is_sent_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call on a broken connection is tried again; a batch would be paid twice."""
    heard: list[str] = []

    def torn(path: str, headers: Mapping[str, str], data: bytes) -> Reply:
        heard.append(path)
        return Reply(raw=b"")

    one = SESSIONS[0]
    scene.rater.rate(one, render(one))  # the connection is kept
    monkeypatch.setattr(scene.server, "post", torn)
    with pytest.raises(Halted, match="UNREACHABLE"):
        scene.rater.rate(one, render(one))
    assert len(heard) == 2  # the control
    heard.clear()
    monkeypatch.undo()
    scene.rater.rate(one, render(one))
    monkeypatch.setattr(scene.server, "post", torn)
    assert scene.send() == (scene.rater.batches._ticket, Halt.UNREACHABLE)
    assert len(heard) == 1


def test_results_are_bounded(scene: Scene) -> None:
    """A server that goes on for ever fills no memory."""
    ticket, _ = scene.send()
    filling = {"custom_id": "x" * 64, "result": {"type": "expired", "padding": "p" * 2**20}}
    scene.held.change = lambda lines: [*lines, *[filling] * (LARGEST_RESULTS >> 20)]
    with pytest.raises(Halted, match="MALFORMED"):
        scene.read(ticket)
    scene.held.change = lambda lines: [*lines, *[filling] * 2]
    assert scene.read(ticket) == EXPECTED


def picked(params: Mapping[str, Any]) -> str:
    """Some code for each question that is asked, by session, part and question."""
    text = re.sub(r"[0-9a-f]{32}", "", params["messages"][0]["content"][0]["text"])
    asked = params["output_config"]["format"]["schema"]["properties"]
    told = {}
    for name, each in asked.items():
        drawn = sha256(f"{name} {text}".encode()).digest()
        told[name] = each["enum"][drawn[0] % len(each["enum"])]
    return json.dumps(told)


class Picking(Held):
    """Batches of a model that answers what it is asked."""

    def _line(self, request: Mapping[str, Any]) -> Line:
        message = message_of(request["params"], picked(request["params"]))
        return {
            "custom_id": request["custom_id"],
            "result": {"type": "succeeded", "message": message},
        }


def test_a_session_may_have_several_requests(ours: Authority) -> None:
    """Asked apart and in parts, in any order, it gets the labels that calls give, or none."""
    long = "".join(f"line {number} of a log\n" for number in range(22_000))
    sessions = [read_session(session(text)) for text in ("one", "two", long)]
    server = MessagesServer(ours.sign(), lambda asked: message(asked, picked(asked.body)))
    server.batches = held = Picking()
    named = replace(asking(server.url, ours.roots), mode="separate", view="whole")
    with running(server), unsealed(named) as rater:
        plain = [dict(rater.rate(one, render(one, "whole"))) for one in sessions]
        calls = len(server.asked)
        assert calls >= (len(sessions) + 1) * len(codebook().instruments)  # one has parts
        scene = Scene(rater, server, held)
        ticket, _ = scene.send(sessions, "whole")
        assert len(held.taken[0]["requests"]) == calls
        held.change = lambda lines: lines[::-1]

        def read() -> list[dict[str, str] | None]:
            found: list[dict[str, str] | None] = []
            rater.batches.read(ticket)
            for digest, one in zip(DIGESTS, sessions, strict=False):
                rater.batches.turn(digest)
                try:
                    found.append(dict(rater.rate(one, render(one, "whole"))))
                except Unanswered:
                    found.append(None)
            return found

        assert read() == plain
        last = ticket.request(DIGESTS[1], len(codebook().instruments) - 1)
        held.change = lambda lines: [line for line in lines if line["custom_id"] != last]
        assert read() == [plain[0], None, plain[2]]


def test_errands_go_through_a_ticket_that_nobody_else_opens(scene: Scene) -> None:
    """Submitting says a ticket and no row; collecting says rows, by that ticket alone."""
    keeper, worker, name = KeyPair.generate(), KeyPair.generate(), "a" * 64
    named = replace(asking(scene.server.url, ""), batches=True)
    plan = bound_plan(named)
    one = SESSIONS[0]

    def label() -> bytes:
        return scene.rater.rate(one, render(one))["work_mode"].encode()

    submitting = begin(
        plan, scene.rater, Frames(Errand("submit", keeper.public, name).encode()), worker
    )
    assert submitting.row(DIGESTS[0], label) is None
    said, halt = submitting.answer()
    assert halt is None
    sealed = read_sealed(said, name)
    assert len(said) < LARGEST_ERRAND
    given = sealed.rewrap(
        keeper, worker.public, at_rest=ticket_info(name), in_run=run_info(plan.hash)
    )
    frames = Frames(Errand("collect", b"", name).encode(), given.encode())
    collecting = begin(plan, scene.rater, frames, worker)
    assert collecting.row(DIGESTS[0], label) == b"fix"
    assert collecting.row(DIGESTS[1], label) is None
    assert collecting.answer() == (b"", None)
    plain = begin(plan, scene.rater, Frames(Errand("plain").encode()), worker)
    assert plain.row(DIGESTS[1], label) == b"fix"
