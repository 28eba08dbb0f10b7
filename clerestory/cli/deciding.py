"""Commands by which people decide about a plan: approve, return, reject, withdraw, revoke."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from clerestory.cli.app import Json, PlanPath, VaultPath, command
from clerestory.cli.asking import asks_keeper
from clerestory.cli.running import ask_about, tell
from clerestory.cli.signing import Key, Print, SignatureFile, signed
from privacy.errors import ConfigurationError

Reason = Annotated[
    str,
    typer.Option(
        "--reason",
        help="Why: PURPOSE, POPULATION, TABLES, WORDING, BUDGET, RATER, AUTHORS or REPEATED.",
    ),
]


@command()
@asks_keeper
def approve(
    vault: VaultPath,
    plan: PlanPath,
    key: Key = None,
    signature: SignatureFile = None,
    show: Print = False,
    as_json: Json = False,
) -> None:
    """Sign a submitted plan as an officer."""
    from privacy.plan import read_plan

    told = _decide(vault, plan, "approve", key, signature, show=show)
    study = read_plan(told["bound"].encode()).study
    tell(told, as_json=as_json, more=f"study {study.name!r}, by {', '.join(study.authors)}")


@command("return")
@asks_keeper
def send_back(
    vault: VaultPath,
    plan: PlanPath,
    reason: Reason = "",
    key: Key = None,
    signature: SignatureFile = None,
    show: Print = False,
    as_json: Json = False,
) -> None:
    """Send a plan back to its author, as an officer: mended or not, it may be submitted again."""
    told = _decide(vault, plan, "return", key, signature, show=show, reason=reason)
    tell(told, as_json=as_json)


@command()
@asks_keeper
def reject(
    vault: VaultPath,
    plan: PlanPath,
    reason: Reason = "",
    key: Key = None,
    signature: SignatureFile = None,
    show: Print = False,
    as_json: Json = False,
) -> None:
    """Turn a plan down for good, as an officer."""
    told = _decide(vault, plan, "reject", key, signature, show=show, reason=reason)
    tell(told, as_json=as_json)


@command()
@asks_keeper
def withdraw(
    vault: VaultPath,
    plan: PlanPath,
    key: Key = None,
    signature: SignatureFile = None,
    show: Print = False,
    as_json: Json = False,
) -> None:
    """Take a plan of one's own back, as an author with an enrolled key."""
    tell(_decide(vault, plan, "withdraw", key, signature, show=show), as_json=as_json)


@command()
@asks_keeper
def revoke(
    vault: VaultPath,
    plan: PlanPath,
    key: Key = None,
    signature: SignatureFile = None,
    show: Print = False,
    as_json: Json = False,
) -> None:
    """Take the approvals of a plan back, as an officer: it never runs again."""
    tell(_decide(vault, plan, "revoke", key, signature, show=show), as_json=as_json)


def _decide(
    vault: Path,
    plan: Path,
    event: str,
    key: Path | None,
    signature: Path | None,
    *,
    show: bool,
    reason: str = "",
) -> dict[str, Any]:
    from privacy.approvals import ACTS

    act, bound, reason = ACTS[event], _bound(vault, plan), reason.upper()
    made = signed(act.message(bound, reason), act.namespace, key, signature, show=show)
    why = {"reason": reason} if act.reasoned else {}
    return ask_about(vault, plan, event, signature=made, **why)


def _bound(vault: Path, plan: Path) -> Any:  # noqa: ANN401 - plans are imported late
    """The bound plan, which must be the signer's file and nothing else but its binding."""
    from privacy.plan import read_plan

    bound = read_plan(ask_about(vault, plan, "plan")["bound"].encode())
    if replace(bound, binding=None) != replace(read_plan(plan.read_bytes()), binding=None):
        raise ConfigurationError(
            "PLAN_DIFFERS",
            rule="Who signs a plan signs the one that lies before him.",
            found="a keeper that holds another plan under this name.",
            remedy="submit the plan again, and do not trust this keeper until it is explained.",
        )
    return bound
