"""
The published study on a synthetic vault, through everything that a release goes through.

The study is compiled, handed in, signed, charged, measured in a sealed worker, thresholded and
signed, as any other; then the bundle is verified and held against what was planted and published.
The scorecard needs to know the truth, so it exists for synthetic vaults only.
"""

import csv
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from aggregates.bundle import TABLES, read_rows
from aggregates.exact import unsafe_exact_tables
from aggregates.margins import LARGEST_ACCOUNT
from aggregates.parameters import Place, parameters
from aggregates.plan import plan as compile_plan
from aggregates.reproduction.scorecard import Scorecard, score, write_scorecard
from aggregates.study import Study
from clerestory.demo import AUTHOR, studies
from clerestory.keeping import running_keeper
from clerestory.pages.scorecard import render_scorecard
from clerestory.truth import unsafe_open_labels
from privacy.approvals import ACTS
from privacy.codebook import codebook
from privacy.errors import ConfigurationError, RefusedError, VerificationError
from privacy.keeper.client import ask, is_listening
from privacy.keeper.keyring import SEALING
from privacy.plan import Plan, read_plan
from privacy.signing import SigningKey
from privacy.vault import Vault
from privacy.verification import verify_bundle

STUDY = "claude-code-expertise.toml"
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a reproduction works."""

    vault: Path
    out: Path
    """Folder for plan, bundle and scorecard; made, or empty."""
    state: Path
    """The keeper's own folder."""
    key: Path
    """The officer's private key; it is made and enrolled where there is none."""


def reproduce(
    at: Places, say: Callable[[str], None], progress: Progress = lambda _, __: None
) -> Scorecard:
    """
    Run the reproduction study and score it.

    Args:
        at: Where.
        say: Shows a line to the person at the terminal.
        progress: Told how far the keeper is.

    Raises:
        RefusedError: The vault is not synthetic, or its floor, policy or budget says no.
        ConfigurationError: There is no such vault, the folder holds something, or the size of
            the population is not known.
        VerificationError: The bundle does not hold.
    """
    vault = Vault.open(at.vault)
    if not vault.floor.synthetic:
        raise RefusedError(
            "REPRODUCTION_IS_SYNTHETIC",
            rule="The reproduction study runs where the truth was planted, and nowhere else.",
            found="a vault that is not synthetic.",
            remedy="make one: `clerestory synthesize VAULT --labels-only`.",
        )
    if at.out.exists() and (not at.out.is_dir() or any(at.out.iterdir())):
        raise ConfigurationError(
            "FOLDER_NOT_EMPTY",
            rule="What is made up goes into a folder of its own, so that it replaces no release.",
            found="a folder that holds something, or a file.",
            remedy="name another folder with --out.",
        )
    if is_listening(vault) and not (at.state / SEALING).is_file():
        raise ConfigurationError(
            "STATE_UNKNOWN",
            rule="A scorecard needs the state of the keeper that runs: its labels are looked at.",
            found="a keeper that listens, and no key of its own in the folder of its state.",
            remedy="name its folder with --state.",
        )
    accounts, sessions = population_of(at.vault)
    study = Study.read(studies() / STUDY)
    plan = compile_plan(study, accounts=accounts, sessions=sessions)
    say(f"the published study: {len(study.tables)} tables, {plan.forecast.cells} cells")
    at.out.mkdir(parents=True, exist_ok=True)
    (at.out / "plan.json").write_bytes(plan.canonical)
    with nullcontext() if is_listening(vault) else running_keeper(at.vault, at.state):
        _approve(vault, plan, at.key)
        say("approved; a sealed worker sums, adds noise and prints what it may")
        told = ask(vault, "release", progress, plan=plan.canonical.decode())
    bundle = _write_bundle(at.out / "bundle", told["files"])
    _verify(bundle, vault.keys.signing)
    say(f"{bundle}: signed, and it holds")
    rows, book = read_rows((bundle / TABLES).read_bytes()), codebook()
    card = score(rows, parameters(plan, book), differences(vault, at.state, plan))
    (at.out / "scorecard.csv").write_bytes(write_scorecard(card))
    (at.out / "scorecard.html").write_bytes(render_scorecard(plan, card, accounts, sessions))
    return card


def population_of(vault: Path) -> tuple[int, int]:
    """
    How many accounts and sessions a vault of planted labels holds, as `synthesize` wrote down.

    Raises:
        ConfigurationError: The file beside the vault is missing, or says nothing of it.
    """
    truth = vault.with_name(vault.name + "-truth.csv")
    try:
        with truth.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row[:1] == ["population"]]
        told = {name: int(value) for _, name, value in rows}
        return told["accounts"], told["sessions"]
    except (OSError, ValueError, KeyError):
        raise ConfigurationError(
            "POPULATION_UNKNOWN",
            rule="How large a synthetic population is stands beside its vault.",
            found=f"no {truth.name} that says so.",
            remedy="make the vault with `clerestory synthesize VAULT --labels-only`.",
        ) from None


def differences(vault: Vault, state: Path, plan: Plan) -> dict[Place, float]:
    """
    What the weights change: each figure with a vote for every session, less that with k.

    Both are exact figures of this population, which the floor calls synthetic; nothing of them
    goes into a bundle.

    Raises:
        RefusedError: The vault is not synthetic.
    """
    by_account = unsafe_exact_tables(plan, unsafe_open_labels(vault, state, plan), codebook())
    # Nobody has more sessions than this, so that each weighs one whole vote.
    k = str(LARGEST_ACCOUNT)
    queries = tuple(replace(query, contribution="") for query in plan.queries)
    free = replace(plan, privacy=replace(plan.privacy, contribution=k), queries=queries)
    by_session = unsafe_exact_tables(free, unsafe_open_labels(vault, state, plan), codebook())
    return {
        place: by_session[place] - value
        for place, value in by_account.items()
        if place in by_session
    }


def _approve(vault: Vault, plan: Plan, key: Path) -> None:
    """Hand the plan in, and sign it unless that was done before."""
    text = plan.canonical.decode()
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        made = SigningKey.generate()
        made.write(key)
        ask(vault, "enrol", name=AUTHOR, key=made.public, role="officer")
    told = ask(vault, "submit", plan=text)
    if told["standing"] in ("approved", "running", "released"):
        return
    bound = read_plan(ask(vault, "plan", plan=text)["bound"].encode())
    act = ACTS["approve"]
    signature = SigningKey.read(key).sign(act.message(bound), act.namespace)
    ask(vault, "approve", plan=text, signature=signature)


def _write_bundle(folder: Path, files: Mapping[str, str]) -> Path:
    if any(Path(name).name != name or name.startswith(".") for name in files):
        raise VerificationError(
            "BUNDLE_NOT_FLAT",
            rule="A bundle is a flat folder.",
            found="a file with a path for a name; nothing was written.",
            remedy="do not trust this keeper until it is explained.",
        )
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(b64decode(data))
    return folder


def _verify(bundle: Path, trust: str) -> None:
    broken = [check for check in verify_bundle(bundle, trust) if check.holds is False]
    if broken:
        raise VerificationError(
            "REPRODUCTION_UNSOUND",
            rule="A scorecard is made of a bundle that verifies.",
            found=f"step {broken[0].number} that fails: {broken[0].title}.",
            remedy="run `clerestory verify` on the bundle and read what it says.",
        )
