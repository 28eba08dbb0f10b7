"""Signatures: made here, checked by ssh-keygen, and the other way round."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import ConfigurationError, VerificationError
from privacy.signing import SigningKey, fingerprint, read_public, verify

KEY = SigningKey.generate()
needs_ssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None,
    reason="ssh-keygen is missing: apt-get install openssh-client",
)


def test_a_signature_holds_for_its_message_and_namespace_only() -> None:
    """An approval must not pass for a bundle's signature."""
    signature = KEY.sign(b"plan", "clerestory-plan")
    assert verify(b"plan", signature, "clerestory-plan") == KEY.public
    for message, namespace in ((b"plam", "clerestory-plan"), (b"plan", "clerestory-bundle")):
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            verify(message, signature, namespace)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10_000), letter=st.sampled_from("ABCxyz019+/"))
def test_no_changed_letter_of_a_signature_goes_unnoticed(place: int, letter: str) -> None:
    """Armour, key, namespace, algorithm and signature are all looked at."""
    signature = KEY.sign(b"plan", "clerestory-plan")
    place %= len(signature) - 1
    changed = signature[:place] + letter + signature[place + 1 :]
    if changed == signature:
        return
    try:
        signer = verify(b"plan", changed, "clerestory-plan")
    except VerificationError:
        return
    pytest.fail(f"a changed signature was accepted as {signer}")


@pytest.mark.parametrize("text", ["", "no signature", "-----BEGIN SSH SIGNATURE-----\nAAAA\n"])
def test_what_is_no_signature_is_refused(text: str) -> None:
    """Wrong input ends in a typed error, never in a traceback."""
    with pytest.raises(VerificationError):
        verify(b"plan", text, "clerestory-plan")


@needs_ssh
def test_ssh_keygen_accepts_ours(tmp_path: Path) -> None:
    """A reader needs nothing but OpenSSH."""
    (tmp_path / "sig").write_text(KEY.sign(b"sums\n", "clerestory-bundle"))
    (tmp_path / "allowed").write_text(f"keeper {KEY.public}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "keeper"]
    command += ["-n", "clerestory-bundle", "-s", str(tmp_path / "sig")]

    good = subprocess.run(command, input=b"sums\n", capture_output=True, check=False)
    bad = subprocess.run(command, input=b"sumz\n", capture_output=True, check=False)

    assert (good.returncode, bad.returncode != 0) == (0, True)


@needs_ssh
def test_ours_accepts_ssh_keygen(tmp_path: Path) -> None:
    """Officers sign with keys and tools they have."""
    key = tmp_path / "officer"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "plan").write_bytes(b"plan")
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "clerestory-plan", "-f", key, tmp_path / "plan"],
        check=True,
        capture_output=True,
    )
    signer = verify(b"plan", (tmp_path / "plan.sig").read_text(), "clerestory-plan")
    public = (tmp_path / "officer.pub").read_text()
    listed = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True)

    assert signer == read_public(public) == SigningKey.read(key).public
    assert fingerprint(signer) in listed.stdout


@needs_ssh
def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    """Ed25519 only: one algorithm to trust."""
    for kind in ("rsa", "ecdsa"):
        key = tmp_path / kind
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
        with pytest.raises(ConfigurationError, match="KEY_UNREADABLE"):
            SigningKey.read(key)
        with pytest.raises(ConfigurationError, match="KEY_UNREADABLE"):
            read_public((tmp_path / f"{kind}.pub").read_text())


def test_a_key_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    """And never over another."""
    KEY.write(tmp_path / "k")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(tmp_path / "k").public == KEY.public
    with pytest.raises(FileExistsError):
        KEY.write(tmp_path / "k")
