"""Commands that ask the keeper about a plan: submit, status, classify, release."""

from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from clerestory.cli.app import Json, PlanPath, Progress, VaultPath, answer, command
from clerestory.cli.asking import asks_keeper
from privacy.errors import ConfigurationError, VerificationError

Out = Annotated[Path, typer.Option("--out", help="Folder for the bundle; made, never overwritten.")]


@command()
@asks_keeper
def submit(vault: VaultPath, plan: PlanPath, as_json: Json = False) -> None:
    """Hand a plan in: the keeper binds it to floor, policy and code."""
    tell(ask_about(vault, plan, "submit"), as_json=as_json)


@command()
@asks_keeper
def status(vault: VaultPath, as_json: Json = False) -> None:
    """Plans, where they stand, and what is left of the budget."""
    from fractions import Fraction

    from privacy.keeper.client import ask
    from privacy.vault import Vault

    told = ask(Vault.open(vault), "status")
    spent, budget = float(Fraction(told["spent"])), float(Fraction(told["budget"]))
    period, anchors = told["period"], told["anchors"]
    lines = [
        f"spent ρ = {spent:.5g} of {budget:.5g}, workers at {told['tier']}",
        f"within {period['days']} days: {float(Fraction(period['spent'])):.5g} "
        f"of {float(Fraction(period['budget'])):.5g}",
        *(f"anchor {a['name']}: NOT REACHED" for a in anchors if a["reached"] == "no"),
        f"officers: {', '.join(told['officers']) or 'none yet: `clerestory keys enrol`'}",
        *(_line(plan) for plan in told["plans"]),
        *([] if told["plans"] else ["  no plan was submitted"]),
    ]
    answer(told, "\n".join(lines), as_json=as_json)


@command()
@asks_keeper
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
    secret = {"secret": api_key(api_key_file)} if api_key_file else {}
    told = ask_about(vault, plan, "classify", **secret)
    tell(told, as_json=as_json, more="labels are complete and sealed")


@command()
@asks_keeper
def release(vault: VaultPath, plan: PlanPath, out: Out, as_json: Json = False) -> None:
    """Make the one release of an approved plan, or fetch it again."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(
            "BUNDLE_EXISTS",
            rule="A bundle is written into an empty place.",
            found="a folder that is not empty, or a file.",
            remedy="choose another --out.",
        )
    told = ask_about(vault, plan, "release")
    files = told.pop("files")
    if any(Path(name).name != name or name.startswith(".") for name in files):
        raise VerificationError(
            "BUNDLE_NOT_FLAT",
            rule="A bundle is a flat folder.",
            found="a file with a path for a name; nothing was written.",
            remedy="do not trust this keeper until it is explained.",
        )
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(b64decode(data))
    told["bundle"] = str(out)
    tell(told, as_json=as_json, more=f"{out}: check it with `clerestory verify {out}`")


def ask_about(vault: Path, plan: Path, verb: str, **more: str) -> dict[str, Any]:
    """Ask the keeper of a vault something about the plan in a file."""
    from privacy.keeper.client import ask
    from privacy.vault import Vault

    with Progress() as progress:
        return ask(Vault.open(vault), verb, progress, plan=_text(plan), **more)


def tell(told: dict[str, Any], *, as_json: bool, more: str = "") -> None:
    """Say where a plan stands now."""
    shown = {name: value for name, value in told.items() if name != "bound"}
    why = f": {told['words']}" if "words" in told else ""
    lines = [f"plan {told['plan'][:16]}: {told['standing']}{why}", more, _money(told)]
    answer(shown, "\n".join(line for line in lines if line), as_json=as_json)


def _money(told: dict[str, Any]) -> str:
    if "dollars" not in told:
        return ""
    cap = f" of ${told['dollars_cap']}" if "dollars_cap" in told else ""
    lost = float(told["dollars_lost"])
    worst = f", ${lost:.2f} of it at worst, for runs that were cut off" if lost else ""
    return f"its labels have cost ${told['dollars']}{cap}, rounded up{worst}"


def _line(plan: dict[str, Any]) -> str:
    notes = [plan["words"]] if "words" in plan else []
    if plan["stale"] and plan["standing"] != "released":
        notes.append("bound to an earlier policy or code: submit it again")
    note = f"  ({'; '.join(notes)})" if notes else ""
    return f"  {plan['plan'][:16]}  {plan['standing']:<18}  {plan['study']}{note}"


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


def api_key(path: Path) -> str:
    """A key as a header can carry it; what else lies in the file is not repeated."""
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key or not key.isprintable() or " " in key:
        raise ConfigurationError(
            "API_KEY_UNREADABLE",
            rule="The key for a plan's endpoint lies in a file of its own: one word, in ASCII.",
            found="no readable file, an empty one, or something else in it.",
            remedy="write the key, and nothing else, into the file that --api-key-file names.",
        )
    return key
