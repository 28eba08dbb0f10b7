"""Commands about the installation and made-up data: demo, doctor, synthesize."""

from pathlib import Path
from typing import Annotated, Optional

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
def validate(
    sessions: Annotated[Path, typer.Option(help="Folder of session logs that you may read.")],
    labels: Annotated[Path, typer.Option(help="CSV: path, and a column per instrument.")],
    rater: Annotated[str, typer.Option(help="Whose labels to hold against yours.")] = "offline",
    confusion: Annotated[
        Optional[Path], typer.Option(help="Write the counts of its mistakes here, for a study.")
    ] = None,
    by: Annotated[
        Optional[list[str]],
        typer.Option(help="With --confusion: also apart, by the rater's label of an instrument."),
    ] = None,
    reference: Annotated[
        str, typer.Option(help="With --confusion: whose labels are right, of which sessions.")
    ] = "",
    same_population: Annotated[
        bool,
        typer.Option(
            "--same-population", help="They are a sample of the population that is studied."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Hold a rater against labels of one's own, on one's own files."""
    from clerestory.cli.app import Progress
    from clerestory.validation import agreements, rate

    with Progress() as progress:
        rated = rate(sessions, labels, rater, progress)
    told = agreements(rated)
    if confusion is not None:
        from clerestory.confusion import confusion as counts
        from privacy.vault import replace_file

        text = counts(rated, by=by or (), reference=reference, same_population=same_population)
        replace_file(confusion, text.encode())
        told["confusion"] = str(confusion)
    lines = [f"{'instrument':<18} {'kappa':>6} {'exact':>6} {'adjacent':>9} {'n':>5}"]
    for row in told["instruments"]:
        kappa = "-" if row["kappa"] is None else f"{row['kappa']:.2f}"
        lines.append(
            f"{row['instrument']:<18} {kappa:>6} {row['exact']:>6.2f} "
            f"{row['adjacent']:>9.2f} {row['n']:>5}"
        )
    if confusion is not None:
        lines.append(
            f"{confusion}: counts for a study.  They are exact and are published with its plan: "
            "only sessions of people who agreed, or public ones, belong in them"
        )
    refused = ", ".join(f"{code} {n}" for code, n in told["refused"].items()) or "none"
    lines.append(f"{told['read']} sessions read, refused: {refused}")
    answer(told, "\n".join(lines), as_json=as_json)


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
