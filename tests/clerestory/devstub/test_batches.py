"""Message batches through the SDK: in any order, with lines that failed, expired, were stopped."""

from typing import Any

import anthropic
import pytest

from clerestory.devstub.batches import Batches
from clerestory.devstub.contract import fault_of
from clerestory.devstub.script import LINES, Script
from tests.clerestory.devstub.asked import asking, request

NAMES = [f"s-{number}" for number in range(8)]


def lines(names: list[str] = NAMES) -> list[Any]:
    """A batch's requests."""
    return [{"custom_id": name, "params": request(f"session {name}")} for name in names]


def test_results_come_in_another_order_with_every_kind_of_line() -> None:
    """Who reads by place instead of by name is wrong here."""
    script = Script(at={1: "errored", 3: "expired", 5: "canceled", 6: "refusal"})
    with asking(batches=Batches(script)) as client:
        batch = client.messages.batches.create(requests=lines())
        assert batch.processing_status == "in_progress"
        assert batch.results_url is None
        seen = [client.messages.batches.retrieve(batch.id) for _ in range(2)]
        results = list(client.messages.batches.results(batch.id))
        direct = client.messages.create(**request("session s-7"))
    assert [each.processing_status for each in seen] == ["in_progress", "ended"]
    assert seen[0].request_counts.processing == len(NAMES)
    counts = seen[1].request_counts
    assert (counts.succeeded, counts.errored, counts.expired, counts.canceled) == (5, 1, 1, 1)
    assert counts.processing == 0
    assert [each.custom_id for each in results] != NAMES
    assert sorted(each.custom_id for each in results) == NAMES
    kinds = {each.custom_id: each.result.type for each in results}
    assert [kinds[name] for name in NAMES] == [
        "errored", "succeeded", "expired", "succeeded", "canceled", *["succeeded"] * 3,
    ]  # fmt: skip
    found = {each.custom_id: each.result for each in results}
    assert found["s-5"].type == "succeeded"
    assert found["s-5"].message.stop_reason == "refusal"
    assert found["s-7"].type == "succeeded"
    assert found["s-7"].message.content == direct.content


def test_a_batch_that_is_cancelled_answers_nothing() -> None:
    """All its lines are; one that has ended keeps what it has."""
    with asking(batches=Batches(Script(), looks=0)) as client:
        batch = client.messages.batches.create(requests=lines())
        assert client.messages.batches.cancel(batch.id).processing_status == "canceling"
        assert client.messages.batches.retrieve(batch.id).processing_status == "ended"
        results = list(client.messages.batches.results(batch.id))
        assert {each.result.type for each in results} == {"canceled"}

        ended = client.messages.batches.create(requests=lines())
        client.messages.batches.retrieve(ended.id)
        assert client.messages.batches.cancel(ended.id).processing_status == "ended"
        results = list(client.messages.batches.results(ended.id))
        assert {each.result.type for each in results} == {"succeeded"}


def test_a_batch_that_has_ended_can_be_deleted() -> None:
    """Nothing of it is left; one in progress stays."""
    with asking(batches=Batches(Script(), looks=1)) as client:
        batch = client.messages.batches.create(requests=lines())
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.delete(batch.id)
        for _ in range(2):
            client.messages.batches.retrieve(batch.id)
        assert client.messages.batches.delete(batch.id).id == batch.id
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.retrieve(batch.id)


def test_there_are_no_results_before_the_end_and_none_of_others() -> None:
    """Nor a batch of any other name."""
    with asking() as client:
        batch = client.messages.batches.create(requests=lines())
        for path in (f"{batch.id}/results", "msgbatch_other", "msgbatch_other/results", "a/b/c"):
            with pytest.raises(anthropic.NotFoundError):
                client.get(f"/v1/messages/batches/{path}", cast_to=object)
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.cancel("msgbatch_other")


def test_two_lines_are_never_in_the_order_of_their_requests() -> None:
    """Also where there is little to mix."""
    for names in (["a", "b"], ["b", "a"]):
        with asking(batches=Batches(Script(), looks=0)) as client:
            batch = client.messages.batches.create(requests=lines(names))
            client.messages.batches.retrieve(batch.id)
            found = [each.custom_id for each in client.messages.batches.results(batch.id)]
        assert found == names[::-1]


def test_lines_have_names_of_their_own_and_keep_the_contract() -> None:
    """A name twice, one of other letters, none at all, a fault within: 400, as the API says."""
    good = lines(["a", "b"])
    assert fault_of({"requests": good}, "batches") == ""
    for bad in ([], lines(["a", "a"]), lines(["a b"]), lines(["x" * 65]), lines([""]),
                [{**good[0], "params": request(temperature=0)}],
                [{**good[0], "mood": 1}]):  # fmt: skip
        assert fault_of({"requests": bad}, "batches")
    with asking() as client, pytest.raises(anthropic.BadRequestError, match="unique"):
        client.messages.batches.create(requests=lines(["a", "a"]))
    assert set(LINES) == {"errored", "expired", "canceled"}
