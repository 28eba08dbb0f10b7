"""
A session in parts, for a rater that is shown the whole of it: none too long for one question.

A model's price and its attention have a cliff at 100,000 tokens of a prompt; so a request stays
below `MOST_TOKENS`.  Nobody can count a model's tokens here, but a token stands for a byte at least
[1]; so a part has at most `CHUNK_BYTES`, and a request's other words are few enough (a test adds
them up).  Parts end between turns where they can, then between lines, then anywhere; each begins by
saying who speaks.  Of more than `MOST_CHUNKS` the middle ones are left out, and where they stood is
marked: that bounds what a session can cost, and memory.

[1] Byte-level byte-pair encodings begin from the 256 bytes and only ever join: Sennrich et al.
    2016, arXiv:1508.07909, on bytes.  A server adds some of its own; there is room for 4,000.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .marks import begun

MOST_TOKENS = 90_000
"""Of one request, whatever its text."""
CHUNK_BYTES = 64 * 1024
MOST_CHUNKS = 8
"""Of one session: half of them from its beginning, half from its end."""
LEFT_OUT = "[… cut …]\n"
_OURS = 64
"""Bytes kept free for marks of ours."""


@dataclass(slots=True)
class Chunk:
    """A part, as it fills."""

    text: list[str] = field(default_factory=list)
    size: int = 0
    """bytes."""
    characters: int = 0
    """Of the session's own."""

    def add(self, text: str, *, own: int) -> None:
        """Put text behind what is there."""
        self.text.append(text)
        self.size += _bytes(text)
        self.characters += own


@dataclass(slots=True)
class Chunks:
    """The parts that are kept."""

    first: list[Chunk] = field(default_factory=list)
    last: deque[Chunk] = field(default_factory=lambda: deque(maxlen=MOST_CHUNKS // 2))
    characters: int = 0
    """Of all parts, those left out too."""
    left_out: bool = False

    def add(self, chunk: Chunk) -> None:
        """Take the next part; it may push one out of the middle."""
        self.characters += chunk.characters
        if len(self.first) < MOST_CHUNKS // 2:
            self.first.append(chunk)
            return
        self.left_out |= len(self.last) == self.last.maxlen
        self.last.append(chunk)

    @property
    def kept(self) -> int:
        """Characters of the session in the parts that are kept."""
        return sum(chunk.characters for chunk in (*self.first, *self.last))

    def texts(self) -> tuple[str, ...]:
        """Each part's text."""
        first = ("".join(chunk.text) for chunk in self.first)
        last = ["".join(chunk.text) for chunk in self.last]
        if self.left_out:
            last[0] = LEFT_OUT + last[0]
        return (*first, *last)


def chunked(spoken: Iterable[tuple[str, str]]) -> Chunks:
    """
    Fill parts with what is said.

    Args:
        spoken: (speaker, text) of all that is shown, in order, as `rendering` has it.
    """
    chunks, chunk, speaking = Chunks(), Chunk(), ""
    for speaker, said in spoken:
        # What is counted is the session's as every view has it: a mark where a speaker begins.
        own = 1 if speaker == speaking else len(f"[{speaker}]") + 1
        for piece, length in _pieces(said):
            if chunk.text and chunk.size + _bytes(piece) + _OURS > CHUNK_BYTES:
                chunks.add(chunk)
                chunk = Chunk()
            begins = "" if speaker == speaking and chunk.text else f"[{speaker}]"
            apart = "\n\n" if begins and chunk.text else ""
            chunk.add(f"{apart}{begins}\n{piece}", own=own + length)
            speaking, own = speaker, 0
    if chunk.text or not chunks.first:
        chunks.add(chunk)
    return chunks


def _pieces(said: str) -> Iterator[tuple[str, int]]:
    """A text in pieces that a part can hold, and what of it each one is; nearly all are short."""
    most = CHUNK_BYTES - 2 * _OURS
    start = 0
    while _bytes(said[start : start + most]) > most or len(said) - start > most:
        count = most
        while (size := _bytes(said[start : start + count])) > most:
            count = max(1, count * most // size - 1)
        line = said.rfind("\n", start, start + count)
        end = line if line > start else start + count
        after = end + (line > start)
        yield _beginning(said, start, end), after - start
        start = after
    yield _beginning(said, start, len(said)), len(said) - start


def _beginning(said: str, start: int, end: int) -> str:
    """A piece from within: where it does not begin a line of the text, it begins one now."""
    piece = said[start:end]
    return piece if start == 0 or said[start - 1] == "\n" else begun(piece)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
