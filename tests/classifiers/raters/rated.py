"""Small sessions and what the offline rater says of them."""

from typing import Any

from classifiers.raters.offline import OfflineRater
from classifiers.rendering import render
from tests.classifiers.logs import call, result, session

Record = dict[str, Any]


def rate(*records: Record) -> dict[str, str]:
    """Labels of a session."""
    found = session(*records)
    return dict(OfflineRater().rate(found, render(found)))


def edited(path: str, lines: int = 12, number: int = 1) -> tuple[Record, Record]:
    """An edit that went through."""
    patch = {"structuredPatch": [{"lines": ["+x"] * lines}]}
    name = f"call-edit-{number}"
    return call("Edit", name, file_path=path), result("ok", name, extra=patch)


def ran(
    command: str, output: str = "", *, number: int = 1, error: bool = False
) -> tuple[Record, Record]:
    """A command and what it printed."""
    name = f"call-run-{number}"
    return call("Bash", name, command=command), result(output, name, error=error)
