"""
OpenCode's sessions as a tree of small files, put together as the documents of an export.

A piece is a session's data, a message or a part; it names its session, and a part its message.
Ids are in the order of time.  A session that was exported, too, is one session.
"""

from .lines import Record
from .portions import Part, Portion, as_lines
from .values import dict_of, dicts_of, text_of, time_of

INFO = frozenset(
    {"id", "sessionID", "role", "time", "modelID", "model", "error", "summary", "parentID"}
)
"""What a reader needs of a message's data."""
NEEDLESS = frozenset({"reasoning", "step-start", "step-finish", "snapshot", "patch", "retry"})
"""Parts that say nothing the normal form holds."""


def is_piece(record: Record) -> bool:
    """Whether a record is a piece of a session."""
    kind, session = _kind(record), text_of(record.get("sessionID"))
    if kind == "ses":
        return "projectID" in record and isinstance(record.get("time"), dict)
    if not session.startswith("ses_"):
        return False
    return (kind == "msg" and "role" in record) or (kind == "prt" and "messageID" in record)


def portion_of(piece: Record, *, is_spoken: bool) -> Portion:
    """The portion that a piece is."""
    parent = ""
    if _kind(piece) == "ses":
        keys = ("id", "parentID", "projectID", "time", "version")
        parent = text_of(piece.get("parentID"))
        piece = {key: piece[key] for key in keys if key in piece}
    elif _kind(piece) == "msg":
        piece = {key: value for key, value in piece.items() if key in INFO}
    name = text_of(piece.get("sessionID")) or text_of(piece.get("id"))
    time = dict_of(piece.get("time"))
    began = time_of(time.get("created")) or time_of(time.get("start"))
    is_needless = text_of(piece.get("type")) in NEEDLESS
    parts = [] if is_needless else [Part(piece, text_of(piece.get("id")), is_spoken)]
    return Portion(name, parts, as_lines, began, parent=parent, joins=True)


def assembled(found: list[Record]) -> list[Record]:
    """The documents among some records, and those that their pieces make."""
    pieces = [record for record in found if is_piece(record)]
    exports = [record for record in found if isinstance(record.get("messages"), list)]
    if not pieces:
        return exports
    sessions: dict[str, Record] = {}
    messages: dict[str, dict[str, Record]] = {}
    parts: dict[str, dict[str, Record]] = {}
    for export in exports:
        info = dict_of(export.get("info"))
        sessions[text_of(info.get("id"))] = info
        for message in dicts_of(export.get("messages")):
            pieces += [dict_of(message.get("info")), *dicts_of(message.get("parts"))]
    for piece in pieces:
        name = text_of(piece.get("id"))
        session = text_of(piece.get("sessionID"))
        match _kind(piece):
            case "ses":
                sessions[name] = piece
            case "msg":
                sessions.setdefault(session, {"id": session})
                messages.setdefault(session, {})[name] = piece
            case _:
                parts.setdefault(text_of(piece.get("messageID")), {})[name] = piece
    return [
        {
            "info": info,
            "messages": [
                {"info": told, "parts": [part for _, part in sorted(parts.get(name, {}).items())]}
                for name, told in sorted(messages.get(session, {}).items())
            ],
        }
        for session, info in sessions.items()
    ]


def _kind(record: Record) -> str:
    return text_of(record.get("id")).partition("_")[0]
