"""
What follows from a ledger's entries, kept as they are read: each is looked at once.

The chain is checked entry by entry; heads, what was spent, in which period and by which study
are then a look-up away, however long the ledger is.  The keeper has a history in memory, an
auditor makes one from an export: both come to the same sums by the same code.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256

from .checkpoint import Checkpoint
from .entries import Entry, entry_of, read_time
from .errors import ClerestoryError, VerificationError
from .loss import read_rho
from .merkle import Frontier, leaf

LOST = "lost entries"
"""Under whose name the charge of a recovery stands: no study is called so."""
GENESIS = sha256(b"clerestory/ledger/1").hexdigest()
"""What the first entry follows from."""


@dataclass(frozen=True, slots=True)
class _Charge:
    seq: int
    time: datetime
    before: Fraction
    """ρ of all charges before it."""


class History:
    """Entries from the beginning up to some point, none changed or missing."""

    def __init__(self) -> None:
        self.last = GENESIS
        """SHA-256 of the newest entry's line, hexadecimal."""
        self.time = datetime.min.replace(tzinfo=UTC)
        """The latest time that an entry names: it never goes back."""
        self.leaves: list[bytes] = []
        self.by_study: dict[str, Fraction] = defaultdict(Fraction)
        """Study → ρ of its charges; that of a recovery stands under LOST."""
        self._spent = Fraction(0)
        self._tree = Frontier()
        self._charges: list[_Charge] = []
        self._kinds: dict[str, list[int]] = defaultdict(list)
        self._plans: dict[str, list[int]] = defaultdict(list)
        self._studies: dict[str, str] = {}

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> "History":
        """
        The history that an export tells.

        Raises:
            VerificationError: The first line that does not follow.
        """
        history = cls()
        for line in lines:
            history.take(line)
        return history

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.leaves)

    def take(self, line: bytes) -> Entry:
        """
        Add the entry that follows.

        Raises:
            VerificationError: It does not follow; nothing was added.
        """
        try:
            record = json.loads(line)
            entry, time = entry_of(record, line), read_time(record)
            place = (record["seq"], record["previous"])
            follows = place == (self.size, self.last) and isinstance(entry.kind, str)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            RecursionError,
            ClerestoryError,
        ):
            follows = False
        if not follows:
            raise broken(self.size)
        self.time = max(self.time, time)
        self._count(entry)
        self.last = sha256(line).hexdigest()
        self.leaves.append(leaf(line))
        self._tree.append(self.leaves[-1])
        return entry

    def _count(self, entry: Entry) -> None:
        self._kinds[entry.kind].append(entry.seq)
        plan = entry.body.get("plan", "")
        if plan:
            self._plans[plan].append(entry.seq)
        if entry.kind == "plan":
            self._studies[plan] = entry.body.get("study", "")
        if entry.kind == "recovery":
            statement = entry.body.get("statement", "").encode()
            self._studies[sha256(statement).hexdigest()] = LOST
        if entry.kind == "charge":
            loss = read_rho(entry.body["rho"])
            self._charges.append(_Charge(entry.seq, self.time, self._spent))
            self._spent += loss
            self.by_study[self._studies.get(plan) or plan] += loss

    def numbers(self, kind: str | None = None, plan: str | None = None) -> Sequence[int]:
        """Places of all entries, of one kind, of one plan, or of one kind about one plan."""
        if plan is None:
            return range(self.size) if kind is None else [*self._kinds.get(kind, ())]
        of_plan = self._plans.get(plan, [])
        if kind is None:
            return [*of_plan]
        of_kind = self._kinds.get(kind, [])
        return [seq for seq in of_plan if _has(of_kind, seq)]

    def spent(self, since: datetime | None = None) -> Fraction:
        """ρ of all charges, or of those at a time and after it."""
        if since is None:
            return self._spent
        first = bisect_left(self._charges, since, key=lambda charge: charge.time)
        return self._spent - self._before(first)

    def spent_at(self, size: int) -> Fraction:
        """ρ of the charges among the first `size` entries."""
        return self._before(bisect_left(self._charges, size, key=lambda charge: charge.seq))

    def _before(self, number: int) -> Fraction:
        return self._charges[number].before if number < len(self._charges) else self._spent

    def checkpoint(self, origin: str) -> Checkpoint:
        """Its length, head and what was spent."""
        return Checkpoint(origin, self.size, self._tree.head, self._spent)

    def missing(self, checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
        """
        Those checkpoints that are not of this history, the shortest first.

        One is of this history if the tree had its head at its size, and if as much was spent
        by then as it says; who has many of them pays for one walk along the leaves.
        """
        tree, found = Frontier(), []
        for known in sorted(checkpoints, key=lambda known: known.size):
            while tree.size < min(known.size, self.size):
                tree.append(self.leaves[tree.size])
            spent = self.spent_at(known.size)
            if (tree.size, tree.head) != (known.size, known.head) or known.spent not in (
                None,
                spent,
            ):
                found.append(known)
        return found


def broken(position: int) -> VerificationError:
    """The refusal of an entry that does not follow from the one before."""
    return VerificationError(
        "LEDGER_BROKEN",
        rule="Every ledger entry follows from the one before it.",
        found=f"an entry that does not, at position {position}.",
        remedy="keep the files as evidence; restore a copy that a checkpoint confirms.",
    )


def _has(ordered: Sequence[int], number: int) -> bool:
    place = bisect_left(ordered, number)
    return place < len(ordered) and ordered[place] == number
