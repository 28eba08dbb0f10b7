"""Commands about the installation and made-up data: demo, doctor, synthesize."""

from pathlib import Path
from typing import Annotated

import typer

from clerestory.cli.app import Json, answer, command, say


@command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where it all goes.")] = Path(
        "demo"
    ),
    accounts: Annotated[int, typer.Option(help="Made-up accounts.")] = 5_000,
    sessions: Annotated[int, typer.Option(help="Made-up sessions.")] = 8_500,
) -> None:
    """Go the whole way on synthetic sessions: seal, plan, approve, classify, release, verify."""
    from clerestory.demo import run_demo

    report = run_demo(folder, accounts=accounts, sessions=sessions, say=say)
    answer({}, str(report), as_json=False)


@command()
def doctor(as_json: Json = False) -> None:
    """Show which isolation holds on this machine, and how to get more."""
    from clerestory.doctor import examine, table

    told = examine()
    answer(told, table(told), as_json=as_json)


@command()
def synthesize(
    target: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder, or vault with --labels-only.")
    ],
    accounts: Annotated[int, typer.Option(help="How many accounts.")] = 3_000,
    sessions: Annotated[int, typer.Option(help="How many sessions.")] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 1,
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="A vault of planted labels, without sessions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make synthetic sessions in the real log format, or a population of labels."""
    from clerestory.synthesis import synthesize_labels, synthesize_sessions

    make = synthesize_labels if labels_only else synthesize_sessions
    told = make(target, accounts=accounts, sessions=sessions, seed=seed)
    text = "\n".join(f"{name}: {value}" for name, value in told.items())
    answer(told, text, as_json=as_json)
