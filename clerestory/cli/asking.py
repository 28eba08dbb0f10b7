"""Options of every command that asks a keeper: as whom, and which keeper is trusted."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from privacy.errors import ConfigurationError

_Key = Annotated[
    Optional[Path],
    typer.Option(
        "--key",
        envvar="CLERESTORY_KEY",
        help="Your enrolled private SSH key: where the keeper runs under another user.",
    ),
]
_Trust = Annotated[
    Optional[str],
    typer.Option(
        "--trust",
        envvar="CLERESTORY_TRUST",
        help="The keeper's signing.key.pub, or its line: where it runs under another user.",
    ),
]


def asks_keeper(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--key`, unless it has one of its own, and `--trust`."""
    own = inspect.signature(function).parameters
    more = {name: kind for name, kind in (("key", _Key), ("trust", _Trust)) if name not in own}

    @functools.wraps(function)
    def asking(**given: Any) -> None:  # noqa: ANN401 - whatever the command takes
        from privacy.keeper.client import Asker, asking_as

        key, trust = given.get("key"), given.get("trust")
        line = trusted_line(trust) if trust else None
        with asking_as(Asker(key, line or "")):
            function(**{name: value for name, value in given.items() if name in own})

    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(n, keyword, default=None, annotation=k) for n, k in more.items()]
    signature = inspect.signature(function)
    asking.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *added]
    )
    asking.__annotations__ = {**function.__annotations__, **more}
    return asking


def trusted_line(trust: str) -> str:
    """
    A public key that is trusted, given as a `.pub` file or as its line.

    Raises:
        ConfigurationError: It is neither.
    """
    from privacy.signing import read_public

    if trust.startswith("ssh-ed25519 "):
        return read_public(trust)
    try:
        return read_public(Path(trust).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            "KEY_UNREADABLE",
            rule="--trust takes a public key line or a `.pub` file.",
            found="neither.",
            remedy="give the keeper's signing.key.pub.",
        ) from None
