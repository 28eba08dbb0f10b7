"""
What a keeper and a node say to each other about one worker.  All of it may be read by anybody.

1. An *order*, signed by the keeper: start a worker of this kind and code for this plan.
2. A *report*, signed by the node: there it is, this is its key, this is what its probes found.
3. *Work*: a task, and sealed blobs whose data keys were wrapped to that key.
4. A *result*, signed by the node: what the worker said, which it has sealed.

Order and report carry a nonce of the keeper's, so that neither an old report nor another
worker's answer passes for this one.  Who carries the words can lose them, and no more.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from os import urandom
from struct import Struct
from typing import Literal, TypeVar

import rfc8785

from privacy.errors import VerificationError
from privacy.floor import Tier
from privacy.signing import Namespace, SigningKey, verify

ORDER, WORK, REPORT, RESULT, REFUSAL = b"O", b"W", b"P", b"R", b"X"
"""First byte of a message."""
LARGEST_MESSAGE = 2**28
"""bytes: a batch of sealed sessions, with room."""
_COUNT = Struct(">I")
Kind = Literal["classify", "aggregate"]
Custody = Literal["same-user", "separate-user"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a keeper wants of a node."""

    worker: Kind
    plan: str
    """SHA-256 of the bound plan, which comes with the order."""
    code: str
    """SHA-256 of what must be mounted: the plan is bound to it."""
    nonce: str
    seconds: int
    """How long the keeper will wait for the work."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a node says of a worker that has a key and was given nothing yet."""

    nonce: str
    """The order's."""
    worker: Kind
    plan: str
    code: str
    tier: Tier
    probes: Mapping[str, str]
    """All of them, whatever the tier must block."""
    host: Mapping[str, str]
    key: str
    """The worker's public key, hexadecimal."""
    custody: Custody
    """Whether the process that carries for the scheduler runs under a user of its own."""


@dataclass(frozen=True, slots=True)
class Result:
    """How the work on one order ended."""

    nonce: str
    ending: Literal["answered", "ended", "gone"]
    """`ended`: the worker, on what it was given; `gone`: what workers are forked from, too."""
    answer: str
    """SHA-256 of what the worker said."""


_Message = TypeVar("_Message", Order, Report, Result)
_NAMESPACES: Mapping[type, Namespace] = {
    Order: "clerestory-order",
    Report: "clerestory-node",
    Result: "clerestory-node",
}


def fresh_nonce() -> str:
    """Sixteen bytes nobody could have foreseen, hexadecimal."""
    return urandom(16).hex()


def digest(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return sha256(data).hexdigest()


def sign(message: Order | Report | Result, key: SigningKey) -> tuple[bytes, bytes]:
    """A message's bytes, and the signature over them."""
    told = rfc8785.dumps({type(message).__name__: asdict(message)})
    return told, key.sign(told, _NAMESPACES[type(message)]).encode()


def read(kind: type[_Message], told: bytes, signature: bytes) -> tuple[_Message, str]:
    """
    A signed message, and whose key signed it.

    Raises:
        VerificationError: It is none of this kind, or the signature does not fit.
    """
    from pydantic import TypeAdapter, ValidationError  # late: `--help` does without

    try:
        signer = verify(told, signature.decode("ascii"), _NAMESPACES[kind])
        inner = rfc8785.dumps(json.loads(told)[kind.__name__])
        message = TypeAdapter(kind).validate_json(inner, strict=True)
        if rfc8785.dumps({kind.__name__: asdict(message)}) == told:
            return message, signer
    except (ValidationError, ValueError, LookupError, TypeError, RecursionError):
        pass
    raise unreadable()


def pack(*parts: bytes) -> bytes:
    """Join parts so that `unpack` gives them back."""
    return b"".join(_COUNT.pack(len(part)) + part for part in parts)


def unpack(data: bytes) -> list[bytes]:
    """
    Parts that were joined.

    Raises:
        VerificationError: The bytes were not.
    """
    parts, place = [], 0
    while place < len(data):
        start = place + _COUNT.size
        if start > len(data):
            raise unreadable()
        (length,) = _COUNT.unpack_from(data, place)
        if start + length > len(data):
            raise unreadable()
        parts.append(data[start : start + length])
        place = start + length
    return parts


def unreadable() -> VerificationError:
    """What is said of a message that is none."""
    return VerificationError(
        "NODE_MESSAGE_UNREADABLE",
        rule="A keeper and its nodes sign what they say, in the form of one version.",
        found="a message that is none of them.",
        remedy="run one version everywhere; if it is one, do not trust what carries for you.",
    )
