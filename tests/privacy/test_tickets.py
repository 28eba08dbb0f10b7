"""Tickets: what of a batch outlives a worker, of one width, sealed, and never mistaken."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.codebook import codebook
from privacy.errors import RefusedError, VerificationError
from privacy.halts import Halt
from privacy.keeper.batching import read_ticket
from privacy.keeper.crew import read_answer
from privacy.keeper.workers import Said
from privacy.labels import row_width
from privacy.sealing import KeyPair, floor_info, run_info
from privacy.tickets import MOST_BATCHES, SEALED_BYTES, Errand, Ticket, read_sealed, ticket_info

SET, OTHER = "a" * 64, "b" * 64
NAMES = st.lists(
    st.text("abcXYZ019_-", min_size=1, max_size=64), max_size=MOST_BATCHES, unique=True
)
ALLOWED = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the API takes as the name of a request."""


@pytest.fixture(scope="module")
def keeper() -> KeyPair:
    """Whose key tickets are sealed to."""
    return KeyPair.generate()


@settings(deadline=None)
@given(NAMES, st.binary(min_size=32, max_size=32))
def test_a_ticket_reads_back_and_has_one_width(names: list[str], secret: bytes) -> None:
    """Its length must not say how many batches there were."""
    ticket = Ticket(tuple(names), secret)
    assert Ticket.decode(ticket.encode()) == ticket
    assert len(ticket.encode()) == len(Ticket((), secret).encode())


@settings(deadline=None)
@given(st.binary(max_size=1200) | st.binary(min_size=1060, max_size=1060))
def test_other_bytes_are_no_ticket(data: bytes) -> None:
    """A worker must not be led elsewhere by what it did not write; the control is above."""
    assert len(Ticket.fresh().encode()) == 1060  # 4 + 16 × 64 + 32
    with pytest.raises(RefusedError, match="TICKET_REFUSED"):
        Ticket.decode(data)


@pytest.mark.parametrize("name", ["../messages", "a b", "é", "a\0b", "/" * 64])
def test_a_batch_is_named_so_that_it_is_no_path(name: str) -> None:
    """The name goes into a request's path."""
    raw = bytearray(Ticket(("x",), bytes(32)).encode())
    raw[4:68] = name.encode().ljust(64, b"\0")
    with pytest.raises(RefusedError, match="TICKET_REFUSED"):
        Ticket.decode(bytes(raw))


def test_names_of_requests_say_nothing_and_do_not_meet() -> None:
    """The API's form; another session, number or ticket gives another name, and so does a version.

    43 letters of 64 are 258 bits: that two of 4,000 meet has a chance below 2⁻²³⁰.
    """
    first, second = Ticket.fresh(), Ticket.fresh()
    sessions = [f"{number:064x}" for number in range(1000)]
    names = {
        ticket.request(session, number)
        for ticket in (first, second)
        for session in sessions
        for number in (0, 1)
    }
    assert len(names) == 4000
    assert all(ALLOWED.fullmatch(name) and len(name) == 43 for name in names)
    assert first.request(sessions[0], 0) == first.request(sessions[0], 0)


def test_only_the_keeper_and_who_it_wraps_to_reads_a_ticket(keeper: KeyPair) -> None:
    """For one label set, and in no other context: the way sessions go, not a word of its own."""
    ticket, worker = Ticket(("msgbatch_1",), bytes(32)), KeyPair.generate()
    blob = ticket.sealed(keeper.public, SET)
    given_on = blob.rewrap(keeper, worker.public, at_rest=ticket_info(SET), in_run=run_info("plan"))
    key = worker.open(given_on.wrapped, info=run_info("plan"))
    assert Ticket.decode(given_on.open(key)) == ticket
    for info in (ticket_info(OTHER), floor_info(SET, "session"), floor_info(SET, "labels")):
        with pytest.raises(VerificationError, match="WRONG_KEY"):
            keeper.open(blob.wrapped, info=info)


@settings(deadline=None, max_examples=20)
@given(NAMES)
def test_a_sealed_ticket_has_one_width_as_well(names: list[str]) -> None:
    """It is what the keeper sees, and holds a worker's answer against."""
    sealed = Ticket(tuple(names), bytes(32)).sealed(KeyPair.generate().public, SET).encode()
    assert len(sealed) == SEALED_BYTES
    assert read_sealed(sealed, SET).encode() == sealed


def test_a_ticket_is_no_record_and_records_are_no_ticket(keeper: KeyPair) -> None:
    """Whichever the keeper expects, it refuses the other; and what is neither."""
    sealed = Ticket.fresh().sealed(keeper.public, SET).encode()
    for halt in (None, Halt.BUSY):
        found = read_ticket(Said(sealed, halt), SET)
        assert found is not None
        assert found.encode() == sealed
    assert read_ticket(Said(b"", Halt.BUSY), SET) is None
    rows = bytes(row_width(codebook()))
    wrong: list[Callable[[], object]] = [
        lambda: read_ticket(Said(rows), SET),
        lambda: read_ticket(Said(rows * 100, Halt.BUSY), SET),
        lambda: read_ticket(Said(b""), SET),
        lambda: read_ticket(Said(sealed), OTHER),
        lambda: read_ticket(Said(sealed[:-1]), SET),
        lambda: read_ticket(Said(sealed + b"\x00"), SET),
        lambda: read_ticket(Said(bytes(SEALED_BYTES)), SET),
        lambda: read_answer(sealed, [], codebook()),
        lambda: read_answer(sealed, [], codebook(), whole=False),
    ]
    for read in wrong:
        with pytest.raises(RefusedError, match=r"TICKET_REFUSED|LABEL_GATE"):
            read()


def test_an_errand_is_read_in_one_form_only(keeper: KeyPair) -> None:
    """It comes before the sessions, so nothing that is no errand may pass for one."""
    errand = Errand("submit", keeper.public, SET)
    assert Errand.decode(errand.encode()) == errand
    assert Errand.decode(Errand("collect").encode()) == Errand("collect")
    good = Errand("drop").encode()
    for frame in (b"", b"{}", good[4:], good + b" ", good.replace(b"drop", b"keep"), b"CLE1[]"):
        with pytest.raises(RefusedError, match="TICKET_REFUSED"):
            Errand.decode(frame)
    with pytest.raises(RefusedError, match="TICKET_REFUSED"):
        Errand.decode(Errand("submit", b"short", SET).encode())
