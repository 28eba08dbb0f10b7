"""Which line of a study is meant: errors name it, so that nobody searches."""

import re
from collections.abc import Sequence

from pydantic import ValidationError

from privacy.errors import ConfigurationError

_HEADER = re.compile(r"^\s*\[\[?\s*([A-Za-z0-9_.\s-]+?)\s*\]\]?\s*(?:#.*)?$")
_UNION_PARTS = frozenset({"str", "int", "float", "bool", "list[str]"})
"""What pydantic puts into the place of an error to say which type it had tried."""


def line_of(text: str, at: Sequence[str | int]) -> int:
    """
    The line on which a key of a TOML text stands, as nearly as its path can be followed.

    Args:
        text: TOML that parses.
        at: Path of the key: a section, then (for tables) its number from 0, then keys.

    Returns:
        A line from 1; that of the nearest parent where the key itself has none.
    """
    names = [part for part in at if isinstance(part, str)]
    number = next((part for part in at if isinstance(part, int)), 0)
    lines = text.splitlines()
    headers = [(n, _HEADER.match(line)) for n, line in enumerate(lines)]
    opened = [(n, match[1].replace(" ", "")) for n, match in headers if match]
    starts = [n for n, name in opened if names and name == names[0]]
    if len(starts) <= number:
        return 1
    found = starts[number]
    # Sub-tables ([table.merge.work_mode]) still belong to the section.
    others = (n for n, name in opened if n > found and not name.startswith(f"{names[0]}."))
    end = next(others, len(lines))
    for key in names[1:]:
        wanted = re.compile(rf"(^|[\s{{,.\[])[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
        found = next((n for n in range(found, end) if wanted.search(lines[n])), found)
    return found + 1


def invalid(error: ValidationError, text: str, file: str) -> ConfigurationError:
    """The refusal of a text that is TOML and no study: the first thing that is wrong with it."""
    first = error.errors(include_url=False, include_context=False)[0]
    at = [part for part in first["loc"] if part not in _UNION_PARTS]
    place = ".".join(str(part) for part in at) or "the file"
    found = f"{first['msg'][0].lower()}{first['msg'][1:]}, at {place}."
    if first["type"] == "extra_forbidden":
        found = f"the unknown key {at[-1]!r}, at {place}."
    elif first["type"] == "missing":
        found = f"no {at[-1]!r}, at {place}."
    remedy = "see studies/first-look.toml, or `clerestory schema study`."
    return misread(file, line_of(text, at), found, remedy)


def misread(file: str, line: int, found: str, remedy: str) -> ConfigurationError:
    """The refusal of a study, with its line."""
    return ConfigurationError(
        "STUDY_INVALID",
        rule="A study holds known keys, labels of the codebook, and each label once.",
        found=f"in line {line} of {file}: {found}",
        remedy=remedy,
    )
