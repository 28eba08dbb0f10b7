"""
Ask a vault's keeper, from any process that may reach its socket.

Whoever may write to the vault can name any socket in it, and put any keeper.json there.  So
the keeper proves who it is before it is told anything, by its signing key over this
connection: the key is the one that the asker pinned (`trust`), or, for a keeper that runs under
the asker's own user or root, the one in the vault.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from privacy.errors import (
    BY_EXIT_CODE,
    ClerestoryError,
    ConfigurationError,
    IncompleteError,
    VerificationError,
)
from privacy.keeper.handwriting import sign_request
from privacy.keeper.wire import (
    LONGEST_GREETING,
    encode,
    fresh_nonce,
    messages,
    parse,
    proof_message,
    read_line,
    request_message,
    send,
    user_of,
)
from privacy.signing import verify
from privacy.vault import SOCKET, Vault


@dataclass(frozen=True, slots=True)
class Asker:
    """As whom a request is made, and whom it trusts."""

    key: Path | None = None
    """The asker's enrolled private key: needed where the keeper runs under another user."""
    trust: str = ""
    """The keeper's public signing key as the asker knows it from elsewhere."""


ASKER: ContextVar[Asker] = ContextVar("asker", default=Asker())  # noqa: B039 - frozen
"""As whom this process asks: set once by the command line."""


def ask(
    vault: Vault,
    verb: str,
    progress: Callable[[str, float], None] = lambda _, __: None,
    **request: str,
) -> dict[str, Any]:
    """
    Ask one thing and wait for the answer.

    Raises:
        ConfigurationError: No keeper is running for this vault, or it is not the one trusted.
        IncompleteError: The keeper went away in the middle.
        ClerestoryError: What the keeper itself refused, rebuilt as its type.
    """
    line, asker = encode({**request, "verb": verb}), ASKER.get()
    with socket.socket(socket.AF_UNIX) as connection:
        peer = _connect(connection, vault, asker)
        try:
            with connection.makefile("rb") as stream:
                ours = fresh_nonce()
                send(connection, {"nonce": ours})
                greeting = parse(read_line(stream, LONGEST_GREETING))
                if "error" in greeting:
                    raise _refusal(greeting["error"])
                keeper = _proved(vault, asker, ours, greeting, peer)
                signature = ""
                if asker.key and os.getuid() not in (peer, 0):
                    message = request_message(keeper, greeting["nonce"], verb, line)
                    signature = sign_request(asker.key, message)
                with suppress(OSError):  # it may refuse before it has read all: its words count
                    connection.sendall(encode({"signature": signature}) + line)
                for told in messages(stream):
                    if "progress" in told:
                        progress(*told["progress"])
                    elif "error" in told:
                        raise _refusal(told["error"])
                    else:
                        answer: dict[str, Any] = told["answer"]
                        return answer
        except (OSError, ValueError, LookupError, TypeError):
            pass
    raise IncompleteError(
        "KEEPER_WENT_AWAY",
        rule="A request is answered by the keeper that took it.",
        found="a keeper that stopped in the middle.",
        remedy="start it anew and ask again; what was labelled or charged is kept.",
    )


def is_listening(vault: Vault) -> bool:
    """Whether a keeper listens for this vault, under this user or root."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            _connect(connection, vault, Asker())
        except ConfigurationError:
            return False
        return True


@contextmanager
def asking_as(asker: Asker) -> Iterator[None]:
    """For as long as the block runs, ask as somebody."""
    token = ASKER.set(asker)
    try:
        yield
    finally:
        ASKER.reset(token)


def _connect(connection: socket.socket, vault: Vault, asker: Asker) -> int:
    """Reach the socket; returns its user, as the kernel knows him."""
    try:
        path = (vault.folder / SOCKET).read_text(encoding="utf-8").strip()
        connection.connect(path)
    except PermissionError:
        raise ConfigurationError(
            "KEEPER_NOT_REACHABLE",
            rule="A keeper may be asked by its own user, and by the group that it was given.",
            found="a socket that this user may not open.",
            remedy="have the keeper started with --group, and this user added to that group.",
        ) from None
    except (OSError, ValueError):
        raise ConfigurationError(
            "KEEPER_NOT_RUNNING",
            rule="Everything that needs a key is done by the vault's keeper.",
            found="no keeper listening for this vault.",
            remedy="start one: `clerestory keeper VAULT --state DIR`.",
        ) from None
    # The vault only says where the socket lies; whose it is, the kernel knows.
    peer = user_of(connection)
    if peer not in (os.getuid(), 0) and not asker.trust:
        raise ConfigurationError(
            "KEEPER_NOT_PINNED",
            rule="A keeper under another user is known by its signing key, which is got from it "
            "by another way than the vault.",
            found="a process of another user at the place that the vault names, and no key.",
            remedy="give the keeper's signing.key.pub with --trust, or in CLERESTORY_TRUST.",
        )
    return peer


def _proved(vault: Vault, asker: Asker, ours: str, greeting: dict[str, Any], peer: int) -> str:
    """
    The key by which the keeper proved to be the one that is trusted.

    Raises:
        ConfigurationError: It did not.
    """
    trusted = asker.trust or vault.keys.signing
    message = proof_message(ours, greeting["nonce"], asking=os.getuid(), keeping=peer)
    try:
        signer = verify(message, greeting["proof"], "clerestory-keeper")
    except VerificationError:
        signer = ""
    if signer != trusted:
        raise ConfigurationError(
            "NOT_THE_KEEPER",
            rule="A keeper proves with its signing key that it is the one that is trusted.",
            found="a process that could not, at the place that the vault names.",
            remedy="do not use this vault until it is explained.",
        )
    return signer


def _refusal(error: dict[str, Any]) -> ClerestoryError:
    return BY_EXIT_CODE[error["exit"]].from_json(error)
