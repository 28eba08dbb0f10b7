"""
Fetch an organisation's local sessions from the Compliance API, as its custodian.

The list is walked first, in memory; then each session that is new, or has been active since it
was fetched, from its first page to its last.  A transcript is kept when its pages belong
together: one session, one owner, no message twice, none before those of the page before it.
One that is not, or that the API cannot give now, is set aside: the rest goes on, and the command
ends as incomplete.

`wire` speaks, `pages` says what is taken, `folder` keeps it.
"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from classifiers.edge import LARGEST
from classifiers.edge_files import LONGEST_LINE
from privacy.errors import ConfigurationError, IncompleteError

from .folder import SESSIONS, Folder, Window
from .pages import Listed, MessagesPage, SessionsPage, moment, read_page, walk
from .wire import Absent, Api, Away, Declined, answer_unknown, api_away, request_not_taken

__all__ = ["SESSIONS", "Api", "fetch"]

LIST = "/v1/compliance/apps/sessions/local"
OVERLAP = timedelta(days=1)
"""How far a later run looks back behind the last one: what is new is listed with a delay, and
clocks differ.  What it lists again is not fetched again."""
ENOUGH = 2 * LARGEST
"""bytes of a session: what is far longer than the edge seals is sealed as a stub anyway."""
_GIVES_UP = 3
"""Sessions in a row that the API cannot give: then it is the API."""

Progress = Callable[[str, float], None]


class _Mixed(Exception):  # noqa: N818 - what was read is not one transcript
    """Pages that do not belong together: the session may have changed while it was read."""


def fetch(out: Path, api: Api, since: date, until: date | None, progress: Progress) -> Counter[str]:
    """
    Fetch all sessions that began in a window and are not yet in a folder as they are now.

    Args:
        out: The folder.
        api: Where they are.
        since: The first day (UTC) on which they began.
        until: The day before which they began, or None.
        progress: Told how far it is.

    Returns:
        Sessions by what became of them: FETCHED, UNCHANGED, GONE, and of the fetched TRUNCATED
        by the API and TOO_LARGE to be sealed.

    Raises:
        ConfigurationError: Dates, folder, key or scope are not as they must be.
        RefusedError: The API answers in a form that is not known.
        IncompleteError: It could not give everything; the same command again goes on.
    """
    if until is not None and until <= since:
        raise ConfigurationError(
            "WINDOW_EMPTY",
            rule="Sessions are fetched from a day on, until before a later one.",
            found="an end that is not after the beginning.",
            remedy="give a later --until, or none.",
        )
    window = (since.isoformat(), until.isoformat() if until else "")
    with Folder.open(out) as folder:
        began, counts = datetime.now(UTC), Counter[str]()
        listed = _listed(api, window, folder.last_run(window), progress)
        set_aside = in_a_row = 0
        for number, session in enumerate(listed):
            progress("fetching", number / len(listed))
            if folder.has(session):
                counts["UNCHANGED"] += 1
                continue
            try:
                counts.update(_fetched(folder, api, session))
            except Absent:
                _check_list(api, window)  # if that is there, the session has gone
                counts["GONE"] += 1
            except (Away, _Mixed):
                set_aside, in_a_row = set_aside + 1, in_a_row + 1
                if in_a_row >= _GIVES_UP:
                    raise api_away() from None
                continue
            in_a_row = 0
        if set_aside:
            raise _incomplete()
        folder.note_run(window, began)
        progress("fetching", 1.0)
    return counts


def _listed(api: Api, window: Window, last: datetime | None, progress: Progress) -> list[Listed]:
    """The sessions of a window, oldest first; of a later run those that were active since."""
    query = _query(window, limit=500)
    if last:
        query["updated_at.gte"] = _instant(last - OVERLAP)

    def ask(token: str | None) -> SessionsPage:
        progress("listing", 0.0)
        return _list_page(api, query | ({"page": token} if token else {}))

    found: dict[str, Listed] = {}
    for page in walk(ask):
        for each in page.data:
            session = Listed(each.id, each.user.id, each.updated_at, each.truncated)
            found.setdefault(session.name, session)
    return list(found.values())[::-1]


def _list_page(api: Api, query: dict[str, str]) -> SessionsPage:
    try:
        return read_page(SessionsPage, api.get(LIST, query))
    except Away:
        raise api_away() from None
    except Declined:
        raise request_not_taken("an answer that the list is not asked for like that.") from None
    except Absent:
        raise ConfigurationError(
            "NO_LOCAL_SESSIONS",
            rule="Local sessions are listed to a Compliance Access Key of an organisation that "
            "has them.",
            found="an answer that there is no such list.",
            remedy="give a Compliance Access Key (an ordinary API key is answered like that); "
            "with the right one the list may be away for a while: try again later.",
        ) from None


def _check_list(api: Api, window: Window) -> None:
    """Raise what the API says of the whole list, where it does not say it of one session."""
    _list_page(api, _query(window, limit=1))


def _fetched(folder: Folder, api: Api, session: Listed) -> Counter[str]:
    """Fetch one session; once more from its first page, where its pages do not belong together."""
    try:
        return _walked(folder, api, session)
    except (Declined, _Mixed):
        try:
            return _walked(folder, api, session)
        except Declined:
            raise _Mixed from None


def _walked(folder: Folder, api: Api, session: Listed) -> Counter[str]:
    path = f"{LIST}/{quote(session.name, safe='')}/messages"
    # The ends of results tell how tests went: results are wanted as whole as inputs.
    query = {"limit": "1000", "tool_use_input_max_bytes": "-1", "tool_result_max_bytes": "-1"}

    def ask(token: str | None) -> MessagesPage:
        return read_page(MessagesPage, api.get(path, query | ({"page": token} if token else {})))

    met: set[str] = set()
    began, as_of, size = datetime.min.replace(tzinfo=UTC), "", 0
    outcome = Counter(FETCHED=1, TRUNCATED=int(session.is_truncated))
    with folder.transcript(session.name) as put:
        for page in walk(ask):
            began = _check_belongs(page, session, met, began)
            # Calls that come while pages are read count as not seen: the next run lists them.
            as_of = as_of or page.session.updated_at
            line = _line(page)
            size += len(line)
            put(line)
            if size > ENOUGH:
                outcome["TOO_LARGE"] += 1
                break
    folder.note(session.name, as_of)
    return +outcome


def _check_belongs(page: MessagesPage, session: Listed, met: set[str], began: datetime) -> datetime:
    """Raise where a page is not the next of its transcript; gives when it begins."""
    if (page.session.id, page.session.user.id) != (session.name, session.owner):
        raise answer_unknown("a page of another session, or of another owner.")
    names = {message.id for message in page.data}
    if len(names) < len(page.data) or names & met:
        raise _Mixed
    met |= names
    first = moment(page.data[0].created_at) if page.data else began
    if first < began:
        raise _Mixed
    return first


def _line(page: MessagesPage) -> bytes:
    """A page as one line: what is kept of it, and unchanged."""
    kept = page.model_dump(exclude={"next_page"})
    try:
        line = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:  # half a character, as programs cut them off
        line = json.dumps(kept, separators=(",", ":")).encode() + b"\n"
    if len(line) >= LONGEST_LINE:
        raise answer_unknown("a page that is longer than a line of a log may be.")
    return line


def _query(window: Window, *, limit: int) -> dict[str, str]:
    since, until = window
    end = {"created_at.lt": f"{until}T00:00:00Z"} if until else {}
    return {"created_at.gte": f"{since}T00:00:00Z", **end, "limit": str(limit)}


def _instant(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _incomplete() -> IncompleteError:
    return IncompleteError(
        "SESSIONS_SET_ASIDE",
        rule="A transcript is kept whole, or not at all.",
        found="sessions that the API could not give now, or whose pages did not belong together.",
        remedy="run the same command again later: what is complete is not fetched again.",
    )
