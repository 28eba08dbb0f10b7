"""
Cursor's agent transcripts: lines of a role and a content, and nothing else.

Nothing names a session, a time stands in the prompts alone, and no result of a call is logged:
a call counts as carried out.  A prompt lies between `<user_query>` marks behind what the editor
puts before it.  A sub-agent's transcript is known by its first words, which are those that a
call of its parent's gave it.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone

from classifiers.sessions import Actor, Session

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, as_lines, earliest, named
from .values import dict_of, dicts_of, text_of, without, words_in

NAME = "cursor"

_STAMP = re.compile(
    r"<timestamp>\w{1,12}, (\w{3})\w{0,9} (\d{1,2}), (\d{4}), (\d{1,2}):(\d\d) ([AP])M"
    r"(?: \(UTC([+-]\d{1,2})?(?::(\d\d))?\))?</timestamp>"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BEFORE = ("timestamp", "image_files", "uploaded_documents")
"""Elements that the editor puts before a prompt."""
_PUT_IN = ("The above subagent result", "The beginning of the above subagent result",
           "Briefly inform the user about the task result")  # fmt: skip
"""How texts begin that the program puts between the marks of a prompt."""
_SENDERS = ("Task", "Subagent")
_TELLING = 200
"""Characters from which on a prompt without a time names its transcript."""


def claims(record: Record) -> bool:
    """Whether a record is a role and a content, and nothing else."""
    message = record.get("message")
    is_bare = record.keys() == {"role", "message"} and isinstance(message, dict)
    if not is_bare or record["role"] not in ("user", "assistant"):
        return False
    content = dict_of(message).get("content")
    return dict_of(message).keys() == {"content"} and isinstance(content, list)


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The one session of a file."""
    lines = [record for record in found if claims(record)]
    asked = [_text(each) for each in lines if each["role"] == "user"]
    answers = [_text(each) for each in lines if each["role"] == "assistant"]
    times = [time for text in asked if (time := _time(text))]
    first = asked[0] if asked else ""
    typed, began = _typed(first), _time(first)
    name = named(str(began) if began else "", typed)
    if began is None and len(typed) < _TELLING:
        name = named(typed, answers[:1])
    sent = tuple(
        named("", text_of(dict_of(block.get("input")).get("prompt")).strip())
        for each in lines
        for block in dicts_of(dict_of(each["message"]).get("content"))
        if block.get("name") in _SENDERS
    )
    parts = [Part(each) for each in lines]
    yield Portion(name, parts, as_lines, earliest(times), children=sent)


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a transcript; sub-agents' transcripts are not told from it.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    told = Conversation()
    for record in found:
        if not claims(record):
            told.unknown += 1
        elif record["role"] == "user":
            _ask(told, _text(record))
        else:
            _answer(told, record)
    return told.session(NAME, surface="ide", damage=damage)


def _ask(told: Conversation, text: str) -> None:
    at, typed = _time(text), _typed(text)
    if typed.startswith(_PUT_IN):
        told.say(Actor.HARNESS, "notification", typed, at)
    else:
        told.ask(typed, at, pictures=text.partition("<user_query>")[0].count("[Image]"))


def _answer(told: Conversation, record: Record) -> None:
    step = told.step
    for block in dicts_of(dict_of(record["message"]).get("content")):
        match type_of(block):
            case "text":
                told.answer(text_of(block.get("text")), name=step)
            case "tool_use":
                name = text_of(block.get("name")).partition("\n")[0].partition(" ")[0]
                told.answers.add(step)
                told.call("", name, arguments(block.get("input")))
                told.result("", "")
            case _:
                told.unknown += 1


def _text(record: Record) -> str:
    return words_in(dict_of(record["message"]).get("content"))


def _typed(text: str) -> str:
    """What stands between the marks, or without them all but what the editor put before it."""
    _, mark, rest = text.partition("<user_query>")
    if not mark:
        for element in _BEFORE:
            text = without(text, f"<{element}>", f"</{element}>")
        return text.replace("[Image]", "").strip()
    return rest.rpartition("</user_query>")[0].strip() or rest.strip()


def _time(text: str) -> datetime | None:
    """The time in a prompt, to the minute; without a zone it is UTC."""
    found = _STAMP.search(text)
    if not found or found[1] not in _MONTHS:
        return None
    hours = int(found[7] or 0)
    zone = timedelta(hours=hours, minutes=int(found[8] or 0) * (-1 if hours < 0 else 1))
    hour = int(found[4]) % 12 + 12 * (found[6] == "P")
    try:
        month = _MONTHS.index(found[1]) + 1
        day, year, minute = int(found[2]), int(found[3]), int(found[5])
        return datetime(year, month, day, hour, minute, tzinfo=timezone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
