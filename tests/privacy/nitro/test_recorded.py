"""Documents that real enclaves were given: each holds at its own time, and nothing near it."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import randbelow

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from privacy.errors import VerificationError
from privacy.nitro import AWS_ROOT, check_document, read_document

pytest.importorskip("cbor2", reason="cbor2 is missing: pip install 'clerestory[nitro]'")

RECORDED = Path(__file__).with_name("recorded")
PRODUCTION, DEBUG = "production-2026", "debug-2023"
ENVELOPE, SIGNATURE = 8, 98
"""bytes before and after the payload, which nobody signed"""


def recorded(name: str) -> bytes:
    """A document's bytes."""
    return b64decode((RECORDED / f"{name}.b64").read_text())


def refusal(data: bytes, at: datetime | None, **more: object) -> str:
    """The code under which a document is refused, or nothing."""
    asked = {"registers": {}, "binding": read_binding(data), **more}
    try:
        check_document(data, at=at, **asked)  # type: ignore[arg-type]
    except VerificationError as error:
        return error.code
    return ""


def read_binding(data: bytes) -> bytes:
    """What the enclave put in, if the document can be read."""
    try:
        return read_document(data).user_data or b"-"
    except VerificationError:
        return b"-"


def test_a_production_document_holds_at_its_own_time() -> None:
    """Signature, five certificates, the pinned root, and sixteen measurements."""
    data = recorded(PRODUCTION)
    told = read_document(data)
    assert told.time == datetime(2026, 1, 3, 20, 41, 7, 402_000, UTC)
    assert told.module == "i-0368fa67e156d6d23-enc019b8596b1a9dad6"
    zero = told.registers[0].hex()
    assert zero.startswith("4b8d4cf2a99e05ce1b5bddaf9d21cb44")
    assert len(told.registers) == 16
    assert refusal(data, told.time, registers=dict(told.registers)) == ""


@pytest.mark.parametrize("name", [PRODUCTION, DEBUG])
def test_no_document_holds_at_another_time(name: str) -> None:
    """Certificates that sign live three hours: what is recorded is worth nothing today."""
    data = recorded(name)
    time = read_document(data).time
    for at in (None, time - timedelta(days=1), time + timedelta(hours=4)):
        assert refusal(data, at) == "HARDWARE_EXPIRED"


def test_debug_mode_is_refused() -> None:
    """Its chain and signature hold, so that is all that speaks against it."""
    data = recorded(DEBUG)
    told = read_document(data)
    assert refusal(data, told.time) == "HARDWARE_DEBUG"
    assert not any(told.registers[0])


@pytest.mark.parametrize("name", [PRODUCTION, DEBUG])
def test_the_pinned_root_is_the_one_that_documents_carry(name: str) -> None:
    """Two enclaves, three years apart, and what AWS publishes: one certificate."""
    root = read_document(recorded(name)).chain[0].public_bytes(Encoding.DER)
    assert sha256(root).hexdigest() == AWS_ROOT


def flips(length: int) -> Sequence[tuple[int, int]]:
    """Every bit of what nobody signed, and one of each third byte of what somebody did."""
    ends = (*range(ENVELOPE), *range(length - SIGNATURE, length))
    inside = range(ENVELOPE + randbelow(3), length - SIGNATURE, 3)
    return [*((i, bit) for i in ends for bit in range(8)), *((i, randbelow(8)) for i in inside)]


@pytest.mark.parametrize("name", [PRODUCTION, DEBUG])
def test_no_flipped_bit_is_accepted(name: str) -> None:
    """Refused for its form or its signature, before anything in it is looked at."""
    data = recorded(name)
    told = read_document(data)
    places = flips(len(data))
    assert len(places) > 2_000
    for place, bit in places:
        changed = bytearray(data)
        changed[place] ^= 1 << bit
        with pytest.raises(VerificationError) as refused:
            check_document(
                bytes(changed), registers={}, binding=told.user_data or b"", at=told.time
            )
        assert refused.value.code in {"HARDWARE_FORM", "HARDWARE_SIGNATURE"}, (place, bit)


def test_no_shortened_or_lengthened_document_is_accepted() -> None:
    """Cut anywhere, or with a byte behind the end."""
    data = recorded(PRODUCTION)
    time = read_document(data).time
    for end in range(0, len(data), 97):
        assert refusal(data[:end], time) == "HARDWARE_FORM"
    assert refusal(data + b"\0", time) == "HARDWARE_FORM"


def test_each_measurement_counts() -> None:
    """One byte of one register, or a register that is not there."""
    data = recorded(PRODUCTION)
    told = read_document(data)
    for number, value in told.registers.items():
        changed = bytes([value[0] ^ 1]) + value[1:]
        assert refusal(data, told.time, registers={number: changed}) == "HARDWARE_MEASUREMENT"
    assert refusal(data, told.time, registers={16: bytes(48)}) == "HARDWARE_MEASUREMENT"


def test_a_document_is_for_what_it_was_made_for() -> None:
    """Another binding, an empty one, a nonce that was not asked."""
    data = recorded(PRODUCTION)
    told = read_document(data)
    assert told.user_data is not None
    for binding in (b"", b"other", told.user_data[:-1]):
        assert refusal(data, told.time, binding=binding) == "HARDWARE_BINDING"
    assert refusal(data, told.time, nonce=b"asked") == "HARDWARE_BINDING"
    assert refusal(data, told.time, binding=told.user_data) == ""
