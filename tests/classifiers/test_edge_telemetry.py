"""At the edge: which session telemetry joins, whose it is, and that no word of it goes further."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from classifiers import edge_telemetry
from classifiers.edge import LARGEST, RunMemory, Tally, read_source
from classifiers.edge_files import Unreadable
from classifiers.edge_telemetry import (
    TelemetryBytes,
    holds_telemetry,
    look_into,
    read_telemetry,
)
from classifiers.otlp import KEPT
from classifiers.telemetry import Call, Counts, Telemetry, hash_of
from tests.classifiers.exports import (
    ANN,
    BEGAN,
    BOB,
    SECOND,
    Json,
    event,
    kv,
    lines,
    logs,
    metrics,
    point,
    resource,
    result,
    snaked,
    spans,
)

LINES = "lines_of_code.count"
ADDED = metrics(point(LINES, 3, type="added"))
NAMES = {ANN: "ann", BOB: "bob"}


def session(name: str, *calls: str) -> bytes:
    """A session in the real format, with some calls."""
    used = [{"type": "tool_use", "id": call, "name": "Edit", "input": {}} for call in calls]
    told = [
        ("user", [{"type": "text", "text": "please fix it"}]),
        ("assistant", [{"type": "text", "text": "done"}, *used]),
    ]
    records = [
        {
            "type": kind,
            "uuid": f"{name}-{kind}",
            "sessionId": name,
            "timestamp": "2025-11-05T10:00:00.000Z",
            "message": {"role": kind, "content": content},
        }
        for kind, content in told
    ]
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


class Desk:
    """A custodian's memory, and what he was told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen, self.tally = folder, RunMemory(), Tally()

    def seal(self, account: str, name: str, *calls: str) -> bytes:
        """Seal a session; returns its key."""
        path = self.folder / f"{account}-{name}.jsonl"
        path.write_bytes(session(name, *calls))
        assert list(read_source(path, lambda _: account, self.seen, Tally()))
        return self.seen.session(account, name)

    def read(
        self, *files: Sequence[Json] | bytes, whose: Callable[[Path, str], str | None] | None = None
    ) -> dict[tuple[str, bytes], Telemetry]:
        """(account, session's key) → what is to be sealed of some files of a collector."""
        return {(b.account, b.session): Telemetry.decode(b.blob) for b in self.told(*files, whose)}

    def told(
        self, *files: Sequence[Json] | bytes | Callable[[Path, str], str | None] | None
    ) -> list[TelemetryBytes]:
        """The same as it comes."""
        whose, paths = None, []
        for number, each in enumerate(files):
            if each is None or callable(each):
                whose = each
                continue
            path = self.folder / f"otlp-{number}.jsonl"
            path.write_bytes(each if isinstance(each, bytes) else lines(each))
            assert holds_telemetry(path, LARGEST)
            paths.append(path)
        self.tally = Tally()
        by = whose or (lambda _, named: NAMES.get(named))
        return list(read_telemetry(paths, by, self.seen, self.tally, LARGEST))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A custodian who has sealed nothing yet."""
    return Desk(tmp_path)


def test_telemetry_joins_the_session_that_it_names(desk: Desk) -> None:
    """Counters and events of several files, repeated and turned round, are one closed form."""
    key = desk.seal("ann", "s1", "toolu_1")
    more = metrics(point(LINES, 4, at=120, since=60, type="added"))
    done = logs(result("toolu_1"))
    expected = {
        ("ann", key): Telemetry(
            Counts(lines_added=7), {hash_of("toolu_1"): Call(edits=True, outcome="ok")}
        )
    }
    assert desk.read([ADDED, more], [done]) == expected
    assert desk.read([done, done], [more], [more, ADDED]) == expected
    assert set(desk.tally.files.values()) == {"READ"}
    (one,) = desk.told([ADDED, more])
    assert (one.month, one.points, one.began) == ("2025-11", 2, BEGAN // SECOND + 60)


def test_telemetry_may_come_before_its_session(desk: Desk) -> None:
    """The key is the same, whoever comes first."""
    early = desk.read([ADDED])
    assert desk.tally.records["TELEMETRY_EARLY"] == 1
    key = desk.seal("ann", "s1")
    assert set(early) == {("ann", key)}
    assert desk.read([ADDED]) == early
    assert desk.tally.records["TELEMETRY_EARLY"] == 0


def test_a_client_that_claims_anothers_session_reaches_none(desk: Desk) -> None:
    """Neither by its id nor by its calls: both are looked up within the account alone."""
    key = desk.seal("ann", "s1", "toolu_1")
    claimed = [
        metrics(point(LINES, 9, type="added", account=BOB)),
        logs(result("toolu_1", account=BOB), result("toolu_1", account=BOB, session="")),
    ]
    found = desk.read(claimed)
    assert ("ann", key) not in found
    assert all(account == "bob" and key != other for account, other in found)
    # The control: ann's own reaches it by either.
    assert set(desk.read([ADDED])) == {("ann", key)}
    assert set(desk.read([logs(result("toolu_1", session="unknown"))])) == {("ann", key)}


def test_nobodys_telemetry_is_refused_by_code(desk: Desk) -> None:
    """Also where it names a session that is known: the id is in reach of any client."""
    desk.seal("ann", "s1", "toolu_1")
    strange = [point(LINES, 3, type="added", account=name) for name in ("stranger", "")]
    assert desk.read([metrics(*strange)]) == {}
    assert desk.tally.records["TELEMETRY_NOBODYS"] == 2
    assert set(desk.tally.files.values()) == {"TELEMETRY_NOBODYS"}
    # Beside somebody's it costs nothing.
    assert len(desk.read([metrics(*strange), ADDED])) == 1
    assert set(desk.tally.files.values()) == {"READ"}


def test_sessions_with_ids_of_their_own_are_joined_by_their_calls(desk: Desk) -> None:
    """The Compliance API's: the client's session has another id, and the same calls."""
    key = desk.seal("ann", "clls_1", "toolu_1", "toolu_2")
    told = [metrics(point(LINES, 3, type="added", session="client")),
            logs(result("toolu_1", session="client"))]  # fmt: skip
    (found,) = desk.read(told).items()
    assert found[0] == ("ann", key)
    assert found[1].by_calls
    assert found[1].counts == Counts(lines_added=3)
    # Two clients' sessions are one of ours: it was resumed.
    more = [metrics(point(LINES, 4, type="added", session="again")),
            logs(result("toolu_2", session="again"))]  # fmt: skip
    (found,) = desk.read(told, more).items()
    assert found[0] == ("ann", key)
    assert found[1].counts == Counts(lines_added=7)
    assert set(found[1].calls) == {hash_of("toolu_1"), hash_of("toolu_2")}


def test_what_cannot_be_divided_is_dropped(desk: Desk) -> None:
    """A client's session that is two of ours gives each its calls, and neither the sums."""
    one, two = desk.seal("ann", "a", "toolu_1"), desk.seal("ann", "b", "toolu_2")
    told = [metrics(point(LINES, 3, type="added", session="client")),
            logs(*(result(f"toolu_{n}", session="client") for n in (1, 2)))]  # fmt: skip
    found = desk.read(told)
    assert set(found) == {("ann", one), ("ann", two)}
    assert all(each.counts is None and len(each.calls) == 1 for each in found.values())
    assert desk.tally.records["TELEMETRY_UNJOINED"] == 1


def test_telemetry_without_ids_joins_by_calls_alone(desk: Desk) -> None:
    """Counters cannot say whose they are then; calls can, each its own session's."""
    one, two = desk.seal("ann", "a", "toolu_1"), desk.seal("ann", "b", "toolu_2")
    told = [metrics(point(LINES, 3, type="added", session="")),
            logs(*(result(f"toolu_{n}", session="") for n in (1, 2, 3)))]  # fmt: skip
    found = desk.read(told)
    assert {key: set(each.calls) for key, each in found.items()} == {
        ("ann", one): {hash_of("toolu_1")},
        ("ann", two): {hash_of("toolu_2")},
    }
    assert all(each.by_calls and each.counts is None for each in found.values())
    assert desk.tally.records["TELEMETRY_UNJOINED"] == 1


def test_a_copied_call_is_the_originals(desk: Desk) -> None:
    """A fork repeats its parent's records: they are one call, of the session that had it first."""
    key = desk.seal("ann", "parent", "toolu_1")
    fork = session("parent", "toolu_1").replace(b'"sessionId": "parent"', b'"sessionId": "fork"')
    path = desk.folder / "fork.jsonl"
    path.write_bytes(fork + session("fork", "toolu_2"))
    (forked,) = read_source(path, lambda _: "ann", desk.seen, Tally())
    assert b"toolu_1" not in forked.blob
    list(read_source(path, lambda _: "ann", desk.seen, Tally()))
    found = desk.read([logs(result("toolu_1", session=""), result("toolu_2", session=""))])
    assert found["ann", key].calls == {hash_of("toolu_1"): Call(edits=True, outcome="ok")}
    assert len(found) == 2


def test_damaged_lines_cost_themselves(desk: Desk) -> None:
    """A torn line, NULs, two exports on one line, a whole one behind a torn one, a blank."""
    key = desk.seal("ann", "s1")
    more = [metrics(point(LINES, 10.0**n, at=120 + n, type="added")) for n in range(5)]
    raw = [lines([each]).strip() for each in more]
    data = b"\n".join(
        (
            raw[0][: len(raw[0]) // 2],
            b"\0" * 40,
            raw[1] + raw[2],
            b"",
            raw[0][: len(raw[0]) // 3] + raw[3],
            b"7",
            b'"a text"',
            b"\xff\xfe",
            raw[4],
            raw[4][:-9],
        )
    )
    assert desk.read(data)["ann", key].counts == Counts(lines_added=11_110)
    assert desk.tally.records["TELEMETRY_BAD_LINE"] >= 5
    assert desk.read(lines(more))["ann", key].counts == Counts(lines_added=11_111)
    assert desk.tally.records["TELEMETRY_BAD_LINE"] == 0


def test_a_document_or_an_array_of_exports_is_read_as_well(desk: Desk) -> None:
    """What somebody saved by hand, in either of protobuf's spellings."""
    key = desk.seal("ann", "s1")
    for data in (
        json.dumps(ADDED, indent=1).encode(),
        json.dumps([ADDED, logs(event("x"))], indent=1).encode(),
        json.dumps([ADDED]).encode(),
        lines([snaked(ADDED)]),
        b"\xef\xbb\xbf" + lines([ADDED]),
        lines([ADDED]).replace(b"\n", b"\r\n"),
    ):
        assert desk.read(data)["ann", key].counts == Counts(lines_added=3)


def test_telemetry_is_known_by_its_content(tmp_path: Path) -> None:
    """A session that speaks of exports is a session, and a collector's file is none."""
    quoting = session("s1").replace(b"please fix it", b'{\\"resourceMetrics\\": []}')
    used = session("s2", "toolu_1").replace(b'"input": {}', b'"input": {"resourceMetrics": []}')
    for number, (data, is_one) in enumerate(
        (
            (lines([ADDED]), True),
            (lines([spans()]), True),
            (lines([logs(event("x"))]), True),
            (quoting, False),
            (used, False),
            (b"", False),
            (b"\x28\xb5\x2f\xfd compressed", False),
            (b'{"resourceMetrics":"a text"}', False),
        )
    ):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(data)
        assert holds_telemetry(path, LARGEST) == is_one
    assert not holds_telemetry(tmp_path / "nothing", LARGEST)
    assert not holds_telemetry(tmp_path, LARGEST)


def test_sessions_and_telemetry_of_one_folder_are_told_apart(desk: Desk) -> None:
    """Telemetry waits until all sessions are read, wherever its file lies."""
    source = desk.folder / "source"
    source.mkdir()
    (source / "0-otlp.jsonl").write_bytes(lines([logs(result("toolu_1", session=""))]))
    (source / "1-session.jsonl").write_bytes(session("s1", "toolu_1"))
    (taken,) = read_source(source, lambda _: "ann", desk.seen, desk.tally)
    assert taken.session == "s1"
    assert desk.tally.telemetry == [source / "0-otlp.jsonl"]
    # The generator is done: what it gave is remembered.
    found = list(
        read_telemetry(desk.tally.telemetry, lambda *_: "ann", desk.seen, desk.tally, LARGEST)
    )
    assert [each.session for each in found] == [desk.seen.session("ann", "s1")]
    assert set(desk.tally.files.values()) == {"READ"}


def test_what_cannot_be_remembered_is_not_half_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of a part would be wrong: beyond the limit nothing is sealed, and that is told."""
    desk.seal("ann", "s1")
    several = [metrics(point(LINES, 1, at=n, type="added")) for n in range(1, 9)]
    monkeypatch.setattr(edge_telemetry, "MOST_POINTS", 8)
    assert len(desk.read(several)) == 1
    monkeypatch.setattr(edge_telemetry, "MOST_POINTS", 7)
    assert desk.read(several) == {}
    assert set(desk.tally.files.values()) == {"TELEMETRY_TOO_LARGE"}


def test_a_file_that_is_gone_stops_nothing(desk: Desk) -> None:
    """A collector rotates while it is read."""
    desk.seal("ann", "s1")
    path = desk.folder / "there.jsonl"
    path.write_bytes(lines([ADDED]))
    gone = desk.folder / "gone.jsonl"
    found = read_telemetry([gone, path], lambda *_: "ann", desk.seen, desk.tally, LARGEST)
    assert len(list(found)) == 1
    assert desk.tally.files == {gone: "UNREADABLE_FILE", path: "READ"}
    with pytest.raises(Unreadable):
        look_into(gone, LARGEST)


def test_looking_into_a_file_tells_counts_and_codes(desk: Desk) -> None:
    """For `inspect-format`: sessions, and what was passed over."""
    path = desk.folder / "otlp.jsonl"
    other = metrics(point(LINES, 1, session="s2"), point("x", 1, session=""))
    path.write_bytes(lines([ADDED, other, spans(), metrics(by=resource("x"))]) + b"{torn")
    sessions, codes = look_into(path, LARGEST)
    assert sessions == 2
    assert codes == {
        "TELEMETRY_TRACES": 1,
        "TELEMETRY_OTHER_SERVICE": 1,
        "TELEMETRY_BAD_LINE": 1,
    }


CANARY = "lorbimatu"


def marked(export: Json, spare: frozenset[str] = frozenset()) -> bytes:
    """The export with a canary in every value but those of some keys, and in every other place."""
    whole = json.loads(json.dumps(export))
    for holder in walk(whole):
        for each in holder.get("attributes", []):
            if each["key"] not in spare:
                each["value"] = {"stringValue": f"{CANARY}@example.org"}
        if "attributes" in holder:
            holder["attributes"] += [
                kv(key, f"/home/{CANARY}/work")
                for key in ("user.email", "workspace.host_paths", "prompt", "host.name", "error",
                            "tool_parameters", "tool_input", "user.name", "organization.id",
                            "terminal.type", "process.command_line", "enduser.id", "language",
                            "file_path", "event.timestamp", "prompt.id", "model", CANARY)
            ]  # fmt: skip
        for name in ("unit", "description", "schemaUrl", "severityText", "version"):
            holder[name] = CANARY
    return json.dumps(whole).encode() + b"\n"


def walk(value: object) -> list[Json]:
    """Every object in a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [
        *([value] if isinstance(value, dict) and "value" not in value else []),
        *(x for v in inner for x in walk(v)),
    ]


NEEDED = frozenset({"service.name", "session.id", "user.account_uuid", "type", "event.name"})
TOLD = (metrics(point(LINES, 3, type="added")), logs(result("toolu_1"), event("user_prompt")))


def test_no_word_of_telemetry_goes_further_than_the_edge(desk: Desk) -> None:
    """A canary in every attribute that is not needed, and in ids: none is in what is sealed."""
    desk.seal("ann", "s1", "toolu_1")
    data = b"".join(marked(each, NEEDED) for each in TOLD)
    assert data.count(CANARY.encode()) > 100
    (sealed,) = desk.told(data)
    assert CANARY.encode() not in sealed.blob
    assert Telemetry.decode(sealed.blob).counts == Counts(lines_added=3)
    assert CANARY not in repr((sealed, desk.tally.files, desk.tally.records))
    for word in ("s1", ANN, "Edit", "toolu_"):
        assert word.encode() not in sealed.blob


@pytest.mark.parametrize("key", sorted(KEPT))
def test_nor_does_a_word_where_one_is_looked_at(key: str, desk: Desk) -> None:
    """A client may write anything where an id or a kind belongs: it is hashed, or is no kind."""
    desk.seal("ann", "s1", "toolu_1")
    data = b"".join(marked(each, (NEEDED | KEPT) - {key}) for each in TOLD)
    told = desk.told(data, lambda *_: "ann")
    assert told
    assert all(CANARY.encode() not in each.blob for each in told)
    assert CANARY not in repr(desk.tally.files) + repr(desk.tally.records)


def test_the_canary_is_seen_where_it_could_get_out(desk: Desk) -> None:
    """The control: a form with room for one word more would be found out."""
    desk.seal("ann", "s1", "toolu_1")
    (sealed,) = desk.told(b"".join(marked(each, NEEDED) for each in TOLD))
    leaky = sealed.blob[:-1] + b',"email":"' + f"{CANARY}@example.org".encode() + b'"}'
    assert CANARY.encode() in leaky
    with pytest.raises(ValueError, match="no telemetry"):
        Telemetry.decode(leaky)
