"""
Where a keeper's passphrase comes from: a file, a descriptor, or the person at the terminal.

Never an argument nor a variable: other processes could see those.
"""

import sys
from getpass import getpass
from pathlib import Path

from privacy.errors import ConfigurationError
from privacy.keeper.configuration import read_configuration
from privacy.keeper.keyring import WRAPPED

LONGEST = 4096
"""bytes of a passphrase."""


def passphrase_for(state: Path, path: Path | None) -> bytes | None:
    """
    The passphrase for a state folder; None where none was given and none is needed.

    Raises:
        ConfigurationError: It is needed and there is neither a file nor a terminal; or the file
            is readable by others, empty, or too long.
    """
    if path is not None:
        return _read(path)
    if read_configuration(state).key.how != "passphrase" or not sys.stdin.isatty():
        return None  # whether one is missing, the keeper says
    words = getpass("passphrase: ")
    if not (state / WRAPPED).exists() and getpass("once more: ") != words:
        raise _unusable("two passphrases that differ.")
    return _checked(words.encode())


def _read(path: Path) -> bytes:
    try:
        about = path.stat()
        if path.is_file() and about.st_mode & 0o077:
            raise _unusable("a file that others may read.")
        with path.open("rb") as file:
            return _checked(file.read(LONGEST + 2).rstrip(b"\r\n"))
    except OSError:
        raise _unusable("no file that can be read.") from None


def _checked(words: bytes) -> bytes:
    if not 0 < len(words) <= LONGEST:
        raise _unusable("an empty passphrase, or one that is too long.")
    return words


def _unusable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "PASSPHRASE_UNUSABLE",
        rule=f"A passphrase has 1 to {LONGEST} bytes; its file is of mode 0600.",
        found=found,
        remedy="give another --passphrase-file, or start the keeper on a terminal.",
    )
