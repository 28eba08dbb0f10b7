"""A house whose model may answer otherwise from one month to the next, with anchors of its own."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from clerestory.devstub import Asked, Reply, authority
from clerestory.founding import found
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.keeper.configuration import CONFIGURATION
from privacy.ledger import Ledger
from privacy.plan import Plan, Rater
from privacy.policy import Endpoint, read_policy
from privacy.signing import SigningKey
from privacy.vault import POLICY, Vault
from tests.aggregates.rows import HEAD, small_plan
from tests.classifiers.logs import agent, log, person
from tests.support.egress import MODEL, asking
from tests.support.house import TERMS, House, opened
from tests.support.messages import API_KEY, MessagesServer, codes, message, serving

ANCHORS = 40
TABLES = """
[[table]]
name = "verified"
rate_of = "verified_success"
statistics = ["trend"]
by = ["month"]

[[table]]
name = "judged"
rate_of = "judged_success"
statistics = ["trend"]
by = ["month"]
"""
STUDY = (
    HEAD.replace("minimum_accounts = 20", "minimum_accounts = 2")
    .replace("epsilon = 2.0", "epsilon = 20.0")
    .replace("2025-12", "2025-11")
    .replace("where = { interactive = true, staff = false }\n", "")
)
"""Hardly anybody and hardly any noise: what is printed here is nobody's."""

_NUMBER = re.compile(r"number (\d+)")


def session(word: str, number: int) -> bytes:
    """A log that holds a word by which the model tells the outcome."""
    return log(person(f"please look at {word}, number {number}"), agent("Done."))


class Model:
    """
    Tells outcomes by what is said, and how sure that is by the month.

    Of alpha four in five succeed, of omega one in five: always.  What succeeded has hard evidence
    to this model, until it changes.
    """

    def __init__(self) -> None:
        self.signal, self.asked, self.patience = "5", 0, 10**6
        self.stops: dict[int, Callable[[], None]] = {}
        """At which request something happens first."""

    def __call__(self, asked: Asked) -> Reply:
        self.asked += 1
        if happen := self.stops.pop(self.asked, None):
            happen()
        if self.asked > self.patience:
            return Reply(b"{}", 403)
        number = int(_NUMBER.search(asked.text)[1])  # type: ignore[index]
        outcome = "succeeded" if (number % 5 > 0) == ("alpha" in asked.text) else "failed"
        return message(asked, codes({"outcome": outcome, "success_signal": self.signal}))

    def change(self) -> None:
        """It becomes another model, under the same name."""
        self.signal = "1"


@dataclass
class Drifting:
    """The house, its model, its custodian, and the ledger's clock."""

    house: House
    model: Model
    server: MessagesServer
    hand: Custodian
    clock: list[datetime]
    rater: Rater
    officer: SigningKey

    def turn(self, month: str) -> None:
        """It is the tenth of a month."""
        self.clock[0] = datetime.fromisoformat(f"{month}-10T12:00:00+00:00").astimezone(UTC)

    def seal(self, word: str, month: str, first: int, count: int) -> None:
        """Sessions of so many people, one each."""
        with Deposit(self.hand, Target.of(self.house.vault)) as deposit:
            for number in range(first, first + count):
                deposit.seal(f"p{number}", f"s{number}", month, session(word, number))

    def approve(self, more: str = "") -> Plan:
        """A plan, bound and signed; its second readings are by the same rater."""
        made = small_plan(TABLES, more, head=STUDY)
        again = (replace(one, rater=self.rater) for one in made.readings)
        made = replace(made, rater=self.rater, readings=(*again,))
        bound = self.house.submit(made)
        self.house.approve(bound, self.officer)
        return bound

    def classify(self, plan: Plan) -> None:
        """Label."""
        self.house.ask("classify", plan, secret=API_KEY)

    def release(self, plan: Plan) -> Mapping[str, bytes]:
        """The bundle, as it is kept."""
        self.house.ask("release", plan)
        files = self.house.state.release(plan.hash)
        assert files is not None
        return files


@contextmanager
def drifting(folder: Path, patch: pytest.MonkeyPatch, size: int = ANCHORS) -> Iterator[Drifting]:
    """
    A house before anything was sealed, in July 2026.

    Args:
        folder: Where it all goes.
        patch: Sets the ledger's clock; nothing of the product does.
        size: Of its anchor set.
    """
    clock = [datetime(2026, 7, 10, 12, tzinfo=UTC)]
    patch.setattr(Ledger, "now", lambda self: max(self._history.time, clock[0]))
    own = folder / "anchors"
    own.mkdir(parents=True)
    for number in range(size):
        word = "alpha" if number % 2 else "omega"
        (own / f"{number:02}.jsonl").write_bytes(session(word, 1_000 + number))
    ours, model = authority(), Model()
    with serving(ours.sign(), model) as server:
        terms = replace(TERMS, minimum_accounts=2, epsilon=40.0, development=True)
        found(folder / "vault", folder / "vault.custodian", terms)
        path, floor = folder / "vault" / POLICY, Vault.open(folder / "vault").floor
        policy = read_policy(path.read_text(encoding="utf-8"), floor)
        roots = sha256(ours.roots.encode()).hexdigest()
        place = Endpoint(server.url, 30, roots, development=True)
        policy = replace(policy, raters=("claude",), models=(MODEL,), endpoint=(place,))
        path.write_text(policy.to_toml(floor), encoding="utf-8")
        (folder / "state").mkdir(mode=0o700)
        told = f'anchor_set = "{own}"\n'
        (folder / "state" / CONFIGURATION).write_text(told, encoding="utf-8")
        with opened(folder) as house, closing(Custodian(folder / "vault.custodian")) as hand:
            rater = asking(server.url, ours.roots)
            officer = house.enrol("olga")
            yield Drifting(house, model, server, hand, clock, rater, officer)
