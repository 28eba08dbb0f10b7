"""
How a person's signature comes to a command: made here, made elsewhere, or asked for.

A key in a token, on another machine or behind a passphrase signs with `ssh-keygen -Y sign`:
`--print` gives the bytes, `--signature` hands the result in.
"""

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from clerestory.cli.app import say
from privacy.errors import ConfigurationError
from privacy.signing import Namespace

Key = Annotated[Optional[Path], typer.Option("--key", help="Private SSH key to sign with.")]
SignatureFile = Annotated[
    Optional[Path],
    typer.Option("--signature", help="A signature that `ssh-keygen -Y sign` made."),
]
Print = Annotated[
    bool, typer.Option("--print", help="Print the bytes to sign, and do nothing else.")
]


def signed(
    message: bytes, namespace: Namespace, key: Path | None, signature: Path | None, *, show: bool
) -> str:
    """
    A signature of a message, by the one way that was chosen.

    Raises:
        ConfigurationError: No way was chosen, or several; a file cannot be read.
        typer.Exit: The bytes were printed instead.
    """
    if (key is not None) + (signature is not None) + show != 1:
        raise ConfigurationError(
            "SIGN_ONE_WAY",
            rule="One signs with --key, hands in with --signature, or gets the bytes with --print.",
            found="none of the three, or more than one.",
            remedy="choose one.",
        )
    if show:
        sys.stdout.buffer.write(message)
        sys.stdout.buffer.flush()
        say(f"sign it: ssh-keygen -Y sign -n {namespace} -f KEY FILE; hand in FILE.sig")
        raise typer.Exit
    if key is not None:
        from privacy.signing import SigningKey

        return SigningKey.read(key).sign(message, namespace)
    return read_signature(signature) if signature else ""


def read_signature(path: Path) -> str:
    """A signature that was made elsewhere."""
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            "SIGNATURE_UNREADABLE",
            rule="A signature is a text file that `ssh-keygen -Y sign` wrote.",
            found="no readable file at that path, or no text.",
            remedy="check the path; the file ends in `.sig`.",
        ) from None
