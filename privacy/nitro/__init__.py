"""
Check evidence by hardware: a document of AWS Nitro Enclaves.

Promise: a document is accepted only if its signature and every certificate up to the pinned
root hold at the given time, the enclave does not run in debug mode, its measurements are those
demanded, and it was made for just this key and plan.  The rules are AWS's [1].  Certificates for
signing live a few hours, so an old document holds at its own time and not today.

Tested on recorded documents of real enclaves; this project has never run inside one.

[1] https://github.com/aws/aws-nitro-enclaves-nsm-api/blob/main/docs/attestation_process.md
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from .chain import AWS_ROOT, check_chain, check_signature, check_valid
from .document import Document, read_document, refused

__all__ = ["AWS_ROOT", "Document", "check_document", "read_document"]


def check_document(
    data: bytes,
    *,
    registers: Mapping[int, bytes],
    binding: bytes,
    nonce: bytes | None = None,
    at: datetime | None = None,
    root: str = AWS_ROOT,
) -> Document:
    """
    Check a document, all of it.

    Args:
        data: COSE_Sign1, as the hypervisor gave it to the enclave.
        registers: Measurements that it must show, by number.
        binding: What `user_data` or `public_key` must be.
        nonce: What `nonce` must be, if one was asked for.
        at: When certificates must be valid; now, if not given.
        root: SHA-256 of the root certificate, hexadecimal.

    Raises:
        VerificationError: `HARDWARE_FORM`, `HARDWARE_SIGNATURE`, `HARDWARE_CHAIN`,
            `HARDWARE_EXPIRED`, `HARDWARE_DEBUG`, `HARDWARE_MEASUREMENT`, `HARDWARE_BINDING`.
        ConfigurationError: The library that reads CBOR is not installed.
    """
    document = read_document(data)
    check_signature(document)
    check_chain(document.chain, root)
    check_valid(document, at or datetime.now(UTC))
    if not any(document.registers.get(0, b"")):
        raise refused("DEBUG", "an enclave in debug mode: its register PCR0 is all zero")
    wrong = [n for n, value in sorted(registers.items()) if document.registers.get(n) != value]
    if wrong:
        raise refused("MEASUREMENT", f"another value in {', '.join(f'PCR{n}' for n in wrong)}")
    if not binding or binding not in (document.user_data, document.public_key):
        raise refused("BINDING", "a document that was made for another key or another plan")
    if nonce is not None and document.nonce != nonce:
        raise refused("BINDING", "a document that answers another nonce")
    return document
