"""The statement: canonical, whole, and with every watermark that is due."""

import json
from dataclasses import replace
from itertools import product
from typing import Literal

import pytest
import rfc8785

from privacy.errors import VerificationError
from privacy.evidence import (
    ANOTHER,
    WATERMARKS,
    Run,
    Statement,
    answered_as,
    read_run,
    read_statement,
    watermarks,
)
from tests.aggregates.rows import SHARE, small_plan
from tests.privacy.test_floor import FLOOR

PLAN = small_plan(SHARE)
RUN = Run("classify", "p" * 64, "T1", "c" * 64, {"fork": "blocked"}, {"kernel": "6"}, "", "")
STATEMENT = Statement(
    plan="p" * 64,
    floor="f" * 64,
    policy="o" * 64,
    codebook="b" * 64,
    prompts="r" * 64,
    code="a" * 64,
    workers={"classify": "c" * 64},
    parts={"c" * 64: {"code/privacy": "d" * 64}},
    runs=(RUN,),
    tier="T1",
    custody="same-user",
    planted=False,
    approvals=({"name": "olga"},),
    charged="2026-01-02T00:00:00+00:00",
    watermarks=("low-fidelity",),
    previous="",
    checkpoint_before="before",
    checkpoint_after="after",
)


def test_each_watermark_is_due_for_its_own_reason() -> None:
    """All sixty-four cases: none hides another, none comes for nothing."""
    for single, synthetic, low, naked, planted, dev in product((True, False), repeat=6):
        floor = replace(FLOOR, single_person=single, synthetic=synthetic, development=dev)
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
                ("dev", dev),
            )
            if reason
        }
        assert set(due) <= WATERMARKS.keys()


def test_a_statement_has_one_way_to_be_written() -> None:
    """It is signed as bytes; what reads back otherwise is none."""
    data = STATEMENT.canonical
    assert rfc8785.dumps(json.loads(data)) == data
    assert read_statement(data) == STATEMENT
    assert read_run(RUN.canonical) == RUN
    told = json.loads(data)
    for other in (
        json.dumps(told).encode(),
        data + b"\n",
        rfc8785.dumps({**told, "more": 1}),
        rfc8785.dumps({**told, "format": "clerestory/statement/1"}),
        rfc8785.dumps({**told, "kind": "proof"}),
        rfc8785.dumps({**told, "planted": "no"}),
        rfc8785.dumps({**told, "tier": "T3"}),
    ):
        with pytest.raises(VerificationError, match="STATEMENT_UNREADABLE"):
            read_statement(other)
    with pytest.raises(VerificationError, match="STATEMENT_UNREADABLE"):
        read_run(RUN.canonical.replace(b"T1", b"T4"))


def test_a_name_from_a_worker_is_not_told() -> None:
    """What answers may call itself anything: whether it was asked is all that is kept."""
    assert answered_as("opus", "opus") == "opus"
    assert answered_as("opus", "") == ""
    assert answered_as("opus", "what a person said") == ANOTHER
    assert answered_as("", "opus") == ANOTHER


def test_what_only_nodes_have_is_left_out_elsewhere() -> None:
    """So that records and statements from before there were nodes are read on."""
    assert not {b"node", b"custody"} & {*RUN.canonical.split(b'"')}
    far = replace(RUN, node="SHA256:east", custody="same-user")
    for run in (RUN, far):
        assert read_run(run.canonical) == run
        told = replace(STATEMENT, runs=(run,))
        assert read_statement(told.canonical) == told
    spelt = RUN.canonical.replace(b'"plan"', b'"node":"","plan"')
    with pytest.raises(VerificationError, match="STATEMENT_UNREADABLE"):
        read_run(spelt)
