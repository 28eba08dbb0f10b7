"""Frames arrive whole or not at all."""

import os
import threading
from collections.abc import Iterator

import pytest

from privacy.errors import IncompleteError, RefusedError
from privacy.sandbox.channel import Channel


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose ends are closed afterwards, if the test has not done it."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


@pytest.mark.parametrize("timeout", [None, 5.0])
@pytest.mark.parametrize("frame", [b"", b"G", bytes(range(256)) * 4096])
def test_a_frame_arrives_as_it_was_sent(
    pipe: tuple[int, int], frame: bytes, timeout: float | None
) -> None:
    """Empty, tiny, and sixteen times what a pipe holds."""
    channel = Channel(*pipe, timeout=timeout)
    sender = threading.Thread(target=channel.send, args=(frame,))
    sender.start()
    assert channel.receive(2**21) == frame
    sender.join()


def test_a_length_beyond_the_limit_is_refused_before_memory_is_set_aside(
    pipe: tuple[int, int],
) -> None:
    """The other end may be hostile: four bytes must not cost four gigabytes."""
    os.write(pipe[1], b"\xff\xff\xff\xff")
    with pytest.raises(RefusedError) as refusal:
        Channel(*pipe).receive(1000)
    assert refusal.value.code == "FRAME_TOO_LONG"


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\x05abc"])
def test_an_end_that_goes_away_is_noticed(pipe: tuple[int, int], sent: bytes) -> None:
    """Before, within the length, within the content."""
    os.write(pipe[1], sent)
    os.close(pipe[1])
    with pytest.raises(IncompleteError) as error:
        Channel(pipe[0], -1).receive(1000)
    assert error.value.code == "CHANNEL_CLOSED"


def test_a_reader_that_goes_away_is_noticed(pipe: tuple[int, int]) -> None:
    """Writing into nothing is an error of ours, not a signal."""
    os.close(pipe[0])
    with pytest.raises(IncompleteError) as error:
        Channel(-1, pipe[1]).send(b"frame")
    assert error.value.code == "CHANNEL_CLOSED"


def test_silence_and_a_full_pipe_end_in_time(pipe: tuple[int, int]) -> None:
    """A keeper never waits for ever."""
    channel = Channel(*pipe, timeout=0.05)
    with pytest.raises(IncompleteError) as silence:
        channel.receive(10)
    with pytest.raises(IncompleteError) as full:
        channel.send(bytes(2**20))
    assert silence.value.code == full.value.code == "CHANNEL_TIMEOUT"
