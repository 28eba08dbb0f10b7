"""
The form of a document: COSE_Sign1 [1] with ES384, over a map in CBOR [2].

Of the envelope only the content is signed, so it has one form here: the shortest, with an empty
unprotected header and nothing behind the end.  The payload is signed as bytes; since 2025 the
hypervisor writes it as a map of indefinite length, which is accepted, while a key that is given
twice, or one that is not known, is not.

[1] RFC 9052, section 4.2.   [2] RFC 8949.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from privacy.errors import ConfigurationError, VerificationError

LARGEST = 2**14
"""bytes: what the hypervisor answers at most."""
ES384 = b"\xa1\x01\x38\x22"
"""The protected header {1: -35}: the one algorithm that there is."""
SIGNATURE, REGISTER = 96, 48
"""bytes: two numbers of 48; a SHA-384."""
REGISTERS, LONGEST_CHAIN = 32, 8
_DEPTH = 4
_TAGGED = b"\xd2"
_NEEDED = frozenset({"module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"})
_GIVEN = {"public_key": 1024, "user_data": 512, "nonce": 512}
"""What the enclave may put in → bytes at most."""
_NONE = (
    ValueError, TypeError, OverflowError, OSError, LookupError, x509.InvalidVersion,
    CryptographyDeprecationWarning,
)  # fmt: skip
"""How a field or certificate that is none shows; the last where warnings are errors."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says; `check_document` says whether to believe it."""

    module: str
    """The hypervisor's name for the enclave."""
    time: datetime
    registers: Mapping[int, bytes]
    """Measurements (PCRs), by number."""
    chain: tuple[x509.Certificate, ...]
    """Root first, the certificate that signs last."""
    payload: bytes
    signature: bytes
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None


def read_document(data: bytes) -> Document:
    """
    Take a document apart; nothing in it is believed yet.

    Raises:
        VerificationError: `HARDWARE_FORM`.
        ConfigurationError: The library that reads CBOR is not installed.
    """
    if len(data) > LARGEST:
        raise refused("FORM", f"more than {LARGEST} bytes")
    payload, signature = _envelope(data.removeprefix(_TAGGED))
    told = _decode(payload)
    if not isinstance(told, dict) or not _NEEDED <= told.keys() <= {*_NEEDED, *_GIVEN}:
        raise refused("FORM", "other fields than a document has")
    try:
        return _content(told, payload, signature)
    except _NONE:
        raise refused("FORM", "a field or a certificate that is none") from None


def encode(value: object) -> bytes:
    """CBOR in its shortest form."""
    import cbor2  # late, and optional: only a floor that demands hardware needs it

    return cbor2.dumps(value)


def refused(what: str, found: str) -> VerificationError:
    """The refusal of a document."""
    return VerificationError(
        f"HARDWARE_{what}",
        rule="Evidence by hardware holds in every part, or not at all.",
        found=f"{found}.",
        remedy="start the worker in an enclave of the image that the floor names, and ask again.",
    )


def _envelope(data: bytes) -> tuple[bytes, bytes]:
    match _decode(data):
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)] as parts:
            pass
        case _:
            raise refused("FORM", "no COSE_Sign1")
    if protected != ES384 or unprotected or len(signature) != SIGNATURE:
        raise refused("FORM", "another algorithm than ES384, or a header that nobody signed")
    if encode(parts) != data:
        raise refused("FORM", "an envelope that is not in its shortest form")
    return payload, signature


def _decode(data: bytes) -> Any:  # noqa: ANN401 - that is what CBOR is
    try:
        import cbor2
    except ImportError:
        raise ConfigurationError(
            "CBOR_MISSING",
            rule="Documents by hardware are read with the library cbor2.",
            found="an installation without it.",
            remedy="pip install 'clerestory[nitro]'",
        ) from None
    source = BytesIO(data)
    try:
        decoder = cbor2.CBORDecoder(source, max_depth=_DEPTH, allow_duplicate_keys=False)
        told = decoder.decode()
    except (cbor2.CBORDecodeError, ValueError, TypeError, LookupError, ArithmeticError):
        raise refused("FORM", "bytes that are no CBOR, or a key that is given twice") from None
    if source.tell() != len(data):
        raise refused("FORM", "bytes behind the end")
    return told


def _content(told: Mapping[str, Any], payload: bytes, signature: bytes) -> Document:
    given = {name: told.get(name) for name in _GIVEN}
    module, time, digest = told["module_id"], told["timestamp"], told["digest"]
    if not isinstance(module, str) or type(time) is not int or digest != "SHA384" or time <= 0:
        raise ValueError
    if not all(given[n] is None or _is_bytes(given[n], most) for n, most in _GIVEN.items()):
        raise ValueError
    return Document(
        module,
        datetime.fromtimestamp(time / 1000, UTC),
        _registers(told["pcrs"]),
        _certificates(told["cabundle"], told["certificate"]),
        payload,
        signature,
        **given,
    )


def _registers(told: object) -> dict[int, bytes]:
    if not isinstance(told, dict) or not told:
        raise ValueError
    for number, value in told.items():
        if type(number) is not int or not 0 <= number < REGISTERS:
            raise ValueError
        if not isinstance(value, bytes) or len(value) != REGISTER:
            raise ValueError
    return told


def _certificates(bundle: object, leaf: bytes) -> tuple[x509.Certificate, ...]:
    if not isinstance(bundle, list) or not 0 < len(bundle) < LONGEST_CHAIN:
        raise ValueError
    encoded = (*bundle, leaf)
    if len(set(encoded)) < len(encoded):
        raise ValueError
    chain = tuple(x509.load_der_x509_certificate(certificate) for certificate in encoded)
    if any(certificate.serial_number <= 0 for certificate in chain):
        raise ValueError
    return chain


def _is_bytes(value: object, most: int) -> bool:
    return isinstance(value, bytes) and len(value) <= most
