"""The keeper's secrets at rest: whole, locked where they should be, and gone when dropped."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from privacy.errors import ClerestoryError, ConfigurationError, VerificationError
from privacy.keeper import guards
from privacy.keeper.configuration import KeyAtRest
from privacy.keeper.guards import Command, Guard, Passphrase, guard_of
from privacy.keeper.keyring import SEALING, SIGNING, WRAPPED, Keyring
from privacy.sealing import KeyPair, key_id, seal

FLOOR = "f" * 64
XOR = "import sys; sys.stdout.buffer.write(b'kms:' + bytes(b ^ 7 for b in sys.stdin.buffer.read()))"
UNXOR = "import sys; sys.stdout.buffer.write(bytes(b ^ 7 for b in sys.stdin.buffer.read()[4:]))"


def command(wrap: str = XOR, unwrap: str = UNXOR, **more: object) -> Command:
    """A KMS of our own: two programs that change bytes, and back."""
    run = (sys.executable, "-I", "-c")
    return Command(KeyAtRest("command", (*run, wrap), (*run, unwrap), **more))  # type: ignore[arg-type]


GUARDS: dict[str, Callable[[], Guard | None]] = {
    "file": lambda: None,
    "passphrase": lambda: Passphrase(b"correct horse"),
    "command": command,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cheap derivation: the real one is held to its numbers in test_keylock."""
    monkeypatch.setattr(guards, "key_of", lambda words, salt: (words + salt).ljust(32, b"x")[:32])


def begun(folder: Path, guard: Guard | None) -> tuple[Keyring, bytes]:
    """A ring in a new folder, and its first secret."""
    folder.mkdir(exist_ok=True)
    secret = KeyPair.generate().secret
    Keyring.begin(folder, FLOOR, guard, secret)
    return Keyring(folder, FLOOR, guard), secret


def everything(folder: Path) -> bytes:
    """All that lies in a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.mark.parametrize("how", GUARDS)
def test_secrets_are_found_again(tmp_path: Path, how: str) -> None:
    """Whatever guards them; the public key lies beside, in clear, as the README says."""
    guard = GUARDS[how]()
    ring, secret = begun(tmp_path / "state", guard)
    again = Keyring(tmp_path / "state", FLOOR, GUARDS[how]())
    assert again.current.secret == secret
    assert again.signing.public == ring.signing.public
    assert (tmp_path / "state" / "signing.key.pub").read_text() == ring.signing.public + "\n"
    for name in (SEALING, SIGNING):
        assert stat.S_IMODE((tmp_path / "state" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("how", ["passphrase", "command"])
def test_what_lies_on_the_disk_opens_nothing(tmp_path: Path, how: str) -> None:
    """No byte of a secret, nor the key-encryption key; plain files are the control."""
    for folder, guard, lies in (("plain", None, True), ("locked", GUARDS[how](), False)):
        _, secret = begun(tmp_path / folder, guard)
        lying = everything(tmp_path / folder)
        for part in (secret[:32], secret[32:64], secret[64:], b"PRIVATE KEY"):
            assert (part in lying) is lies


@pytest.mark.parametrize("how", ["passphrase", "command"])
def test_plain_keys_are_locked_at_the_next_start(tmp_path: Path, how: str) -> None:
    """Who configures a guard later has locked keys from then on, and never plain ones again."""
    ring, secret = begun(tmp_path / "state", None)
    kept = Keyring(tmp_path / "state", FLOOR, GUARDS[how]())
    assert kept.current.secret == secret
    assert kept.signing.public == ring.signing.public
    assert secret[:32] not in everything(tmp_path / "state")
    assert Keyring(tmp_path / "state", FLOOR, GUARDS[how]()).current.secret == secret
    with pytest.raises(ConfigurationError, match="KEY_LOCKED"):
        Keyring(tmp_path / "state", FLOOR, None)


def test_another_passphrase_or_folder_opens_nothing(tmp_path: Path) -> None:
    """Neither other words, nor a secret carried to another vault or into the other's place."""
    folder = tmp_path / "state"
    begun(folder, Passphrase(b"correct horse"))
    with pytest.raises(VerificationError, match="KEY_STAYS_LOCKED"):
        Keyring(folder, FLOOR, Passphrase(b"incorrect horse"))
    with pytest.raises(VerificationError, match="KEY_STAYS_LOCKED"):
        Keyring(folder, "0" * 64, Passphrase(b"correct horse"))
    sealing = (folder / SEALING).read_bytes()
    (folder / SEALING).write_bytes((folder / SIGNING).read_bytes())
    with pytest.raises(VerificationError, match="KEY_STAYS_LOCKED"):
        Keyring(folder, FLOOR, Passphrase(b"correct horse"))
    (folder / SEALING).write_bytes(sealing)
    Keyring(folder, FLOOR, Passphrase(b"correct horse"))
    (folder / WRAPPED).unlink()
    with pytest.raises(ConfigurationError, match="STATE_LOST"):
        Keyring(folder, FLOOR, Passphrase(b"correct horse"))
    assert not (folder / WRAPPED).exists()


@pytest.mark.parametrize(
    ("wrap", "unwrap", "found"),
    [
        ("import sys; sys.exit(3)", UNXOR, "ended with 3"),
        ("", UNXOR, "printed nothing"),
        ("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", UNXOR, "the key itself"),
        (XOR, "print('x')", "something else than 32 bytes"),
        (XOR, "import sys; sys.stdout.buffer.write(bytes(32))", "does not give back"),
        ("import time; time.sleep(60)", UNXOR, "did not end in its time"),
        ("import sys; sys.stdout.write('x' * 100_000)", UNXOR, "more than any wrapped key"),
    ],
    ids=["fails", "silent", "echo", "short", "zeros", "slow", "flood"],
)
def test_a_command_that_does_not_keep_the_key_locks_nothing(
    tmp_path: Path, wrap: str, unwrap: str, found: str
) -> None:
    """Found out before anything is locked under a key that nobody could give back."""
    guard = command(wrap, unwrap, seconds=1.0 if "sleep" in wrap else 20.0)
    with pytest.raises(ConfigurationError) as refusal:
        begun(tmp_path / "state", guard)
    assert found in refusal.value.found
    assert not (tmp_path / "state" / SEALING).exists()
    begun(tmp_path / "other", command())


def test_a_command_that_is_not_there_is_named_as_that(tmp_path: Path) -> None:
    """A typed error, and none of its path."""
    guard = Command(KeyAtRest("command", ("/nowhere/wrap",), ("/nowhere/unwrap",)))
    with pytest.raises(ConfigurationError, match="KEY_COMMAND_FAILED") as refusal:
        begun(tmp_path, guard)
    assert "nowhere" not in str(refusal.value)


def test_a_command_sees_what_is_named_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its variables are the configured ones; what it says to standard error is not passed on."""
    monkeypatch.setenv("KMS_REGION", "north")
    monkeypatch.setenv("SECRET_OF_OURS", "hidden")
    look = (
        "import os, sys; key = sys.stdin.buffer.read(); sys.stderr.buffer.write(key); "
        "open(PLACE, 'w').write(repr(sorted(os.environ))); "
    ).replace("PLACE", repr(str(tmp_path / "seen")))
    wrap = look + "sys.stdout.buffer.write(b'kms:' + bytes(b ^ 7 for b in key))"
    begun(tmp_path / "state", command(wrap, environment=("KMS_REGION", "NOT_SET")))
    seen = (tmp_path / "seen").read_text()
    assert "KMS_REGION" in seen
    assert "SECRET_OF_OURS" not in seen
    assert "PATH" not in seen
    assert capfd.readouterr() == ("", "")


def test_a_passphrase_is_given_if_and_only_if_it_is_needed() -> None:
    """A word that locks nothing would be false comfort."""
    for how, words, code in (
        ("passphrase", None, "PASSPHRASE_MISSING"),
        ("file", b"words", "PASSPHRASE_UNUSED"),
        ("command", b"words", "PASSPHRASE_UNUSED"),
    ):
        with pytest.raises(ConfigurationError, match=code):
            guard_of(KeyAtRest(how), words)  # type: ignore[arg-type]
    assert guard_of(KeyAtRest(), None) is None
    assert isinstance(guard_of(KeyAtRest("passphrase"), b"words"), Passphrase)
    assert isinstance(guard_of(KeyAtRest("command"), None), Command)


@pytest.mark.parametrize("how", GUARDS)
def test_two_keys_open_until_one_is_dropped(tmp_path: Path, how: str) -> None:
    """In between a restart finds both; afterwards the old one is nowhere in the folder."""
    folder = tmp_path / "state"
    ring, old = begun(folder, GUARDS[how]())
    former = ring.current
    blob = seal(b"x", {}, public=former.public, info=b"i")
    ring.add()
    ring.add()  # again is no harm
    assert ring.current.secret != old
    for each in (ring, Keyring(folder, FLOOR, GUARDS[how]())):
        assert each.of(blob).open(blob.wrapped, info=b"i")
        assert each.current.secret == ring.current.secret
    ring.drop()
    for each in (ring, Keyring(folder, FLOOR, GUARDS[how]())):
        with pytest.raises(VerificationError, match="KEY_UNKNOWN"):
            each.of(blob)
        each.retired = frozenset({key_id(former.public)})
        with pytest.raises(VerificationError, match="KEY_RETIRED"):
            each.of(blob)
    assert old not in everything(folder)
    assert former.open(blob.wrapped, info=b"i")  # the control: with the old secret it opens


def test_what_a_broken_off_write_left_is_wiped(tmp_path: Path) -> None:
    """It may hold a key that was dropped since: an erasure must not be undone by it."""
    folder = tmp_path / "state"
    begun(folder, None)
    left = folder / f".{SEALING}.0011"
    left.write_bytes(b"old secret")
    watched = os.open(left, os.O_RDONLY)
    Keyring(folder, FLOOR, None)
    assert not left.exists()
    assert os.pread(watched, 100, 0) == bytes(10)  # written over, not only unlinked
    os.close(watched)


def test_a_replaced_secret_is_written_over(tmp_path: Path) -> None:
    """As far as a program can: the same blocks, not only the name."""
    folder = tmp_path / "state"
    ring, old = begun(folder, None)
    watched = os.open(folder / SEALING, os.O_RDONLY)
    assert os.pread(watched, 200, 0) == old
    ring.add()
    assert os.pread(watched, 200, 0) == bytes(len(old))
    os.close(watched)


@pytest.mark.parametrize("data", [b"", b"x", bytes(95), bytes(97), bytes(288)], ids=len)
def test_a_damaged_ring_is_refused(tmp_path: Path, data: bytes) -> None:
    """In our words: an exception of a library could quote the key."""
    begun(tmp_path, None)
    (tmp_path / SEALING).write_bytes(data)
    with pytest.raises(ClerestoryError, match="STATE_LOST"):
        Keyring(tmp_path, FLOOR, None)


def test_a_secret_is_no_argument_of_any_process(tmp_path: Path) -> None:
    """`ps` shows arguments to everybody: the key goes over a pipe."""
    look = (
        "import sys, pathlib; key = sys.stdin.buffer.read(); "
        "lines = [p.read_bytes() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline')]; "
        "assert any(b'KMS' in line for line in lines); "
        "assert not any(key in line or key.hex().encode() in line for line in lines); "
        "sys.stdout.buffer.write(b'kms:' + bytes(b ^ 7 for b in key))  # KMS"
    )
    begun(tmp_path, command(look))
    assert subprocess.run([sys.executable, "-c", ""], check=True).returncode == 0
