"""Commands of readers: verify, ledger, audit."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from clerestory.cli.app import Json, VaultPath, answer, command
from clerestory.cli.asking import asks_keeper, trusted_line
from privacy.errors import ConfigurationError


@command()
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's folder.")],
    trust: Annotated[
        Optional[str],
        typer.Option(help="The keeper's public key you trust: a `.pub` file, or its line."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a bundle as a stranger would; exit 0 if it holds, 4 if not."""
    from privacy.verification import verify_bundle

    checks = verify_bundle(bundle, trusted_line(trust) if trust else None)
    holds = all(check.holds is not False for check in checks)
    marks = {True: "holds", False: "FAILS", None: "open "}
    lines = [f"{c.number:3}. {marks[c.holds]}  {c.title}: {c.found}" for c in checks]
    data = {
        "holds": holds,
        "checks": [
            {"number": c.number, "title": c.title, "holds": c.holds, "found": c.found}
            for c in checks
        ],
    }
    verdict = "This bundle is what its keeper signed." if holds else "Do not use this bundle."
    answer(data, "\n".join([*lines, verdict]), as_json=as_json)
    if not holds:
        raise typer.Exit(4)


@command()
@asks_keeper
def ledger(
    vault: VaultPath,
    export: Annotated[
        Optional[Path],
        typer.Option(help="Write every entry here, one JSON line each, and a checkpoint beside."),
    ] = None,
    prove: Annotated[
        Optional[str],
        typer.Option(help="With --export: also write a proof that this plan (SHA-256) is in it."),
    ] = None,
    since: Annotated[
        Optional[int],
        typer.Option(help="With --export: also write a proof that it goes on from this size."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the statement of account of a vault."""
    import json

    from clerestory.exporting import write_export
    from privacy.keeper.client import ask
    from privacy.vault import Vault

    if export is None and (prove is not None or since is not None):
        raise ConfigurationError(
            "NO_EXPORT",
            rule="A proof is written beside an export.",
            found="--prove or --since without --export.",
            remedy="give --export FILE.",
        )
    told = ask(Vault.open(vault), "ledger")
    entries = [json.loads(line) for line in told["entries"]]
    if export:
        write_export(export, told, prove=prove, since=since)
    lines = [_line(entry) for entry in entries]
    lines += [f"{name:<24}  charged ρ {_number(rho)}" for name, rho in told["studies"].items()]
    period = told["period"]
    lines.append(
        f"within {period['days']} days: at most ρ {_number(period['budget'])}, "
        f"spent {_number(period['spent'])}, left {_number(period['left'])}"
    )
    lines.append(
        f"budget ρ {_number(told['budget'])}, spent {_number(told['spent'])}, "
        f"left {_number(told['left'])}"
    )
    answer({**told, "entries": entries}, "\n".join(lines), as_json=as_json)


@command()
def audit(
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="A ledger's export, or one of its proofs.")
    ],
    given: Annotated[
        Optional[list[Path]],
        typer.Argument(metavar="[BUNDLE|CHECKPOINT]…", help="What others kept: it must hold them."),
    ] = None,
    trust: Annotated[
        Optional[str],
        typer.Option(help="The keeper's public key you trust: a `.pub` file, or its line."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay a ledger's export without a vault, against the bundles and checkpoints one has."""
    from clerestory.auditing import replay
    from clerestory.exporting import check_proof, is_proof

    key = trusted_line(trust) if trust else None
    if is_proof(export):
        shown = check_proof(export, given or [], key)
        answer(shown, shown["shown"], as_json=as_json)
        return
    told = replay(export, given or [], key)
    lines = [
        f"{told['entries']} entries follow one another",
        f"charged ρ = {told['spent']} over {told['charges']} charges, each within its policy",
        *(f"{name}: ρ {_number(rho)}" for name, rho in told["studies"].items()),
        *(
            f"entry {one['entry']}: a recovery by {', '.join(one['officers'])}; "
            f"ρ {_number(one['spent'])} counts as spent, {len(one['plans'])} plan(s) closed"
            for one in told["recoveries"]
        ),
        *(
            f"{b['bundle']}: its checkpoint and its charge are in this ledger"
            for b in told["bundles"]
        ),
    ]
    if told["checkpoints"]:
        lines.append(f"{told['checkpoints']} checkpoint(s) are of this ledger")
    answer(told, "\n".join(lines), as_json=as_json)


def _number(rho: str) -> str:
    from fractions import Fraction

    return f"{float(Fraction(rho)):.6f}"


def _line(entry: dict[str, Any]) -> str:
    body = entry["body"]
    told = body.get("rho") or body.get("code") or body.get("hash") or body.get("floor") or ""
    plan = body.get("plan", "")[:16]
    return f"{entry['seq']:5}  {entry['time']}  {entry['kind']:<10}  {plan:<16}  {told[:48]}"
