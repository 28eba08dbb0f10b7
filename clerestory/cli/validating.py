"""The command that says how good a rater is, on files that one may read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from clerestory.cli.app import Json, answer, command

MANY = 12
"""Groups beyond which they are not listed one by one."""


@command()
def validate(
    sessions: Annotated[Path, typer.Option(help="Folder of session logs that you may read.")],
    labels: Annotated[
        Optional[Path], typer.Option(help="CSV: path, and a column per instrument.")
    ] = None,
    prices: Annotated[
        Optional[Path], typer.Option(help="CSV: path, price: what a person was paid, in dollars.")
    ] = None,
    rater: Annotated[
        str,
        typer.Option(help="Whose labels to hold against yours.", show_default="offline"),
    ] = "",
    study: Annotated[
        Optional[Path],
        typer.Option(
            help="A study, whose rater reads instead.  One that asks a model sends what it is "
            "shown of each file to the study's endpoint."
        ),
    ] = None,
    api_key_file: Annotated[
        Optional[Path], typer.Option(help="File with the key for that endpoint; kept nowhere.")
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            metavar="again|VIEW|MODE|model=NAME",
            help="Read a second time, and hold the readings against each other: the same again, "
            "first_turn, tail, whole; of a rater that asks, separate, combined, model=NAME.",
        ),
    ] = "",
    mistakes: Annotated[
        bool, typer.Option("--mistakes", help="Also: which label was taken for which, by group.")
    ] = False,
    codes: Annotated[
        bool, typer.Option("--codes", help="Also: the rules behind the labels, right and wrong.")
    ] = False,
    confusion: Annotated[
        Optional[Path], typer.Option(help="Write the counts of its mistakes here, for a study.")
    ] = None,
    by: Annotated[
        Optional[list[str]],
        typer.Option(
            help="Also apart, by the rater's label of an instrument or by what is counted of a "
            "session, as length_band; with --confusion its counts, too: by instruments alone."
        ),
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
    """Hold a rater against labels of one's own, or against a second reading, on one's own files."""
    from clerestory.agreeing import agreements, apart, rules
    from clerestory.cli.app import Progress
    from clerestory.cli.running import api_key
    from clerestory.pricing import calibrate, read_prices
    from clerestory.readers import Readings
    from clerestory.validation import against as held_against
    from clerestory.validation import rate

    paid = read_prices(prices) if prices else None
    key = api_key(api_key_file).encode() if api_key_file else b""
    readings = Readings.of(rater, study, against, key)
    with Progress() as progress:
        rated, *second = rate(sessions, labels, readings, progress, codes=codes, prices=paid)
    told = agreements(rated)
    lines = _table(told) if labels else []
    if by and labels:
        told["by"] = apart(rated, by)
        lines += _apart(told["by"])
    for again in second:
        both = held_against(rated, again)
        beside = {"what": against, **agreements(both), **({"by": apart(both, by)} if by else {})}
        told["against"] = beside | ({"labels": agreements(again)} if labels else {})
        lines += [f"\nthe first reading, and a second one: {against}", *_table(beside)]
        lines += _apart(beside.get("by", ()))
        lines += _mistakes(beside, "first label, and the second") if mistakes else []
        if labels:
            lines += [
                "\nthe second reading against your labels",
                *_table(told["against"]["labels"]),
            ]
    if paid is not None:
        told["prices"] = calibrate(rated)
        lines += _prices(told["prices"])
    if mistakes:
        lines += _mistakes(told)
    if codes:
        told["codes"] = rules(rated)
        lines += _codes(told["codes"])
    if confusion is not None:
        from clerestory.confusion import confusion as counts
        from privacy.vault import replace_file

        text = counts(rated, by=by or (), reference=reference, same_population=same_population)
        replace_file(confusion, text.encode())
        told["confusion"] = str(confusion)
        lines.append(
            f"{confusion}: counts for a study.  They are exact and are published with its plan: "
            "only sessions of people who agreed, or public ones, belong in them"
        )
    refused = ", ".join(f"{code} {n}" for code, n in told["refused"].items()) or "none"
    unrated = "".join(f"; {status}: {n}" for status, n in told["unrated"].items())
    lines.append(
        f"{told['read']} sessions read, of {told['groups']} accounts, repositories or folders; "
        f"refused: {refused}{unrated}"
    )
    lines += [f"their text went to {one.endpoint}, for {one.model}" for one in readings.asking]
    answer(told, "\n".join(lines), as_json=as_json)


def _table(told: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{'instrument':<18} {'kappa':>6} {'95 % interval':>16} {'exact':>6} {'adjacent':>9} "
        f"{'answered':>9} {'n':>5}"
    ]
    for row in told["instruments"]:
        ends = "-" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}"
        kappa = "-" if row["kappa"] is None else f"{row['kappa']:.2f}"
        lines.append(
            f"{row['instrument']:<18} {kappa:>6} {ends:>16} {row['exact']:>6.2f} "
            f"{row['adjacent']:>9.2f} {row['coverage']:>9.2f} {row['n']:>5}"
        )
    return lines


def _apart(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"\n{'by group':<40} {'kappa':>6} {'95 % interval':>16} {'exact':>6} {'n':>5}"]
    for row in rows:
        ends = "-" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}"
        kappa = "-" if row["kappa"] is None else f"{row['kappa']:.2f}"
        keys = ", ".join(f"{name}={value}" for name, value in row["group"].items())
        lines.append(
            f"{row['instrument'] + ': ' + keys:<40} {kappa:>6} {ends:>16} {row['exact']:>6.2f} "
            f"{row['n']:>5}"
        )
    return lines if rows else []


def _mistakes(
    told: Mapping[str, Any], what: str = "right label, and what the rater said"
) -> list[str]:
    lines = []
    for row in told["instruments"]:
        lines.append(f"\n{row['instrument']}: {what}")
        for right, found in row["mistakes"].items():
            said = sorted(found.items(), key=lambda item: (-item[1], item[0]))
            lines.append(f"  {right:<13} " + ", ".join(f"{label} {n}" for label, n in said))
        if len(row["groups"]) <= MANY:
            for group, part in row["groups"].items():
                lines.append(f"  {part['exact']:.2f} exact of {part['n']:>4}: {group}")
    return lines


def _prices(told: Mapping[str, Any]) -> list[str]:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    lines = [
        f"\n{'task value by price':<20} {'n':>5} {'value/price':>12} {'order':>6} {'log R²':>7}"
    ]
    for row in [*told["tiers"], *([told["all"]] if told["all"] else [])]:
        lines.append(
            f"{row['tier']:<20} {row['n']:>5} {row['bias']:>12.2f} {shown(row['order']):>6} "
            f"{shown(row['log_r2']):>7}"
        )
    return [
        *lines,
        f"{told['abstained']} sessions have a price and no value.  Bands are for ordinal use only: "
        "no sum and no mean of dollars follows from them.",
    ]


def _codes(told: list[dict[str, Any]]) -> list[str]:
    lines = [f"\n{'instrument':<18} {'code of a rule':<20} {'labels':>6} {'right':>6}"]
    for row in told:
        lines.append(
            f"{row['instrument']:<18} {row['code']:<20} {row['labels']:>6} "
            f"{row['right'] / row['labels']:>6.2f}"
        )
    return lines
