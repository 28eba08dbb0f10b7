"""
Large logs, and a process that makes one, reads it and tells how much memory that took.

`python -m tests.classifiers.formats.large WAY NAME MEGABYTES` prints one line of JSON.
"""

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from classifiers.formats import read_session
from classifiers.formats.lines import Damage, records
from classifiers.raters.offline import OfflineRater
from classifiers.structure import measures
from classifiers.stub import WARM_UP
from classifiers.worker import classify, row_of
from privacy.codebook import codebook
from privacy.labels import PSEUDONYM_BYTES, LabelRecord
from privacy.sealing import KeyPair, SealedBlob, seal
from tests.classifiers.logs import agent, call, log, person, result

ACCOUNT = bytes(PSEUDONYM_BYTES)
_HEAD = b'{"type":"user","sessionId":"s","message":{"content":'
_BLOCKS = b'{"type":"assistant","sessionId":"s","message":{"content":['


def plain(size: int) -> bytes:
    """A session as people have them: most of its bytes are files and answers of tools."""
    return b"".join(_until(size, (_exchange(number) for number in count())))


def _exchange(number: int) -> bytes:
    name = f"call-{number}"
    before = {"originalFile": "the file as it stood before\n" * 300, "structuredPatch": []}
    return log(
        person(f"Please carve owl number {number}, and mind its left wing."),
        agent("I will look at the wing first. " * 10),
        call("Edit", name, file_path=f"owls/{number}.py", old_string="wing", new_string="w\ning"),
        result("The file has been updated. " * 90, name, extra=before),
    )


def _until(size: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    while size > 0:
        part = next(parts)
        size -= len(part)
        yield part


def _filled(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


def _said(text: str) -> bytes:
    return _HEAD + json.dumps(text, ensure_ascii=False).encode() + b"}}\n"


def _numbered(unit: bytes, size: int) -> bytes:
    return b"".join(_until(size, (unit % number for number in count())))


def _keys(size: int) -> bytes:
    keys = b",".join(b'"%06x":0' % number for number in range(900_000))
    return _filled(b'{"type":"user","sessionId":"s","message":{' + keys + b"}}\n", size)


MADE: dict[str, Callable[[int], bytes]] = {
    "plain": plain,
    # One record: values of two bytes, keys, blocks of every kind, a text, a run of nothing.
    "lists": lambda size: _filled(_HEAD + b"[" + b"[]," * 900_000 + b"[]]}}\n", size),
    "keys": _keys,
    "thoughts": lambda size: _filled(
        _BLOCKS + b'{"type":"thinking"},' * 500_000 + b"{}]}}\n", size
    ),
    "calls": lambda size: _filled(
        _BLOCKS + b'{"type":"tool_use","input":{"a":1}},' * 300_000 + b"{}]}}\n", size
    ),
    "one line": lambda size: _said("owl " * (size // 4)),
    "wide": lambda size: _filled(_said("🦉 " * 2**21), size),
    "escapes": lambda size: _filled(_HEAD + b'"' + b"\\ud83e" * 2**21 + b'"}}\n', size),
    "zeros": lambda size: log(person("carve")) + bytes(size) + log(person("paint")),
    "digits": lambda size: _filled(_HEAD + b'"x"},"n":' + b"9" * 100_000 + b"}\n", size),
    "joined": lambda size: _filled(log(person("carve"))[:-1] * 40 + b"\n", size),
    # Many records.
    "blank": lambda size: _filled(b"\n", size),
    "tiny": lambda size: log(person("carve")) + _filled(b"{}\n", size),
    "said": lambda size: _filled(_said("a"), size),
    "sessions": lambda size: _numbered(
        b'{"type":"user","sessionId":"%d","message":{"content":"a"}}\n', size
    ),
    "agents": lambda size: _numbered(
        b'{"type":"user","sessionId":"s","isSidechain":true,"agentId":"%d","message":{}}\n', size
    ),
    # No lines: a document, prose.
    "document": lambda size: b'{"sessionId":"s","messages":[' + b"{}," * (size // 3) + b"{}]}",
    "prose": lambda size: b"# aider chat started at 2026-01-01 00:00:00\n" + b"\n" * size,
}


def most_mb() -> float:
    """Most memory of this process since `forget_most`."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def forget_most() -> None:
    """Begin to watch anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def reading(way: str, name: str, megabytes: float) -> Callable[[], str]:
    """A log that is made here, to its label, plain or sealed; a file; all its records at once."""
    if way == "file":
        return lambda: f"{measures(read_session(Path(name).open('rb')))['actions']:.0f} actions"
    if way == "kept":
        return lambda: f"{len(list(records(Path(name).open('rb'), Damage())))} records"
    data = MADE[name](round(megabytes * 1e6))
    if way == "labelled":
        return lambda: status_of(classify(data, month="unknown", account=ACCOUNT))
    pair, header = KeyPair.generate(), {"month": "unknown", "account": ACCOUNT.hex()}
    frame = seal(data, header | {"session": "00"}, public=pair.public, info=b"run").encode()

    def opened() -> str:
        row = row_of(SealedBlob.decode(frame), pair, b"run", OfflineRater())
        return status_of(LabelRecord.decode(row[1:], codebook()))

    return opened


def status_of(record: LabelRecord) -> str:
    """The label of the codebook's `status`."""
    fields = codebook().fields
    position = [field.name for field in fields].index("status")
    return fields[position].labels[record.labels[position]]


def main(way: str, name: str, megabytes: str) -> None:
    """Read in one way, and tell."""
    classify(WARM_UP, month="unknown", account=ACCOUNT)
    read = reading(way, name, float(megabytes))
    forget_most()
    before = most_mb()
    status = read()
    print(json.dumps({"status": status, "before_mb": before, "most_mb": most_mb()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
