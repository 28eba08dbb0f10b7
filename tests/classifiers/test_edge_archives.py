"""Evaluations in archives are read sample by sample; what is packed otherwise is named so."""

import gzip
import json
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from classifiers import edge
from classifiers.formats import read_session
from tests.classifiers.formats.made import TIME, Json, outcomes, sealed
from tests.classifiers.formats.test_inspect_log import sample
from tests.classifiers.logs import said

HEADER: Json = {"version": 2, "status": "success", "eval": {"task": "t", "created": TIME}}


def archive(**members: object) -> bytes:
    """A zip of JSON documents; two underscores stand for a folder."""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        for name, value in members.items():
            zipped.writestr(f"{name.replace('__', '/')}.json", json.dumps(value))
    return file.getvalue()


def test_each_sample_of_an_archive_is_a_session(tmp_path: Path) -> None:
    """The header stands beside them, once for all."""
    data = archive(samples__1=sample(1), samples__2=sample(2), summaries=[], header=HEADER)
    found, tally = sealed(tmp_path, here=data)
    assert set(tally.files.values()) == {"READ"}
    assert [read_session(each.blob).format for each in found] == ["inspect"] * 2
    assert {said(read_session(each.blob))[0][0] for each in found} == {"prompt"}


def test_an_evaluation_that_still_runs_has_a_beginning_only(tmp_path: Path) -> None:
    """A journal holds what the header will."""
    begun = {key: HEADER[key] for key in ("version", "eval")}
    (one,), _ = sealed(tmp_path, here=archive(_journal__start=begun, samples__1=sample(1)))
    assert not read_session(one.blob).interactive


def test_what_is_packed_otherwise_is_refused_by_a_code_that_says_so(tmp_path: Path) -> None:
    """Its owner can unpack or export it; to guess would be to read what nobody named."""
    _, tally = sealed(
        tmp_path,
        zip=archive(conversations=[]),
        eval=archive(header=HEADER),
        torn=archive(header=HEADER, samples__1=sample(1))[:90],
        gzip=gzip.compress(b"{}"),
        zstd=b"\x28\xb5\x2f\xfd" + bytes(9),
        store=b"SQLite format 3\0" + bytes(9),
        plain=b"PK is no archive",
    )
    assert {path.name: code for path, code in tally.files.items()} == {
        "zip": "COMPRESSED",
        "eval": "COMPRESSED",
        "torn": "COMPRESSED",
        "gzip": "COMPRESSED",
        "zstd": "COMPRESSED",
        "store": "DATABASE",
        "plain": "NOT_A_SESSION_LOG",
    }


def test_a_sample_that_unpacks_to_more_than_a_session_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte of one letter takes a kilobyte in an archive."""
    large: Json = sample(2) | {"id": "x" * 2**20}
    data = archive(header=HEADER, samples__1=sample(1), samples__2=large)
    assert len(data) < 8_000
    monkeypatch.setattr(edge, "LARGEST", 2**16)
    found, tally = sealed(tmp_path, here=data)
    assert len(found) == 1
    assert tally.records["BAD_LINE"] == 1


def test_a_torn_sample_costs_itself(tmp_path: Path) -> None:
    """One member's damage does not reach the next."""
    data = archive(header=HEADER, samples__1=sample(1), samples__2=sample(2))
    with ZipFile(BytesIO(data)) as zipped:
        start = zipped.getinfo("samples/1.json").header_offset + 50
    torn = data[:start] + bytes(20) + data[start + 20 :]
    found, tally = sealed(tmp_path, here=torn)
    assert len(found) == 1
    assert tally.records["BAD_LINE"] == 1


def test_a_call_that_an_approver_stopped_was_denied() -> None:
    """It is no failure of the tool's."""
    stopped: Json = {"error": {"type": "approval", "message": "no"}}
    asked = {"id": "1", "function": "bash", "arguments": {"cmd": "rm"}}
    messages = [
        {"role": "assistant", "content": "", "model": "openai/gpt", "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "1", "content": "", **stopped},
    ]
    log = HEADER | {"samples": [{"started_at": TIME, "messages": messages}]}
    found = read_session(json.dumps(log).encode())
    assert outcomes(found) == [("shell", "rm", "denied")]
    assert ["".join(model) for model in found.models] == ["openai/gpt"]
