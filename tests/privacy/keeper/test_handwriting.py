"""Requests are signed with the keys that people have."""

import shutil
import subprocess
from pathlib import Path

import pytest

from privacy.errors import ConfigurationError
from privacy.keeper.handwriting import NAMESPACE, sign_request
from privacy.signing import SigningKey, verify

needs_tool = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is missing")


def test_a_plain_key_signs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any tool."""
    key = SigningKey.generate()
    key.write(tmp_path / "key")
    monkeypatch.setenv("PATH", "")
    assert verify(b"asked", sign_request(tmp_path / "key", b"asked"), NAMESPACE) == key.public


@needs_tool
def test_a_key_behind_a_passphrase_signs_by_the_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from an agent or a token; with another passphrase it does not, and says so."""
    path = tmp_path / "key"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "horse", "-f", str(path)]
    subprocess.run(make, check=True)
    public = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    answer = tmp_path / "answer"
    answer.touch(mode=0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(answer))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    for words, works in (("wrong", False), ("horse", True)):
        answer.write_text(f"#!/bin/sh\necho {words}\n")
        if works:
            assert verify(b"asked", sign_request(path, b"asked"), NAMESPACE) == public
        else:
            with pytest.raises(ConfigurationError, match="KEY_UNREADABLE"):
                sign_request(path, b"asked")


def test_a_key_that_is_none_is_named_as_that(tmp_path: Path) -> None:
    """Missing, or something else in its place."""
    (tmp_path / "words").write_text("no key")
    for name in ("words", "missing"):
        with pytest.raises(ConfigurationError, match="KEY_UNREADABLE"):
            sign_request(tmp_path / name, b"asked")
