"""Views and declarations, through sealed workers: from the custodian's files to sealed records."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from aggregates.plan import plan
from aggregates.study import Study
from clerestory.sealing import seal_sources
from privacy.codebook import codebook
from privacy.label_sets import label_set
from privacy.labels import LabelRecord, unpack_bucket
from privacy.plan import Plan
from privacy.sealing import floor_info
from privacy.views import UNSEEN
from tests.aggregates.rows import HEAD
from tests.support.house import House, founded

BOOK = codebook()
TABLE = '\n[[table]]\nname = "expertise"\nshare_of = "expertise"\n'


def talk(session: str, *turns: tuple[str, str]) -> str:
    """A session in the real format."""
    lines = []
    for number, (kind, text) in enumerate(turns):
        message: dict[str, Any] = {"role": kind, "content": text}
        if kind == "assistant":
            message |= {"content": [{"type": "text", "text": text}], "id": f"m{number}"}
        record: dict[str, Any] = {"type": kind, "uuid": f"{session}-{number}", "sessionId": session}
        record |= {"timestamp": f"2025-11-03T04:05:{number:02d}.000Z", "message": message}
        lines.append(json.dumps(record))
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Labelled:
    """A vault with two sets of labels."""

    house: House
    plans: dict[str, Plan]

    def records(self, view: str) -> list[dict[str, str]]:
        """The records of a view, staff's first, as the keeper alone can open them."""
        name = label_set(self.plans[view], self.house.vault.floor.hash)
        info = floor_info(self.house.vault.floor.hash, "labels")
        found = []
        for number in range(self.house.vault.floor.buckets):
            if blob := self.house.state.labels.bucket(name, number):
                key = self.house.state.ring.of(blob).open(blob.wrapped, info=info)
                for _, data in unpack_bucket(blob.open(key), BOOK):
                    record = LabelRecord.decode(data, BOOK)
                    pairs = zip(BOOK.fields, record.labels, strict=True)
                    found.append({field.name: field.labels[at] for field, at in pairs})
                    found[-1]["measures"] = str(record.measures)
        return sorted(found, key=lambda record: record["staff"], reverse=True)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labelled]:
    """Two people, one of them staff, whose sessions are read whole and by their first turn."""
    folder = tmp_path_factory.mktemp("views")
    for name in ("ann", "bob"):
        ask = "Please fix the failing sum in total.py; it must stay correct for an empty list."
        turns = (("user", ask), ("assistant", "Fixed, and all tests pass."), ("user", "Thanks!"))
        (folder / f"{name}.jsonl").write_text(talk(name, *turns), encoding="utf-8")
    rows = "path,account,staff\nann.jsonl,ann,yes\nbob.jsonl,bob,no\n"
    (folder / "accounts.csv").write_text(rows, encoding="utf-8")
    with founded(folder) as house:
        olga, plans = house.enrol("olga"), {}
        logs = [folder / "ann.jsonl", folder / "bob.jsonl"]
        custodian, owners = folder / "vault.custodian", folder / "accounts.csv"
        seal_sources(house.vault.folder, custodian, logs, owners, None, lambda _, __: None)
        for view in ("full", "first_turn"):
            rater = f'\n[rater]\nname = "offline"\nview = "{view}"\n'
            bound = house.submit(plan(Study.parse(HEAD + rater + TABLE)))
            house.approve(bound, olga)
            house.ask("classify", bound)
            plans[view] = bound
        yield Labelled(house, plans)


def test_each_view_has_its_own_labels_of_the_same_sessions(labelled: Labelled) -> None:
    """
    Neither run took the other's records for its own; what was counted is the same.

    What was declared stands in the records, and nowhere in the vault's sealed files.
    """
    whole, opening = labelled.records("full"), labelled.records("first_turn")
    for found in (whole, opening):
        assert [record["staff"] for record in found] == ["yes", "no"]
        assert [record["status"] for record in found] == ["rated", "rated"]
    for one, other in zip(whole, opening, strict=True):
        assert one["outcome"] != "unclear"
        hidden = UNSEEN["first_turn"]
        assert [other[name] for name in hidden] == ["unclear"] * len(hidden)
        assert one["measures"] == other["measures"]
    for bound in labelled.plans.values():
        labelled.house.keeper.desk.labelling(bound).check_complete()
    files = [p for p in labelled.house.vault.sessions.rglob("*") if p.is_file()]
    assert files
    assert not any(b"staff" in path.read_bytes() for path in files)
