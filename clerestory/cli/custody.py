"""Commands of custodians and keepers: init, keeper, keys, seal, forget, inspect-format."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from clerestory.cli.app import Json, Progress, VaultPath, answer, app, command, say
from clerestory.cli.asking import asks_keeper
from privacy.errors import ConfigurationError

keys = typer.Typer(help="Role keys (SSH Ed25519), and the keeper's own.", no_args_is_help=True)
CustodianPath = Annotated[
    Optional[Path],
    typer.Option(help="Folder of the custodian's keys; VAULT.custodian by default."),
]


@command()
def init(
    vault: VaultPath,
    single_person: Annotated[
        bool, typer.Option("--single-person", help="A plan's author may approve it (watermarked).")
    ] = False,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="The data are made up (watermarked).")
    ] = False,
    epsilon: Annotated[float, typer.Option(help="Budget of all studies together.")] = 4.0,
    delta: Annotated[float, typer.Option(help="At which epsilon is meant.")] = 1e-7,
    minimum_accounts: Annotated[int, typer.Option(help="Fewest behind a printed cell.")] = 20,
    tier: Annotated[str, typer.Option(help="Weakest isolation: T2, T1 or T0.")] = "T1",
    retention_days: Annotated[int, typer.Option(help="How long sessions may be kept.")] = 365,
    purpose: Annotated[
        Optional[list[str]],
        typer.Option(help="What the sessions may be studied for; may be given often."),
    ] = None,
    custodian: CustodianPath = None,
    development: Annotated[
        bool,
        typer.Option(
            "--development",
            help="A model's endpoint may have a certificate of one's own (watermarked).",
        ),
    ] = False,
    hardware: Annotated[
        Optional[list[str]],
        typer.Option(
            help="PCR0=HEX: what checked hardware evidence must show; may be given often."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a vault: its floor, which never changes, and a policy within it."""
    from clerestory.founding import Terms, found, measurements

    terms = Terms(
        epsilon=epsilon,
        delta=delta,
        minimum_accounts=minimum_accounts,
        tier=tier,
        retention_days=retention_days,
        purposes=tuple(purpose or ["learning how people work with a coding agent"]),
        single_person=single_person,
        synthetic=synthetic,
        development=development,
        hardware=measurements(hardware or []),
    )
    folder = custodian or vault.with_name(vault.name + ".custodian")
    floor = found(vault, folder, terms)
    answer(
        {"vault": str(vault), "floor": floor.hash, "custodian": str(folder)},
        f"{vault}: floor {floor.hash[:16]}, ε ≤ {epsilon:g} at δ = {delta:g} for all studies "
        f"together, at least {minimum_accounts} accounts, {tier} or better.\n"
        f"{folder}: the custodian's keys. They do not belong into the vault.\n"
        f"Next: clerestory keeper {vault} --state {vault}.keeper",
        as_json=as_json,
    )


@command()
def keeper(
    vault: VaultPath,
    state: Annotated[Path, typer.Option(help="The keeper's own folder, outside the vault.")],
    group: Annotated[
        str, typer.Option(help="Group whose members may ask, each with an enrolled key.")
    ] = "",
    passphrase_file: Annotated[
        Optional[Path],
        typer.Option(help="Where the passphrase is that locks its keys: a file, or /dev/fd/N."),
    ] = None,
) -> None:
    """Hold the keys and the budget of a vault, start its workers, sign its bundles."""
    from clerestory.keeping import keep
    from clerestory.passphrase import passphrase_for

    words = passphrase_for(state, passphrase_file)
    keep(
        vault,
        state,
        ready=lambda tier: say(f"keeper of {vault}: ready, workers at {tier}"),
        group=group,
        passphrase=words,
    )


@command("new", of=keys)
def keys_new(
    path: Annotated[Path, typer.Argument(help="Where the private key goes.")],
    as_json: Json = False,
) -> None:
    """Make a role key, as `ssh-keygen -t ed25519` would."""
    from privacy.signing import SigningKey, fingerprint

    if path.exists() or Path(f"{path}.pub").exists():
        raise ConfigurationError(
            "KEY_EXISTS",
            rule="A key is never overwritten.",
            found="a file of that name.",
            remedy="choose another name.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    key = SigningKey.generate()
    key.write(path)
    told = {"private": str(path), "public": f"{path}.pub", "fingerprint": fingerprint(key.public)}
    answer(told, f"{path}, {path}.pub: {told['fingerprint']}", as_json=as_json)


@command("enrol", of=keys)
@asks_keeper
def keys_enrol(
    vault: VaultPath,
    key: Annotated[Path, typer.Argument(help="The public key: a `.pub` file.")],
    name: Annotated[str, typer.Option(help="As in a study's `authors`.")],
    role: Annotated[str, typer.Option(help="officer, custodian, researcher or node.")] = "officer",
    as_json: Json = False,
) -> None:
    """Give the owner of a key a role, before the first plan is submitted."""
    from privacy.keeper.client import ask
    from privacy.signing import read_public
    from privacy.vault import Vault

    try:
        line = key.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        line = ""
    told = ask(Vault.open(vault), "enrol", name=name, key=read_public(line), role=role)
    text = f"{told['name']} is enrolled as {told['role']}: {told['fingerprint']}"
    answer(told, text, as_json=as_json)


@command("rotate", of=keys)
@asks_keeper
def keys_rotate(vault: VaultPath, as_json: Json = False) -> None:
    """Give the keeper a new sealing key and destroy the old one, here and for every copy."""
    text = "a new sealing key; what only the old one opened, in any copy, opens never again"
    _tend(vault, "rotate", text, as_json=as_json)


@command("expire", of=keys)
@asks_keeper
def keys_expire(vault: VaultPath, as_json: Json = False) -> None:
    """Erase what the floor's retention lets nobody keep any longer."""
    _tend(vault, "expire", "what had expired is erased", as_json=as_json)


def _tend(vault: Path, verb: str, text: str, *, as_json: bool) -> None:
    from privacy.keeper.client import ask
    from privacy.vault import Vault

    with Progress() as progress:
        told = ask(Vault.open(vault), verb, progress)
    answer(told, f"{vault}: {text}; now {told['key']}", as_json=as_json)


@command()
@asks_keeper
def forget(
    vault: VaultPath,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As it was sealed under.")],
    custodian: CustodianPath = None,
    as_json: Json = False,
) -> None:
    """Erase an account's sessions and labels for good, as its custodian."""
    from clerestory.sealing import forget_account

    folder = custodian or vault.with_name(vault.name + ".custodian")
    with Progress() as progress:
        forget_account(vault, folder, account, progress)
    answer(
        {"forgotten": True},
        "forgotten, if it was there: nobody is told whether it was, and `seal` will not bring it "
        "back.\nReleases that are out stay out.",
        as_json=as_json,
    )


@command()
def seal(
    vault: VaultPath,
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE…", help="Logs, or folders.")],
    accounts: Annotated[
        Optional[Path],
        typer.Option(
            help="CSV: path, account; telemetry (its id there) and staff (yes, no) if known."
        ),
    ] = None,
    account: Annotated[
        Optional[str],
        typer.Option(help="The one account of all sources."),
    ] = None,
    staff: Annotated[
        bool, typer.Option("--staff", help="These accounts are staff: studies can leave them out.")
    ] = False,
    stated: Annotated[
        bool,
        typer.Option("--stated", help="The accounts that the logs name, as fetched ones do."),
    ] = False,
    custodian: CustodianPath = None,
    as_json: Json = False,
) -> None:
    """Seal log files and ~/.claude/projects trees; counts go to the custodian only."""
    from clerestory.sealing import seal_sources

    folder = custodian or vault.with_name(vault.name + ".custodian")
    with Progress() as progress:
        counts = seal_sources(
            vault, folder, sources, accounts, account, progress, stated=stated, staff=staff
        )
    text = "\n".join(f"{count:8,}  {code}" for code, count in sorted(counts.items()))
    answer({"counts": counts}, text or "nothing to seal", as_json=as_json)


@command("inspect-format")
def inspect_format(
    path: Annotated[Path, typer.Argument(help="Raw log files, as the custodian has them.")],
    every: Annotated[
        bool, typer.Option("--all", help="A row for each file, however many there are.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what raw files are, without their content: formats, counts, reason codes."""
    from clerestory.cli.inspected import page
    from clerestory.inspecting import inspect

    with Progress() as progress:
        told = inspect(path, progress)
    answer(told, page(told, every=every), as_json=as_json)


app.add_typer(keys, name="keys")
