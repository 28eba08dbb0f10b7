"""The statement: canonical, whole, and with every watermark that is due."""

import json
from dataclasses import replace
from itertools import product
from typing import Literal

import rfc8785

from privacy.approvals import Approval
from privacy.evidence import WATERMARKS, statement, watermarks
from privacy.plan import Binding
from privacy.policy import Person
from privacy.signing import SigningKey
from tests.aggregates.rows import SHARE, small_plan
from tests.privacy.test_floor import FLOOR

PLAN = small_plan(SHARE).bind(Binding("v", FLOOR.hash, "p" * 64, "c" * 64))


def test_each_watermark_is_due_for_its_own_reason() -> None:
    """All thirty-two cases: none hides another, none comes for nothing."""
    for single, synthetic, low, naked, planted in product((True, False), repeat=5):
        floor = replace(FLOOR, single_person=single, synthetic=synthetic)
        fidelity: Literal["low", "validated"] = "low" if low else "validated"
        plan = replace(PLAN, rater=replace(PLAN.rater, fidelity=fidelity))
        due = watermarks(plan, floor, "T0" if naked else "T2", planted=planted)
        assert set(due) == {
            code
            for code, reason in (
                ("single-person", single),
                ("synthetic", synthetic),
                ("low-fidelity", low),
                ("T0", naked),
                ("planted", planted),
            )
            if reason
        }
        assert set(due) <= WATERMARKS.keys()


def test_a_statement_is_canonical_and_speaks_of_its_plan() -> None:
    """It is signed as bytes, so there is one way to write it."""
    key = SigningKey.generate()
    told = statement(
        PLAN,
        tier="T1",
        custody="same-user",
        probes={"write_file": "blocked"},
        approvals=[Approval(Person("olga", key.public), "2026-01-01T00:00:00")],
        charged="2026-01-02T00:00:00+00:00",
        marks=["low-fidelity"],
        checkpoints=("before", "after"),
    )
    read = json.loads(told)
    assert rfc8785.dumps(read) == told
    assert (read["plan"], read["code"], read["tier"]) == (PLAN.hash, "c" * 64, "T1")
    assert read["probes"] == {"write_file": "blocked"}
    assert [a["name"] for a in read["approvals"]] == ["olga"]
    assert read["charged"] == "2026-01-02T00:00:00+00:00"
    assert (read["checkpoint_before"], read["checkpoint_after"]) == ("before", "after")
