"""
The ticket of batches that are under way: what one sealed worker leaves for a later one.

Where a plan names message batches, no worker lives until the answers are there.  One *submits*:
it sends the sessions and answers with a ticket, names of batches and a secret.  Later another
*collects*: it is given the ticket and the same sessions, and answers with records.  From the secret
follow the names of the requests, the only thing that stands beside a session's text at the
provider: nothing of account or session is in them, and nobody without the ticket can tell which
request was whose.

A ticket is sealed to the keeper's key for one label set, and has one width, whatever is in it.
The keeper passes it on as it passes sessions on, by wrapping its data key to a worker's key, and
never opens it.  It could: it holds the key.  What it would find are names that the provider knows
as well, and numbers drawn at random; the sessions themselves it could open by the same key.
"""

import hmac
import json
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from os import urandom
from struct import Struct
from typing import Literal, get_args

import rfc8785

from .errors import RefusedError, VerificationError
from .sealing import PUBLIC_BYTES, SealedBlob, encoded_length, seal

TICKET = "ticket"
"""Kind of the sealed bytes."""
RESULT_DAYS = 29
"""How long the API says that it keeps the results of a batch."""
BATCH_SECONDS = 24 * 3600
"""In which, the API says, a batch has ended, with answers or without."""
MOST_TRIES = 2
"""Batches for one session; after them it is asked by itself."""
MOST_BATCHES = 16
"""Of one ticket; most have one."""
Work = Literal["plain", "submit", "collect", "drop"]
"""Ask and wait; send batches; fetch what became of them; have the provider delete them."""

_ERRAND, _MAGIC = b"CLE1", b"CLK1"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME_BYTES, _SECRET_BYTES = 64, 32
_FORM = Struct(">4s" + f"{_NAME_BYTES}s" * MOST_BATCHES + f"{_SECRET_BYTES}s")


def ticket_info(label_set: str) -> bytes:
    """HPKE context of a ticket at rest: the labels that it is to become, and of no other set."""
    return f"clerestory/ticket/1\0{label_set}".encode()


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a later worker needs to know of batches."""

    batches: tuple[str, ...]
    """Their names at the endpoint; none where nothing had to be sent."""
    secret: bytes
    """32 bytes, from which the names of their requests follow."""

    @classmethod
    def fresh(cls) -> "Ticket":
        """A ticket of nothing yet, with a secret of its own."""
        return cls((), urandom(_SECRET_BYTES))

    def request(self, session: str, number: int) -> str:
        """
        Name of a session's request: 43 letters that say nothing without the secret.

        Args:
            session: Digest of the sealed session: a newer version of it has other names.
            number: Which of its requests.
        """
        told = f"{session}/{number}".encode()
        return urlsafe_b64encode(hmac.digest(self.secret, told, "sha256")).decode().rstrip("=")

    def encode(self) -> bytes:
        """The ticket's bytes, always as many."""
        names = [*self.batches, *[""] * (MOST_BATCHES - len(self.batches))]
        return _FORM.pack(_MAGIC, *(name.encode() for name in names), self.secret)

    @classmethod
    def decode(cls, data: bytes) -> "Ticket":
        """
        Read what a worker left.

        Raises:
            RefusedError: It is no ticket.
        """
        if len(data) == _FORM.size:
            magic, *names, secret = _FORM.unpack(data)
            told = (name.rstrip(b"\0").decode("ascii", "replace") for name in names)
            ticket = cls(tuple(name for name in told if name), secret)
            if magic == _MAGIC and all(map(is_batch, ticket.batches)) and ticket.encode() == data:
                return ticket
        raise refused("bytes that are no ticket, or one of another form.")

    def sealed(self, public: bytes, label_set: str) -> SealedBlob:
        """The ticket for who keeps it."""
        info = ticket_info(label_set)
        return seal(self.encode(), _header(label_set), public=public, info=info)


def is_batch(name: str) -> bool:
    """Whether a batch may be named so."""
    return _NAME.fullmatch(name) is not None


def read_sealed(data: bytes, label_set: str) -> SealedBlob:
    """
    A worker's answer as the sealed ticket that it must be; it is not opened.

    Records are no ticket, and a ticket is no records: neither passes for the other.

    Raises:
        RefusedError: It is something else, of another length, or of another label set.
    """
    if len(data) == SEALED_BYTES:
        try:
            blob = SealedBlob.decode(data)
        except VerificationError:
            raise refused("an answer that is no sealed ticket.") from None
        if blob.header_bytes == rfc8785.dumps(_header(label_set)):
            return blob
    raise refused("an answer that is no ticket of these labels.")


@dataclass(frozen=True, slots=True)
class Errand:
    """What a worker is asked to do, under a plan that names batches."""

    work: Work
    public: bytes = b""
    """To whom a ticket is sealed."""
    label_set: str = ""
    """Whose labels a ticket is to become."""

    def encode(self) -> bytes:
        """The errand as a frame."""
        told = {"work": self.work, "public": self.public.hex(), "set": self.label_set}
        return _ERRAND + rfc8785.dumps(told)

    @classmethod
    def decode(cls, frame: bytes) -> "Errand":
        """
        Read the errand that the frame before the sessions is.

        Raises:
            RefusedError: It is none.
        """
        try:
            told = json.loads(frame.removeprefix(_ERRAND))
            errand = cls(told["work"], bytes.fromhex(told["public"]), told["set"])
            known = errand.work in get_args(Work) and len(errand.public) in (0, PUBLIC_BYTES)
            if known and errand.encode() == frame:
                return errand
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise refused("a frame that is no errand where one belongs.")


def refused(found: str) -> RefusedError:
    """The refusal where an errand, a ticket or an answer about one is not in form."""
    return RefusedError(
        "TICKET_REFUSED",
        rule="Keeper and worker speak of batches by an errand and a sealed ticket, each in form.",
        found=found,
        remedy="treat the classify worker as compromised: keep its answers out.",
    )


def _header(label_set: str) -> dict[str, str]:
    return {"kind": TICKET, "set": label_set}


SEALED_BYTES = encoded_length(len(rfc8785.dumps(_header("0" * 64))), _FORM.size)
"""Of every sealed ticket."""
