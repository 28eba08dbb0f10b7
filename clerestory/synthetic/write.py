"""
Write a synthetic population's sessions to a folder, with the truth beside them.

`logs/` is what a custodian would hold, and `telemetry/` what his collector kept of most of the
sessions; `accounts.csv` says whose each file is, and which accounts are staff (whoever asks as the
published study did leaves them out); telemetry names accounts as it does.  `truth.csv` says what
was planted and exists only because nothing here is real.  Labels come from `aggregates.twin`, so a
release made of these files can be held against the same published margins.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aggregates.twin import Twin, draw
from privacy.codebook import Codebook, codebook
from privacy.labels import PSEUDONYM_BYTES

from .domains import evidence
from .plot import Row
from .story import Story, tell
from .telemetry import Collector

COUNTS = (
    "prompts",
    "actions",
    "words_out",
    "lines_added",
    "lines_removed",
    "commits",
    "model_calls",
)
CONTEXTS = ("wrote_code", "model_family", "surface", "interactive", "staff")
STAFF = 0.02
"""Chosen: share of the accounts that are declared to be staff, whatever else they are."""
TELEMETRY = ("telemetry", "telemetry_wrote_code")
_SYLLABLES = "bcdfghjklmnprstvwz"
_VOWELS = "aeiou"
_HOMES = ("/Users/{}", "/home/{}", "/Users/{}", "/home/{}", "/workspace/{}")
_NAMES = ("ana", "ben", "chi", "dora", "emil", "fay", "gus", "hana", "ivo", "jo", "kim", "lea")


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written."""

    accounts: int
    sessions: int
    files: int
    """Log files: sessions and sub-agents."""
    bytes: int


def write_sessions(folder: Path, *, accounts: int, sessions: int, seed: int | None) -> Summary:
    """
    Write sessions, telemetry, `accounts.csv` and `truth.csv` into a folder.

    Args:
        folder: Made if it does not exist; files of the same names are overwritten.
        accounts: Exact number of accounts.
        sessions: Exact number of sessions.
        seed: Same seed, same files; `None` for fresh ones.

    Raises:
        ConfigurationError: There are fewer sessions than accounts, or no accounts.
    """
    book = codebook()
    twin = draw(accounts, sessions, seed=seed, codebook=book)
    random = Random(seed)  # noqa: S311 - this is data, not a secret
    instruments = [instrument.name for instrument in book.instruments]
    header = ["path", "account", "session_id", "month", "canary", *instruments, *COUNTS, *CONTEXTS]
    folder.mkdir(parents=True, exist_ok=True)
    written = files = 0
    with (
        (folder / "accounts.csv").open("w", newline="", encoding="utf-8") as owners_file,
        (folder / "truth.csv").open("w", newline="", encoding="utf-8") as truth_file,
        Collector(folder / "telemetry") as collector,
    ):
        owners, truth = csv.writer(owners_file), csv.writer(truth_file)
        owners.writerow(("path", "account", "staff"))
        truth.writerow((*header, "entrypoint", *TELEMETRY))
        for account, row, dice, canary, around in _people(twin, book, random):
            home, (place, sign) = around
            story = tell(row, dice, canary=canary, home=home, place=place, sign=sign)
            for path, lines in _files(story, account):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                data = ("\n".join(lines) + "\n").encode()
                target.write_bytes(data)
                owners.writerow((path, account, row.labels["staff"]))
                written, files = written + len(data), files + 1
            main = next(_files(story, account))[0]
            is_heard = row.labels["telemetry"] == "present"
            wrote = collector.hear(account, story, canary) if is_heard else "absent"
            kept = [row.labels[name] for name in instruments]
            counted = [story.count.get(name, 0) for name in COUNTS]
            truth.writerow(
                (
                    *(main, account, story.session, row.labels["month"], canary),
                    *(*kept, *counted, *_contexts(row, story), story.entrypoint),
                    *(row.labels["telemetry"], wrote),
                )
            )
    return Summary(accounts, sessions, files, written)


_Person = tuple[str, Row, Random, str, tuple[str, tuple[str, str]]]


def _people(twin: Twin, book: Codebook, random: Random) -> Iterator[_Person]:
    """Each session with its account, random numbers, canary and surroundings; no account shown."""
    last, account, staff, around = b"", "", "no", ("", ("", ""))
    canaries: set[str] = set()
    for number, row in enumerate(_rows(twin, book)):
        pseudonym = twin.rows[number, -PSEUDONYM_BYTES:].tobytes()
        if pseudonym != last:
            last, account = pseudonym, f"acct-{random.getrandbits(48):012x}"
            name = f"{random.choice(_NAMES)}{random.randrange(10, 99)}"
            home = random.choice(_HOMES).format(name)
            around = home, evidence(row.labels["occupation"], random)
            staff = "yes" if random.random() < STAFF else "no"
        row.labels["staff"] = staff
        canary = _canary(random)
        while canary in canaries:
            canary = _canary(random)
        canaries.add(canary)
        dice = Random(random.getrandbits(64))  # noqa: S311
        yield account, row, dice, canary, around


def _rows(twin: Twin, book: Codebook) -> Iterator[Row]:
    fields = {field.name: (field.labels, twin.column(field.name).tolist()) for field in book.fields}
    names = ("prompts", "actions", "lines_added", "lines_removed", "commits")
    sizes = {name: (book.measure(name), twin.column(name).tolist()) for name in names}
    for at in range(len(twin.rows)):
        labels = {name: known[values[at]] for name, (known, values) in fields.items()}
        whole = {
            name: round(measure.decode(values[at])) if values[at] else 0
            for name, (measure, values) in sizes.items()
        }
        yield Row(labels, **whole)


def _files(story: Story, account: str) -> Iterator[tuple[str, list[str]]]:
    """The session's own file, then its sub-agents', as paths below the folder."""
    project = f"logs/{account}/projects/{re.sub(r'[^A-Za-z0-9]', '-', story.cwd)}"
    yield f"{project}/{story.session}.jsonl", story.lines
    for name, lines in story.agents.items():
        yield f"{project}/{story.session}/subagents/agent-{name}.jsonl", lines


def _contexts(row: Row, story: Story) -> tuple[str, ...]:
    families = {name.split("-")[1] for name in story.models}
    family = families.pop() if len(families) == 1 else "mixed"
    wrote = "yes" if story.count.get("lines_added") else "no"
    return wrote, family, *(row.labels[name] for name in CONTEXTS[2:])


def _canary(random: Random) -> str:
    return "".join(random.choice(_SYLLABLES) + random.choice(_VOWELS) for _ in range(7))
