"""The command of a custodian whose sessions lie with the vendor: fetch."""

import time
from datetime import date
from pathlib import Path
from typing import Annotated, Optional

import typer

from clerestory.cli.app import Json, Progress, answer, command, say
from privacy.errors import ConfigurationError


@command()
def fetch(
    since: Annotated[
        str,
        typer.Option(metavar="YYYY-MM-DD", help="Sessions that began on this day (UTC) or later."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for raw transcripts; of mode 0700.")],
    api_key_file: Annotated[
        Path,
        typer.Option(help="File of mode 0600, or /dev/fd/N, with a Compliance Access Key."),
    ],
    until: Annotated[
        Optional[str],
        typer.Option(metavar="YYYY-MM-DD", help="Only sessions that began before this day (UTC)."),
    ] = None,
    endpoint: Annotated[
        str, typer.Option(help="Another address, such as a gateway of your own.")
    ] = "https://api.anthropic.com",
    roots: Annotated[
        Optional[Path], typer.Option(help="PEM file: trust these roots, not the machine's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch your organisation's local sessions from the Compliance API; raw, to be sealed."""
    from clerestory.fetching import SESSIONS, Api, fetch
    from clerestory.fetching.secrets import access_key, roots_in

    first, end = _day(since), _day(until) if until is not None else None
    pem = roots_in(roots) if roots else None

    def wait(seconds: float) -> None:
        if seconds > 1:  # shorter ones are the pace that the server asks for
            say(f"no answer from {endpoint}; asking again in {seconds:.0f} s")
        time.sleep(seconds)

    with Api(endpoint, access_key(api_key_file), pem, wait) as api, Progress() as progress:
        counts = fetch(out, api, first, end, progress)
    say(
        f"{out / SESSIONS}: RAW transcripts, as people typed them, with whatever they pasted.\n"
        f"Seal them (clerestory seal VAULT {out / SESSIONS} --stated), then delete them."
    )
    text = "\n".join(f"{count:8,}  session {code}" for code, count in sorted(counts.items()))
    answer({"counts": dict(counts)}, text or "no session in that time", as_json=as_json)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            "DAY_UNKNOWN",
            rule="A day is written YYYY-MM-DD.",
            found="something else.",
            remedy="write it like 2026-07-01.",
        ) from None
