"""
Under a floor that demands evidence by hardware: does a worker bring it, and is it his?

The floor names measurements, `PCR0` and so on, that were known when sessions were collected.  A
worker's document must show them and be made for the key that the keeper would wrap to and for
the plan that it would execute; so a document cannot be lent to another worker or another run.

The launchers of this version start no worker in an enclave.  Under such a floor, then, nobody is
given a key: that is the promise, and what is tested; the check itself is tested on recorded
documents and on documents by an authority of the tests.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from .errors import ConfigurationError, RefusedError

_DOMAIN = b"clerestory/hardware/1\0"
_REGISTERS = {f"PCR{number}": number for number in range(32)}
_REGISTER_BYTES = 48


def binding(plan: str, key: str) -> bytes:
    """
    What a worker's document must carry as its user data.

    Args:
        plan: SHA-256 of the bound plan, hexadecimal.
        key: SHA-256 of the worker's public key, hexadecimal.
    """
    return sha256(_DOMAIN + bytes.fromhex(plan) + bytes.fromhex(key)).digest()


def check_hardware(
    demanded: Mapping[str, str],
    document: bytes,
    *,
    plan: str,
    key: str,
    at: datetime | None = None,
    root: str | None = None,
) -> None:
    """
    Raise unless a worker's document is what a floor demands.

    Args:
        demanded: The floor's measurements; where it names none, nothing is asked.
        document: What came with the worker's key; empty if nothing did.
        plan: SHA-256 of the bound plan, hexadecimal.
        key: SHA-256 of the worker's public key, hexadecimal.
        at: When certificates must be valid; now, if not given.
        root: SHA-256 of the root certificate; AWS's, if not given.

    Raises:
        RefusedError: `HARDWARE_EVIDENCE_MISSING`.
        VerificationError: A code of `nitro.check_document`.
        ConfigurationError: The floor's measurements are none, or CBOR cannot be read here.
    """
    if not demanded:
        return
    registers = _registers(demanded)
    if not document:
        raise RefusedError(
            "HARDWARE_EVIDENCE_MISSING",
            rule="Under this floor a key goes only to a worker that confidential hardware vouches "
            "for.",
            found="a worker that brings no document.",
            remedy="start workers in an enclave; the launchers of this version cannot.",
        )
    from .nitro import AWS_ROOT, check_document  # late: most floors demand nothing

    check_document(
        document, registers=registers, binding=binding(plan, key), at=at, root=root or AWS_ROOT
    )


def _registers(demanded: Mapping[str, str]) -> dict[int, bytes]:
    try:
        found = {_REGISTERS[name]: bytes.fromhex(value) for name, value in demanded.items()}
    except (KeyError, ValueError):
        found = {}
    if not found or any(len(value) != _REGISTER_BYTES for value in found.values()):
        raise ConfigurationError(
            "FLOOR_HARDWARE",
            rule="A floor's measurements are registers, PCR0 to PCR31, with 96 hexadecimal digits.",
            found="another name, or another value.",
            remedy="make a vault with measurements as the enclave's build printed them.",
        )
    return found
