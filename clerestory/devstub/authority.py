"""
Certificates for a server on loopback, by an authority that is made for it and forgotten with it.

Whoever holds an authority's key can name himself as an endpoint: it never leaves this process,
and a certificate's key never reaches a disk.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "localhost"
NAME = "Clerestory dev-stub"


@dataclass(frozen=True, slots=True)
class Authority:
    """Somebody who signs certificates."""

    roots: str
    """Its own certificate, PEM."""
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def sign(self, host: str = HOST) -> bytes:
        """A certificate for a host and its key, in one PEM text."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            _begun(_name(host), self.certificate.subject, key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def authority(name: str = NAME) -> Authority:
    """A new one."""
    key = ec.generate_private_key(ec.SECP256R1())
    may = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
         "key_agreement", "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    certificate = (
        _begun(_name(f"{name} root"), _name(f"{name} root"), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **may), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    roots = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return Authority(roots, key, certificate)


def named(pem: bytes) -> str:
    """
    Whose certificate it is.

    Raises:
        ValueError: It is none.
    """
    return x509.load_pem_x509_certificate(pem).subject.rfc4514_string().removeprefix("CN=")


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )
