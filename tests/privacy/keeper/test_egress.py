"""The way out of a run: whose key goes where."""

from pathlib import Path

import pytest

from privacy.errors import IncompleteError
from privacy.keeper.egress import ENDPOINT_KEY, NOBODYS_KEY, endpoint_key

CLEAR = "http://127.0.0.1:11434"


def test_a_key_in_clear_is_one_that_was_given_with_the_run(tmp_path: Path) -> None:
    """The keeper's own is a provider's: whoever listens at a port here must not be handed it."""
    (tmp_path / ENDPOINT_KEY).write_text("sk-of-a-provider", encoding="ascii")
    assert endpoint_key("", tmp_path, CLEAR) == NOBODYS_KEY
    assert endpoint_key("mine\n", tmp_path, CLEAR) == b"mine"
    assert endpoint_key("", tmp_path, "https://api.example.org") == b"sk-of-a-provider"
    (tmp_path / ENDPOINT_KEY).unlink()
    assert endpoint_key("", tmp_path, CLEAR) == NOBODYS_KEY
    with pytest.raises(IncompleteError, match="ENDPOINT_NO_KEY"):
        endpoint_key("", tmp_path, "https://api.example.org")
