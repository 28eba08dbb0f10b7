"""Promise: nothing in a bundle can be changed, added or taken away without its showing."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.errors import ConfigurationError
from privacy.signing import SigningKey
from privacy.verification import verify_bundle
from tests.support.world import World, clerestory


def failed(folder: Path, trust: str | None = None) -> list[int]:
    """Numbers of the steps that fail."""
    return [check.number for check in verify_bundle(folder, trust) if check.holds is False]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_is_found(bundle: Path, data: st.DataObject) -> None:
    """Whichever file, wherever in it, whatever it becomes."""
    names = sorted(path.name for path in bundle.iterdir())
    path = bundle / data.draw(st.sampled_from(names))
    good = path.read_bytes()
    changed = bytearray(good)
    changed[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(changed)
        assert failed(bundle)
    finally:
        path.write_bytes(good)


def test_a_changed_byte_of_the_signature_is_found(bundle: Path) -> None:
    """The one file that no sum covers; blanks count, too."""
    path = bundle / "SHA256SUMS.sig"
    good = path.read_bytes()
    assert failed(bundle) == []
    for place in range(len(good)):
        for byte in {good[place] ^ 1, good[place] ^ 0x80, *b" \t\r\x0b\x0c\x1c\n"} - {good[place]}:
            path.write_bytes(good[:place] + bytes([byte]) + good[place + 1 :])
            assert 3 in failed(bundle), (place, byte)


def test_a_file_removed_added_or_renamed_is_found(bundle: Path) -> None:
    """The list of files is signed; without its sums a folder is no bundle at all."""
    for path in sorted(bundle.iterdir()):
        good = path.read_bytes()
        path.unlink()
        if path.name == "SHA256SUMS":
            with pytest.raises(ConfigurationError, match="NO_BUNDLE"):
                verify_bundle(bundle)
        else:
            assert failed(bundle)
        (bundle / f"{path.name}.old").write_bytes(good)
        if path.name != "SHA256SUMS":
            assert failed(bundle)
        (bundle / f"{path.name}.old").unlink()
        path.write_bytes(good)
    for name in ("notes.txt", ".hidden", "deeper/table.csv"):
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_bytes(b"")
        assert failed(bundle) == [1]
        (bundle / name).unlink()
    assert failed(bundle) == []


def test_two_files_swapped_are_found(bundle: Path) -> None:
    """Sums belong to names."""
    one, other = bundle / "tables.csv", bundle / "README.txt"
    data = one.read_bytes(), other.read_bytes()
    one.write_bytes(data[1])
    other.write_bytes(data[0])
    assert failed(bundle) == [2]


def test_a_bundle_signed_anew_by_somebody_else_fails_whoever_trusts_the_keeper(
    bundle: Path, released: World
) -> None:
    """Without a trusted key it is only said that nobody knows who signed."""
    trust = (released.folder / "bundle" / "keeper.pub").read_text()
    assert failed(bundle, trust) == []
    mallory = SigningKey.generate()
    tables = (bundle / "tables.csv").read_text().replace("suppressed", "published")
    (bundle / "tables.csv").write_text(tables)
    (bundle / "keeper.pub").write_text(mallory.public + "\n")
    sums = subprocess.run(
        ["sha256sum", *sorted(p.name for p in bundle.iterdir() if "SHA256" not in p.name)],
        cwd=bundle, check=True, capture_output=True,
    ).stdout  # fmt: skip
    (bundle / "SHA256SUMS").write_bytes(sums)
    (bundle / "SHA256SUMS.sig").write_text(mallory.sign(sums, "clerestory-bundle"))
    assert 4 in failed(bundle, trust)
    # Its checkpoint was signed by the keeper: that is one step more that it fails.
    assert 10 in failed(bundle)


def test_the_command_says_so_by_its_exit_code(bundle: Path) -> None:
    """0 holds, 4 does not, 2 is no bundle."""
    assert clerestory("verify", bundle).returncode == 0
    path = bundle / "tables.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    done = clerestory("verify", bundle)
    assert done.returncode == 4
    assert "FAILS" in done.stdout
    assert "Do not use" in done.stdout
    assert clerestory("verify", bundle / "nothing").returncode == 2


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum (coreutils) is missing")
def test_coreutils_check_the_sums(bundle: Path) -> None:
    """A reader needs nothing of ours."""
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    done = subprocess.run(command, cwd=bundle, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    (bundle / "tables.csv").write_bytes(b"x")
    assert subprocess.run(command, cwd=bundle, capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(
    shutil.which("ssh-keygen") is None,
    reason="ssh-keygen is missing: apt-get install openssh-client",
)
def test_openssh_checks_the_signature(bundle: Path) -> None:
    """With the namespace that a bundle's signature is made for, and no other."""

    def check(namespace: str) -> int:
        command = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace]
        command += ["-s", str(bundle / "SHA256SUMS.sig")]
        sums = (bundle / "SHA256SUMS").read_bytes()
        return subprocess.run(command, input=sums, capture_output=True, check=False).returncode

    assert check("clerestory-bundle") == 0
    assert check("clerestory-plan") != 0
    (bundle / "SHA256SUMS").write_bytes((bundle / "SHA256SUMS").read_bytes() + b"\n")
    assert check("clerestory-bundle") != 0


def test_a_statement_is_called_what_it_is(bundle: Path) -> None:
    """An audit record: in the bundle's README, on its page, in the file, in `verify`'s words."""
    said = [(bundle / name).read_text() for name in ("README.txt", "report.html", "statement.json")]
    said.append(clerestory("verify", bundle).stdout)
    for text in said:
        assert "audit record" in text.lower()
        assert "attest" not in text.lower()
