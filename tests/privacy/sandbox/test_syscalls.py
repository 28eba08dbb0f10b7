"""Numbers of system calls are the kernel's own, on both machines; elsewhere nothing is guessed."""

import platform
import re
from pathlib import Path

import pytest

from privacy.errors import ConfigurationError
from privacy.sandbox.syscalls import NUMBERS, numbers

HEADERS = {
    "x86_64": (
        "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        "/usr/include/asm/unistd_64.h",
        "/usr/x86_64-linux-gnu/include/asm/unistd_64.h",
    ),
    # 64-bit machines without a table of their own count as this file does.
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
_DEFINED = re.compile(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", re.MULTILINE)
_SAME_AS = re.compile(r"^#define __NR_(\w+) __NR3264_(\w+)$", re.MULTILINE)


def defined(machine: str) -> dict[str, int]:
    """Name → number, as the kernel's headers say, or a skip that says how to have them."""
    for path in map(Path, HEADERS[machine]):
        if path.is_file():
            text = path.read_text(encoding="ascii")
            found = {name: int(number) for name, number in _DEFINED.findall(text)}
            return found | {new: found[old] for new, old in _SAME_AS.findall(text) if old in found}
    pytest.skip(f"no headers of the kernel for {machine}: apt-get install linux-libc-dev")


@pytest.mark.parametrize("machine", sorted(NUMBERS))
def test_every_number_is_the_kernels(machine: str) -> None:
    """A wrong number in a filter lets the wrong call through."""
    kernel, ours = defined(machine), numbers(machine)
    assert len(ours) >= 50
    known = {name: number for name, number in ours.items() if name in kernel}
    # Headers may be older than a call; none of ours is younger than Linux 5.13.
    assert set(ours) - set(known) <= {"landlock_create_ruleset", "landlock_restrict_self"}
    assert known == {name: kernel[name] for name in known}


@pytest.mark.parametrize("machine", sorted(NUMBERS))
def test_a_wrong_number_would_be_found(machine: str) -> None:
    """The control: the other machine's table does not agree with these headers."""
    kernel = defined(machine)
    (other,) = set(NUMBERS) - {machine}
    shared = {name: number for name, number in numbers(other).items() if name in kernel}
    assert shared != {name: kernel[name] for name in shared}


@pytest.mark.parametrize("machine", ["riscv64", "i686", "arm64e", ""])
def test_another_machine_is_refused(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail closed: with the machine's name, and what to run on instead."""
    monkeypatch.setattr(platform, "machine", lambda: machine or "s390x")
    with pytest.raises(ConfigurationError, match="MACHINE_UNKNOWN") as error:
        numbers(machine or None)
    assert "x86_64 or aarch64" in error.value.remedy
