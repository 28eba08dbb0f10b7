"""
What can go wrong, as types.  This module imports nothing from the project.

Every error names the rule that spoke, what was found, and what to do.  None of the three
may hold a person's words: they are written by us, with numbers and names of ours in them.
"""

from typing import ClassVar, Self


class ClerestoryError(Exception):
    """
    Base of every error that is raised on purpose.

    Args:
        code: Stable name of the refusal, for programs: upper case, words joined by `_`.
        rule: The rule that spoke, as a sentence.
        found: What was found instead.  Never a transcript's text, never a label row.
        remedy: What the reader can do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, *, rule: str, found: str, remedy: str) -> None:
        super().__init__(f"{code}: {rule} Found: {found} Do: {remedy}")
        self.code, self.rule, self.found, self.remedy = code, rule, found, remedy
        self.step = ""
        """What was asked when the rule spoke: `classify`, `release`, …; empty outside a keeper."""

    def at(self, step: str) -> Self:
        """The same error, saying at which step of a plan's way it came."""
        self.step = step
        return self

    def to_json(self) -> dict[str, str | int]:
        """The error as it crosses the keeper's socket and stands under `--json`."""
        return {
            "code": self.code,
            "rule": self.rule,
            "found": self.found,
            "remedy": self.remedy,
            "step": self.step,
            "exit": self.exit_code,
        }

    @classmethod
    def from_json(cls, message: dict[str, str]) -> Self:
        """Rebuild on this side of the socket what was raised on the other."""
        return cls(
            message["code"],
            rule=message["rule"],
            found=message["found"],
            remedy=message["remedy"],
        ).at(message.get("step", ""))


class ConfigurationError(ClerestoryError):
    """The command, a file or the machine is not as it must be (exit 2)."""

    exit_code = 2


class RefusedError(ClerestoryError):
    """A rule of the floor, the policy or the budget says no (exit 3)."""

    exit_code = 3


class VerificationError(ClerestoryError):
    """Something signed does not hold (exit 4)."""

    exit_code = 4


class IncompleteError(ClerestoryError):
    """Work stopped in the middle; the same command again goes on (exit 5)."""

    exit_code = 5


BY_EXIT_CODE: dict[int, type[ClerestoryError]] = {
    kind.exit_code: kind
    for kind in (
        ClerestoryError,
        ConfigurationError,
        RefusedError,
        VerificationError,
        IncompleteError,
    )
}
"""Which type an exit code came from: the keeper's client rebuilds errors by it."""
