"""Files that are no lines of Claude Code: recognised, bounded, refused by code."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from classifiers import edge, edge_foreign
from classifiers.edge import STATED, RunMemory
from classifiers.formats import read_session
from classifiers.formats.lines import Record
from classifiers.formats.plugins import Splits
from classifiers.formats.portions import Portion
from classifiers.stub import TOO_LARGE_STUB
from tests.classifiers.formats.made import Json, document, lines, sealed
from tests.classifiers.formats.test_claude_ai import conversation, message
from tests.classifiers.formats.test_codex import SESSION, meta, ran, typed
from tests.classifiers.formats.test_gemini import PROMPT, chat
from tests.classifiers.formats.test_generic import ASKED, session
from tests.classifiers.logs import log, person, said


def test_a_folder_holds_any_mixture(tmp_path: Path) -> None:
    """What a person has collected lies side by side, under names that say nothing."""
    found, tally = sealed(
        tmp_path,
        a=log(person("claude")),
        b=document(chat(PROMPT)),
        c=lines(*SESSION),
        d=document([conversation("c", message("1", "human", "web"))]),
        e=b"# a note\n",
        f=b"[1, 2, 3]",
        g=b'{"just": "settings"}',
        h=b'{"sessionId": "x", "type"',
        i=b'{\n "broken": {\n',
    )
    formats = {read_session(each.blob).format for each in found}
    assert formats == {"claude_code", "gemini_cli", "codex_rollout", "claude_ai_export"}
    refused = {path.name for path, code in tally.files.items() if code == "NOT_A_SESSION_LOG"}
    assert refused == {"e", "f", "g", "h", "i"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_documents_are_read_in_each_encoding(tmp_path: Path, encoding: str) -> None:
    """A redirected shell on Windows writes UTF-16 with a mark."""
    one = document(chat({"type": "user", "content": "grüße"})).decode().encode(encoding)
    array = json.dumps([conversation("c", message("1", "human", "grüße"))]).encode(encoding)
    found, _ = sealed(tmp_path, one=one, array=array)
    assert [said(read_session(each.blob)) for each in found] == [[("prompt", "grüße")]] * 2
    assert said(read_session(one)) == said(read_session(array)) == [("prompt", "grüße")]


def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long session becomes a stub; a document that is too long to be read whole has a code."""
    monkeypatch.setattr(edge, "LARGEST", 3_000)
    talk = [*SESSION, *(each for n in range(40) for each in ran(f"x{n}", "ok", command="ls"))]
    found, tally = sealed(
        tmp_path,
        long=lines(*talk),
        whole=document(chat({"type": "user", "content": "x" * 4_000})),
        short=document(chat(PROMPT)),
    )
    assert {each.session: each.blob == TOO_LARGE_STUB for each in found} == {
        "s-1": True,
        "g-1": False,
    }
    assert tally.files[tmp_path / "whole"] == "TOO_LARGE"
    assert tally.sessions["TOO_LARGE"] == 1


def test_what_was_sealed_before_is_known_again(tmp_path: Path) -> None:
    """A session that grew is whole again; one that copies an older one's beginning is not."""
    memory = RunMemory()
    start, more = ASKED | {"id": "1"}, ASKED | {"id": "2", "content": "reap"}
    sealed(tmp_path, memory, log=lines(session("s", start)))
    (grown,), _ = sealed(tmp_path, memory, log=lines(session("s", start, more)))
    assert said(read_session(grown.blob)) == [("prompt", "sow"), ("prompt", "reap")]
    _, tally = sealed(tmp_path, memory, log=lines(session("z", start, more)))
    assert tally.sessions == {"DUPLICATE": 1}


def test_a_format_that_fails_costs_one_file_and_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error may quote what it read."""

    class Brittle:
        NAME = "brittle"

        @staticmethod
        def claims(record: Record) -> bool:
            return "brittle" in record

        @staticmethod
        def split(found: Iterator[Record]) -> Iterator[Portion]:
            raise ValueError(str(next(found)))

    monkeypatch.setattr(edge, "installed", lambda: (Brittle,))
    found, tally = sealed(tmp_path, a=lines({"brittle": "secret"}), b=lines(session("s", ASKED)))
    assert len(found) == 1
    assert tally.files[tmp_path / "a"] == "FORMAT_FAILED"


def test_a_file_that_goes_between_the_readings_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs are rotated while they are read; what was waited for is given as it is."""
    first, second = ASKED | {"id": "1"}, ASKED | {"id": "2", "content": "reap"}
    content_of = edge_foreign.content_of

    def and_gone(path: Path, known: Splits, limit: int) -> edge_foreign.Content:
        content = content_of(path, known, limit)
        if path.name == "b":
            path.unlink()
        return content

    monkeypatch.setattr(edge, "content_of", and_gone)
    (one,), tally = sealed(tmp_path, a=lines(session("s", first)), b=lines(session("s", second)))
    assert said(read_session(one.blob)) == [("prompt", "sow")]
    assert tally.files[tmp_path / "b"] == "UNREADABLE_FILE"


def test_accounts_do_not_mix(tmp_path: Path) -> None:
    """The same session in two accounts' files is each account's own."""
    both: list[Json] = [session("s", ASKED, account_id=name) for name in ("ann", "bob")]
    found, _ = sealed(tmp_path, account=STATED, a=lines(both[0]), b=lines(both[1]))
    assert sorted(each.account for each in found) == ["ann", "bob"]
    # The custodian has to ask for it: a person who has another name elsewhere would weigh double.
    assert sealed(tmp_path, account=None)[0] == []
    merged, tally = sealed(tmp_path, account="both")
    assert len(merged) == 1
    assert tally.records["REPEATED"] == 1


def test_a_session_without_an_id_keeps_its_name_as_it_grows(tmp_path: Path) -> None:
    """Otherwise each sealing would add another session to the account."""
    head = meta("")
    (old,), _ = sealed(tmp_path, log=lines(head, *typed("a"), *typed("b"), *typed("c")))
    (new,), _ = sealed(
        tmp_path, log=lines(head, *typed("a"), *typed("b"), *typed("c"), *typed("d"))
    )
    assert old.session == new.session
    (other,), _ = sealed(tmp_path, log=lines(head, *typed("x")))
    assert other.session != old.session
