"""The closed list: what a ledger may say, and that none of it is a count of people's data."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.approvals import ACTS
from privacy.changes import PROPOSAL
from privacy.entries import FIELDS, KINDS, check_form
from privacy.errors import ClerestoryError
from privacy.ledger import Ledger
from tests.support.ledgers import ORIGIN, plan, submitted
from tests.support.world import ROOT

FIXED_BY_THE_PLAN = {"rho"}
"""Numbers that are known before any data are read."""
NAMED_BY_ITS_AUTHOR = {"study"}
"""Names that may look like a number, and were given before any data are read."""


def listed(kind: str, body: dict[str, str]) -> bool:
    """Whether an event may be written."""
    try:
        check_form(kind, body)
    except ClerestoryError:
        return False
    return True


@given(
    number=st.one_of(
        st.integers(-(10**12), 10**12).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(str),
        st.integers(0, 10**9).map(lambda n: f"{n:,}"),
        st.integers(0, 10**9).map(lambda n: f"{n} sessions"),
        st.integers(0, 10**9).map(hex),
    )
)
def test_no_field_of_any_kind_holds_a_number_but_rho(number: str) -> None:
    """However it is written: a count of sessions has no place to stand."""
    for kind, fields in KINDS.items():
        for field in set(fields) - FIXED_BY_THE_PLAN - NAMED_BY_ITS_AUTHOR:
            assert not listed(kind, {field: number}), (kind, field)
    assert listed("charge", {"plan": plan("x"), "rho": "3/7"})


def test_every_field_has_a_form_and_every_form_a_field() -> None:
    """A kind that somebody adds needs its fields' forms; a form that nobody uses hides one."""
    used = {field for fields in KINDS.values() for field in fields}
    assert used == set(FIELDS)
    assert list(KINDS) == sorted(KINDS)
    assert list(FIELDS) == sorted(FIELDS)


def test_what_is_not_listed_is_not_written(tmp_path: Path) -> None:
    """Kind, field, form: each alone is enough to be refused, and nothing is left of it."""
    ledger = Ledger(tmp_path / "l.db", ORIGIN)
    for kind, body in (
        ("session", {}),
        ("plan", {**submitted("x"), "sessions": "398"}),
        ("labels", {"plan": plan("x"), "rho": "1"}),
        ("charge", {"plan": "x", "rho": "1"}),
        ("charge", {"plan": plan("x"), "rho": "1e3"}),
        ("refusal", {"verb": "tried", "code": "A name"}),
    ):
        with pytest.raises(ClerestoryError, match="ENTRY_NOT_LISTED") as refusal:
            ledger.append(kind, body)
        # The refusal quotes none of it.
        assert not any(len(value) > 3 and value in str(refusal.value) for value in body.values())
    assert list(ledger.entries()) == []
    ledger.append("plan", submitted("x"))
    assert len(list(ledger.entries())) == 1


def test_every_kind_that_the_code_writes_is_listed() -> None:
    """`append("…"` and `write("…"` anywhere in the product, and what people sign."""
    pattern = re.compile(r"\.(?:append|write)\(\s*\"([a-z]+)\",")
    found = {
        kind
        for path in (ROOT / "privacy").rglob("*.py")
        for kind in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert found >= {"charge", "corpus", "key", "labels", "plan", "policy", "recovery"}
    assert found | {act.entry for act in ACTS.values()} | {PROPOSAL} <= set(KINDS)
