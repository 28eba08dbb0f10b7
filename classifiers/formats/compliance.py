"""
Saved pages of Anthropic's Compliance API: local sessions and their messages.

A page of messages names its session and holds up to a thousand messages; pages, and the list of
sessions, lie in one file or in several of a folder, and add up; the edge puts pages in the order
in which they begin.  Messages of one call to the model share its time, so that within a page the
order is the page's and never the clock's.  `compliance_messages` says who wrote what.

Whose a session is the page says by an id.  Of the session and of each message only what is read
is kept: no address, no organisation, nothing that the API may add.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Session, UnreadableError

from .compliance_messages import Transcript, is_said
from .lines import Damage, Record, type_of
from .portions import Part, Portion, earliest
from .values import dict_of, dicts_of, text_of, time_of

NAME = "compliance_local"

_SESSION, _MESSAGE = "compliance_local_session", "compliance_local_session_message"
_OF_A_SESSION = ("type", "id", "product_surface", "created_at")
_OF_A_MESSAGE = ("type", "id", "role", "model", "created_at", "provenance", "content")
_SURFACES = {"claude_code": "cli", "cowork": "desktop", "claude_science": "desktop",
             "claude_in_chrome": "web"}  # fmt: skip
"""The product before any `/`; Claude Code's may be a terminal, an editor or the desktop's."""


def claims(record: Record) -> bool:
    """Whether a record is a page, a session or a message."""
    if type_of(record) in (_SESSION, _MESSAGE):
        return True
    if type_of(dict_of(record.get("session"))) == _SESSION:
        return True
    return any(type_of(each) in (_SESSION, _MESSAGE) for each in dicts_of(record.get("data"))[:1])


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion for each session that a page names, without names and addresses of people."""
    session: Record = {}
    for record in found:
        if not claims(record):
            continue
        listed = [record] if type_of(record) in (_SESSION, _MESSAGE) else []
        listed += dicts_of(record.get("data"))
        session = dict_of(record.get("session")) or session
        messages = [each for each in listed if type_of(each) == _MESSAGE]
        for each in listed:
            if type_of(each) == _SESSION:
                session = each
                yield _portion(each, [])
        if messages or "session" in record:
            yield _portion(session, messages)


def _portion(session: Record, messages: list[Record]) -> Portion:
    kept = {key: session[key] for key in _OF_A_SESSION if key in session}

    def written(parts: list[Record]) -> list[Record]:
        """A page for each message: what a worker reads as a line is never long."""
        head = {"type": _SESSION, **kept}
        return [{"session": head, "data": [part]} for part in parts]

    parts = [
        Part(
            {key: each[key] for key in _OF_A_MESSAGE if key in each},
            text_of(each.get("id")),
            is_said(each),
        )
        for each in _oldest_first(messages)
    ]
    # A mark of what is past retention may be older than anything that can be read.
    times = [part.record.get("created_at") for part in parts if part.spoken]
    return Portion(
        text_of(session.get("id")),
        parts,
        written,
        earliest([time_of(time) for time in times or [session.get("created_at")]]),
        account=text_of(dict_of(session.get("user")).get("id")),
        joins=True,
    )


def _oldest_first(page: list[Record]) -> list[Record]:
    """
    Messages as they followed each other.

    A page that was asked for newest first has its calls turned round: within a call the order is
    the transcript's either way, which a stable sort keeps.
    """
    return sorted(page, key=_when) if page and _when(page[0]) > _when(page[-1]) else page


def _when(message: Record) -> float:
    time = time_of(message.get("created_at"))
    return time.timestamp() if time else 0.0


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of its pages, in their order.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    transcript, name, product = Transcript(), "", ""
    is_begun, others, spoken = False, 0, 0
    for portion in split(iter(found)):
        if not portion.parts:
            continue
        if not is_begun:
            head = dict_of(portion.written([{}])[0].get("session"))
            is_begun, name, product = True, portion.name, text_of(head.get("product_surface"))
        if portion.name != name:
            others += len(portion.parts)
            continue
        for part in portion.parts:
            spoken += part.spoken
            transcript.take(part.record)
    if not spoken:
        raise UnreadableError("NO_CONVERSATION")
    surface = _SURFACES.get(product.partition("/")[0], "other")
    return transcript.told.session(NAME, surface=surface, damage=damage, others=others)
