"""
Seal raw logs, as the custodian: the last place where they lie in clear.

What is told back goes to the custodian alone: counts by reason code, paths relative to what he
named, never a word of content.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from classifiers.edge import LARGEST, Tally, read_source
from classifiers.edge_telemetry import read_telemetry
from clerestory.accounts import Owners
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit, Extent
from privacy.errors import ConfigurationError, RefusedError
from privacy.keeper.client import ASKER, Asker, ask, asking_as, is_listening
from privacy.vault import Vault

Progress = Callable[[str, float], None]


def seal_sources(
    folder: Path,
    custodian: Path,
    sources: list[Path],
    accounts: Path | None,
    account: str | None,
    progress: Progress,
    *,
    stated: bool = False,
    staff: bool = False,
) -> dict[str, int]:
    """
    Seal every session of some sources into a vault, and what telemetry tells of them.

    Args:
        folder: The vault.
        custodian: The custodian's folder.
        sources: Logs, folders of logs, `~/.claude/projects` trees, a collector's files.
        accounts: CSV that says whose file is whose, or None.
        account: The one account of all of them, or None.
        progress: Told how far it is.
        stated: Whether accounts are those that the logs themselves name.
        staff: Whether all these accounts are staff; otherwise the CSV may tell, in a column.

    Returns:
        Counts by reason code: files, sessions, records and telemetry.

    Raises:
        ConfigurationError: Whose sessions they are is not said, or a path is not there.
    """
    owners = Owners.told(accounts, account, stated=stated, staff=staff)
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
        waiting: list[Path] = []
        for position, source in enumerate(sources):
            tally = Tally()
            for number, taken in enumerate(read_source(source, owners.of_file, hand, tally)):
                done = deposit.seal(
                    *(taken.account, taken.session, taken.month, taken.blob),
                    staff=owners.is_staff(taken.account),
                )
                counts[f"session {done}"] += 1
                share = (position + min(0.99, number / (number + 500))) / len(sources)
                progress("sealing", share)
            waiting += tally.telemetry
            counts.update(_told(tally))
        # Behind all sessions: only then is it known which calls are whose.
        tally = Tally()
        for counted in read_telemetry(waiting, owners.of_point, hand, tally, LARGEST):
            seen = Extent(counted.points, counted.began)
            whose, key, month = counted.account, counted.session, counted.month
            done = deposit.seal_telemetry(whose, key, month, counted.blob, seen)
            counts[f"telemetry {done}"] += 1
        counts.update(_told(tally))
        progress("sealing", 1.0)
    _hand_over(vault, progress)
    return dict(counts)


def _told(tally: Tally) -> Counter[str]:
    told = Counter({f"file {code}": n for code, n in Counter(tally.files.values()).items()})
    told.update({f"session {code}": n for code, n in tally.sessions.items()})
    told.update({f"record {code}": n for code, n in tally.records.items()})
    return told


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


def _no_source(found: str) -> ConfigurationError:
    return ConfigurationError(
        "NO_SOURCE",
        rule="Sources are log files or folders of them.",
        found=found,
        remedy="check the path.",
    )
