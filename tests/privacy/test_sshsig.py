"""Keys of tokens and the form of signatures: what is read, and all that is not."""

import shutil
import subprocess
from base64 import b64decode, b64encode
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from struct import pack
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import ConfigurationError, VerificationError
from privacy.signing import (
    Namespace,
    SigningKey,
    fingerprint,
    is_token,
    public_raw,
    read_public,
    verify,
)
from privacy.sshsig import read_key, read_signature, write_signature
from tests.support.token import KIND, Token, armour, packed

KEY, TOKEN = SigningKey.generate(), Token()
NAMESPACES: tuple[Namespace, ...] = get_args(Namespace)
needs_ssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None,
    reason="ssh-keygen is missing: apt-get install openssh-client",
)


def refused(signature: str, message: bytes = b"plan") -> bool:
    """Whether a signature is turned down."""
    try:
        verify(message, signature, "clerestory-plan")
    except VerificationError as error:
        return error.code == "SIGNATURE_INVALID"
    return False


def test_a_token_signs_like_a_key() -> None:
    """An officer whose key lies in a token approves as any other."""
    for flags in (0x01, 0x05):
        signature = TOKEN.sign(b"plan", "clerestory-plan", flags=flags)
        assert verify(b"plan", signature, "clerestory-plan") == TOKEN.public
        assert refused(signature, b"plam")
    assert read_public(f"{TOKEN.public} olga@example.org") == TOKEN.public
    assert (is_token(TOKEN.public), is_token(KEY.public)) == (True, False)
    assert fingerprint(TOKEN.public) != fingerprint(KEY.public)


@pytest.mark.parametrize("flags", [0x00, 0x04, 0x02, 0x03, 0x41, 0x81, 0xC1, 0xFF])
def test_without_a_touch_or_with_unknown_flags_nothing_counts(flags: int) -> None:
    """A program on the officer's machine can ask a token; only a person can touch it."""
    assert refused(TOKEN.sign(b"plan", "clerestory-plan", flags=flags))
    assert not refused(TOKEN.sign(b"plan", "clerestory-plan"))


def test_flags_and_counter_are_signed() -> None:
    """Who turns the touch on afterwards changes what was signed."""
    assert refused(TOKEN.sign(b"plan", "clerestory-plan", flags=0x01, signed_flags=0x00))
    good = read_signature(TOKEN.sign(b"plan", "clerestory-plan"))
    again = write_signature(replace(good, tail=pack(">BI", 1, 2**31)))
    assert refused(again)
    assert not refused(write_signature(good))


def test_extensions_other_hashes_and_other_applications_are_refused() -> None:
    """What is not understood is not accepted: no bytes without a meaning."""
    assert refused(TOKEN.sign(b"plan", "clerestory-plan", tail=b"\0"))
    assert refused(TOKEN.sign(b"plan", "clerestory-plan", tail=packed(b"more")))
    assert refused(TOKEN.sign(b"plan", "clerestory-plan", hashed=b"sha256"))
    for application in (b"ssh:other", b"", b"https://example.org"):
        other = Token(application)
        assert refused(other.sign(b"plan", "clerestory-plan"))
        with pytest.raises(ConfigurationError, match="KEY_UNREADABLE"):
            read_public(other.public)


FOREIGN = [
    b"ssh-rsa", b"ssh-dss", b"ecdsa-sha2-nistp256", b"sk-ecdsa-sha2-nistp256@openssh.com",
    b"ssh-ed25519-cert-v01@openssh.com", b"sk-ssh-ed25519-cert-v01@openssh.com", b"ssh-ed448",
    b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", b"SSH-ED25519", b"",
]  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
def test_every_other_kind_is_refused(kind: bytes) -> None:
    """As a key, as a signature's key, and as a signature's algorithm."""
    raw = KEY.public_raw
    blob = packed(kind, raw)
    line = f"{kind.decode()} {b64encode(blob).decode()}"
    with pytest.raises(ConfigurationError, match="KEY_UNREADABLE"):
        read_public(line)
    head = b"SSHSIG" + pack(">I", 1)
    own = packed(b"ssh-ed25519", raw)
    for key, algorithm in ((blob, kind), (own, kind), (blob, b"ssh-ed25519")):
        inner = packed(algorithm, bytes(64))
        forged = armour(head + packed(key, b"clerestory-plan", b"", b"sha512", inner))
        with pytest.raises(ValueError, match=r"kind|algorithm|application"):
            read_signature(forged)
        assert refused(forged)


def test_one_kind_does_not_pass_for_the_other() -> None:
    """The same 32 bytes as a plain key and as a token's are two keys."""
    plain, token = read_key(KEY.public), read_key(TOKEN.public)
    for key in (replace(plain, kind=token.kind), replace(token, kind=plain.kind)):
        assert read_public(key.line) == key.line
        assert key.line not in (KEY.public, TOKEN.public)
    signature = read_signature(KEY.sign(b"plan", "clerestory-plan"))
    as_token = replace(signature, key=replace(plain, kind=token.kind), tail=pack(">BI", 1, 1))
    assert refused(write_signature(as_token))
    assert refused(write_signature(replace(signature, tail=pack(">BI", 1, 1))))
    with pytest.raises(ConfigurationError, match="KEY_UNREADABLE"):
        public_raw(TOKEN.public)
    assert public_raw(KEY.public) == KEY.public_raw


@pytest.mark.parametrize(("made", "claimed"), [*permutations(NAMESPACES, 2)])
def test_a_signature_for_one_act_never_passes_for_another(
    made: Namespace, claimed: Namespace
) -> None:
    """Neither an officer's approval for his rejection, nor a token's for anything else."""
    for signer in (KEY, TOKEN):
        signature = signer.sign(b"plan", made)
        assert verify(b"plan", signature, made) == signer.public
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            verify(b"plan", signature, claimed)
        read = read_signature(signature)
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            verify(b"plan", write_signature(replace(read, namespace=claimed)), claimed)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_byte_of_a_tokens_signature_goes_unnoticed(place: int, flip: int) -> None:
    """Key, application, namespace, hash, signature, flags and counter are all looked at."""
    signature = TOKEN.sign(b"plan", "clerestory-plan")
    blob = bytearray(b64decode("".join(signature.splitlines()[1:-1])))
    blob[place % len(blob)] ^= flip
    assert refused(armour(bytes(blob)))


@given(st.binary(max_size=300))
def test_any_bytes_are_no_signature(blob: bytes) -> None:
    """Whatever somebody hands in ends in a typed refusal."""
    assert refused(armour(blob))
    assert refused(armour(b"SSHSIG" + pack(">I", 1) + blob))


@needs_ssh
@pytest.mark.parametrize("flags", [0x01, 0x05])
def test_ssh_keygen_reads_the_tokens_signature_as_we_do(tmp_path: Path, flags: int) -> None:
    """The oracle: what our software token writes, OpenSSH verifies, and prints its key."""
    path = tmp_path / "sig"
    path.write_text(TOKEN.sign(b"plan", "clerestory-plan", flags=flags))
    command = ["ssh-keygen", "-Y", "check-novalidate", "-n", "clerestory-plan", "-s", str(path)]
    good = subprocess.run(command, input=b"plan", capture_output=True, check=False)
    bad = subprocess.run(command, input=b"plam", capture_output=True, check=False)
    assert good.returncode == 0, good.stderr
    assert fingerprint(TOKEN.public).encode() in good.stdout
    assert bad.returncode != 0
    assert KIND.decode() in TOKEN.public


@needs_ssh
def test_ssh_keygen_shows_the_tokens_fingerprint_as_we_do(tmp_path: Path) -> None:
    """An officer compares what he reads here with what `ssh-keygen -l` says."""
    path = tmp_path / "token.pub"
    path.write_text(f"{TOKEN.public} olga\n")
    done = subprocess.run(
        ["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True
    )
    assert fingerprint(TOKEN.public) in done.stdout
    assert "ED25519-SK" in done.stdout
