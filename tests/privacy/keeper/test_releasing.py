"""The second run: charged before a key is given, signed, and given once."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import pytest

from privacy.entries import Entry
from privacy.errors import ClerestoryError, IncompleteError, RefusedError, VerificationError
from privacy.keeper.bundles import sign_bundle
from privacy.keeper.state import LEDGER
from privacy.label_sets import label_set
from privacy.ledger import Ledger
from privacy.plan import Plan
from privacy.sealing import KeyPair, SealedBlob, floor_info, seal
from privacy.signing import verify
from privacy.vault import CHECKPOINT
from tests.aggregates.rows import SHARE, bucket, record, small_plan
from tests.support.house import House, planted

PLAN = small_plan(SHARE)
AUTHOR = PLAN.study.authors[0]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[House, Plan]]:
    """Planted labels and an approved plan."""
    with planted(tmp_path) as made:
        author = made.enrol(AUTHOR)
        bound = made.submit(PLAN)
        made.approve(bound, author)
        yield made, bound


def labels(made: House, bound: Plan) -> list[Path]:
    """The sealed buckets of a plan's label set."""
    name, floor = label_set(bound, made.vault.floor.hash), made.vault.floor
    assert all(made.state.labels.bucket(name, number) for number in range(floor.buckets))
    return sorted(made.vault.label_folder(name).iterdir())


def test_one_charge_one_key_one_bundle(house: tuple[House, Plan]) -> None:
    """In this order; and who asks again gets the same bytes for nothing."""
    made, bound = house
    before = len(made.entries())
    first = made.ask("release", bound)
    kinds = made.kinds()[before:]
    assert kinds == ["charge", "key", "release"]
    charge = made.entries("charge")[0].body
    assert (charge["plan"], Fraction(charge["rho"])) == (bound.hash, bound.loss)
    assert first["standing"] == "released"

    again = made.ask("release", PLAN)
    assert again["files"] == first["files"]
    assert made.kinds()[before:] == kinds
    assert Fraction(made.ask("status")["spent"]) == bound.loss


def test_no_key_is_wrapped_before_its_charge_is_on_the_disk(
    house: tuple[House, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read from the file by somebody else, at the very moment when a worker is given a key."""
    made, bound = house
    on_disk: list[tuple[str, ...]] = []
    rewrap = SealedBlob.rewrap

    def watched(blob: SealedBlob, mine: KeyPair, theirs: bytes, **infos: bytes) -> SealedBlob:
        with closing(sqlite3.connect(made.state.folder / LEDGER)) as other:
            rows = other.execute("SELECT kind FROM entry ORDER BY seq").fetchall()
        note = (made.vault.folder / CHECKPOINT).read_text(encoding="utf-8")
        on_disk.append((*(kind for (kind,) in rows), note.split("\n")[1]))
        return rewrap(blob, mine, theirs, **infos)

    monkeypatch.setattr(SealedBlob, "rewrap", watched)
    before = made.kinds()
    made.ask("release", bound)
    assert len(on_disk) == made.vault.floor.buckets
    # Charge and key are there, and the checkpoint outside the state covers both.
    assert set(on_disk) == {(*before, "charge", "key", str(len(before) + 2))}


def test_a_crash_between_bundle_and_entry_is_made_good(
    house: tuple[House, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored bundle is handed out, and from then on the ledger knows that it was."""
    made, bound = house
    append = Ledger.append

    def dying(ledger: Ledger, kind: str, body: dict[str, str]) -> Entry:
        if kind == "release":
            raise KeyboardInterrupt
        return append(ledger, kind, body)

    monkeypatch.setattr(Ledger, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        made.ask("release", bound)
    monkeypatch.undo()
    assert "release" not in made.kinds()
    for _ in range(2):
        assert made.ask("release", bound)["standing"] == "released"
    assert (made.kinds().count("charge"), made.kinds().count("release")) == (1, 1)


def test_a_bundle_holds_what_its_ledger_knew(house: tuple[House, Plan]) -> None:
    """Plan, floor, approvals, checkpoints around the charge, watermarks: all from one run."""
    made, bound = house
    made.ask("release", bound)
    files = made.state.release(bound.hash)
    assert files is not None
    told = json.loads(files["statement.json"])
    assert files["plan.json"] == bound.canonical
    assert files["floor.json"] == made.vault.floor.canonical
    assert set(told["watermarks"]) == {
        "single-person", "synthetic", "low-fidelity", "T0", "planted",
    }  # fmt: skip
    assert [a["name"] for a in told["approvals"]] == [AUTHOR]
    assert told["custody"] == "same-user"
    before, after = (told[f"checkpoint_{when}"].split("\n")[1] for when in ("before", "after"))
    # Between them lie the charge and the key; the release entry follows both.
    assert int(after) - int(before) == 2
    assert made.entries("release")[0].body["sums"] == sha256(files["SHA256SUMS"]).hexdigest()
    signer = verify(files["SHA256SUMS"], files["SHA256SUMS.sig"].decode(), "clerestory-bundle")
    assert signer == made.vault.keys.signing


def test_the_signature_covers_every_file(house: tuple[House, Plan]) -> None:
    """One line of sums for each, in the form of `sha256sum -c`."""
    made, _ = house
    files = sign_bundle({"b.txt": b"two", "a.txt": b"one"}, made.state)
    assert files["SHA256SUMS"].decode() == (
        f"{sha256(b'one').hexdigest()}  a.txt\n{sha256(b'two').hexdigest()}  b.txt\n"
    )
    verify(files["SHA256SUMS"], files["SHA256SUMS.sig"].decode(), "clerestory-bundle")


def refused(made: House, bound: Plan) -> ClerestoryError:
    """How a release is turned down."""
    with pytest.raises((VerificationError, IncompleteError, RefusedError)) as refusal:
        made.ask("release", bound)
    assert made.entries("release") == []
    assert made.state.release(bound.hash) is None
    return refusal.value


def test_a_bucket_laid_in_twice_is_refused_before_the_charge(house: tuple[House, Plan]) -> None:
    """Its accounts would weigh twice, and the noise is made for once."""
    made, bound = house
    first, second, *_ = labels(made, bound)
    good = second.read_bytes()
    shutil.copy(first, second)
    assert refused(made, bound).code == "BUCKET_CHANGED"
    assert made.entries("charge") == []
    second.write_bytes(good)
    assert made.ask("release", bound)["standing"] == "released"


def test_a_bucket_by_somebody_else_is_refused_before_the_charge(house: tuple[House, Plan]) -> None:
    """Anybody can seal to the keeper's public key: made-up people could hide one real person."""
    made, bound = house
    path, floor = labels(made, bound)[0], made.vault.floor
    header = SealedBlob.decode(path.read_bytes()).header
    good = path.read_bytes()
    forged = seal(
        bucket(record(n, {"work_mode": "fix"}) for n in range(300)),
        header,
        public=made.vault.keys.sealing_bytes,
        info=floor_info(floor.hash, "labels"),
    )
    path.write_bytes(forged.encode())
    assert refused(made, bound).code == "BUCKET_CHANGED"
    assert made.entries("charge") == []
    path.write_bytes(good)
    assert made.ask("release", bound)["standing"] == "released"


def test_a_missing_or_cut_bucket_is_refused_before_the_charge(house: tuple[House, Plan]) -> None:
    """A release speaks of everybody in the corpus, or is not made."""
    made, bound = house
    path = labels(made, bound)[0]
    good = path.read_bytes()
    for spoil in (lambda: path.write_bytes(good[:100]), path.unlink):
        spoil()
        assert refused(made, bound).code == "BUCKET_CHANGED"
        path.write_bytes(good)
    assert made.entries("charge") == []
    assert made.ask("release", bound)["standing"] == "released"


def test_an_approval_that_came_in_after_the_release_changes_nothing(
    house: tuple[House, Plan],
) -> None:
    """The stored bundle is the bundle: its standing stays released."""
    made, bound = house
    author = made.keeper.desk.policy.officer[0]
    assert author.name == AUTHOR
    first = made.ask("release", bound)["files"]
    signature = made.entries("approval")[0].body["signature"]
    try:
        made.ask("approve", bound, signature=signature)
    except RefusedError:
        assert made.kinds()[-1] == "refusal"
    told = made.ask("release", bound)
    assert (told["standing"], told["files"]) == ("released", first)
