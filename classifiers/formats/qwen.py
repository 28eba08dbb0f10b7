"""
Qwen Code's session log: lines with the outer shape of Claude Code's and contents of Google's.

A record is a prompt, an answer with its calls, a call's result, or a matter of the program.
Where the log says what a person typed (`displayText`), that counts and not what was made of it;
a prompt of another origin, of a clock or another agent, is the program's.  A sub-agent's records
(`isSidechain`) lie in the same log and hang on the session.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Session, UnreadableError

from .conversation import Conversation
from .google_contents import answers_in, ended, lines_in, said_in, take_calls
from .lines import Damage, Record, timestamp, type_of
from .portions import Part, Portion, as_lines, earliest
from .values import dict_of, dicts_of, pictures_in, text_of

NAME = "qwen_code"

_SPOKEN = ("user", "assistant", "tool_result")
_KEPT = ("uuid", "sessionId", "timestamp", "type", "subtype", "provenance", "model", "agentId",
         "isSidechain")  # fmt: skip
_RESULT = ("callId", "status", "resultDisplay")
_TYPED = ("", "real_user")
_FILES = "--- Content from referenced files ---"


def claims(record: Record) -> bool:
    """Whether a record has that outer shape and such contents."""
    if not {"uuid", "sessionId", "timestamp"} <= record.keys():
        return False
    if type_of(record) == "system":
        return "systemPayload" in record
    return type_of(record) in _SPOKEN and "parts" in dict_of(record.get("message"))


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The sessions of a file; a forked one's records keep their ids."""
    sessions: dict[str, list[Record]] = {}
    for record in found:
        is_summary = record.get("subtype") == "chat_compression"
        if type_of(record) in _SPOKEN or (type_of(record) == "system" and is_summary):
            sessions.setdefault(text_of(record.get("sessionId")), []).append(_needed(record))
    for name, records in sessions.items():
        parts = [Part(each, _identity(each), type_of(each) in _SPOKEN) for each in records]
        yield Portion(name, parts, as_lines, earliest([timestamp(each) for each in records]))


def _needed(record: Record) -> Record:
    """What a reader needs of a record: no thoughts, no folder, no history that is repeated."""
    kept = {key: record[key] for key in _KEPT if key in record}
    if "systemPayload" in record:
        payload = dict_of(record.get("systemPayload"))
        kept["systemPayload"] = {k: payload[k] for k in ("displayText",) if k in payload}
    if "toolCallResult" in record:
        about = dict_of(record.get("toolCallResult"))
        kept["toolCallResult"] = {key: about[key] for key in _RESULT if key in about}
    message = dict_of(record.get("message"))
    parts = [each for each in dicts_of(message.get("parts")) if each.get("thought") is not True]
    return kept | ({"message": {"parts": parts}} if message else {})


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a log's records.

    Raises:
        UnreadableError: There is no exchange in it, or it is a sub-agent's part alone.
    """
    trunk, agents = Conversation(), dict[str, Conversation]()
    name, others = "", 0
    for record in found:
        name = name or (text_of(record.get("sessionId")) if claims(record) else "")
        if record.get("sessionId") != name:
            others += 1
            continue
        told = trunk
        if record.get("isSidechain") is True:
            agent = text_of(record.get("agentId"))
            told = agents.setdefault(agent, Conversation(is_subagent=True))
        _take(told, record)
    below = {agent: told.session(NAME) for agent, told in agents.items() if not told.is_empty}
    if trunk.is_empty and below:
        raise UnreadableError("SUBAGENT_ALONE")
    return trunk.session(NAME, damage=damage, agents=below, others=others)


def _take(told: Conversation, record: Record) -> None:
    at, payload = timestamp(record), dict_of(record.get("systemPayload"))
    parts = dict_of(record.get("message")).get("parts")
    match type_of(record), record.get("subtype"):
        case ("user", _):
            typed = text_of(payload.get("displayText")) or said_in(parts).split(_FILES)[0]
            if text_of(record.get("provenance")) in _TYPED:
                told.ask(typed, at, pictures=pictures_in(parts))
            else:
                told.say(Actor.HARNESS, "notification", typed, at)
        case ("assistant", _):
            model = text_of(record.get("model"))
            told.models |= {model} if model else set()
            told.answer(said_in(parts), at, name=text_of(record.get("uuid")))
            take_calls(told, parts)
        case ("tool_result", _):
            _result(told, record, parts)
        case ("system", "chat_compression"):
            told.compact()
        case ("system", _):
            pass
        case _:
            told.unknown += 1


def _result(told: Conversation, record: Record, parts: object) -> None:
    about = dict_of(record.get("toolCallResult"))
    answer = next((dict_of(part.get("functionResponse")) for part in dicts_of(parts)), {})
    call_id = text_of(about.get("callId")) or text_of(answer.get("id"))
    text, failed = answers_in(parts)
    outcome = ended(about.get("status", "success"), failed=failed)
    if outcome is None:
        return
    told.result(call_id, text, outcome=outcome, lines=lines_in(about.get("resultDisplay")))


def _identity(record: Record) -> str:
    return text_of(record.get("uuid"))
