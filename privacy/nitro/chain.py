"""
Who signed a document: a chain of certificates [1] that begins with a root known beforehand.

The root is known by its fingerprint.  Every other certificate is issued by the one before it,
all of them with P-384 and SHA-384; only those that may issue do, no deeper than they may; and
nothing critical stands in one that is not looked at here.  There is no revocation, as in AWS's
own rules: certificates that sign live for hours.

[1] RFC 5280, sections 4.2.1.3, 4.2.1.9 and 6.1.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeGuard

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from .document import ES384, Document, encode, refused

AWS_ROOT = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"
"""SHA-256 of AWS's root certificate for enclaves, as AWS publishes it: "Verifying the root of
trust" in its user guide.  Recorded documents of 2023 and 2026 carry that certificate."""
AHEAD = timedelta(minutes=5)
"""How far the hypervisor's clock may be ahead of ours."""
_LOOKED_AT = (x509.BasicConstraints, x509.KeyUsage)
_BROKEN = (
    InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension,
    ValueError, TypeError,
)  # fmt: skip


def check_signature(document: Document) -> None:
    """
    Raise unless the last certificate's key signed the document.

    Raises:
        VerificationError: `HARDWARE_SIGNATURE`.
    """
    half = len(document.signature) // 2
    numbers = document.signature[:half], document.signature[half:]
    text = encode(["Signature1", ES384, b"", document.payload])
    if not _is_signed(document.chain[-1], [int.from_bytes(number) for number in numbers], text):
        raise refused("SIGNATURE", "a signature that is not the certificate's")


def check_chain(chain: Sequence[x509.Certificate], root: str) -> None:
    """
    Raise unless certificates lead, one by one, from the pinned root to one that signs.

    Raises:
        VerificationError: `HARDWARE_CHAIN`.
    """
    if chain[0].fingerprint(SHA256()).hex() != root:
        raise refused("CHAIN", "another root certificate than the pinned one")
    issuers = len(chain) - 1
    try:
        for issuer, issued in pairwise(chain):
            issued.verify_directly_issued_by(issuer)
        holds = all(_is_plain(certificate) for certificate in chain) and _only_signs(chain[-1])
        holds &= all(_may_issue(chain[i], below=issuers - 1 - i) for i in range(issuers))
    except _BROKEN:
        holds = False
    if not holds:
        raise refused("CHAIN", "certificates that do not lead, one by one, from the pinned root")


def check_valid(document: Document, at: datetime) -> None:
    """
    Raise unless all certificates were valid when the document was made, and are at a time.

    Raises:
        VerificationError: `HARDWARE_EXPIRED`.
    """
    for moment in (document.time, at):
        for certificate in document.chain:
            if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
                raise refused("EXPIRED", f"a certificate that is not valid at {moment:%F %R} UTC")
    if document.time > at + AHEAD:
        raise refused("EXPIRED", "a document from the future")


def _is_signed(certificate: x509.Certificate, numbers: Sequence[int], text: bytes) -> bool:
    r, s = numbers
    try:
        key = certificate.public_key()
        if not _is_p384(key):
            return False
        key.verify(encode_dss_signature(r, s), text, ec.ECDSA(SHA384()))
    except _BROKEN:
        return False
    return True


def _may_issue(certificate: x509.Certificate, *, below: int) -> bool:
    """Whether it may issue certificates, with so many more issuers below it."""
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    deep = basic.path_length is None or basic.path_length >= below
    return basic.ca and usage.key_cert_sign and deep


def _only_signs(certificate: x509.Certificate) -> bool:
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    return usage.digital_signature and not basic.ca


def _is_plain(certificate: x509.Certificate) -> bool:
    """P-384, SHA-384, and nothing critical that is not looked at."""
    return (
        _is_p384(certificate.public_key())
        and isinstance(certificate.signature_hash_algorithm, SHA384)
        and all(isinstance(e.value, _LOOKED_AT) for e in certificate.extensions if e.critical)
    )


def _is_p384(key: object) -> TypeGuard[ec.EllipticCurvePublicKey]:
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)
