"""
What was copied from Claude Code's terminal, or written by its `/export`: best effort.

A prompt follows `> `, what the agent says or does `⏺`, a result `⎿`; all else that belongs to
them is indented.  A banner begins a session, so that a paste may hold several.  There are no
ids and no times; long outputs are folded, so that lines count only where a result states them.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from classifiers.sessions import Actor, Outcome, Session

from .claude_code_words import sort
from .conversation import Conversation
from .lines import Damage, Record
from .portions import Part, Portion, as_lines, named
from .values import TEXT, text_of

NAME = "console"

HEAD = 20_000
"""Characters in which the marks of the format must appear."""
_BANNER = re.compile(r"(?!  )[│✻╭* ▐▛▜▝▘]+(?:─+ )?(?:Welcome to Claude Code|Claude Code v\d)")
_CALL = re.compile(r"([A-Z][\w-]*(?: - [\w-]+)?(?: \(MCP\))?)\((.*)", re.DOTALL)
_CHANGED = re.compile(r"with (?:(\d+) additions?)?(?: and )?(?:(\d+) removals?)?")
_WROTE = re.compile(r"Wrote (\d+) lines? to")
_NAMES = {"Update": "Edit", "Search": "Grep", "List": "LS", "Fetch": "WebFetch",
          "Web Search": "WebSearch", "Create": "Write"}  # fmt: skip
_SPEAKERS = {">": "person", "❯": "person", "!": "shell", "⏺": "agent", "●": "agent"}
_ENDS = "✻✽✢·╭│╰"


def claims(record: Record) -> bool:
    """Whether a record is a text with prompts, and with the banner or the agent's marks."""
    lines = text_of(record.get(TEXT))[:HEAD].split("\n")
    person = any(line.startswith(("> ", "❯ ")) for line in lines)
    return person and any(
        line.startswith(("⏺ ", "● ")) or _BANNER.match(line) is not None for line in lines
    )


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion a banner; a first prompt and what followed it name the session."""
    for record in found:
        if not claims(record):
            continue
        for lines in _sessions(text_of(record.get(TEXT)).split("\n")):
            blocks = list(_blocks(lines))
            first = next((place for place, b in enumerate(blocks) if b[0] == "person"), 0)
            text: Record = {TEXT: "\n".join(lines)}
            if not claims(text):  # the program was opened and left
                continue
            name = named([words[:500] for _, words in blocks[first : first + 3]])
            yield Portion(name, [Part(text)], as_lines)


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a text.

    Raises:
        UnreadableError: Nobody speaks in it.
    """
    told = Conversation()
    sessions = _sessions(text_of(next(iter(found)).get(TEXT)).split("\n"))
    mine = max(sessions, key=len)
    command = False
    for who, words in _blocks(mine):
        if who == "person":
            command = _ask(told, words)
        elif who == "shell":
            told.say(Actor.HUMAN, "shell", words)
        elif who == "agent":
            _act(told, words)
        elif who == "result" and not command:
            _result(told, words)
        elif "compacted" in words.lower():
            told.compact()
        command = command and who != "agent"
    return told.session(NAME, damage=damage, others=len(sessions) - 1)


def _sessions(lines: list[str]) -> list[list[str]]:
    """Lines from each banner to the next; its box begins a line earlier."""
    starts = [
        place - (place > 0 and lines[place - 1].startswith("╭"))
        for place, line in enumerate(lines)
        if _BANNER.match(line)
    ]
    cuts = [0, *(start for start in starts if start > 0), len(lines)]
    found = [lines[one:two] for one, two in pairwise(cuts)]
    # What lies before the first banner is a session only if somebody speaks in it.
    return [each for each in found if any(who != "program" for who, _ in _blocks(each))] or [lines]


def _blocks(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Who (person, shell, agent, result, program), and the words, indentation taken away."""
    who, words = "", list[str]()
    for line in (*lines, "✻"):
        opens = _SPEAKERS.get(line[:1]) if line[1:2] in (" ", "\xa0", "") else None
        if line.lstrip(" ").startswith("⎿"):
            opens = "result"
        if line[:1] in _ENDS and line:
            opens = "program"
        if opens is None and (who != "program" or not line.startswith(" ")):
            words.append(line.strip())
            continue
        if who and "".join(words).strip():
            yield who, "\n".join(words).strip()
        who = opens or "program"
        words = [line.strip().lstrip(">❯!⏺●⎿ \xa0")]


def _ask(told: Conversation, words: str) -> bool:
    """Take what was typed; whether it was a command of the program, whose answer is not ours."""
    kind, text = sort(words)
    if words.startswith("# "):  # a note for the memory file
        told.say(Actor.HARNESS, "marker", "")
        return True
    if kind == "slash_command" or (kind == "prompt" and re.match(r"/[a-z][\w:-]*(\s|$)", text)):
        told.say(Actor.HUMAN, "slash_command", text)
    elif kind == "built_in":
        told.say(Actor.HARNESS, "marker", "")
        return True
    elif kind == "prompt":
        told.ask(text)
    return False


def _act(told: Conversation, words: str) -> None:
    call = _CALL.match(words)
    step = told.step
    if words.startswith("Update Todos"):
        told.call("", "TodoWrite", {})
        told.answers.add(step)
    elif call:
        name = _NAMES.get(call[1], call[1])
        if name.endswith("(MCP)"):
            name = "mcp__" + name.removesuffix(" (MCP)")
        given = call[2].rstrip("…").rstrip().removesuffix(")").replace("\n", " ")
        told.call("", name, {"command" if name == "Bash" else "path": given})
        told.answers.add(step)
    else:
        told.answer(words, name=step)


def _result(told: Conversation, words: str) -> None:
    outcome: Outcome = "ok"
    if words.startswith(("Interrupted by user", "[Request interrupted")):
        told.interrupt()
        outcome = "interrupted"
    elif words.startswith(("No (tell Claude", "User rejected", "Tool use rejected")):
        outcome = "rejected"
    elif words.startswith("Error"):
        outcome = "error"
    changed, wrote = _CHANGED.search(words), _WROTE.match(words)
    lines = None
    if wrote:
        lines = (int(wrote[1][:6]), 0)
    elif changed and words.startswith("Updated"):
        lines = (int((changed[1] or "0")[:6]), int((changed[2] or "0")[:6]))
    told.result("", words, outcome=outcome, lines=lines)
