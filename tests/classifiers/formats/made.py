"""Small files of other formats, all words made up, and what becomes of them."""

import json
from pathlib import Path
from typing import Any

from classifiers.edge import RunMemory, SessionBytes, Tally, read_source
from classifiers.formats import read_session
from classifiers.sessions import Session
from classifiers.structure import measures

TIME = "2026-02-03T04:05:06.000Z"
Json = dict[str, Any]


def lines(*records: Json) -> bytes:
    """Records as lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def document(value: object) -> bytes:
    """A value as a document that was printed to be looked at."""
    return json.dumps(value, indent=2).encode()


def sealed(
    folder: Path, memory: RunMemory | None = None, account: str | None = "ann", **files: bytes
) -> tuple[list[SessionBytes], Tally]:
    """What the edge makes of some files; their names say nothing about their format."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    tally = Tally()
    found = list(read_source(folder, lambda _: account, memory or RunMemory(), tally))
    return found, tally


def through(folder: Path, data: bytes) -> Session:
    """The session that the worker reads in what the edge seals of one file."""
    (one,), tally = sealed(folder, here=data)
    assert set(tally.files.values()) == {"READ"}
    return read_session(one.blob)


def counted(session: Session) -> tuple[int, int, int, int]:
    """Prompts, actions, lines added, lines removed."""
    found = measures(session)
    keys = ("prompts", "actions", "lines_added", "lines_removed")
    prompts, actions, added, removed = (int(found[key]) for key in keys)
    return prompts, actions, added, removed


def outcomes(session: Session) -> list[tuple[str, str, str]]:
    """Kind, subject and outcome of each action."""
    return [(call.kind, "".join(call.subject), call.outcome) for call in session.calls]


def answered(session: Session) -> list[str]:
    """What the model said."""
    return ["".join(s.text) for s in session.utterances if s.via == "assistant_text"]
