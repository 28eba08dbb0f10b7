"""
GitHub Copilot CLI's session log: events, each with its data.

What a person typed stands in `content`, what the program made of it beside that; a message whose
`source` is a skill, another agent or the program's own going on is no person's.  A call is asked
for in an answer, and its beginning and end are events of their own.  A sub-agent's events name
the call that sent it.  Nothing says whether a person sat before a run (`copilot -p`).
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Outcome, Session

from .actions import arguments, patch_lines
from .conversation import Conversation
from .lines import Damage, Record, timestamp, type_of
from .portions import Part, Portion, after, earliest
from .values import dict_of, dicts_of, text_of, words_in

NAME = "copilot_cli"

_SPOKEN = ("user.message", "assistant.message", "tool.execution_start")
_KEPT = frozenset(
    {
        *_SPOKEN, "session.start", "tool.execution_complete", "subagent.started", "abort",
        "session.compaction_complete", "session.error", "session.model_change",
    }
)  # fmt: skip
"""Events that say something the normal form holds."""
_BULK = ("transformedContent", "reasoningText", "reasoningOpaque", "encryptedContent")
_TYPED = ("", "user", "command", "immediate-prompt")
_EDITS = ("edit", "create", "str_replace_editor", "apply_patch")
_ENDED: dict[str, Outcome] = {"rejected": "rejected", "denied": "denied"}


def claims(record: Record) -> bool:
    """Whether a record opens a session."""
    data = dict_of(record.get("data"))
    return type_of(record) == "session.start" and bool(text_of(data.get("sessionId")))


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The sessions of a file, without what passed while something was being written."""
    head: Record = {}
    events: list[Record] = []
    for record in found:
        if claims(record):
            if head:
                yield _portion(head, events)
            head, events = record, []
        elif record.get("ephemeral") is not True and type_of(record) in _KEPT:
            for bulk in _BULK:
                dict_of(record.get("data")).pop(bulk, None)
            events.append(record)
    if head:
        yield _portion(head, events)


def _portion(head: Record, events: list[Record]) -> Portion:
    data = dict_of(head.get("data"))
    data.pop("context", None)  # where it was: a path, a repository
    parts = [Part(each, text_of(each.get("id")), type_of(each) in _SPOKEN) for each in events]
    began = earliest([timestamp(head), *(timestamp(each) for each in events)])
    return Portion(text_of(data.get("sessionId")), parts, after([head]), began)


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a log's events.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    trunk, below = Conversation(), dict[str, Conversation]()
    senders: dict[str, str] = {}
    seen = 0
    for record in found:
        seen += claims(record)
        if seen > 1:
            continue
        data = dict_of(record.get("data"))
        if type_of(record) == "subagent.started":
            senders[text_of(record.get("agentId"))] = text_of(data.get("toolCallId"))
        agent = text_of(record.get("agentId"))
        sender = text_of(data.get("parentToolCallId")) or senders.get(agent, agent)
        told = trunk
        if sender and type_of(record) in (*_SPOKEN, "tool.execution_complete"):
            told = below.setdefault(sender, Conversation(is_subagent=True))
        _take(told, record, data)
    agents = {name: told.session(NAME) for name, told in below.items() if not told.is_empty}
    return trunk.session(NAME, damage=damage, agents=agents, others=max(0, seen - 1))


def _take(told: Conversation, record: Record, data: Record) -> None:
    at = timestamp(record)
    match type_of(record):
        case "session.start" | "session.model_change":
            model = text_of(data.get("newModel")) or text_of(data.get("selectedModel"))
            told.models |= {model} if model else set()
        case "user.message":
            is_typed = text_of(data.get("source")) in _TYPED
            if is_typed and data.get("isAutopilotContinuation") is not True:
                pictures = len(dicts_of(data.get("attachments")))
                told.ask(text_of(data.get("content")), at, pictures=pictures)
            else:
                told.say(Actor.HARNESS, "notification", text_of(data.get("content")), at)
        case "assistant.message":
            model = text_of(data.get("model"))
            told.models |= {model} if model else set()
            name = text_of(data.get("messageId")) or text_of(record.get("id"))
            told.answer(text_of(data.get("content")), at, name=name)
            for call in dicts_of(data.get("toolRequests")):
                given = arguments(call.get("arguments"))
                told.call(text_of(call.get("toolCallId")), text_of(call.get("name")), given)
        case "tool.execution_start":
            name = text_of(data.get("toolName"))
            if not told.has_called(text_of(data.get("toolCallId"))):
                told.call(text_of(data.get("toolCallId")), name, arguments(data.get("arguments")))
        case "tool.execution_complete":
            _result(told, data)
        case "session.compaction_complete":
            told.compact()
        case "abort":
            told.interrupt()
        case "session.error":
            told.say(Actor.HARNESS, "api_error", "", at)
        case kind:
            told.unknown += kind not in _KEPT and "." not in kind


def _result(told: Conversation, data: Record) -> None:
    call_id, error = text_of(data.get("toolCallId")), dict_of(data.get("error"))
    result = dict_of(data.get("result"))
    text = words_in(result.get("content")) or text_of(error.get("message"))
    outcome: Outcome = "ok"
    if data.get("success") is False:
        outcome = _ENDED.get(text_of(error.get("code")), "error")
    shown = text_of(result.get("detailedContent"))
    is_change = told.name_of(call_id) in _EDITS and "\n@@" in shown
    lines = patch_lines(shown) if is_change else None
    told.result(call_id, text, outcome=outcome, lines=lines, agent=call_id)
