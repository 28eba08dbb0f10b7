"""Two sessions, and what fetching makes of a server's."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from clerestory.fetching import SESSIONS, Api, fetch
from tests.support.compliance import (
    KEY,
    START,
    Compliance,
    Held,
    Json,
    talk,
)

SINCE = date(2026, 1, 1)
LATER = date(2030, 1, 1)
ONE, TWO = Held("clls_1", talk("a"), "user_1"), Held("clls_2", talk("b"), "user_2", began=1)


def taken(
    out: Path, server: Compliance, since: date = SINCE, until: date | None = None
) -> Counter[str]:
    """Fetch everything there is, waiting for nobody."""
    with Api(server.url, KEY, wait=lambda _: None) as api:
        return fetch(out, api, since, until, lambda _, share: must_be_a_share(share))


def must_be_a_share(share: float) -> None:
    """What is told of the progress is between nothing and all."""
    assert 0 <= share <= 1


def kept(out: Path) -> dict[str, list[Json]]:
    """Messages on the disk by session, in the order of their lines."""
    found: dict[str, list[Json]] = {}
    for path in (out / SESSIONS).iterdir():
        pages = [json.loads(line) for line in path.read_bytes().splitlines()]
        (name,) = {page["session"]["id"] for page in pages}
        found[name] = [each for page in pages for each in page["data"]]
    return found


def asked_for(server: Compliance) -> list[str]:
    """Whose messages were asked for, in order, and forget it."""
    found = [each.session for each in server.requests if each.session]
    server.requests.clear()
    return found


def now() -> float:
    """Minutes from START until now."""
    return (datetime.now(UTC) - START).total_seconds() / 60
