"""Documents that are signed and still not what they should be, by an authority of the tests."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from privacy.errors import VerificationError

cbor2 = pytest.importorskip("cbor2", reason="cbor2 is missing: pip install 'clerestory[nitro]'")

from privacy.nitro import check_document  # noqa: E402 - after what decides on a skip
from tests.support.enclave import (  # noqa: E402
    NOW,
    REGISTERS,
    Hypervisor,
    Link,
    links,
    long_map,
)

HOUSE = Hypervisor.make()


def refusal(data: bytes, house: Hypervisor = HOUSE) -> str:
    """The code under which a document is refused, or nothing."""
    try:
        check_document(data, registers=REGISTERS, binding=b"bound", at=NOW, root=house.root)
    except VerificationError as error:
        return error.code
    return ""


def test_what_is_right_is_accepted() -> None:
    """The control of everything below: plain, tagged, and with a map of indefinite length."""
    data = HOUSE.document()
    assert refusal(data) == ""
    assert refusal(b"\xd2" + data) == ""
    assert refusal(HOUSE.around(long_map(HOUSE.fields()))) == ""
    assert refusal(HOUSE.document(user_data=None, public_key=b"bound")) == ""
    assert refusal(HOUSE.document(nonce="left out", public_key="left out")) == ""


FIELDS: dict[str, dict[str, object]] = {
    "another digest": {"digest": "SHA256"},
    "no digest": {"digest": "left out"},
    "no time": {"timestamp": 0},
    "a time before time": {"timestamp": -1},
    "a broken time": {"timestamp": 1.5},
    "a time that is a truth": {"timestamp": True},
    "a time beyond time": {"timestamp": 2**63},
    "a nameless module": {"module_id": 7},
    "no registers": {"pcrs": {}},
    "registers that are a list": {"pcrs": [bytes(48)]},
    "a short register": {"pcrs": {**REGISTERS, 4: bytes(32)}},
    "a long register": {"pcrs": {**REGISTERS, 4: bytes(64)}},
    "a register of text": {"pcrs": {**REGISTERS, 4: "0" * 48}},
    "a register too many": {"pcrs": {**REGISTERS, 32: bytes(48)}},
    "a register below none": {"pcrs": {**REGISTERS, -1: bytes(48)}},
    "a register by a truth": {"pcrs": {False: bytes(48)}},
    "too much user data": {"user_data": bytes(513)},
    "user data of text": {"user_data": "bound"},
    "too long a key": {"public_key": bytes(1025)},
    "too long a nonce": {"nonce": bytes(513)},
    "a nonce that is a number": {"nonce": 0},
    "no issuers": {"cabundle": []},
    "issuers that are bytes": {"cabundle": b"\x30\x00"},
    "an issuer that is none": {"cabundle": [b"\x30\x00"]},
    "no certificate": {"certificate": None},
    "a certificate with more behind it": {"certificate": HOUSE.fields()["certificate"] + b"\0"},
    "an unknown field": {"debug": True},
    "more than anybody says": {"user_data": bytes(2**14)},
}


@pytest.mark.parametrize("what", FIELDS)
def test_a_field_that_is_none_is_refused(what: str) -> None:
    """Types, lengths and names are AWS's, also where the signature holds."""
    assert refusal(HOUSE.document(**FIELDS[what])) == "HARDWARE_FORM"


def twice(payload: bytes) -> bytes:
    """The same map with one pair once more: which of them counts?"""
    pair: bytes = cbor2.dumps("digest") + cbor2.dumps("SHA384")
    return bytes([payload[0] + 1]) + payload[1:] + pair


PAYLOADS: dict[str, Callable[[bytes], bytes]] = {
    "a key given twice": twice,
    "a key given twice in a long map": lambda p: b"\xbf" + twice(p)[1:] + b"\xff",
    "bytes behind the map": lambda p: p + b"\0",
    "a map without an end": lambda p: b"\xbf" + p[1:],
    "a map that is too short": lambda p: p[:-1],
    "a huge map": lambda p: b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff" + p[1:],
    "a huge string": lambda _: b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "a huge list": lambda _: b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "a deep list": lambda _: b"\x81" * 5_000 + b"\0",
    "a reserved length": lambda p: b"\xbc" + p[1:],
    "a tag around it": lambda p: b"\xc1" + p,
    "a reference to itself": lambda _: b"\xd8\x1c\x81\xd8\x1d\x00",
    "nothing": lambda _: b"",
    "null": lambda _: b"\xf6",
    "a list": lambda _: b"\x80",
}  # fmt: skip


@pytest.mark.parametrize("what", PAYLOADS)
def test_a_payload_with_two_readings_is_refused(what: str) -> None:
    """Signed or not: a reader and this one must not differ on what it says."""
    assert refusal(HOUSE.around(PAYLOADS[what](cbor2.dumps(HOUSE.fields())))) == "HARDWARE_FORM"


def envelopes() -> dict[str, bytes]:
    """Envelopes whose content is signed and whose form is not."""
    payload = cbor2.dumps(HOUSE.fields())
    protected, unprotected, _, signature = parts = HOUSE.envelope(payload)
    plain = cbor2.dumps(parts)
    return {
        "another tag": b"\xd3" + plain,
        "two tags": b"\xd2\xd2" + plain,
        "bytes behind the end": plain + b"\0",
        "a list without a length": b"\x9f" + plain[1:] + b"\xff",
        "a length in more bytes than it takes": b"\x98\x04" + plain[1:],
        "a header that nobody signed": cbor2.dumps([protected, {4: b"k"}, payload, signature]),
        "a header without a length": plain.replace(b"\x22\xa0\x59", b"\x22\xbf\xff\x59"),
        "five parts": cbor2.dumps([*parts, b""]),
        "three parts": cbor2.dumps(parts[:3]),
        "a short signature": cbor2.dumps([protected, unprotected, payload, signature[:-1]]),
        "a signature of nothing": cbor2.dumps([protected, unprotected, payload, b""]),
        "text for a payload": cbor2.dumps([protected, unprotected, "payload", signature]),
        "a detached payload": cbor2.dumps([protected, unprotected, None, signature]),
        "an algorithm of another strength": cbor2.dumps(HOUSE.envelope(payload, b"\xa1\x01\x26")),
        "no algorithm": cbor2.dumps(HOUSE.envelope(payload, b"\xa0")),
        "an algorithm given twice": cbor2.dumps(
            HOUSE.envelope(payload, b"\xa2\x01\x38\x22\x01\x38\x22")
        ),
        "a map": cbor2.dumps(dict(enumerate(parts))),
        "nothing": b"",
    }


@pytest.mark.parametrize("what", envelopes())
def test_an_envelope_has_one_form(what: str) -> None:
    """What nobody signed can be changed by everybody, so there is nothing to change."""
    data = envelopes()[what]
    assert data != HOUSE.document()
    assert refusal(data) == "HARDWARE_FORM"


def test_a_signature_by_another_key_is_refused() -> None:
    """Also one of zeros, which is no signature of anybody."""
    parts = HOUSE.envelope(cbor2.dumps(HOUSE.fields()))
    forged = Hypervisor(HOUSE.chain, ec.generate_private_key(ec.SECP384R1()))
    assert refusal(forged.document()) == "HARDWARE_SIGNATURE"
    for signature in (bytes(96), b"\xff" * 96):
        assert refusal(cbor2.dumps([*parts[:3], signature])) == "HARDWARE_SIGNATURE"
    small = links()
    small[-1].curve = ec.SECP256R1()
    house = Hypervisor.make(small)
    assert refusal(house.document(), house) == "HARDWARE_SIGNATURE"


def chained(change: Callable[[list[Link]], object]) -> Hypervisor:
    """An authority that does one thing otherwise."""
    made = links()
    change(made)
    return Hypervisor.make(made)


CHAINS: dict[str, Callable[[list[Link]], object]] = {
    "an issuer that is none": lambda made: vars(made[2]).update(issues=False, depth=None),
    "an issuer that does not say": lambda made: vars(made[2]).update(basic=False),
    "an issuer without the right": lambda made: vars(made[3]).update(certifies=False),
    "an issuer deeper than allowed": lambda made: vars(made[1]).update(depth=1),
    "a signer that issues": lambda made: vars(made[4]).update(issues=True),
    "a signer without the right": lambda made: vars(made[4]).update(signs=False),
    "a weaker curve": lambda made: vars(made[2]).update(curve=ec.SECP256R1()),
    "a weaker digest": lambda made: vars(made[2]).update(digest=SHA256()),
    "something critical that is not known": lambda made: vars(made[2]).update(
        critical=[x509.InhibitAnyPolicy(0)]
    ),
}


@pytest.mark.parametrize("what", CHAINS)
def test_a_chain_that_may_not_lead_there_is_refused(what: str) -> None:
    """Every signature in it holds; the authority is the pinned one."""
    house = chained(CHAINS[what])
    assert refusal(house.document(), house) == "HARDWARE_CHAIN"


def test_the_order_of_certificates_counts() -> None:
    """Root first, each issued by the one before, none left out, added or twice."""
    bundle = HOUSE.fields()["cabundle"]
    other = Hypervisor.make().fields()["cabundle"]
    for wrong in (
        bundle[::-1],
        [bundle[0], bundle[2], bundle[1], bundle[3]],
        bundle[:-1],
        bundle[1:],
        [*bundle, other[3]],
        [bundle[0], other[1], *bundle[1:]],
        [other[0], *bundle[1:]],
    ):
        assert refusal(HOUSE.document(cabundle=wrong)) == "HARDWARE_CHAIN"
    for wrong in ([bundle[0], *bundle], [*bundle, bundle[-1]], bundle * 2):
        assert refusal(HOUSE.document(cabundle=wrong)) == "HARDWARE_FORM"


def test_another_authority_of_the_same_names_is_refused() -> None:
    """The root is known by what it is, not by what it is called."""
    stranger = Hypervisor.make()
    assert stranger.chain[0].subject == HOUSE.chain[0].subject
    assert refusal(stranger.document(), HOUSE) == "HARDWARE_CHAIN"
    assert refusal(stranger.document(), stranger) == ""


@pytest.mark.parametrize("place", range(5))
def test_each_certificate_is_valid_now_and_then(place: int) -> None:
    """When the document was made, and when it is looked at."""
    late, early, ago = (NOW + timedelta(hours=1), NOW - timedelta(hours=1), NOW - timedelta(days=1))
    for begins, ends in ((late, late + timedelta(hours=1)), (ago, early)):
        house = chained(lambda made, b=begins, e=ends: vars(made[place]).update(begins=b, ends=e))  # type: ignore[misc]
        assert refusal(house.document(), house) == "HARDWARE_EXPIRED"


def test_a_document_from_the_future_is_refused() -> None:
    """Five minutes are a clock; an hour is a document kept ready."""
    for minutes, code in ((4, ""), (60, "HARDWARE_EXPIRED"), (-60, "")):
        moment = int((NOW + timedelta(minutes=minutes)).timestamp() * 1000)
        assert refusal(HOUSE.document(timestamp=moment)) == code


def test_debug_mode_is_a_register_of_zeros() -> None:
    """Or one that is not there: then nobody measured anything."""
    for registers in ({**REGISTERS, 0: bytes(48)}, {4: REGISTERS[4]}):
        assert refusal(HOUSE.document(pcrs=registers)) == "HARDWARE_DEBUG"
