"""Under a floor that demands hardware the keeper gives no key without it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import privacy.nitro
from clerestory import synthesis
from privacy.errors import RefusedError, VerificationError
from privacy.keeper import releasing
from privacy.plan import Plan
from privacy.sandbox.launch import Worker, start
from privacy.verification import verify_bundle
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import House, planted

pytest.importorskip("cbor2", reason="cbor2 is missing: pip install 'clerestory[nitro]'")

from privacy.hardware import binding
from tests.support.enclave import REGISTERS, Hypervisor, links

DEMANDED = {"PCR0": REGISTERS[0].hex(), "PCR4": REGISTERS[4].hex()}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[House, Plan]]:
    """Planted labels under a floor that demands two measurements, and an approved plan."""
    terms = replace(synthesis.SYNTHETIC, hardware=DEMANDED)
    monkeypatch.setattr(synthesis, "SYNTHETIC", terms)
    with planted(tmp_path, accounts=60, sessions=80) as made:
        author = made.enrol("a@example.org")
        bound = made.submit(small_plan(SHARE))
        made.approve(bound, author)
        yield made, bound


def in_enclave(monkeypatch: pytest.MonkeyPatch, registers: dict[int, bytes], **more: object) -> str:
    """Let real workers bring documents by an authority of the tests; returns its root."""
    hypervisor = Hypervisor.make(links(datetime.now(UTC)))

    def started(*arguments: Any) -> Worker:  # noqa: ANN401
        worker = start(*arguments)
        plan = sha256(arguments[3]).hexdigest()
        told = {
            "timestamp": int(datetime.now(UTC).timestamp() * 1000),
            "user_data": binding(plan, sha256(worker.public_key).hexdigest()),
            **more,
        }
        worker.document = hypervisor.document(pcrs=registers, **told)
        return worker

    monkeypatch.setattr(releasing, "start", started)
    monkeypatch.setattr(privacy.nitro, "AWS_ROOT", hypervisor.root)
    return hypervisor.root


def nothing_given(made: House, bound: Plan, code: str) -> None:
    """A release is refused under a code, and neither charged nor answered with a key."""
    with pytest.raises((RefusedError, VerificationError), match=code):
        made.ask("release", bound)
    assert not {"charge", "key", "release"} & set(made.kinds())
    assert made.entries("refusal")[-1].body == {"verb": "release", "code": code}


def test_a_worker_of_this_version_is_given_no_key(house: tuple[House, Plan]) -> None:
    """Nothing that it starts runs in an enclave."""
    nothing_given(*house, "HARDWARE_EVIDENCE_MISSING")


def test_a_worker_with_the_demanded_document_is(
    house: tuple[House, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control, and `verify` finds the document in the bundle, and one that is not."""
    made, bound = house
    root = in_enclave(monkeypatch, REGISTERS)
    made.ask("release", bound)
    files = made.state.release(bound.hash)
    assert files is not None
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for name, data in files.items():
        (bundle / name).write_bytes(data)
    monkeypatch.undo()
    checks = verify_bundle(bundle, root=root)
    assert [check.number for check in checks if check.holds is False] == []
    assert "PCR0, PCR4" in checks[16].found
    # The same bundle, by the one authority that a reader knows: Amazon's.
    assert [check.number for check in verify_bundle(bundle) if check.holds is False] == [17]


@pytest.mark.parametrize("register", [0, 4])
def test_a_wrong_measurement_gets_no_key(
    house: tuple[House, Plan], monkeypatch: pytest.MonkeyPatch, register: int
) -> None:
    """Another image, or another configuration of it."""
    value = REGISTERS[register]
    in_enclave(monkeypatch, {**REGISTERS, register: value[:-1] + bytes([value[-1] ^ 1])})
    nothing_given(*house, "HARDWARE_MEASUREMENT")


def test_a_document_of_another_worker_gets_no_key(
    house: tuple[House, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows the right image, which has another key."""
    stranger = binding(house[1].hash, sha256(b"another key").hexdigest())
    in_enclave(monkeypatch, REGISTERS, user_data=stranger)
    nothing_given(*house, "HARDWARE_BINDING")


def test_debug_mode_gets_no_key(house: tuple[House, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started it can look into its memory."""
    in_enclave(monkeypatch, dict.fromkeys(REGISTERS, bytes(48)))
    nothing_given(*house, "HARDWARE_DEBUG")
