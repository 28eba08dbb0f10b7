"""What the custodian is told of raw files: right numbers, no content, and of no vault."""

import json
import os
import shutil
import tracemalloc
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.edge_types import KNOWN, UNKNOWN, type_in
from classifiers.formats import OTHERS, read_session
from classifiers.sessions import UnreadableError
from clerestory.cli.inspected import ROWS, page
from clerestory.inspecting import GROUPS, NUMBERS, inspect
from privacy.errors import ConfigurationError, RefusedError
from tests.classifiers.formats import made
from tests.classifiers.formats.test_any_bytes import RECORDS, TEXTS
from tests.classifiers.logs import agent, call, log, person
from tests.clerestory.test_sealing import log as numbered
from tests.clerestory.test_sealing import sealed
from tests.fuzz.pipeline import MARK
from tests.fuzz.seeds import CLAUDE_CODE, EXPORTS, marked
from tests.support.batches import batches
from tests.support.house import founded


def mixed(folder: Path) -> Path:
    """Files of every format, split, forked, torn, foreign, empty, and what is no file."""
    (folder / "project/s/subagents").mkdir(parents=True)
    (folder / "others").mkdir()
    side = {"isSidechain": True, "agentId": "a"}
    copied = numbered("parent", range(4)).replace(b'"parent"', b'"fork"')
    files = {
        "project/1.jsonl": numbered("parent", range(4)),
        "project/2.jsonl": copied + numbered("fork", range(4, 8)),
        "project/3.jsonl": copied.replace(b'"fork"', b'"third"'),
        "project/4.jsonl": numbered("parent", range(4, 6)) + b"torn\n" + numbered("more", range(2)),
        "project/s.jsonl": log(*CLAUDE_CODE),
        "project/s/subagents/agent-a.jsonl": log(person("look", **side), agent("Seen.", **side)),
        "project/alone.jsonl": log(person("x", isSidechain=True, sessionId="alone")),
        "empty": b"",
        "words": b"nothing of a log\n",
        "latin": b"\xff\xfe\x00\x01 caf\xe9\n" * 20,
    }
    files |= {f"others/{name}": made.lines(*found) for name, found in RECORDS.items()}
    files |= {f"others/{name}": text.encode() for name, text in TEXTS.items()}
    files |= {f"counted-{number}": made.lines(*each) for number, each in enumerate(EXPORTS)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "link").symlink_to("words")
    (folder / "project/loop").symlink_to("..")
    return folder


def test_the_totals_are_what_seal_takes(tmp_path: Path) -> None:
    """By files, sessions and records, code by code, over a tree in which everything occurs."""
    with founded(tmp_path) as house:
        logs = mixed(tmp_path / "logs")
        told = inspect(logs)
        taken = sealed(house, logs)
    codes, done = Counter(told["totals"]["codes"]), 0
    counts = Counter[str]()
    for name, number in taken.items():
        scope, _, code = name.partition(" ")
        if scope == "telemetry":
            assert told["totals"]["telemetry"] == number
        elif code in ("sealed", "shrunk"):  # samples of two formats may bear one name
            done += number
        elif code != "READ":
            counts[code] += number
    assert told["totals"]["sessions"] == codes["TAKEN"] == done
    assert codes == counts
    assert told["read"] == taken["file READ"]
    assert told["totals"]["sessions"] > len(RECORDS) + len(TEXTS)
    assert {"COPY", "DUPLICATE", "BAD_LINE", "SUBAGENT_ALONE", "NOT_A_FILE"} <= codes.keys()


def test_a_session_in_several_files_counts_where_it_begins(tmp_path: Path) -> None:
    """Rows add up to the totals, so that nothing is counted twice or in no row."""
    told = inspect(mixed(tmp_path))
    rows = {row["path"]: row for row in told["files"]}
    assert rows["project/4.jsonl"]["continued"] == 1
    assert rows["project/4.jsonl"]["sessions"] == 1
    side = rows["project/s/subagents/agent-a.jsonl"]
    assert (side["sessions"], side["continued"], side["format"]) == (0, 1, "claude_code")
    assert rows["project/s.jsonl"]["subagents"] == 2
    for name in {*NUMBERS} - {"telemetry"}:  # a session's may lie in several files
        assert sum(row[name] for row in told["files"]) == told["totals"][name]
    for group in GROUPS:
        summed = sum((Counter(row.get(group, {})) for row in told["files"]), Counter())
        both = Counter(told["totals"].get(group, {})) - summed
        assert set(both) <= {"TELEMETRY_EARLY", "TELEMETRY_UNJOINED"}  # seen over all files
        assert summed + both == Counter(told["totals"].get(group, {}))
    files = [path for path in tmp_path.rglob("*") if path.is_symlink() or path.is_file()]
    assert told["totals"]["files"] == len(files) == told["read"] + sum(told["refused"].values())


def test_numbers_are_right_for_a_log_that_one_can_count(tmp_path: Path) -> None:
    """Each is counted here by eye."""
    extra: dict[str, Any] = {"structuredPatch": []}
    (tmp_path / "a").write_bytes(
        log(
            person("one"),
            agent("Yes."),
            call("Edit", file_path="a"),
            person([{"type": "tool_result", "tool_use_id": "call-1", "content": "ok"}],
                   toolUseResult=extra),
            person("<task-notification>done</task-notification>"),
            {"type": "future", "sessionId": "session-a"},
            {"type": "mode", "sessionId": "session-a"},
        )
    )  # fmt: skip
    (row,) = inspect(tmp_path)["files"]
    assert {key: row[key] for key in ("path", "format", "sessions", "prompts", "actions")} == {
        "path": "a", "format": "claude_code", "sessions": 1, "prompts": 1, "actions": 1,
    }  # fmt: skip
    assert row["records"] == {"user": 3, "assistant": 2, "unknown": 1, "mode": 1}
    assert row["authors"] == {"human": 1, "model": 1, "harness": 1, "tool": 1}
    assert row["via"] == {"prompt": 1, "assistant_text": 1, "notification": 1}
    assert (row["kinds"], row["outcomes"]) == ({"edit": 1}, {"ok": 1})
    assert (row["sittings"], row["surfaces"]) == ({"interactive": 1}, {"cli": 1})
    assert (row["families"], row["months"]) == ({"opus": 1}, {"2026-02": 1})
    assert row["incomplete"] == {"unknown_types": 1}
    assert row["codes"] == {"TAKEN": 1, "NOT_NEEDED": 1}
    assert row["bytes"] == (tmp_path / "a").stat().st_size


def words_of(told: Any) -> set[str]:  # noqa: ANN401 - any JSON
    """Every string in what was told, keys among them, but for names of files and explanations."""
    if isinstance(told, dict):
        inner = {
            word for key, value in told.items() if key != "reasons" for word in words_of(value)
        }
        return {*map(str, told), *inner}
    if isinstance(told, list):
        return {word for each in told for word in words_of(each)}
    return {told} if isinstance(told, str) else set()


def test_no_word_of_any_field_is_told(tmp_path: Path) -> None:
    """A mark stands in every field of every format, types and names of tools among them."""
    logs = {"claude_code": CLAUDE_CODE, **RECORDS}
    strange = {"type": MARK, "sessionId": MARK, "uuid": MARK, MARK: MARK}
    for number, (name, found) in enumerate(logs.items()):
        lines = [*marked(found), strange]
        (tmp_path / f"{number}").write_bytes(made.lines(*lines))
        assert any(MARK in type_ for each in lines if (type_ := str(each.get("type")))), name
    for name, text in TEXTS.items():
        (tmp_path / name).write_bytes(text.replace("a", "a" + MARK).encode())
    for number, export in enumerate(EXPORTS):
        (tmp_path / f"counted-{number}").write_bytes(made.lines(*marked(export), strange))
    (tmp_path / "torn").write_bytes(f'{{"type":"{MARK}'.encode())
    (tmp_path / "foreign").write_bytes(made.lines(strange))

    told = inspect(tmp_path)
    shown = json.dumps(told) + page(told, every=True)
    assert MARK.lower() not in shown.lower()

    # Stronger: whatever stands there comes from lists that are closed.
    paths = {row["path"] for row in told["files"]}
    assert not [word for word in words_of(told) - paths if MARK.lower() in word.lower()]

    # The control: names of tools, models and types reach the normal form and a naive echo.
    assert told["read"] >= len(logs)
    seen = set[str]()
    for taken in read_source(tmp_path, lambda _: "one", RunMemory(), Tally()):
        try:
            session = read_session(taken.blob)
        except UnreadableError:
            continue
        seen.update("".join(call.name) for call in session.calls)
        seen.update("".join(model) for model in session.models)
    assert len([word for word in seen if MARK in word]) > 5


def test_a_type_is_named_only_if_it_is_known() -> None:
    """It is a word of the log; the list is closed, and holds what our samples are made of."""
    assert type_in({"type": MARK}) == type_in({"type": ["user"]}) == type_in({}) == UNKNOWN
    assert type_in({"type": "event_msg", "payload": {"type": MARK}}) == UNKNOWN
    assert type_in({"type": "user", "message": {"role": MARK}}) == "user"
    assert MARK not in KNOWN
    for name, sample in RECORDS.items():
        known = next(each for each in OTHERS if any(map(each.claims, sample)))
        parts = [part for portion in known.split(iter(deepcopy(sample))) for part in portion.parts]
        stated = [part.record for part in parts if isinstance(part.record.get("type"), str)]
        assert UNKNOWN not in map(type_in, stated), name  # a new format's go into `KNOWN`


def test_what_is_kept_apart_is_refused(tmp_path: Path) -> None:
    """A vault, a state and a custodian's folder: itself, from within, from above, by a link."""
    with founded(tmp_path / "house") as house:
        logs = tmp_path / "logs"
        logs.mkdir()
        (logs / "a.jsonl").write_bytes(numbered("s", range(4)))
        sealed(house, logs)
        assert inspect(logs)["read"] == 1
        vault, pack = house.vault.folder, batches(house.vault)[0]
        (logs / "link").symlink_to(vault)
        within = tmp_path / "within"
        within.symlink_to(vault / "sessions")
        for path in (
            vault,
            vault / "floor.json",
            pack,
            next(path for path in pack.iterdir() if path.is_file()),
            vault.parent,  # a vault lies in it
            logs / "link",
            logs / "link" / "sessions",
            within,
            tmp_path / "house" / "vault.custodian",
            tmp_path / "house" / "vault.custodian" / "index.db",
            house.state.folder,
        ):
            with pytest.raises(RefusedError, match="IS_A_VAULT"):
                inspect(path)
        # A link among logs is not followed; parts of a vault that were copied out are no logs.
        shutil.copytree(vault / "sessions", tmp_path / "copied")
        told = inspect(tmp_path / "copied")
        assert told["read"] == told["totals"]["sessions"] == 0
        assert set(told["refused"]) <= {"NOT_A_SESSION_LOG", "UNREADABLE_ENCODING", "EMPTY"}
        assert inspect(logs)["refused"] == {"NOT_A_FILE": 1}


def test_wrong_paths_are_errors_and_odd_files_are_rows(tmp_path: Path) -> None:
    """Nothing there, an empty folder, a device, a pipe, a loop, a file that may not be read."""
    with pytest.raises(ConfigurationError, match="NO_SOURCE"):
        inspect(tmp_path / "nothing")
    told = inspect(tmp_path)
    assert (told["read"], told["refused"], told["files"]) == (0, {}, [])
    assert page(told, every=False).splitlines()[-1] == "read 0, refused: none"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    assert inspect(tmp_path)["refused"] == {"NOT_A_FILE": 3}
    assert inspect(Path("/dev/zero"))["refused"] == {"NOT_A_FILE": 1}
    assert inspect(tmp_path / "self")["refused"] == {"NOT_A_FILE": 1}
    noise = tmp_path / "noise"
    noise.write_bytes(b"{\xff\xfe\xfd\n" * 9)
    told = inspect(noise)
    assert told["refused"] == {"UNREADABLE_ENCODING": 1}
    assert told["files"][0]["format"] == ""  # what is refused as no log is of no format
    closed = tmp_path / "closed"
    closed.write_bytes(numbered("s", range(2)))
    closed.chmod(0)
    expected = {"UNREADABLE_FILE": 1} if os.geteuid() else {}  # root may read it
    assert inspect(closed)["refused"] == expected


@pytest.mark.parametrize(
    "name",
    [b"two\nlines", b"\x1b[2Jclear", "\u202egnp.exe".encode(), b"caf\xe9", "\u2028".encode(),
     b"back\\slash", b"tab\t", "\u0085".encode()],
)  # fmt: skip
def test_a_files_name_cannot_speak_to_the_terminal(tmp_path: Path, name: bytes) -> None:
    """It may be made by whoever wrote the file; a page has one line for it, whatever it is."""
    (tmp_path / os.fsdecode(name)).write_bytes(numbered("s", range(2)))
    told = inspect(tmp_path)
    text = page(told, every=True)
    assert text.replace("\n", "").isprintable()
    assert text.encode()
    assert json.dumps(told, ensure_ascii=False).encode()
    assert "\\" in told["files"][0]["path"]
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "grün 検査.jsonl").write_bytes(numbered("s", range(2)))
    assert inspect(plain)["files"][0]["path"] == "grün 検査.jsonl"  # the control
    assert len(text.splitlines()) == len(page(inspect(plain), every=True).splitlines())


def test_many_files_are_told_by_folder(tmp_path: Path) -> None:
    """Forty rows are read, ten thousand are not; with `--all` each is there."""
    for number in range(ROWS + 5):
        folder = tmp_path / f"project-{number % 3}" / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jsonl").write_bytes(numbered(f"s{number}", range(2)))
    told = inspect(tmp_path)
    short = page(told, every=False).splitlines()
    assert [line.split()[0] for line in short[1:4]] == ["15", "15", "15"]
    assert short[1].endswith("project-0/deep/")
    long = page(told, every=True).splitlines()
    assert len(long) == len(short) - 1 - 3 + ROWS + 5
    assert short[-1] == long[-1] == f"read {ROWS + 5}, refused: none"
    assert len({line.index("claude_code") for line in long[1 : ROWS + 6]}) == 1  # aligned

    for number in range(2 * ROWS):
        (tmp_path / f"one-{number}").mkdir()
        (tmp_path / f"one-{number}" / "a").write_bytes(numbered(f"t{number}", range(2)))
    short = page(inspect(tmp_path), every=False).splitlines()
    rows = short[1 : short.index("(by folder: --all prints every file)")]
    assert len(rows) == ROWS
    assert sum("project-" in row for row in rows) == 3  # the largest are named
    assert rows[-1].endswith(f"{2 * ROWS + 3 - (ROWS - 1)} other folders")
    assert sum(int(row.split()[0]) for row in rows) == 3 * ROWS + 5


def test_progress_is_told_from_the_first_file_on(tmp_path: Path) -> None:
    """It grows and ends at the whole."""
    shares: list[float] = []
    inspect(mixed(tmp_path), lambda _, share: shares.append(share))
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert shares[-1] == 1.0
    assert len(shares) > 10


def test_a_tree_is_not_held_in_memory(tmp_path: Path) -> None:
    """Twice the files take hardly more: what is kept of each is its row."""

    def peak(folder: Path) -> int:
        tracemalloc.start()
        try:
            inspect(folder)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    for name, number in (("few", 8), ("many", 32)):
        (tmp_path / name).mkdir()
        for each in range(number):
            data = numbered(f"s{each}", range(40)).replace(b"please", b"please " * 1200)
            (tmp_path / name / f"{each}").write_bytes(data)
    peak(tmp_path / "few")  # what is loaded once
    few, many = peak(tmp_path / "few"), peak(tmp_path / "many")
    size = sum(path.stat().st_size for path in (tmp_path / "many").iterdir())
    assert size > 9_000_000
    assert many < few + 32 * 2**15, (few, many)  # a row and its ids: under 32 KiB a file
