"""Command of officers after a disaster: recover."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from clerestory.cli.app import Json, VaultPath, answer, command
from clerestory.cli.signing import read_signature


@command()
def recover(
    vault: VaultPath,
    state: Annotated[Path, typer.Option(help="The keeper's own folder, restored; no keeper runs.")],
    checkpoint: Annotated[
        Optional[list[Path]],
        typer.Option(help="A checkpoint, or a bundle with one, beyond what the keeper finds."),
    ] = None,
    key: Annotated[
        Optional[list[Path]], typer.Option(help="An officer's private key; two officers sign.")
    ] = None,
    signature: Annotated[
        Optional[list[Path]],
        typer.Option(help="An officer's signature of the statement, made elsewhere."),
    ] = None,
    statement: Annotated[
        Optional[Path], typer.Option(help="Write the statement here, to be signed elsewhere.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Account for a ledger whose newest entries are lost; without a key, show what to sign."""
    from clerestory.recovering import recover as work

    told = work(
        vault,
        state,
        known=checkpoint or [],
        keys=key or [],
        signatures=[read_signature(path) for path in signature or []],
        statement=statement,
    )
    verb = "counts" if told["recovered"] else "would count"
    lines = [
        f"{told['entries']} entries are left; {told['checkpoints']} checkpoint(s) lie beyond them",
        f"ρ = {float(told['spent_as_number']):.6g} {verb} as spent",
        *(f"plan {plan[:16]} is closed: it may have been released" for plan in told["plans"]),
        "recovered: start the keeper"
        if told["recovered"]
        else "nothing was written: two officers sign the statement (--key, or --statement and "
        "`ssh-keygen -Y sign -n clerestory-recovery`, then --signature)",
    ]
    answer(told, "\n".join(lines), as_json=as_json)
