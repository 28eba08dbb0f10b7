"""
How the anchor set that ships was chosen: made-up sessions, the shortest of each kind.

`./run bench anchors write` writes it anew from the seed, as `privacy/anchor_set.jsonl`; without
the word it only says whether that would change anything.  The set is committed and not made when
it is wanted, since another version of numpy may draw other sessions from the same seed, and
readings of two sets cannot be compared.
"""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import tell
from clerestory.synthetic import write_sessions
from privacy.anchor_set import SHIPPED

ACCOUNTS, SESSIONS, SEED = 1_200, 6_000, 76
SIZE = 96
KINDS = ("work_mode", "outcome", "expertise", "success_signal", "failure_signal")
"""Planted labels of which the set holds each one as often as it can."""
LONGEST = 400
"""characters of one text: what a session is like shows in its first lines."""
_HOME = re.compile(r"/(?:Users|home)/[a-z]+\d+")
_CASING = re.compile(r"[ (\[:-]*\b{}\b[)\]:]*")

Record = dict[str, Any]


def main(arguments: Sequence[str] = ()) -> None:
    """Make the set and tell what is in it."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_sessions(folder, accounts=ACCOUNTS, sessions=SESSIONS, seed=SEED)
        with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
            truth = [row for row in csv.DictReader(file) if row["model_calls"] != "0"]
        chosen = list(_chosen(folder, truth))
        lines = [_line(n, folder, row) for n, row in enumerate(chosen)]
    data = "".join(f"{line}\n" for line in lines).encode()
    if "write" in arguments:
        SHIPPED.write_bytes(data)
    tell("anchors", sessions=len(lines), kilobytes=len(data) / 1e3)
    sys.stdout.write(f"the same as what ships: {data == SHIPPED.read_bytes()}\n")


def _chosen(folder: Path, truth: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    """The shortest session of what has been chosen least often so far, again and again."""
    left = sorted(truth, key=lambda row: ((folder / row["path"]).stat().st_size, row["path"]))
    left = [row for row in left[: len(left) // 3] if _is_plain(folder / row["path"])]
    had: Counter[tuple[str, str]] = Counter()
    for _ in range(SIZE):
        row = min(left, key=lambda row: sum(had[kind, row[kind]] for kind in KINDS))
        left.remove(row)
        had.update((kind, row[kind]) for kind in KINDS)
        yield row


def _is_plain(path: Path) -> bool:
    """Whether a log is whole, and of one file; some are made with a torn end."""
    try:
        records = [
            json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line
        ]
    except ValueError:
        return False
    told = [r["message"]["role"] for r in records if r.get("type") in ("user", "assistant")]
    return told.count("user") >= 1 <= told.count("assistant") and not path.with_suffix("").exists()


def _line(number: int, folder: Path, row: Mapping[str, str]) -> str:
    """A session in the format to bridge from: the exchange, without what a program adds."""
    text = (folder / row["path"]).read_text(encoding="utf-8")
    text = re.sub(_CASING.pattern.format(re.escape(row["canary"])), "", _HOME.sub("/srv", text))
    records = [json.loads(line) for line in text.split("\n") if line]
    told = [r["message"] for r in records if r.get("type") in ("user", "assistant")]
    session = {
        "session_id": f"anchor-{number:03}",
        "account_id": "anchors",
        "planted": {kind: row[kind] for kind in KINDS},
        "messages": [{"role": each["role"], "content": _short(each["content"])} for each in told],
    }
    return json.dumps(session, ensure_ascii=False, separators=(",", ":"))


def _short(content: object) -> object:
    """The same, every text cut to size, and no block but words, calls and results."""
    if isinstance(content, str):
        return content if len(content) <= LONGEST else content[:LONGEST] + " …"
    if isinstance(content, list):
        kept = [b for b in content if not isinstance(b, dict) or b.get("type") != "thinking"]
        return [_short(each) for each in kept]
    if isinstance(content, dict):
        return {name: _short(value) for name, value in content.items()}
    return content


if __name__ == "__main__":
    main(sys.argv[1:])
