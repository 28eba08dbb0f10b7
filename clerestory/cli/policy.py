"""Commands about the policy: show it, compare another with it, propose and sign a change."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from clerestory.cli.app import Json, VaultPath, answer, app, command
from clerestory.cli.asking import asks_keeper
from clerestory.cli.signing import Key, Print, SignatureFile, signed
from privacy.errors import ConfigurationError

policy = typer.Typer(help="Show and change what a vault allows.", no_args_is_help=True)

PolicyPath = Annotated[
    Path, typer.Argument(metavar="POLICY", help="The new policy: an edited copy of policy.toml.")
]
SIGNS = {"tighter": "tighter", "looser": "LOOSER", "other": "changed"}
WIDEST = 60
"""characters of a value that a line shows."""


@command("show", of=policy)
@asks_keeper
def show(vault: VaultPath, as_json: Json = False) -> None:
    """The policy in force, and changes that wait for signatures."""
    told = _in_force(vault)
    pending = [
        f"# proposed {one['proposed']}, signed by {', '.join(one['signed'])}"
        + ("" if one["stands"] else "; lapsed")
        for one in told["pending"]
    ]
    head = f"# policy {told['number']}, {told['hash'][:16]}; {told['needed']} officer(s) change it"
    answer(told, "\n".join([head, *pending, told["text"].rstrip()]), as_json=as_json)


@command("diff", of=policy)
@asks_keeper
def diff(vault: VaultPath, new: PolicyPath, as_json: Json = False) -> None:
    """What another policy would change, and in which direction."""
    changes = _differences(vault, _in_force(vault)["text"], new)
    answer({"differences": changes}, _words(changes), as_json=as_json)


@command("propose", of=policy)
@asks_keeper
def propose(
    vault: VaultPath,
    new: PolicyPath,
    key: Key = None,
    signature: SignatureFile = None,
    show: Print = False,
    day: Annotated[
        str, typer.Option(help="Day of the proposal; today, or the day on which it was printed.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Propose a change of policy, as the first officer who signs it."""
    told = _in_force(vault)
    proposed = day or datetime.now(UTC).date().isoformat()
    _endorse(vault, told, new, proposed, key, signature, show=show, as_json=as_json)


@command("approve", of=policy)
@asks_keeper
def approve(
    vault: VaultPath,
    new: PolicyPath,
    key: Key = None,
    signature: SignatureFile = None,
    show: Print = False,
    as_json: Json = False,
) -> None:
    """Sign a change that another officer proposed, from a file of one's own."""
    told = _in_force(vault)
    asked = _read(vault, new).hash
    days = [p["proposed"] for p in told["pending"] if p["policy"] == asked and p["stands"]]
    if not days:
        raise ConfigurationError(
            "PROPOSAL_UNKNOWN",
            rule="An officer signs the change that lies before him, if one like it was proposed.",
            found="no proposal of this policy that still stands.",
            remedy="compare with `clerestory policy show VAULT`, or propose it yourself.",
        )
    _endorse(vault, told, new, max(days), key, signature, show=show, as_json=as_json)


def _endorse(
    vault: Path,
    told: dict[str, Any],
    new: Path,
    proposed: str,
    key: Path | None,
    signature: Path | None,
    *,
    show: bool,
    as_json: bool,
) -> None:
    from privacy.changes import Change
    from privacy.keeper.client import ask
    from privacy.vault import Vault

    opened, wanted = Vault.open(vault), _read(vault, new)
    change = Change(opened.floor.vault, told["hash"], told["number"], proposed, wanted)
    made = signed(change.canonical, "clerestory-policy", key, signature, show=show)
    text = wanted.to_toml(opened.floor)
    done = ask(opened, "endorse", text=text, proposed=proposed, signature=made)
    changes = _differences(vault, told["text"], new)
    state = "in force" if done["adopted"] else f"waits for {done['missing']} more officer(s)"
    head = f"policy {done['policy'][:16]}: {state}; signed by {', '.join(done['signed'])}"
    answer({**done, "differences": changes}, f"{head}\n{_words(changes)}", as_json=as_json)


def _in_force(vault: Path) -> dict[str, Any]:
    from privacy.keeper.client import ask
    from privacy.vault import Vault

    return ask(Vault.open(vault), "policy")


def _read(vault: Path, path: Path) -> Any:  # noqa: ANN401 - policies are imported late
    from privacy.policy import read_policy
    from privacy.vault import Vault

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            "POLICY_MISSING",
            rule="A new policy is an edited copy of the vault's policy.toml.",
            found="no readable file at that path.",
            remedy="check the path; `clerestory policy show VAULT` prints the one in force.",
        ) from None
    return read_policy(text, Vault.open(vault).floor)


def _differences(vault: Path, text: str, new: Path) -> list[dict[str, str]]:
    from privacy.policy import read_policy
    from privacy.tightening import differences
    from privacy.vault import Vault

    in_force = read_policy(text, Vault.open(vault).floor)
    return [
        {
            "name": one.name,
            "direction": one.direction,
            "old": _shown(one.old),
            "new": _shown(one.new),
        }
        for one in differences(in_force, _read(vault, new))
    ]


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(getattr(item, "name", getattr(item, "url", item))) for item in value)
    return str(value)


def _words(changes: list[dict[str, str]]) -> str:
    lines = [
        f"  {SIGNS[one['direction']]:<8} {one['name']}: "
        f"{one['old'][:WIDEST] or 'none'} → {one['new'][:WIDEST] or 'none'}"
        for one in changes
    ]
    return "\n".join(lines) or "  no difference"


app.add_typer(policy, name="policy")
