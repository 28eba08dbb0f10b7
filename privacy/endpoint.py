"""
Where text may be sent: an endpoint's address, and the roots that its certificate must lead to.

A plan carries both, officers sign them, and the worker trusts nothing else.  Roots are public
ones, by fingerprint as Mozilla lists them [1]; under a floor for development they may be one's
own.

Without TLS, and so without roots, text may be sent to the keeper's own machine only, and the
address is written in numbers: a name could be made to lead elsewhere.

[1] https://wiki.mozilla.org/CA/Included_Certificates, as packed by certifi 2023.05.07 and by
    Debian's ca-certificates; `public_roots.txt` holds SHA-256 of each certificate.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from .errors import ConfigurationError

LONGEST_ROOTS = 512 * 1024
"""characters of PEM: more than all public roots together."""

_URL = re.compile(
    r"https://(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_CLEAR = re.compile(r"http://(?:(?P<v4>127\.0\.0\.1)|\[(?P<v6>::1)\]):(?P<port>[1-9][0-9]{0,4})")
_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A host and its port."""

    host: str
    port: int
    in_clear: bool = False
    """Whether it is this machine's own, and spoken with without TLS."""


def read_endpoint(url: str) -> Address:
    """
    The address of an endpoint: `https://host[:port]`, or in clear `http://127.0.0.1:port`.

    It has no path, no name of a user and no second spelling.

    Raises:
        ConfigurationError: It is written in another way.
    """
    match = _URL.fullmatch(url) or _CLEAR.fullmatch(url)
    found = match.groupdict() if match else {}
    port = int(found.get("port") or 443)
    if match is None or port > 65535 or (port == 443 and found["port"] and "host" in found):
        raise ConfigurationError(
            "ENDPOINT_UNREADABLE",
            rule="An endpoint is written https://host[:port] in lower case, with no path; "
            "in clear http://127.0.0.1:port or http://[::1]:port, on the keeper's machine.",
            found="something else.",
            remedy="write it like https://api.anthropic.com or http://127.0.0.1:11434.",
        )
    clear = found.get("v4") or found.get("v6")
    return Address(clear or found["host"], port, in_clear=clear is not None)


def in_clear(url: str) -> bool:
    """Whether an endpoint is spoken with without TLS, inside the keeper's machine."""
    try:
        return read_endpoint(url).in_clear
    except ConfigurationError:
        return False


def certificates(roots: str) -> tuple[bytes, ...]:
    """
    The certificates of a PEM text, in DER.

    Raises:
        ConfigurationError: There is none, or too much.
    """
    try:
        found = tuple(b64decode(body) for body in _CERTIFICATE.findall(roots[:LONGEST_ROOTS]))
    except ValueError:  # torn
        found = ()
    if not found or len(roots) > LONGEST_ROOTS:
        raise ConfigurationError(
            "ROOTS_UNREADABLE",
            rule=f"Roots are certificates in PEM, at most {LONGEST_ROOTS} characters of them.",
            found="no certificate, or too many.",
            remedy="save the root that the endpoint's certificate leads to.",
        )
    return found


def are_public(roots: str) -> bool:
    """
    Whether every certificate of a PEM text is a public root.

    Raises:
        ConfigurationError: There is none.
    """
    return all(sha256(each).hexdigest() in _public() for each in certificates(roots))


@cache
def _public() -> frozenset[str]:
    lines = (files("privacy") / "public_roots.txt").read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
