"""Commands that ask the keeper: submit, approve, revoke, status, classify, release."""

from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from clerestory.cli.app import Json, PlanPath, Progress, VaultPath, answer, command
from privacy.errors import ConfigurationError, VerificationError

KeyPath = Annotated[Path, typer.Option("--key", help="An officer's private SSH key.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the bundle; made, never overwritten.")]


@command()
def submit(vault: VaultPath, plan: PlanPath, as_json: Json = False) -> None:
    """Hand a plan in: the keeper binds it to floor, policy and code."""
    _tell(_ask(vault, plan, "submit"), as_json=as_json)


@command()
def approve(vault: VaultPath, plan: PlanPath, key: KeyPath, as_json: Json = False) -> None:
    """Sign a submitted plan as an officer."""
    from privacy.plan import read_plan

    signer = _key(key)
    bound = _bound(vault, plan)
    signature = signer.sign(bound, "clerestory-plan")
    told = _ask(vault, plan, "approve", signature=signature)
    study = read_plan(bound).study
    _tell(told, as_json=as_json, more=f"study {study.name!r}, by {', '.join(study.authors)}")


@command()
def revoke(vault: VaultPath, plan: PlanPath, key: KeyPath, as_json: Json = False) -> None:
    """Take the approvals of a plan back, as an officer."""
    signature = _key(key).sign(_bound(vault, plan), "clerestory-revocation")
    _tell(_ask(vault, plan, "revoke", signature=signature), as_json=as_json)


@command()
def status(vault: VaultPath, as_json: Json = False) -> None:
    """Plans, where they stand, and what is left of the budget."""
    from fractions import Fraction

    from privacy.keeper.client import ask
    from privacy.vault import Vault

    told = ask(Vault.open(vault), "status")
    plans = [f"  {p['plan'][:16]}  {p['standing']:<18}  {p['study']}" for p in told["plans"]]
    spent, budget = float(Fraction(told["spent"])), float(Fraction(told["budget"]))
    lines = [
        f"spent ρ = {spent:.5g} of {budget:.5g}, workers at {told['tier']}",
        f"officers: {', '.join(told['officers']) or 'none yet: `clerestory keys enrol`'}",
        *(plans or ["  no plan was submitted"]),
    ]
    answer(told, "\n".join(lines), as_json=as_json)


@command()
def classify(
    vault: VaultPath,
    plan: PlanPath,
    api_key_file: Annotated[
        Optional[Path],
        typer.Option(help="File with the key for the plan's endpoint; kept nowhere."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Label the sessions of an approved plan in sealed workers."""
    secret = {"secret": api_key_file.read_text(encoding="ascii").strip()} if api_key_file else {}
    told = _ask(vault, plan, "classify", **secret)
    _tell(told, as_json=as_json, more="labels are complete and sealed")


@command()
def release(vault: VaultPath, plan: PlanPath, out: Out, as_json: Json = False) -> None:
    """Make the one release of an approved plan, or fetch it again."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(
            "BUNDLE_EXISTS",
            rule="A bundle is written into an empty place.",
            found="a folder that is not empty, or a file.",
            remedy="choose another --out.",
        )
    told = _ask(vault, plan, "release")
    files = told.pop("files")
    if any(Path(name).name != name or name.startswith(".") for name in files):
        raise VerificationError(
            "BUNDLE_NAME",
            rule="A bundle is a flat folder.",
            found="a file with a path for a name; nothing was written.",
            remedy="do not trust this keeper until it is explained.",
        )
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(b64decode(data))
    told["bundle"] = str(out)
    _tell(told, as_json=as_json, more=f"{out}: check it with `clerestory verify {out}`")


def _ask(vault: Path, plan: Path, verb: str, **more: str) -> dict[str, Any]:
    from privacy.keeper.client import ask
    from privacy.vault import Vault

    with Progress() as progress:
        return ask(Vault.open(vault), verb, progress, plan=_text(plan), **more)


def _bound(vault: Path, plan: Path) -> bytes:
    """The bound plan, which must be the officer's file and nothing else but its binding."""
    from dataclasses import replace

    from privacy.plan import read_plan

    bound: bytes = _ask(vault, plan, "plan")["bound"].encode()
    if replace(read_plan(bound), binding=None) != replace(
        read_plan(plan.read_bytes()), binding=None
    ):
        raise ConfigurationError(
            "PLAN_DIFFERS",
            rule="An officer signs the plan that lies before him.",
            found="a keeper that holds another plan under this name.",
            remedy="submit the plan again, and do not trust this keeper until it is explained.",
        )
    return bound


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            "PLAN_UNREADABLE",
            rule="A plan is the JSON that `clerestory plan` wrote.",
            found="no readable file at that path.",
            remedy="check the path, or compile the study with `clerestory plan STUDY --out PLAN`.",
        ) from None


def _key(path: Path) -> Any:  # noqa: ANN401 - cryptography is imported late
    from privacy.signing import SigningKey

    return SigningKey.read(path)


def _tell(told: dict[str, Any], *, as_json: bool, more: str = "") -> None:
    shown = {name: value for name, value in told.items() if name != "bound"}
    lines = [f"plan {told['plan'][:16]}: {told['standing']}", more]
    answer(shown, "\n".join(line for line in lines if line), as_json=as_json)
