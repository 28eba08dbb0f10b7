"""Bring together what a recovery needs: the state, the checkpoints, the officers' hands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clerestory.passphrase import passphrase_for
from privacy.checkpoint import Checkpoint
from privacy.errors import ConfigurationError
from privacy.keeper.recovering import complete, prepare
from privacy.keeper.state import LEDGER, State
from privacy.keeper.witnesses import Witnesses
from privacy.loss import read_rho
from privacy.plan import read_plan
from privacy.signing import SigningKey
from privacy.vault import Vault, replace_file


def recover(
    folder: Path,
    state: Path,
    *,
    known: Sequence[Path],
    keys: Sequence[Path],
    signatures: Sequence[str],
    statement: Path | None,
) -> dict[str, Any]:
    """
    State what was lost, and have it written if it is signed.

    Raises:
        ConfigurationError: Something that was given is not there; a keeper runs.
        RefusedError: Nothing is lost, or too few officers sign.
        VerificationError: A checkpoint or a signature does not hold.
    """
    vault = Vault.open(folder)
    if not (state / LEDGER).is_file():
        raise ConfigurationError(
            "NO_STATE",
            rule="A recovery starts from the restored state folder, with what is left in it.",
            found="a folder without a ledger.",
            remedy="restore the newest copy of the state folder, and give it with --state.",
        )
    signers = [SigningKey.read(path) for path in keys]
    opened = State(state, vault, passphrase_for(state, None), recovering=True)
    try:
        given = [_checkpoint(path, opened.witnesses) for path in known]
        released = [_released(path) for path in known if path.is_dir()]
        recovery = prepare(opened, vault.floor, given, released)
        if statement:
            replace_file(statement, recovery.canonical)
        made = [signer.sign(recovery.canonical, "clerestory-recovery") for signer in signers]
        if made or signatures:
            complete(opened, vault.floor, recovery, [*made, *signatures])
    finally:
        opened.close()
    return {
        "recovered": bool(made or signatures),
        "entries": recovery.size,
        "checkpoints": len(recovery.checkpoints),
        "spent": recovery.spent,
        "spent_as_number": float(read_rho(recovery.spent)),
        "plans": list(recovery.plans),
        "statement": recovery.hash,
    }


def _checkpoint(path: Path, witnesses: Witnesses) -> Checkpoint:
    try:
        file = path / "checkpoint.txt" if path.is_dir() else path
        return witnesses.read(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise _not_there("no readable checkpoint.") from None


def _released(bundle: Path) -> str:
    try:
        return read_plan((bundle / "plan.json").read_bytes()).hash
    except OSError:
        raise _not_there("a bundle without plan.json.") from None


def _not_there(found: str) -> ConfigurationError:
    return ConfigurationError(
        "CHECKPOINT_MISSING",
        rule="--checkpoint takes a checkpoint's file, or a bundle's folder.",
        found=found,
        remedy="check the path.",
    )
