"""
Where a Compliance Access Key comes from: a file or a descriptor, as a keeper's passphrase does.

Never an argument nor a variable: other processes could see those.
"""

from pathlib import Path

from privacy.endpoint import LONGEST_ROOTS
from privacy.errors import ConfigurationError

LONGEST = 4096
"""bytes of a key's file."""


def access_key(path: Path) -> str:
    """
    A key as a header can carry it; what else lies in the file is not repeated.

    Raises:
        ConfigurationError: It cannot be read, others may read it, or it is no one word.
    """
    try:
        if path.is_file() and path.stat().st_mode & 0o077:
            raise _unusable("a file that others may read.")
        with path.open("rb") as file:
            key = file.read(LONGEST + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key or len(key) > LONGEST or not key.isprintable() or " " in key:
        raise _unusable("no readable file, an empty one, or something else in it.")
    return key


def roots_in(path: Path) -> str:
    """What is to be certificates in PEM; whether it is, or is nothing, `Api` says."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.read(LONGEST_ROOTS + 1)
    except OSError:
        return ""


def _unusable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "ACCESS_KEY_UNREADABLE",
        rule="A Compliance Access Key lies in a file of its own that nobody else may read.",
        found=found,
        remedy="write the key, and nothing else, into a file of mode 0600; or hand it over "
        "as /dev/fd/N.",
    )
