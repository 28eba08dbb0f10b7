"""The whole way of bytes that nobody wrote, a little of it each time; `./run fuzz` goes on."""

import logging
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers import edge
from classifiers.raters.offline import OfflineRater
from tests.classifiers.formats import made
from tests.classifiers.formats.test_any_bytes import TEXTS
from tests.classifiers.logs import agent, call, log, person, result
from tests.fuzz import pipeline
from tests.fuzz.measuring import BYTES_BEFORE, BYTES_PER_BYTE, cost
from tests.fuzz.mutation import mutated
from tests.fuzz.pipeline import MARK, Broken, holds, read, silent
from tests.fuzz.seeds import fixtures

SEEDS = list(fixtures())
SHORT = log(person("one " + MARK), call("Bash", command=MARK), result(MARK), agent("Done."))


@pytest.fixture(scope="module", autouse=True)
def _no_plugins() -> Iterator[None]:
    """Looking for plug-ins takes longer than reading what is read here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge, "installed", tuple)
        yield


def survives(data: bytes) -> str:
    """Send an input the whole way, from an empty folder."""
    with TemporaryDirectory() as folder:
        return holds(data, Path(folder))


def test_what_the_fuzzer_begins_from_is_read() -> None:
    """Every format is among it, and the mark in most; else little of the code would be met."""
    verdicts = [survives(seed) for seed in SEEDS]
    assert verdicts.count("record") > 0.8 * len(SEEDS)
    assert sum(MARK.encode() in seed for seed in SEEDS) > len(SEEDS) / 2
    assert len(TEXTS) >= 3


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.sampled_from(SEEDS), chance=st.randoms(use_true_random=False))
def test_whatever_is_done_to_a_log_keeps_every_promise(seed: bytes, chance: Random) -> None:
    """Records moved, values exchanged, bytes torn, files joined: a record or a reason, no word."""
    survives(mutated(seed, chance, SEEDS))


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=600), at=st.integers(0, len(SHORT)))
def test_any_bytes_within_a_log_keep_every_promise(data: bytes, at: int) -> None:
    """Not only what somebody thought of."""
    survives(SHORT[:at] + data + SHORT[at:])
    survives(data)


def test_a_log_may_end_at_any_byte() -> None:
    """A program is stopped anywhere; in UTF-16, within a letter, too."""
    wide = SHORT.decode().encode("utf-16")
    for data, step in ((SHORT, 2), (wide, 9)):
        for end in range(0, len(data), step):
            assert read(data[:end]) in ("record", "NOT_A_SESSION_LOG", "EMPTY", "NO_CONVERSATION")
    assert read(SHORT) == read(wide) == "record"  # the control


@pytest.mark.parametrize("way", ["print", "stderr", "log", "warning", "told"])
def test_a_word_that_is_said_is_heard(way: str) -> None:
    """The control: whichever way a reader let a word out, the tests above would fail."""

    def speak(word: str, tell: object) -> None:
        match way:
            case "print":
                print(word)
            case "stderr":
                sys.stderr.write(word)
            case "log":
                logging.getLogger("some.reader").debug("read %s", word)
            case "warning":
                warnings.warn(word, stacklevel=1)
            case "told":
                assert callable(tell)
                tell(word)

    with silent("a reader") as tell:
        speak("nothing of it", tell)
    with pytest.raises(Broken, match="a reader told a word"), silent("a reader") as tell:
        speak(f"canary{MARK}canary", tell)


def test_an_error_that_is_not_meant_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the worker's guard turns it into a status, which would hide it here."""

    def fails(*_: object) -> None:
        raise ValueError(MARK)

    monkeypatch.setattr("classifiers.worker.render", fails)
    with pytest.raises(Broken, match=r"reading raised ValueError at test_pipelines\.py") as broken:
        survives(SHORT)
    assert MARK not in str(broken.value)
    monkeypatch.undo()
    monkeypatch.setattr(OfflineRater, "rate", fails)
    with pytest.raises(Broken, match="the rater raised"):
        survives(SHORT)
    monkeypatch.undo()
    monkeypatch.setattr(pipeline, "inspect", lambda _: {"read": 2, "refused": {}, "word": MARK})
    with pytest.raises(Broken, match="inspect-format told"):
        survives(SHORT)


def shapes(filler: bytes, size: int) -> Iterator[bytes]:
    """A filler as often as it goes into some bytes, in places where a log may hold anything."""
    many = b",".join([filler] * (size // (len(filler) + 1)))
    head = b'{"type":"user","uuid":"u","sessionId":"s",'
    yield head + b'"message":{"role":"user","content":[%s]}}\n' % many
    yield head + b'"x":[%s],"message":{"role":"user","content":"a"}}\n' % many
    yield log(person("a")) + many.replace(b",", b"\n")
    yield b"[%s]" % many
    item = b'{"type":"message","role":"user","content":[%s]}' % many
    yield b'{"timestamp":"2026-02-03T04:05:06Z","type":"response_item","payload":%s}\n' % item
    yield b'{"session_id":"s","messages":[{"role":"user","content":"a"},%s]}\n' % many


FILLERS = (b"{}", b"[]", b'""', b'"a"', b"9999", b"1.5", b"[[[[]]]]", b'{"a":1}', '"検"'.encode(),
           b'{"role":"user","content":"a"}', b'{"type":"tool_use","id":"1"}')  # fmt: skip


@pytest.mark.parametrize("filler", FILLERS, ids=lambda filler: filler.decode())
def test_memory_is_bounded_by_the_inputs_length(filler: bytes) -> None:
    """In bytes for each byte, over what Python makes most of: small values, many of them."""
    read(SHORT)  # what is loaded once
    for data in shapes(filler, 60_000):
        took = cost(partial(read, data), len(data), traced=True)
        assert took.per_byte <= BYTES_PER_BYTE, (took, data[:80])


def test_memory_that_is_taken_is_measured() -> None:
    """The control: a reader that held its input two hundred times over would be seen."""
    data = made.lines(person("word " * 20_000))
    took = cost(lambda: [data[1:] for _ in range(200)], len(data), traced=True)
    assert took.per_byte > BYTES_PER_BYTE
    assert cost(lambda: read(SHORT), len(SHORT), traced=True).peak < BYTES_BEFORE


def test_time_is_bounded_by_the_inputs_length() -> None:
    """Eight times the input: eight times the work would be, sixty-four times must not."""
    for filler in (b"{}", b'""', b'{"role":"user","content":"a"}', b"<system-reminder>", b'{"'):
        for small, large in zip(shapes(filler, 5_000), shapes(filler, 40_000), strict=True):
            one, eight = (
                min(cost(partial(read, d), len(d), traced=False).seconds for _ in range(2))
                for d in (small, large)
            )
            assert eight < 24 * max(one, 0.005), (filler, one, eight, small[:60])
