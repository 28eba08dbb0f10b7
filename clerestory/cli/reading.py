"""Commands of readers: verify, ledger, audit."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from clerestory.cli.app import Json, VaultPath, answer, command
from clerestory.cli.asking import asks_keeper, trusted_line


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
        typer.Option(help="Write every entry here, one JSON line each."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the statement of account of a vault."""
    import json
    from fractions import Fraction

    from privacy.keeper.client import ask
    from privacy.vault import Vault

    told = ask(Vault.open(vault), "ledger")
    entries = [json.loads(line) for line in told["entries"]]
    if export:
        export.write_text("".join(line + "\n" for line in told["entries"]), encoding="utf-8")
        Path(f"{export}.checkpoint").write_text(told["checkpoint"], encoding="utf-8")
    lines = [_line(entry) for entry in entries]
    budget, spent = Fraction(told["budget"]), Fraction(told["spent"])
    lines.append(
        f"budget ρ {float(budget):.6f}, spent {float(spent):.6f}, left {float(budget - spent):.6f}"
    )
    answer({**told, "entries": entries}, "\n".join(lines), as_json=as_json)


@command()
def audit(
    export: Annotated[Path, typer.Argument(metavar="EXPORT", help="A ledger's export.")],
    bundles: Annotated[
        Optional[list[Path]],
        typer.Argument(metavar="[BUNDLE]…", help="Bundles whose checkpoints it must hold."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay a ledger's export without a vault, against the bundles one has."""
    from clerestory.auditing import replay

    told = replay(export, bundles or [])
    lines = [
        f"{told['entries']} entries follow one another",
        f"charged ρ = {told['spent']} over {told['charges']} charges",
        *(
            f"{b['bundle']}: its checkpoint and its charge are in this ledger"
            for b in told["bundles"]
        ),
    ]
    answer(told, "\n".join(lines), as_json=as_json)


def _line(entry: dict[str, Any]) -> str:
    body = entry["body"]
    told = body.get("rho") or body.get("code") or body.get("hash") or body.get("floor") or ""
    plan = body.get("plan", "")[:16]
    return f"{entry['seq']:5}  {entry['time']}  {entry['kind']:<10}  {plan:<16}  {told[:48]}"
