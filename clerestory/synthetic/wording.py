"""
How people and the agent put things in synthetic sessions.

A label never has a sentence of its own.  Openings come from registers that overlap, follow-ups from
pools that several labels share, and one draw in ten is taken from a neighbouring register, so that
wording is evidence, as in life, and not a key.
"""

from functools import cache
from importlib.resources import files
from random import Random
from tomllib import loads

from .domains import Domain, identifier, language

REGISTER = {"novice": 0, "beginner": 0, "intermediate": 1, "advanced": 2, "expert": 3}
"""How far a level's usual wording is from a layman's; unclear has none."""
SLIP = 0.1
"""How often wording is that of a neighbouring level."""


@cache
def wording() -> dict[str, dict[str, list[str]]]:
    """The pools of phrases of `wording.toml`."""
    return loads((files(__package__) / "wording.toml").read_text(encoding="utf-8"))


class Voice:
    """Fills phrases for one session."""

    def __init__(self, random: Random, domain: Domain, *, mode: str, paths: list[str]) -> None:
        self.random, self._domain, self._mode, self._paths = random, domain, mode, paths
        self.item = random.choice(domain.tasks[mode])
        self._facts = random.sample(domain.facts, len(domain.facts))
        self._checks = random.sample(domain.checks, len(domain.checks))

    def pick(self, pool: str, kind: str) -> str:
        """A phrase of a pool, filled."""
        return self.fill(self.random.choice(wording()[pool][kind]))

    def fill(self, phrase: str) -> str:
        """Put the session's things into a phrase."""
        dice = self.random
        path = dice.choice(self._paths)
        fact, check = self._facts[0], self._checks[0]
        if "act}" in phrase:
            self._facts.append(self._facts.pop(0))
        if "heck}" in phrase:
            self._checks.append(self._checks.pop(0))
        text = phrase.format(
            it=self.item,
            loose=dice.choice(self._domain.loose),
            file=path,
            fact=fact,
            Fact=_capital(fact),
            check=check,
            Check=_capital(check),
            name=identifier(dice),
            language=language(path),
            command=dice.choice(("git log --oneline -5", "ls -la", "git status", "python -V")),
            many=dice.choice(("forty", "120", "1,400", "about 9,000", "36")),
            n=dice.randrange(2, 400),
        )
        return text if phrase[:1] not in "{" else _capital(text) if dice.random() < 0.6 else text

    def opening(self, level: str, *, large: bool, lead: bool, hand: bool, let: bool) -> str:
        """The first request: register by level, more by who decides what."""
        dice, register = self.random, self._register(level)
        parts = [self.pick("vague" if register == 0 else "plain", self._mode)]
        if dice.random() < 0.12:
            parts[0] = f"{dice.choice(wording()['follow']['greets'])} {parts[0]}"
        if register >= 2:
            parts.append(self.pick("reasons", "precise"))
        if register == 3 or (register == 2 and dice.random() < 0.5):
            parts.append(self.pick("reasons", "checks"))
        wishes = (
            ("sizes", large and dice.random() < 0.4),
            ("small", not large and dice.random() < 0.2),
            ("leads", lead and dice.random() < 0.6),
            ("lets", let and dice.random() < 0.5),
            ("hands", hand and dice.random() < 0.8),
        )
        parts += [self.pick("reasons", kind) for kind, wanted in wishes if wanted]
        return " ".join(_stopped(part) for part in parts)

    def follow(self, level: str, *, lead: bool, hand: bool) -> str:
        """A later request."""
        dice, register = self.random, self._register(level)
        if level == "unclear" or dice.random() < 0.2:
            return self.pick("follow", "thin")
        if hand and dice.random() < 0.5:
            return self.pick("reasons", "hands")
        if lead and dice.random() < 0.25:
            return self.pick("reasons", "leads")
        pools = (
            ("vague", "plain"),
            ("plain", "vague"),
            ("plain", "precise"),
            ("precise", "corrects"),
        )
        first, second = pools[register]
        return self.pick("follow", first if dice.random() < 0.6 else second)

    def _register(self, level: str) -> int:
        register = REGISTER.get(level, self.random.choice((0, 1)))
        if self.random.random() < SLIP:
            register += self.random.choice((-1, 1))
        return min(3, max(0, register))


def _stopped(text: str) -> str:
    return text if text[-1] in ".?!)" else f"{text}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
