"""
What sessions are about: fields of work with their own tasks, files and inside knowledge.

A domain is a file of `domains/`; occupations that few people of the population have share one file
and borrow their tasks from the others.  All of it is invented and stands for no real matter.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from random import Random
from tomllib import loads

_FOLDER = "domains"
RARE = "trades.toml"


@dataclass(frozen=True, slots=True)
class Domain:
    """One field of work."""

    occupation: str
    """SOC major group whose workers do this work."""
    places: tuple[str, ...]
    """Folders that people of this occupation work in."""
    signs: tuple[str, ...]
    """What people of this occupation say in passing about themselves."""
    loose: tuple[str, ...]
    """A layman's words for the object."""
    tasks: dict[str, tuple[str, ...]]
    """By work mode."""
    facts: tuple[str, ...]
    checks: tuple[str, ...]
    code: tuple[str, ...]
    docs: tuple[str, ...]
    data: tuple[str, ...]
    prose: tuple[str, ...]
    """Sentences of the documents written here."""


MODES = (
    "plan", "build", "fix", "understand", "test", "operate", "analyze", "orchestrate",
    "communicate",
)  # fmt: skip


@cache
def domains() -> dict[str, Domain]:
    """The domains by SOC major group of their tasks."""
    folder = files(__package__) / _FOLDER
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml") and entry.name != RARE:
            data = loads(entry.read_text(encoding="utf-8"))
            occupation = data.pop("occupation")
            tasks = {mode: tuple(data.pop(mode)) for mode in MODES}
            lists = {name: tuple(values) for name, values in data.items()}
            found[occupation] = Domain(occupation=occupation, tasks=tasks, **lists)
    return found


@cache
def _rare() -> dict[str, dict[str, str]]:
    return loads((files(__package__) / _FOLDER / RARE).read_text(encoding="utf-8"))


NEUTRAL = ("projects/new", "Desktop/stuff", "Documents/claude", "code/scratch", "work/misc")
"""Folders that tell nothing about a profession."""


def evidence(occupation: str, random: Random) -> tuple[str, str]:
    """
    A folder and a remark that let an occupation be seen.

    Returns:
        The folder below a home folder, and a remark; both say nothing for `unclear`.
    """
    if occupation in _rare():
        trade = _rare()[occupation]
        return trade["place"], trade["sign"]
    domain = domains().get(occupation)
    if domain is None:
        return random.choice(NEUTRAL), ""
    place = random.choice((*domain.places, random.choice(NEUTRAL)))
    return place, random.choice(domain.signs)


LANGUAGES = {
    ".py": "Python", ".ts": "TypeScript", ".js": "JavaScript", ".go": "Go", ".R": "R",
    ".sql": "SQL", ".html": "HTML", ".css": "CSS", ".cpp": "C++", ".md": "Markdown",
}  # fmt: skip


def language(path: str) -> str:
    """The language of a file, by its suffix."""
    return LANGUAGES.get(PurePosixPath(path).suffix, "Python")


_VERBS = (
    "load",
    "merge",
    "check",
    "read",
    "update",
    "collect",
    "split",
    "format",
    "match",
    "apply",
)
_NOUNS = ("rows", "entry", "total", "batch", "record", "index", "limit", "window", "state", "group")


def identifier(random: Random) -> str:
    """A name as it might stand in code."""
    return f"{random.choice(_VERBS)}_{random.choice(_NOUNS)}"


_PYTHON = (
    "def {f}({a}, {b}=None):",
    "    if not {a}:",
    "        return {b}",
    "    {b} = {b} or {{}}",
    "    for item in {a}:",
    '        {b}[item["{c}"]] = item.get("{d}", 0)',
    "    {d} = sorted({b}, key={b}.get)",
    "    return {d}[:{n}]",
    "",
    "    # {c} may be missing in older files",
    '    raise ValueError("no {c}")',
    "    {c} = sum(value for value in {b}.values() if value > {n})",
)
_BRACES = (
    "function {f}({a}, {b}) {{",
    "  if ({a}.length === 0) return {b};",
    "  const {d} = {a}.filter((item) => item.{c} > {n});",
    "  for (const item of {d}) {{",
    "    {b}[item.{c}] = (item.{d} ?? 0) + 1;",
    "  }}",
    "  return Object.keys({b}).slice(0, {n});",
    "}}",
    "",
    "// {c} comes first",
    'const {c} = new Map([["{d}", {n}]]);',
)
_TABLE = (
    "select {a}.{c}, count(*) as {d}",
    "from {a}",
    "join {b} on {b}.{c} = {a}.{c}",
    "where {a}.{d} >= {n}",
    "group by {a}.{c}",
    "order by {d} desc;",
)


def lines_of(path: str, count: int, domain: Domain, random: Random) -> list[str]:
    """Lines as they might stand in a file: code by its suffix, else prose of the domain."""
    suffix = PurePosixPath(path).suffix
    if suffix in (".csv", ".tsv", ".jsonl"):
        return [
            f"{random.randrange(1, 400)},{random.choice(_NOUNS)},{random.randrange(9_999) / 100}"
            for _ in range(count)
        ]
    if suffix == ".md":
        return [
            random.choice(domain.prose) if random.random() < 0.8 else f"- {random.choice(_NOUNS)}"
            for _ in range(count)
        ]
    patterns = _TABLE if suffix == ".sql" else _PYTHON if suffix in (".py", ".R") else _BRACES
    start, made = random.randrange(len(patterns)), []
    names = {key: random.choice(_NOUNS) for key in "abcd"}
    for number in range(count):
        if number % len(patterns) == 0:
            names = {key: random.choice(_NOUNS) for key in "abcd"}
        pattern = patterns[(start + number) % len(patterns)]
        made.append(pattern.format(f=identifier(random), n=random.randrange(2, 90), **names))
    return made
