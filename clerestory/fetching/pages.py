"""
What is taken of the API's pages, and how they are walked.

Of a page the fields named here are kept and nothing else: not an e-mail address, not an
organisation or workspace, not what the API may add one day.  What a field holds is not changed.
A page of another form is refused, and an error names our fields and none of the values.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from .wire import Record, answer_unknown

MOST_PAGES = 20_000
"""Pages of one walk: ten million sessions, or more of one session than is ever sealed."""


def moment(text: str) -> datetime:
    """
    A time with its zone.

    Raises:
        ValueError: It is none.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time


def _dated(text: str) -> str:
    moment(text)
    return text


Time = Annotated[str, Field(max_length=64), AfterValidator(_dated)]
Name = Annotated[str, Field(min_length=1, max_length=500)]
SessionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.~=+:-]{0,499}$")]
"""Opaque to us, but part of a path that is asked for: no slash, and no dot to begin with."""
Token = Annotated[str, Field(min_length=1, max_length=16_384)]


class _Taken(BaseModel):
    """Fields that are kept; all others are not."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class Owner(_Taken):
    """Whose a session is: an id, never an address."""

    id: Name


class LocalSession(_Taken):
    """A session as it is listed, and as it heads a page of its messages."""

    type: Literal["compliance_local_session"]
    id: SessionName
    user: Owner
    product_surface: str | None = None
    created_at: Time
    updated_at: Time
    """When the model was last called in it."""
    truncated: bool = False
    """Whether it has more calls than the API returns."""


class Listed(NamedTuple):
    """What is held of a session between list and transcript: there may be millions."""

    name: str
    owner: str
    as_of: str
    """Its last call."""
    is_truncated: bool


class Message(_Taken):
    """A message; what is in it stays as it came."""

    type: Literal["compliance_local_session_message"]
    id: Name
    role: str
    model: str | None = None
    created_at: Time
    provenance: dict[str, Any] | None
    content: list[dict[str, Any]]


class SessionsPage(_Taken):
    """A page of the list."""

    data: list[LocalSession]
    next_page: Token | None


class MessagesPage(_Taken):
    """A page of a transcript."""

    session: LocalSession
    data: list[Message]
    next_page: Token | None


Page = TypeVar("Page", SessionsPage, MessagesPage)


def read_page(kind: type[Page], document: Record) -> Page:
    """
    A page of what the API answered.

    Raises:
        RefusedError: It has another form.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(each for each in place["loc"] if isinstance(each, str))
        raise answer_unknown(f"a page without a usable `{field}`.") from None


def walk(ask: Callable[[str | None], Page]) -> Iterator[Page]:
    """
    All pages, each asked for with the token that the one before it gave.

    Raises:
        RefusedError: They have no end.
    """
    given: set[str] = set()
    token: str | None = None
    for _ in range(MOST_PAGES):
        page = ask(token)
        yield page
        token = page.next_page
        if token is None:
            return
        if token in given:
            raise answer_unknown("a page token that came before: the pages have no end.")
        given.add(token)
    raise answer_unknown(f"more than {MOST_PAGES} pages.")
