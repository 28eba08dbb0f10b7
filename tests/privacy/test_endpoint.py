"""Where text may be sent: one spelling for each place, and clear text on this machine only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.endpoint import Address, in_clear, read_endpoint
from privacy.errors import ConfigurationError

GOOD = {
    "https://api.anthropic.com": Address("api.anthropic.com", 443),
    "https://localhost:8443": Address("localhost", 8443),
    "http://127.0.0.1:11434": Address("127.0.0.1", 11434, in_clear=True),
    "http://127.0.0.1:443": Address("127.0.0.1", 443, in_clear=True),
    "http://[::1]:8080": Address("::1", 8080, in_clear=True),
    "http://127.0.0.1:65535": Address("127.0.0.1", 65535, in_clear=True),
}


@pytest.mark.parametrize("url", GOOD)
def test_an_endpoint_is_read(url: str) -> None:
    """The control of everything below."""
    assert read_endpoint(url) == GOOD[url]
    assert in_clear(url) is GOOD[url].in_clear


BAD = [
    "http://localhost:11434",  # a name: whoever writes /etc/hosts or answers for it decides
    "http://127.0.0.2:11434",
    "http://0.0.0.0:11434",
    "http://10.0.0.1:11434",
    "http://[::]:11434",
    "http://[::ffff:127.0.0.1]:11434",
    "http://[0:0:0:0:0:0:0:1]:11434",  # a second spelling
    "http://127.1:11434",
    "http://2130706433:11434",
    "http://0x7f.0.0.1:11434",
    "http://127.0.0.1",  # no port: nothing of ours listens at 80
    "http://127.0.0.1:0",
    "http://127.0.0.1:65536",
    "http://127.0.0.1:011434",
    "http://127.0.0.1:11434/",
    "http://127.0.0.1:11434/v1",
    "http://127.0.0.1:11434@evil.example",
    "http://user@127.0.0.1:11434",
    "http://127.0.0.1.evil.example:11434",
    "http://127.0.0.1:11434\n",
    "http://127.0.0.1:１１４３４",
    "HTTP://127.0.0.1:11434",
    "unix:///run/model.sock",
    "https://api.anthropic.com:443",
    "",
]


@pytest.mark.parametrize("url", BAD, ids=ascii)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    """Clear text for another machine, a name, or a second way to write one place."""
    with pytest.raises(ConfigurationError, match="ENDPOINT_UNREADABLE"):
        read_endpoint(url)
    assert not in_clear(url)


@given(st.from_regex(r"http://[^\s]{1,40}", fullmatch=True))
def test_nothing_in_clear_leads_away(url: str) -> None:
    """Whatever is written: in clear there are two hosts."""
    if in_clear(url):
        assert read_endpoint(url).host in ("127.0.0.1", "::1")
        assert url.startswith(("http://127.0.0.1:", "http://[::1]:"))
