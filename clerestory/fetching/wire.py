"""
Speak with the Compliance API: one request after the other, bounded in size, time and patience.

The address is the one that was given, over TLS but on loopback.  Redirects are not followed;
proxies and certificates that the environment names are not used.  The key travels in one header.
A status decides what an answer means, so that no word of a server gets into an error of ours;
statuses and waits are the vendor's [1].

This is the one module of the command line that speaks HTTP.

[1] platform.claude.com/docs, "Handle Compliance API errors", read 2026-11.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import httpx2

from privacy.endpoint import certificates, read_endpoint
from privacy.errors import ConfigurationError, IncompleteError, RefusedError

SCOPE = "read:compliance_user_data"
LARGEST_PAGE = 48 * 2**20
"""bytes of a page, unpacked: as a line it stays below what the edge reads as one."""
WAITS = (1, 2, 4, 8, 16, 32, 60)
"""Seconds before each further try, or as long as the server says."""
RESERVE = 100
"""Requests of a minute's budget that are left to others, with whom the organisation shares it."""
LONGEST_WAIT = 300
"""seconds: who is told to wait longer stops instead."""
ANSWERED_WITHIN = 300.0
"""seconds for a whole page."""
_TIMEOUT = httpx2.Timeout(60.0, connect=20.0)
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:[1-9][0-9]{0,4})?")
_LAST_PORT = 65_535
_TOO_MANY, _BAD, _FORBIDDEN, _UNKNOWN_KEY, _ABSENT = 429, 400, 403, 401, 404

Record = dict[str, Any]


class Declined(Exception):  # noqa: N818 - what the API says of one request, not a fault
    """A request was not taken (400): its page token may be too old."""


class Absent(Exception):  # noqa: N818
    """There is no such thing (404)."""


class Away(Exception):  # noqa: N818
    """The API did not answer, however patiently it was asked."""


class _Again(Exception):  # noqa: N818
    """Ask again, after at least so many seconds."""

    def __init__(self, after: int = 0) -> None:
        super().__init__()
        self.after = after


class Api:
    """
    The API at one address, for who holds a key.

    Args:
        endpoint: `https://host[:port]`; with `http://` only on loopback.
        key: A Compliance Access Key.
        roots: Certificates in PEM that are trusted instead of the machine's; or None.
        wait: How to wait; a test does not want to.

    Raises:
        ConfigurationError: The address or the roots are not written as they must be.
    """

    def __init__(
        self,
        endpoint: str,
        key: str,
        roots: str | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        near = _LOOPBACK.fullmatch(endpoint)
        if not near or int((near[2] or ":80")[1:]) > _LAST_PORT:
            read_endpoint(endpoint)
        self._wait = wait
        self._client = httpx2.Client(
            base_url=endpoint,
            headers={
                "x-api-key": key,
                "anthropic-version": "2023-06-01",
                "accept": "application/json",
                "accept-encoding": "gzip",
                "user-agent": "clerestory",
            },
            timeout=_TIMEOUT,
            trust_env=False,
            follow_redirects=False,
            verify=True if roots is None else _trusting(roots),
        )

    def __enter__(self) -> "Api":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, query: Mapping[str, str]) -> Record:
        """
        One answer.

        Raises:
            Declined: The request was not taken.
            Absent: There is nothing at that path.
            Away: There was no answer in the time that patience lasts.
            ClerestoryError: The key, its scope or the answer is not as it must be.
        """
        for pause in (*WAITS, None):
            try:
                return self._ask(path, query)
            except _Again as again:
                if pause is None or again.after > LONGEST_WAIT:
                    break
                after = max(pause, again.after)
            self._wait(after)
        raise Away

    def _ask(self, path: str, query: Mapping[str, str]) -> Record:
        end = time.monotonic() + ANSWERED_WITHIN
        try:
            with self._client.stream("GET", path, params=dict(query)) as response:
                _judge(response.status_code, response.headers)
                document = _document(response, end)
                left = response.headers.get("anthropic-ratelimit-requests-remaining", "")
        except httpx2.RequestError as error:  # no connection, broken off, too slow
            if _is_untrusted(error):
                raise _not_trusted() from None
            raise _Again from None
        if left.isascii() and left.isdigit() and int(left[:9]) < RESERVE:
            self._wait(1)
        return document


def _judge(status: int, headers: Mapping[str, str]) -> None:
    """Say what a status means; nothing if it is 200."""
    if status == httpx2.codes.OK:
        return
    if status == _TOO_MANY or status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        if headers.get("x-should-retry") == "false":
            raise Away
        stated = headers.get("retry-after", "")
        raise _Again(int(stated[:9]) if stated.isascii() and stated.isdigit() else 0)
    if status == _BAD:
        raise Declined
    if status == _ABSENT:
        raise Absent
    if status == _UNKNOWN_KEY:
        raise ConfigurationError(
            "ACCESS_KEY_REFUSED",
            rule="The API is asked with a Compliance Access Key that it knows.",
            found="an answer that the key is not valid, or not any more.",
            remedy="make a Compliance Access Key in the organisation's settings, and write it "
            "into the file that --api-key-file names.",
        )
    if status == _FORBIDDEN:
        raise ConfigurationError(
            "SCOPE_MISSING",
            rule=f"Transcripts are read with a key of the scope {SCOPE}.",
            found="a key without it.",
            remedy=f"make another Compliance Access Key with {SCOPE}: a key's scopes never "
            "change, and an Admin API key cannot have it.",
        )
    if status in range(httpx2.codes.MULTIPLE_CHOICES, httpx2.codes.BAD_REQUEST):
        raise RefusedError(
            "REDIRECT_REFUSED",
            rule="A key goes to the address that was given, and nowhere else.",
            found="an answer that leads elsewhere.",
            remedy="find out what answers at that address; give another --endpoint if it is right.",
        )
    raise request_not_taken(f"an answer with the status {status}.")


def _document(response: httpx2.Response, end: float) -> Record:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > LARGEST_PAGE:
            raise answer_unknown(f"a page of more than {LARGEST_PAGE // 2**20} MiB.")
        if time.monotonic() > end:
            raise _Again
    try:
        document = json.loads(bytes(body))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise answer_unknown("a page that is no JSON object.")
    return document


def _trusting(roots: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the chain and the host's name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        certificates(roots if roots.isascii() else "")
        context.load_verify_locations(cadata=roots)
    except (ssl.SSLError, ValueError):
        certificates("")  # what only looks like certificates is refused as none
    return context


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _not_trusted() -> ConfigurationError:
    return ConfigurationError(
        "ENDPOINT_NOT_TRUSTED",
        rule="A key is sent to a server whose certificate leads to a trusted root.",
        found="a certificate that does not; nothing was sent.",
        remedy="if that is your own gateway, give its root with --roots FILE.",
    )


def request_not_taken(found: str) -> ConfigurationError:
    """The API does not want what it is asked."""
    return ConfigurationError(
        "REQUEST_NOT_TAKEN",
        rule="The API takes requests as its documentation of November 2026 has them.",
        found=found,
        remedy="check that the Compliance API is enabled for the organisation, and the dates; "
        "if they are right, the API has changed: report it.",
    )


def answer_unknown(found: str) -> RefusedError:
    """An answer has another form than the one that is known."""
    return RefusedError(
        "ANSWER_UNKNOWN",
        rule="Answers of the API are taken in the form that is known, or not at all.",
        found=found,
        remedy="nothing of that page was kept; report it with the version of clerestory.",
    )


def api_away() -> IncompleteError:
    """Nobody answers, or not now."""
    return IncompleteError(
        "API_AWAY",
        rule="A request is tried again for some minutes, then the work stops where it is.",
        found="no answer, an answer that the API is busy, or one that came too slowly.",
        remedy="run the same command again later: what is complete is not fetched again.",
    )
