"""Recovery: two officers account for what was lost, nothing is spent twice, and all of it shows."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from privacy.accountant import Receipt
from privacy.checkpoint import Checkpoint
from privacy.errors import ClerestoryError, RefusedError, VerificationError
from privacy.history import LOST, History
from privacy.keeper.recovering import complete, prepare
from privacy.keeper.state import State
from privacy.recovery import Recovery, draft, read_recovery
from privacy.signing import SigningKey
from privacy.vault import CHECKPOINT, Vault
from tests.support.books import PLAN, Archive, approved, begun, paid, study
from tests.support.house import TERMS, founded, opened
from tests.support.ledgers import ORIGIN, filled

Keys = dict[str, SigningKey]


def state(tmp_path: Path) -> State:
    """The state, opened to account for it."""
    return State(tmp_path / "state", Vault.open(tmp_path / "vault"), recovering=True)


def recover(
    tmp_path: Path, signers: Sequence[SigningKey], notes: Sequence[str] = ()
) -> tuple[Recovery, Fraction]:
    """Have signers state what was lost."""
    floor = Vault.open(tmp_path / "vault").floor
    one = state(tmp_path)
    try:
        given = [one.witnesses.read(note) for note in notes]
        statement = prepare(one, floor, given, [])
        made = [key.sign(statement.canonical, "clerestory-recovery") for key in signers]
        return statement, complete(one, floor, statement, made)
    finally:
        one.close()


def code(tmp_path: Path, signers: Sequence[SigningKey], notes: Sequence[str] = ()) -> str:
    """The code under which a recovery is refused."""
    with pytest.raises(ClerestoryError) as refusal:
        recover(tmp_path, signers, notes)
    assert refusal.value.remedy
    return refusal.value.code


@pytest.fixture
def disaster(tmp_path: Path) -> tuple[Keys, str, str]:
    """
    Two studies paid for; of the state only a copy from between them is left.

    Returns:
        The officers' keys, and the hashes of the plan that the copy knows as released and of
        the one that it knows as approved.
    """
    keys, archive = begun(tmp_path), Archive(tmp_path)
    with opened(tmp_path) as house:
        first = approved(house, "first", keys["olga"])
        paid(house, first)
        second = approved(house, "second", keys["olga"])
        house.state.ledger.append("refusal", {"verb": "show", "code": "SOME_CODE"})
    archive.keep()
    with opened(tmp_path) as house:
        paid(house, second)
    archive.restore(0)
    return keys, first.hash, second.hash


def test_what_the_checkpoint_shows_counts_as_spent(
    tmp_path: Path, disaster: tuple[Keys, str, str]
) -> None:
    """The vault's note tells what the lost entries had charged; the keeper starts again."""
    keys, _, second = disaster
    with pytest.raises(VerificationError, match="LEDGER_ROLLED_BACK"), opened(tmp_path):
        pass
    statement, spent = recover(tmp_path, [keys["olga"], keys["otto"]])
    assert spent == 2 * PLAN.loss
    assert statement.plans == (second,)
    with opened(tmp_path) as house:
        told = house.ask("status")
        assert Fraction(told["spent"]) == 2 * PLAN.loss
        assert told["studies"] == {"first": str(PLAN.loss), LOST: str(PLAN.loss)}
        assert house.kinds()[-2:] == ["recovery", "charge"]
    # And once more, and after more was charged: the lost note stays explained.
    with opened(tmp_path) as house:
        paid(house, approved(house, "third", keys["olga"]))
    with opened(tmp_path) as house:
        assert Fraction(house.ask("status")["spent"]) == 3 * PLAN.loss


def test_a_plan_that_may_have_been_released_is_not_charged_again(
    tmp_path: Path, disaster: tuple[Keys, str, str]
) -> None:
    """Its noise may be out already: a second draw would be a second look, even if it is paid."""
    keys, *_ = disaster
    recover(tmp_path, [keys["olga"], keys["otto"]])
    with opened(tmp_path) as house:
        with pytest.raises(RefusedError, match="PLAN_LOST"):
            paid(house, house.submit(study("second")))
        # Nor as another submission of the same contents, with signatures of its own.
        assert house.kinds().count("charge") == 2
        fresh = replace(study("second"), study=replace(study("second").study, purpose="anew"))
        bound = house.submit(fresh)
        house.approve(bound, keys["olga"])
        paid(house, bound)


def test_two_distinct_officers_and_none_of_the_authors(
    tmp_path: Path, disaster: tuple[Keys, str, str]
) -> None:
    """One, one twice, a stranger, nobody: refused, and the keeper still does not start."""
    keys, *_ = disaster
    olga, otto = keys["olga"], keys["otto"]
    for signers in ([], [olga], [olga, olga], [olga, SigningKey.generate()]):
        assert code(tmp_path, signers) == "RECOVERY_NOT_SIGNED"
    with pytest.raises(VerificationError, match="LEDGER_ROLLED_BACK"), opened(tmp_path):
        pass
    recover(tmp_path, [olga, otto])
    assert code(tmp_path, [olga, otto]) == "NOTHING_TO_RECOVER"


def test_an_author_of_a_closed_plan_does_not_state_it(tmp_path: Path) -> None:
    """He would decide what his own study had cost."""
    keys, archive = begun(tmp_path), Archive(tmp_path)
    with opened(tmp_path) as house:
        bound = approved(house, "his", keys["olga"], "otto")
        archive.keep()
        paid(house, bound)
    archive.restore(0)
    assert code(tmp_path, list(keys.values())) == "RECOVERY_NOT_SIGNED"


def test_one_persons_vault_needs_one_signature(tmp_path: Path) -> None:
    """Where the floor says so there is nobody else to ask; an author then is his own officer."""
    archive = Archive(tmp_path)
    with founded(tmp_path, replace(TERMS, single_person=True)) as house:
        alone = house.enrol("olga")
        bound = approved(house, "mine", alone, "olga")
        archive.keep()
        paid(house, bound)
    archive.restore(0)
    assert code(tmp_path, []) == "RECOVERY_NOT_SIGNED"
    _, spent = recover(tmp_path, [alone])
    assert spent == PLAN.loss
    with opened(tmp_path):
        pass


def test_a_checkpoint_that_turns_up_counts_too(
    tmp_path: Path, disaster: tuple[Keys, str, str]
) -> None:
    """The most that any known note shows: a reader's bundle may know more than the vault."""
    keys, *_ = disaster
    one = state(tmp_path)
    more = Checkpoint(one.ledger.origin, 500, bytes(32), Fraction(5)).sign(one.signing)
    older = (tmp_path / "vault" / CHECKPOINT).read_text()
    one.close()
    statement, spent = recover(tmp_path, [keys["olga"], keys["otto"]], [more])
    assert spent == 5
    assert len(statement.checkpoints) == 2
    with opened(tmp_path) as house:
        history = house.state.ledger.history
        known = [house.state.witnesses.read(note) for note in (older, more)]
        assert history.missing(known) == known
        assert house.state.witnesses.lost(house.state.ledger, known) == []


def test_a_checkpoint_that_turns_up_later_needs_another_recovery(
    tmp_path: Path, disaster: tuple[Keys, str, str]
) -> None:
    """What the officers did not name is not explained."""
    keys, *_ = disaster
    recover(tmp_path, [keys["olga"], keys["otto"]])
    one = state(tmp_path)
    late = Checkpoint(one.ledger.origin, 500, bytes(32), Fraction(5)).sign(one.signing)
    one.close()
    (tmp_path / "vault" / CHECKPOINT).write_text(late)
    with pytest.raises(VerificationError, match="LEDGER_ROLLED_BACK"), opened(tmp_path):
        pass
    _, spent = recover(tmp_path, [keys["olga"], keys["otto"]])
    assert spent == 5
    with opened(tmp_path):
        pass


def test_a_note_that_does_not_tell_counts_as_all_of_it() -> None:
    """Version 0.1 wrote none of what was spent: then only the whole budget is safe to say."""
    history, budget = History(), Fraction(9)
    silent, telling = Checkpoint("x", 3, bytes(32)), Checkpoint("x", 5, bytes(32), Fraction(2))
    shorter = Checkpoint("x", 2, bytes(32), Fraction(1))
    assert draft("x", history, [silent], [], budget).spent == "9"
    assert draft("x", history, [shorter, silent], [], budget).spent == "9"
    assert draft("x", history, [silent, telling], [], budget).spent == "2"


def test_only_an_older_part_of_the_same_history_is_recovered(tmp_path: Path) -> None:
    """A ledger that a known checkpoint contradicts is another one, whoever signs for it."""
    ledger = filled(tmp_path / "l.db", 4)
    forked = Checkpoint(ORIGIN, 3, bytes(32), Fraction(1))
    with pytest.raises(RefusedError, match="RECOVERY_OF_ANOTHER_HISTORY"):
        draft(ORIGIN, ledger.history, [forked], [], Fraction(9))
    longer = replace(forked, size=5)
    assert draft(ORIGIN, ledger.history, [longer], [], Fraction(9)).spent == "1"


def forge(tmp_path: Path, signatures: Sequence[str], **changed: object) -> str:
    """Write a recovery past the keeper's own checks; the code under which it does not start."""
    floor, one = Vault.open(tmp_path / "vault").floor, state(tmp_path)
    statement = replace(prepare(one, floor, [], []), **changed)  # type: ignore[arg-type]
    with one.ledger.exclusive():
        told = statement.canonical.decode()
        one.ledger.write("recovery", {"statement": told, "signatures": "".join(signatures)})
        one.ledger.record(Receipt(statement.hash, Fraction(0)))
    one.close()
    with pytest.raises(VerificationError) as refusal, opened(tmp_path):
        pass
    return refusal.value.code


@pytest.mark.parametrize(
    "changed",
    [{}, {"spent": "0"}, {"size": 1}, {"head": "0" * 64}, {"plans": ("0" * 64,)}],
    ids=str,
)
def test_a_recovery_that_was_written_and_not_signed_explains_nothing(
    tmp_path: Path, disaster: tuple[Keys, str, str], changed: dict[str, object]
) -> None:
    """Who can write to the ledger cannot explain a rollback away."""
    keys, *_ = disaster
    stranger = SigningKey.generate().sign(b"{}", "clerestory-recovery")
    olga = keys["olga"].sign(b"{}", "clerestory-recovery")
    assert forge(tmp_path, [olga, stranger], **changed) == "RECOVERY_INVALID"


def test_a_signed_recovery_must_charge_what_it_says(
    tmp_path: Path, disaster: tuple[Keys, str, str]
) -> None:
    """Signatures of both officers do not help a recovery whose charge is another."""
    keys, *_ = disaster
    one = state(tmp_path)
    statement = prepare(one, Vault.open(tmp_path / "vault").floor, [], [])
    one.close()
    made = [key.sign(statement.canonical, "clerestory-recovery") for key in keys.values()]
    assert forge(tmp_path, made) == "RECOVERY_INVALID"


def test_a_statement_reads_back_and_no_other(
    tmp_path: Path, disaster: tuple[Keys, str, str]
) -> None:
    """One statement, one spelling: what was signed is what is read."""
    keys, *_ = disaster
    statement, _ = recover(tmp_path, list(keys.values()))
    text = statement.canonical.decode()
    assert read_recovery(text) == statement
    told = json.loads(text)
    wrongs: list[object] = [
        {**told, "format": "x"},
        {**told, "more": 1},
        {**told, "checkpoints": 7},
        {name: value for name, value in told.items() if name != "spent"},
        [],
    ]
    for wrong in wrongs:
        with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
            read_recovery(json.dumps(wrong))
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason
        read_recovery(text + " ")


def test_a_ledger_from_before_its_first_policy_is_lost(tmp_path: Path) -> None:
    """Without a policy there is nobody whose signature would count."""
    keys = begun(tmp_path)
    with opened(tmp_path) as house:
        paid(house, approved(house, "one", keys["olga"]))
    for path in (tmp_path / "state").glob("ledger.db*"):
        path.unlink()
    filled(tmp_path / "state" / "ledger.db", 0).close()
    assert code(tmp_path, list(keys.values())) == "RECOVERY_NOT_SIGNED"
