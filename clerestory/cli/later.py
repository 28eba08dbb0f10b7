"""
Commands whose piece is not there yet: each says which, and exits 2.

They are declared so that `--help` shows the whole of the interface, and so that a script that
uses one fails for a reason it can read.
"""

from typing import Annotated, Optional

import typer

from clerestory.cli.app import Json, command
from privacy.errors import ConfigurationError

PIECES = {
    "diff": "the comparison of studies, plans and bundles",
    "schema": "JSON Schemas of study, policy and bundle",
    "correct": "corrections of a release",
    "publish": "a static site of bundles",
    "team": "studies over folders of a team",
    "redteam": "attacks on one's own installation",
}
"""Command → what is missing."""


def _declare(name: str, piece: str) -> None:
    def missing(
        arguments: Annotated[
            Optional[list[str]],
            typer.Argument(help="Not read yet."),
        ] = None,
        as_json: Json = False,
    ) -> None:
        raise ConfigurationError(
            "NOT_THERE_YET",
            rule="A command does its whole job or says that it cannot.",
            found=f"`clerestory {name}` without {piece}.",
            remedy="see CHANGELOG.md for what this version holds.",
        )

    missing.__doc__ = f"Not there yet: {piece}."
    command(name)(missing)


for _name, _piece in PIECES.items():
    _declare(_name, _piece)
