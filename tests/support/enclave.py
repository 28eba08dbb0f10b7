"""
A hypervisor of the tests: documents like those of real enclaves, by an authority of one's own.

Real documents show what is accepted; what must be refused although everything is signed can
only be shown by somebody who signs it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
REGISTERS = {number: bytes([number + 1]) * 48 for number in range(5)}
ES384 = b"\xa1\x01\x38\x22"
ISSUERS = 4
"""Root, region, zone, instance: as in real documents."""


@dataclass
class Link:
    """One certificate to be: what it says, to be changed before it is made."""

    name: str
    issues: bool
    depth: int | None
    curve: ec.EllipticCurve = field(default_factory=ec.SECP384R1)
    digest: SHA256 | SHA384 = field(default_factory=SHA384)
    certifies: bool = True
    signs: bool = False
    begins: datetime = NOW - timedelta(days=1)
    ends: datetime = NOW + timedelta(days=1)
    critical: Sequence[x509.ExtensionType] = ()
    basic: bool = True


def links(at: datetime = NOW) -> list[Link]:
    """Root first, the one that signs last; valid a day before and after."""
    made = [
        *(Link(f"issuer {n}", issues=True, depth=ISSUERS - 1 - n) for n in range(ISSUERS)),
        Link("enclave", issues=False, depth=None, certifies=False, signs=True),
    ]
    for link in made:
        link.begins, link.ends = at - timedelta(days=1), at + timedelta(days=1)
    return made


@dataclass(frozen=True)
class Hypervisor:
    """An authority, and the key that signs documents."""

    chain: tuple[x509.Certificate, ...]
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, made: Sequence[Link] | None = None) -> "Hypervisor":
        """A new authority."""
        chain: list[x509.Certificate] = []
        issuer, above = ec.generate_private_key(ec.SECP384R1()), ""
        for link in made or links():
            key = issuer if not chain else ec.generate_private_key(link.curve)
            chain.append(_certificate(link, key, issuer, above or link.name))
            issuer, above = key, link.name
        return cls(tuple(chain), issuer)

    @property
    def root(self) -> str:
        """What the root is known by."""
        return self.chain[0].fingerprint(SHA256()).hex()

    def fields(self, **changes: object) -> dict[str, Any]:
        """A document's fields, in order."""
        told: dict[str, Any] = {
            "module_id": "i-0-enc0",
            "digest": "SHA384",
            "timestamp": int(NOW.timestamp() * 1000),
            "pcrs": REGISTERS,
            "certificate": self.chain[-1].public_bytes(Encoding.DER),
            "cabundle": [c.public_bytes(Encoding.DER) for c in self.chain[:-1]],
            "public_key": None,
            "user_data": b"bound",
            "nonce": None,
            **changes,
        }
        return {name: value for name, value in told.items() if value != "left out"}

    def envelope(self, payload: bytes, protected: bytes = ES384) -> list[Any]:
        """The four parts, signed."""
        text = cbor2.dumps(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(self.key.sign(text, ec.ECDSA(SHA384())))
        return [protected, {}, payload, r.to_bytes(48) + s.to_bytes(48)]

    def document(self, **changes: object) -> bytes:
        """A signed document with some fields changed."""
        return self.around(cbor2.dumps(self.fields(**changes)))

    def around(self, payload: bytes) -> bytes:
        """A signed document around any payload."""
        return cbor2.dumps(self.envelope(payload))


def long_map(fields: Mapping[str, object]) -> bytes:
    """A map of indefinite length, as newer hypervisors write it."""
    pairs = (cbor2.dumps(name) + cbor2.dumps(value) for name, value in fields.items())
    return b"\xbf" + b"".join(pairs) + b"\xff"


def _certificate(
    link: Link, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey, above: str
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(link.name))
        .issuer_name(_name(above))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(link.begins)
        .not_valid_after(link.ends)
    )
    if link.basic:
        basic = x509.BasicConstraints(ca=link.issues, path_length=link.depth)
        builder = builder.add_extension(basic, critical=True)
    usage = dict.fromkeys(
        (
            "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "crl_sign", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    builder = builder.add_extension(
        x509.KeyUsage(digital_signature=link.signs, key_cert_sign=link.certifies, **usage),
        critical=True,
    )
    for extension in link.critical:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer, link.digest)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
