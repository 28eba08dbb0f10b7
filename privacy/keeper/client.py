"""Ask a vault's keeper, from any process of its user."""

import os
import socket
from collections.abc import Callable
from typing import Any

from privacy.errors import BY_EXIT_CODE, ConfigurationError, IncompleteError
from privacy.keeper.wire import lines, send, user_of
from privacy.vault import SOCKET, Vault


def ask(
    vault: Vault,
    verb: str,
    progress: Callable[[str, float], None] = lambda _, __: None,
    **request: str,
) -> dict[str, Any]:
    """
    Ask one thing and wait for the answer.

    Raises:
        ConfigurationError: No keeper is running for this vault.
        IncompleteError: The keeper went away in the middle.
        ClerestoryError: What the keeper itself refused, rebuilt as its type.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        _connect(connection, vault)
        try:
            send(connection, {**request, "verb": verb})
            for message in lines(connection):
                if "progress" in message:
                    progress(*message["progress"])
                elif "error" in message:
                    error = message["error"]
                    raise BY_EXIT_CODE[error["exit"]].from_json(error)
                else:
                    answer: dict[str, Any] = message["answer"]
                    return answer
        except (OSError, ValueError):
            pass
    raise IncompleteError(
        "KEEPER_WENT_AWAY",
        rule="A request is answered by the keeper that took it.",
        found="a keeper that stopped in the middle.",
        remedy="start it anew and ask again; what was labelled or charged is kept.",
    )


def is_listening(vault: Vault) -> bool:
    """Whether a keeper answers for this vault."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            _connect(connection, vault)
        except ConfigurationError:
            return False
        return True


def _connect(connection: socket.socket, vault: Vault) -> None:
    _reach(connection, vault)
    # The vault only says where the socket lies; whose it is, the kernel knows.
    if user_of(connection) not in (os.getuid(), 0):
        raise ConfigurationError(
            "NOT_THE_KEEPER",
            rule="A keeper runs under the user who asks it, or under root.",
            found="a process of another user at the place that the vault names.",
            remedy="do not use this vault until it is explained.",
        )


def _reach(connection: socket.socket, vault: Vault) -> None:
    try:
        path = (vault.folder / SOCKET).read_text(encoding="utf-8").strip()
        connection.connect(path)
    except (OSError, ValueError):
        raise ConfigurationError(
            "KEEPER_NOT_RUNNING",
            rule="Everything that needs a key is done by the vault's keeper.",
            found="no keeper listening for this vault.",
            remedy="start one: `clerestory keeper VAULT --state DIR`.",
        ) from None
