"""A floor's demand for hardware: a worker brings what fits, or is given nothing."""

from collections.abc import Mapping
from hashlib import sha256

import pytest

from privacy.errors import ClerestoryError, ConfigurationError, RefusedError

pytest.importorskip("cbor2", reason="cbor2 is missing: pip install 'clerestory[nitro]'")

from privacy.hardware import binding, check_hardware
from tests.support.enclave import NOW, REGISTERS, Hypervisor

HOUSE = Hypervisor.make()
PLAN, KEY = sha256(b"plan").hexdigest(), sha256(b"key").hexdigest()
DEMANDED = {f"PCR{number}": value.hex() for number, value in REGISTERS.items()}
FITTING = HOUSE.document(user_data=binding(PLAN, KEY))


def refusal(
    document: bytes = FITTING,
    demanded: Mapping[str, str] = DEMANDED,
    *,
    plan: str = PLAN,
    key: str = KEY,
) -> str:
    """The code under which a worker is turned down, or nothing."""
    try:
        check_hardware(demanded, document, plan=plan, key=key, at=NOW, root=HOUSE.root)
    except ClerestoryError as error:
        return error.code
    return ""


def test_a_document_for_this_worker_and_this_plan_is_accepted() -> None:
    """The control: the real check on a document by an authority of the tests."""
    assert refusal() == ""
    assert refusal(demanded={"PCR0": DEMANDED["PCR0"]}) == ""


def test_a_floor_that_demands_nothing_asks_for_nothing() -> None:
    """And looks at nothing, so that cbor2 is needed by those alone who demand it."""
    assert refusal(b"", {}) == ""
    assert refusal(b"no document", {}) == ""


def test_a_worker_without_a_document_is_refused() -> None:
    """By a rule of the floor, with a code of its own: that is every worker of this version."""
    with pytest.raises(RefusedError, match="HARDWARE_EVIDENCE_MISSING") as refused:
        check_hardware(DEMANDED, b"", plan=PLAN, key=KEY)
    assert "enclave" in refused.value.remedy


@pytest.mark.parametrize("register", DEMANDED)
def test_each_wrong_measurement_is_refused(register: str) -> None:
    """One digit of one register."""
    value = DEMANDED[register]
    wrong = {**DEMANDED, register: ("0" if value[0] != "0" else "1") + value[1:]}
    assert refusal(demanded=wrong) == "HARDWARE_MEASUREMENT"


def test_a_document_cannot_be_lent() -> None:
    """Not to another worker, not to another run, not with the two exchanged."""
    other = sha256(b"other").hexdigest()
    assert refusal(key=other) == "HARDWARE_BINDING"
    assert refusal(plan=other) == "HARDWARE_BINDING"
    assert refusal(plan=KEY, key=PLAN) == "HARDWARE_BINDING"


def test_the_root_is_amazons_unless_said_otherwise() -> None:
    """The authority of the tests is nobody outside of them."""
    with pytest.raises(ClerestoryError, match="HARDWARE_CHAIN"):
        check_hardware(DEMANDED, FITTING, plan=PLAN, key=KEY, at=NOW)


@pytest.mark.parametrize(
    "demanded",
    [
        {"PCR32": "00" * 48},
        {"pcr0": "01" * 48},
        {"PCR0": "01" * 32},
        {"PCR0": "xy" * 48},
        {"PCR0": ""},
        {**DEMANDED, "MRENCLAVE": "01" * 48},
    ],
    ids=range(6),
)
def test_a_floor_that_demands_what_does_not_exist_gives_no_key(demanded: dict[str, str]) -> None:
    """A typing mistake must not become a floor that demands nothing."""
    with pytest.raises(ConfigurationError, match="FLOOR_HARDWARE"):
        check_hardware(demanded, FITTING, plan=PLAN, key=KEY, at=NOW, root=HOUSE.root)


def test_without_cbor_no_document_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is missing: that is said, and nothing is given."""
    monkeypatch.setitem(__import__("sys").modules, "cbor2", None)
    assert refusal() == "CBOR_MISSING"
