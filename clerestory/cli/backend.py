"""The command about servers that speak the Messages API: backend probe."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from clerestory.cli.app import Json, Progress, answer, app, command
from privacy.errors import ConfigurationError

backend = typer.Typer(help="Find out what a model's server enforces.", no_args_is_help=True)


@command("probe", of=backend)
def probe(
    endpoint: Annotated[
        str,
        typer.Argument(
            metavar="ENDPOINT",
            help="As a study names it: https://host[:port], or http://127.0.0.1:port in clear.",
        ),
    ],
    model: Annotated[str, typer.Option(help="The model's name at that server.")],
    roots: Annotated[
        Optional[Path],
        typer.Option(help="The roots that its certificate must lead to, in PEM; none in clear."),
    ] = None,
    api_key_file: Annotated[
        Optional[Path], typer.Option(help="File with its key; without, none is given.")
    ] = None,
    longest: Annotated[
        int,
        typer.Option(
            min=1000,
            max=1_000_000,
            help="Characters of the longest text that a study sends: 25,000 in the full view.",
        ),
    ] = 25_000,
    as_json: Json = False,
) -> None:
    """Ask a server some twenty questions about a made-up session, and say what to write."""
    from dataclasses import replace

    from clerestory.cli.running import api_key
    from clerestory.probing import asking, check_fit, words
    from clerestory.probing import probe as ask
    from privacy.keeper.egress import NOBODYS_KEY
    from privacy.raters import CLAUDE

    key = NOBODYS_KEY if api_key_file is None else api_key(api_key_file).encode()
    if not model or not model.isascii() or not model.isprintable() or set(model) & {'"', "\\"}:
        raise ConfigurationError(
            "MODEL_UNREADABLE",
            rule="A model's name is one of printable ASCII, as a study and a policy hold it.",
            found="an empty one, or something else in it.",
            remedy="name the model as its server lists it.",
        )
    rater = replace(CLAUDE, model=model, endpoint=endpoint, roots=_roots(endpoint, roots))
    try:
        with asking(rater, key) as server, Progress() as progress:
            found = ask(server, progress, longest)
    except ValueError:  # PEM that holds no X.509
        raise _no_roots("something else than certificates.") from None
    answer(found.told(rater), words(found, rater), as_json=as_json)
    check_fit(found)


def _roots(endpoint: str, path: Path | None) -> str:
    """The roots of an endpoint: needed with TLS, and not to be had in clear."""
    from privacy.endpoint import certificates, read_endpoint

    in_clear = read_endpoint(endpoint).in_clear
    if in_clear != (path is None):
        raise ConfigurationError(
            "PROBE_ROOTS",
            rule="An endpoint of TLS is asked under roots that are given; one in clear has none.",
            found="no roots for TLS, or roots for an endpoint in clear.",
            remedy="give --roots FILE with https://, and leave it out with http://.",
        )
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="ascii")
        certificates(text)
    except (OSError, UnicodeDecodeError):
        raise _no_roots("no readable file at that path.") from None
    return text


def _no_roots(found: str) -> ConfigurationError:
    return ConfigurationError(
        "PROBE_ROOTS_UNREADABLE",
        rule="The roots of a server that is probed are certificates in a file.",
        found=found,
        remedy="save the root that the endpoint's certificate leads to.",
    )


app.add_typer(backend, name="backend")
