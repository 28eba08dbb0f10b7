"""
The SDK's client, with every way out closed that it has beside its transport.

The environment may name proxies, logs, addresses, headers and traces; the SDK retries for weeks if
a server says so, and quotes what it sent in its errors.  None of it is left: transport and key are
given, and nothing else is looked at.
"""

from collections.abc import Callable

import anthropic
import httpcore2
import httpx2

from privacy.endpoint import read_endpoint
from privacy.raters import Rater

from .clear import ClearStream
from .line import Connect
from .tls import TlsStream, trusting
from .wire import Dial


def client_of(endpoint: str, line: httpx2.BaseTransport, seconds: float) -> anthropic.Anthropic:
    """A client that speaks through a line and has no key yet."""
    return anthropic.Anthropic(
        api_key="rehearsal",
        base_url=endpoint,
        http_client=httpx2.Client(
            transport=line, trust_env=False, follow_redirects=False, timeout=None
        ),
        timeout=seconds,
        max_retries=0,
        open_telemetry=False,
        default_headers={"accept-encoding": "identity"},
    )


def way_to(named: Rater) -> Callable[[Dial], Connect]:
    """
    What makes connections to a plan's endpoint of what dials: TLS, or clear on this machine.

    Everything that needs a file is done here, once.

    Raises:
        ValueError: The plan's roots hold no certificate.
        ConfigurationError: The endpoint is none.
    """
    address = read_endpoint(named.endpoint)
    if address.in_clear:
        return lambda dial: lambda: ClearStream(dial())
    context = trusting(named.roots)

    def through_tls(dial: Dial) -> Connect:
        def connect() -> httpcore2.NetworkStream:
            return TlsStream(dial(), context, address.host)

        return connect

    return through_tls
