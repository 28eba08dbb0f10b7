"""The filters say what they should, on both machines: run by an interpreter of our own."""

from struct import pack

import pytest

from privacy.errors import ConfigurationError
from privacy.sandbox import control
from privacy.sandbox.seccomp import ALLOWED, QUIET, Instruction, Stage, assemble
from privacy.sandbox.syscalls import NUMBERS

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
REFUSED = {Stage.PROBING: EPERM, Stage.FINAL: KILL}


def verdict(
    program: list[Instruction], number: int, arguments: tuple[int, ...] = (), *, machine: str
) -> int:
    """Run classic BPF over one call, as linux/seccomp.h lays it out; jumps only go forward."""
    words = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = pack("<iIQ6Q", number, ARCHITECTURES[machine], 0, *words)
    place, accumulator = 0, 0
    while True:
        code, yes, no, constant = program[place]
        place += 1
        if code == 0x20:
            accumulator = int.from_bytes(data[constant : constant + 4], "little")
        elif code == 0x06:
            return constant
        else:
            holds = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }[code]
            place += yes if holds else no


@pytest.mark.parametrize("machine", sorted(NUMBERS))
@pytest.mark.parametrize("stage", list(Stage))
def test_every_number_gets_the_answer_of_its_list(stage: Stage, machine: str) -> None:
    """All numbers up to 1023: allowed, quietly refused, or refused; nothing between."""
    program, table = assemble(stage, machine), NUMBERS[machine]
    allowed = {table[name] for name in (*ALLOWED, "mmap", "mprotect") if name in table}
    quiet = {table[name] for name in QUIET if name in table}
    for number in range(1024):
        expected = REFUSED[stage]
        if number in allowed:
            expected = ALLOW
        elif number in quiet:
            expected = EPERM
        assert verdict(program, number, machine=machine) == expected, number


@pytest.mark.parametrize("machine", sorted(NUMBERS))
def test_arguments_decide_where_they_must(machine: str) -> None:
    """Executable memory, signals by fcntl, messages from elsewhere, a third filter."""
    table = NUMBERS[machine]
    for stage in Stage:
        program = assemble(stage, machine)
        for name in ("mmap", "mprotect"):
            for protection in range(8):
                answer = verdict(program, table[name], (0, 0, protection), machine=machine)
                assert answer == (REFUSED[stage] if protection & 4 else ALLOW)
        for command, expected in ((1, ALLOW), (3, ALLOW), (0, EPERM), (4, EPERM), (8, EPERM)):
            assert verdict(program, table["fcntl"], (0, command), machine=machine) == expected
        for descriptor in range(16):
            answer = verdict(program, table["recvmsg"], (descriptor,), machine=machine)
            assert answer == (ALLOW if descriptor == control.NUMBER else REFUSED[stage])
    once, never = assemble(Stage.PROBING, machine), assemble(Stage.FINAL, machine)
    assert verdict(once, table["seccomp"], (1, 1), machine=machine) == ALLOW
    assert verdict(once, table["seccomp"], (0, 0), machine=machine) == EPERM
    assert verdict(never, table["seccomp"], (1, 1), machine=machine) == KILL
    assert verdict(once, table["prctl"], (4, 1), machine=machine) == EPERM


def test_another_set_of_numbers_is_no_way_in() -> None:
    """A filter for one architecture means other calls on another: 32 bits, and x32."""
    for machine, other in (("x86_64", "aarch64"), ("aarch64", "x86_64")):
        program = assemble(Stage.PROBING, machine)
        read = NUMBERS[machine]["read"]
        assert verdict(program, read, machine=machine) == ALLOW
        assert verdict(program, read, machine=other) == KILL
    x86_64 = assemble(Stage.PROBING, "x86_64")
    assert verdict(x86_64, 0x40000000, machine="x86_64") == KILL


def test_an_unknown_machine_is_refused() -> None:
    """No guessing of numbers."""
    with pytest.raises(ConfigurationError) as error:
        assemble(Stage.FINAL, "riscv64")
    assert error.value.code == "MACHINE_UNKNOWN"
