"""Commands of researchers: check, plan, reproduce, rehearse, diff."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from clerestory.cli.app import Json, VaultPath, answer, command, say
from clerestory.cli.asking import asks_keeper

if TYPE_CHECKING:
    from privacy.plan import Plan, Rater

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="study.toml")]


@command()
def check(study: StudyPath, as_json: Json = False) -> None:
    """Read a study and say what is wrong with it, line by line."""
    from aggregates.linting import check as check_study
    from aggregates.study import Study

    read = Study.read(study)
    check_study(read)
    tables = [table.name for table in read.tables]
    answer(
        {"study": read.header.name, "tables": tables},
        f"{study}: {len(tables)} tables, nothing wrong",
        as_json=as_json,
    )


@command()
def plan(
    study: StudyPath,
    out: Annotated[Path, typer.Option(help="Where plan.json goes.")],
    accounts: Annotated[int, typer.Option(help="Accounts to expect, for the forecast.")] = 4_500,
    sessions: Annotated[
        Optional[int],
        typer.Option(help="Sessions to expect, for the forecast."),
    ] = None,
    would_show: Annotated[
        Optional[tuple[str, str, float, str, float]],
        typer.Option(
            metavar="TABLE KEYS VALUE KEYS VALUE",
            help="Whether a difference would show: verified expertise=novice .145 "
            "expertise=expert .329.",
        ),
    ] = None,
    count_tokens: Annotated[
        Optional[Path],
        typer.Option(
            metavar="KEY-FILE",
            help="Have the endpoint count the tokens of made-up sessions; with its key.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile a study: queries, noise, thresholds, cost, forecast.  Touches no data."""
    from dataclasses import asdict

    from aggregates.plan import plan as compile_plan
    from aggregates.study import Study
    from clerestory.cli.running import api_key
    from clerestory.costing import costs, counted
    from privacy.vault import replace_file
    from privacy.views import SHOWN

    asked = Study.read(study)
    made = compile_plan(asked, accounts=accounts, sessions=sessions)
    replace_file(out, made.canonical)
    forecast, privacy = made.forecast, made.privacy
    characters = counted(made.rater, api_key(count_tokens).encode()) if count_tokens else None
    cost, told_cost = costs(asked, made, characters)
    widths = [f"  ± {width:<8.3g} {name}" for name, width in forecast.half_widths.items()]
    lines = [
        f"{out}: plan {made.hash[:16]}",
        *_population(made),
        f"cost      ρ = {float(made.loss):.5g} (ε = {privacy.epsilon:g} at δ = {privacy.delta:g}) "
        "per account",
        f"minimum   {privacy.minimum_accounts} accounts behind every printed cell, "
        f"{privacy.tested} cells tested at β = {privacy.beta:g} together",
        f"rater     {made.rater.name}, fidelity {made.rater.fidelity}; it can say "
        f"{forecast.bits_per_session:.1f} bits about a session; {cost['calls']:,} calls",
        *told_cost,
        f"view      {made.rater.view}: it is shown {SHOWN[made.rater.view]}",
        *_sent(made.rater),
        f"forecast  {forecast.published} of {forecast.cells} cells published, "
        f"if {forecast.accounts:,} accounts with {forecast.sessions:,} sessions are like those "
        "of the published study",
        *(f"  suppressed: {cell}" for cell in forecast.suppressed[:12]),
        *(
            [f"  … and {len(forecast.suppressed) - 12} more"]
            if len(forecast.suppressed) > 12
            else []
        ),
        "half-widths of the 95 % intervals to expect, median per table:",
        *widths,
    ]
    data = {
        "plan": made.hash,
        "out": str(out),
        "rho": str(made.loss),
        "epsilon": privacy.epsilon,
        "delta": privacy.delta,
        "calls": cost["calls"],
        "dollars": cost["dollars"],
        "cost": cost,
        "endpoint": made.rater.endpoint,
        "view": made.rater.view,
        "population": asdict(made.population),
        "forecast": asdict(forecast),
    }
    if would_show is not None:
        from aggregates.forecast import prior
        from aggregates.power import Supposed
        from aggregates.power import would_show as power
        from privacy.codebook import codebook

        table, first, low, second, high = would_show
        sums = prior(made, forecast.accounts, forecast.sessions, codebook())
        told = power(made, sums, table, Supposed(first, low), Supposed(second, high))
        data["would_show"] = asdict(told)
        lines += [
            f"{table}: {100 * low:.1f} % in {first}, {100 * high:.1f} % in {second}",
            f"  would show with a chance of {100 * told.chance:.0f} %; the difference is known "
            f"to ± {100 * told.half_width:.1f} pp",
            *(f"  expected to be withheld: {keys}" for keys in told.withheld),
        ]
    answer(data, "\n".join(lines), as_json=as_json)


@command()
def rehearse(
    study: StudyPath,
    out: Annotated[Path, typer.Option(help="Folder for the rehearsal; made, or empty.")],
    accounts: Annotated[int, typer.Option(help="Made-up accounts.")] = 4_500,
    sessions: Annotated[Optional[int], typer.Option(help="Their sessions.")] = None,
    as_json: Json = False,
) -> None:
    """The whole study on made-up people; every file says so.  Touches no data."""
    from aggregates.plan import SESSIONS_EACH
    from aggregates.study import Study
    from clerestory.rehearsing import MARK
    from clerestory.rehearsing import rehearse as run

    made_up = sessions if sessions is not None else round(accounts * SESSIONS_EACH)
    rows = run(Study.read(study), out, accounts=accounts, sessions=made_up)
    published = sum(row["state"] == "published" for row in rows)
    answer(
        {"out": str(out), "rows": len(rows), "published": published, "mark": MARK},
        f"{out}: {published} of {len(rows)} rows published. This is a {MARK}.",
        as_json=as_json,
    )


@command()
@asks_keeper
def reproduce(
    vault: VaultPath,
    out: Annotated[
        Optional[Path],
        typer.Option(
            help="Folder for plan, bundle and scorecard; VAULT-reproduction if not given."
        ),
    ] = None,
    state: Annotated[
        Optional[Path],
        typer.Option(help="The keeper's own folder; VAULT.keeper if not given."),
    ] = None,
    officer_key: Annotated[
        Optional[Path],
        typer.Option(help="The officer's private key; VAULT.officer.key, made if there is none."),
    ] = None,
    as_json: Json = False,
) -> None:
    """The published study on a synthetic vault, and its scorecard."""
    from clerestory.cli.app import Progress
    from clerestory.reproducing import Places
    from clerestory.reproducing import reproduce as run

    def beside(suffix: str) -> Path:
        return vault.with_name(vault.name + suffix)

    at = Places(
        vault,
        out or beside("-reproduction"),
        state or beside(".keeper"),
        officer_key or beside(".officer.key"),
    )
    with Progress() as progress:
        told = run(at, say, progress).counts()
    page = at.out / "scorecard.html"
    lines = [
        f"cells     {told['published']} of {told['cells']} published; {told['inside']} of "
        f"{told['compared']} intervals hold what was planted",
        f"claims    {told['reproduced']} reproduced, {told['not_reproduced']} not, "
        f"{told['cannot_tell']} cannot be told",
        f"          of {told['planted']} that the population holds, "
        f"{told['planted_and_reproduced']} are reproduced and "
        f"{told['planted_and_not_reproduced']} are not",
        f"{page}: the scorecard",
    ]
    answer({**told, "out": str(at.out), "page": str(page)}, "\n".join(lines), as_json=as_json)


def _population(made: "Plan") -> list[str]:
    """Which sessions the numbers will speak of, and which they leave out."""
    from aggregates.population import in_words, left_out
    from privacy.codebook import codebook

    months, where = made.population.months, made.population.where
    span = f"{months[0]} to {months[-1]}" if len(months) > 1 else months[0]
    told = [f"sessions  of {span}" + (f", where {in_words(where)}" if where else ", all of them")]
    return told + ([f"          left out: {left_out(where, codebook())}"] if where else [])


def _sent(rater: "Rater") -> list[str]:
    """Where text goes, in the words of the forecast; nothing where it goes nowhere."""
    from privacy.endpoint import in_clear
    from privacy.tickets import RESULT_DAYS

    if not rater.endpoint:
        return []
    if in_clear(rater.endpoint):
        return [
            f"text      of every session goes to {rater.endpoint} on the keeper's machine, in "
            f"clear, for the model {rater.model}: who listens at that port there reads it"
        ]
    kept = (
        f"as message batches: they rest there for up to {RESULT_DAYS} days, unless what was "
        "fetched is deleted before as it is asked to be"
        if rater.batches
        else "and keeps it as long as the policy says"
    )
    return [
        f"text      of every session goes to {rater.endpoint}, for the model {rater.model}: "
        f"who answers there reads it, {kept}"
    ]
