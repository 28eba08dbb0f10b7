"""
keeper.toml in the state folder: how keys rest, who may knock, where it anchors, who helps.

Without the file, keys are plain files of mode 0600 and only the keeper's own user may knock.
The file names commands that the keeper runs, so nobody but its user and root may write it.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from privacy.errors import ConfigurationError

CONFIGURATION = "keeper.toml"

Text = str | int | float | bool
"""What a value of an anchor's table may be."""


@dataclass(frozen=True, slots=True)
class KeyAtRest:
    """How the keeper's secrets are kept on the disk."""

    how: Literal["file", "passphrase", "command"] = "file"
    wrap: tuple[str, ...] = ()
    """Command that gets the key-encryption key on standard input and prints it wrapped."""
    unwrap: tuple[str, ...] = ()
    """Command that gets what `wrap` printed and prints the key-encryption key."""
    seconds: float = 30.0
    """How long either may take."""
    environment: tuple[str, ...] = ()
    """Names of the keeper's own variables that the commands are given; none otherwise."""


Carried = Literal["classify", "aggregate"]


@dataclass(frozen=True, slots=True)
class Scheduler:
    """What carries sealed work to other machines: docs/nodes.md."""

    courier: str
    """Path of the socket where `clerestory courier` listens."""
    carries: tuple[Carried, ...] = ("classify", "aggregate")
    """Which workers run on nodes; the others run here."""
    hands: int = 4
    """Most workers at once, on all nodes together."""
    retries: int = 2
    """How often a piece of work is given out again when its node is lost."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the keeper's owner decides, outside of policy and floor."""

    key: KeyAtRest = field(default_factory=KeyAtRest)
    group: str = ""
    """Group of users who may reach the socket; none if empty."""
    anchor: tuple[Mapping[str, Text], ...] = ()
    """Where else the ledger's heads go: read by whoever anchors."""
    scheduler: Scheduler | None = None
    """Without one, all workers run on this machine."""
    anchor_set: str = ""
    """Folder of public sessions by which a rater's drift is told; the set that ships if empty,
    no set at all where it says `none`."""


def read_configuration(folder: Path) -> Configuration:
    """
    Read a state folder's keeper.toml, or take the defaults.

    Raises:
        ConfigurationError: It says something else than it may, or others could have written it.
    """
    from pydantic import TypeAdapter, ValidationError  # late: `--help` does without

    path = folder / CONFIGURATION
    if not path.exists():
        return Configuration()
    about = path.stat()
    if about.st_uid not in (0, os.getuid()) or about.st_mode & 0o022:
        raise _wrong("a file that another user owns or may write.")
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        read = TypeAdapter(Configuration).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _wrong(f"{first['msg']} at {place}.") from None
    except (ValueError, TypeError) as error:
        raise _wrong(f"{type(error).__name__}: this is not TOML.") from None
    tables = ("key", KeyAtRest.__slots__), ("scheduler", Scheduler.__slots__)
    unknown = set(data) - set(Configuration.__slots__)
    if unknown or any(set(data.get(name, {})) - set(keys) for name, keys in tables):
        raise _wrong("a key that is not known.")
    commands = read.key.wrap, read.key.unwrap
    if (read.key.how == "command") != all(commands) or any(commands) != all(commands):
        raise _wrong('`wrap` and `unwrap` without how = "command", or the other way round.')
    if not 0 < read.key.seconds <= 3600:
        raise _wrong("a time limit that is none.")
    if read.scheduler and not (
        read.scheduler.courier and 0 < read.scheduler.hands <= 1024 and read.scheduler.retries >= 0
    ):
        raise _wrong("a scheduler without a courier, or with no hand to work.")
    if read.anchor_set not in ("", "none") and not Path(read.anchor_set).is_absolute():
        raise _wrong("an anchor set that is no absolute path.")
    return read


def _wrong(found: str) -> ConfigurationError:
    return ConfigurationError(
        "KEEPER_TOML",
        rule="keeper.toml holds [key] (how, wrap, unwrap, seconds, environment), group, "
        "anchor_set, [scheduler] (courier, carries, hands, retries) and [[anchor]], and is "
        "writable by the keeper's user or root alone.",
        found=found,
        remedy="mend it as docs/keeper.md shows, or take it away: the defaults are safe.",
    )
