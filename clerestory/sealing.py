"""
Seal raw logs, as the custodian: the last place where they lie in clear.

What is told back goes to the custodian alone: counts by reason code, paths relative to what he
named, never a word of content.
"""

import csv
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from classifiers.edge import STATED, Tally, read_source
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import ConfigurationError, RefusedError
from privacy.keeper.client import ASKER, Asker, ask, asking_as, is_listening
from privacy.vault import Vault

Progress = Callable[[str, float], None]
AccountOf = Callable[[Path], str | None]


def seal_sources(
    folder: Path,
    custodian: Path,
    sources: list[Path],
    accounts: Path | None,
    account: str | None,
    progress: Progress,
    *,
    stated: bool = False,
) -> dict[str, int]:
    """
    Seal every session of some sources into a vault.

    Args:
        folder: The vault.
        custodian: The custodian's folder.
        sources: Logs, folders of logs, `~/.claude/projects` trees.
        accounts: CSV that says whose file is whose, or None.
        account: The one account of all of them, or None.
        progress: Told how far it is.
        stated: Whether accounts are those that the logs themselves name.

    Returns:
        Counts by reason code: files, sessions and records.

    Raises:
        ConfigurationError: Whose sessions they are is not said, or a path is not there.
    """
    account_of = _accounts(accounts, account, stated=stated)
    for source in sources:
        if not source.exists():
            raise _no_source("a path that does not exist.")
    vault, counts = Vault.open(folder), Counter[str]()
    with ExitStack() as open_things:
        # First the lock: the keeper's key is read behind it.
        open_things.enter_context(vault.being_sealed())
        target = Target.of(vault)
        hand = open_things.enter_context(closing(Custodian(custodian)))
        deposit = open_things.enter_context(Deposit(hand, target))
        for position, source in enumerate(sources):
            tally = Tally()
            for number, taken in enumerate(read_source(source, account_of, hand, tally)):
                done = deposit.seal(taken.account, taken.session, taken.month, taken.blob)
                counts[f"session {done}"] += 1
                share = (position + min(0.99, number / (number + 500))) / len(sources)
                progress("sealing", share)
            counts.update({f"file {code}": n for code, n in Counter(tally.files.values()).items()})
            counts.update({f"session {code}": n for code, n in tally.sessions.items()})
            counts.update({f"record {code}": n for code, n in tally.records.items()})
        progress("sealing", 1.0)
    _hand_over(vault, progress)
    return dict(counts)


def _hand_over(vault: Vault, progress: Progress) -> None:
    """Have the keeper take the batch in, if one listens; else it does so by itself, later."""
    if is_listening(vault):
        try:
            ask(vault, "take-in", progress)
        except RefusedError:
            # The batch lies in the vault; who may not ask need not.
            progress("sealed; the keeper takes it in with its next run", 1.0)


def forget_account(folder: Path, custodian: Path, account: str, progress: Progress) -> None:
    """
    Have an account erased, and never seal it again.

    The custodian remembers first: whatever becomes of the request, `seal` does not bring the
    account back, and the same command again asks again.

    Raises:
        ConfigurationError: There is no custodian's folder, or no keeper.
        ClerestoryError: What the keeper refused.
    """
    vault = Vault.open(folder)
    with closing(Custodian(custodian)) as hand:
        target = Target.of(vault)
        hand.check_target(target)
        pseudonym, signature = hand.forget(target.floor, account)
    # The custodian's own key is enrolled, and he knows his keeper from sealing.
    given = ASKER.get()
    asker = Asker(given.key or custodian / "source.key", given.trust or target.keys.signing)
    with asking_as(asker):
        ask(vault, "forget", progress, account=pseudonym, signature=signature)


def _accounts(accounts: Path | None, account: str | None, *, stated: bool) -> AccountOf:
    if [accounts is not None, account is not None, stated].count(True) != 1:
        raise _whose("none of --accounts, --account and --stated, or several.")
    if stated:
        return lambda _: STATED
    if accounts is None:
        if account is None or not account.strip():
            raise _whose("an account without a name: it would be everybody's.")
        return lambda _: account
    try:
        with accounts.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [(row["path"], row["account"]) for row in reader]
        if not {"path", "account"} <= set(reader.fieldnames or ()):
            raise _whose("a file without the columns path and account.")
        if not all(path and name and name.strip() for path, name in rows):
            raise _whose("a line without a path or an account.")
        known = {(accounts.parent / path).resolve(): name for path, name in rows}
    except (OSError, ValueError, KeyError, csv.Error):
        raise _whose("a file that is no CSV with the columns path and account.") from None
    return lambda path: next(
        (known[place] for place in (path.resolve(), *path.resolve().parents) if place in known),
        None,
    )


def _whose(found: str) -> ConfigurationError:
    return ConfigurationError(
        "ACCOUNTS_UNKNOWN",
        rule="What is protected is an account, so every file belongs to one.",
        found=found,
        remedy="give --account NAME, or --accounts FILE.csv with the columns path,account; "
        "paths are relative to that file and may name folders; --stated where logs name them.",
    )


def _no_source(found: str) -> ConfigurationError:
    return ConfigurationError(
        "NO_SOURCE",
        rule="Sources are log files or folders of them.",
        found=found,
        remedy="check the path.",
    )
