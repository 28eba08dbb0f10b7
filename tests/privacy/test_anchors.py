"""Anchors: what was told them is there, however the telling went, and nothing else is believed."""

import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy import anchors as anchors_module
from privacy.anchors import NOTES, Anchor, FileAnchor, GitAnchor, read_anchors, split_notes
from privacy.checkpoint import Checkpoint, read_checkpoint
from privacy.errors import ClerestoryError, ConfigurationError, IncompleteError, VerificationError
from privacy.merkle import leaf
from privacy.signing import SigningKey

KEY = SigningKey.generate()
NOTED = [
    Checkpoint("clerestory/x", size, leaf(bytes(size)), Fraction(size)).sign(KEY)
    for size in range(4)
]
needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


def git(folder: Path, *command: str) -> str:
    """Somebody else's git, with settings of his own."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(
        ["git", *who, *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository, as a host of git has it."""
    (tmp_path / "remote").mkdir()
    git(tmp_path / "remote", "init", "--quiet", "--bare", "--initial-branch=main")
    return tmp_path / "remote"


def places(tmp_path: Path, remote: Path) -> list[Anchor]:
    """One anchor of each kind."""
    return [
        FileAnchor("file", tmp_path / "notes"),
        GitAnchor("git", f"file://{remote}", branch="checkpoints"),
    ]


@needs_git
def test_what_was_told_is_there(tmp_path: Path, remote: Path) -> None:
    """In order, to the byte, and for another handle: at first there is nothing."""
    for anchor in places(tmp_path, remote):
        assert anchor.read() == []
        for number, note in enumerate(NOTED):
            anchor.add(note)
            assert anchor.read() == NOTED[: number + 1]
    assert [anchor.read() for anchor in places(tmp_path, remote)] == [NOTED, NOTED]


@needs_git
def test_each_note_is_a_commit_that_anybody_can_fetch(tmp_path: Path, remote: Path) -> None:
    """The remote's own history witnesses the order; a stranger reads it with git alone."""
    anchor = GitAnchor("git", f"file://{remote}")
    for note in NOTED:
        anchor.add(note)
    git(tmp_path, "clone", "--quiet", f"file://{remote}", "copy")
    assert split_notes((tmp_path / "copy" / NOTES).read_bytes()) == NOTED
    assert len(git(tmp_path / "copy", "log", "--format=%s").split()) == len(NOTED)
    assert git(tmp_path / "copy", "log", "-1", "--format=%an").strip() == "clerestory keeper"


@needs_git
def test_git_runs_with_nothing_of_a_persons(
    tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings, hooks, templates and variables of the keeper's user are not taken along."""
    hooks, home = tmp_path / "hooks", tmp_path / "home"
    ran = tmp_path / "ran"
    for folder in (hooks, home / "template" / "hooks"):
        folder.mkdir(parents=True)
        for name in ("pre-commit", "pre-push", "post-checkout", "reference-transaction"):
            (folder / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
            (folder / name).chmod(0o755)
    settings = f"[core]\nhooksPath = {hooks}\n[init]\ntemplateDir = {home / 'template'}\n"
    (home / ".gitconfig").write_text(settings)
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.setenv("HOME", str(home))
    git(home, "init", "--quiet", str(mine))
    (mine / "file").touch()
    git(home, "-C", str(mine), "add", "file")
    git(home, "-C", str(mine), "commit", "--quiet", "--message", "x")
    assert ran.exists()  # the control: for a person, they run
    ran.unlink()

    monkeypatch.setenv("GIT_DIR", str(mine / ".git"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(hooks))
    anchor = GitAnchor("git", f"file://{remote}")
    anchor.add(NOTED[0])
    anchor.add(NOTED[1])
    assert anchor.read() == NOTED[:2]
    assert not ran.exists()


@needs_git
@pytest.mark.parametrize("url", ["file:///nowhere", "ext::sh -c touch% ran", "git://127.0.0.1/x"])
def test_a_remote_that_is_not_there_is_unreachable(url: str, tmp_path: Path) -> None:
    """In our words, and over no transport that could run something."""
    anchor = GitAnchor("far", url)
    for attempt in (anchor.read, lambda: anchor.add(NOTED[0])):
        with pytest.raises(IncompleteError, match="ANCHOR_UNREACHABLE") as refusal:
            attempt()
        assert "far" in refusal.value.found
        assert url not in str(refusal.value)
    assert not list(tmp_path.iterdir())


@needs_git
def test_a_remote_that_hangs_is_given_up(remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper does not wait for ever; with time enough the same remote is reached."""
    anchor = GitAnchor("slow", f"file://{remote}")
    monkeypatch.setattr(anchors_module, "PATIENCE", 0.0001)
    with pytest.raises(IncompleteError, match="ANCHOR_UNREACHABLE"):
        anchor.add(NOTED[0])
    monkeypatch.undo()
    anchor.add(NOTED[0])
    assert anchor.read() == NOTED[:1]


@needs_git
def test_a_remote_that_refuses_a_push_has_not_been_told(remote: Path) -> None:
    """`add` returns only when the remote took it."""
    anchor = GitAnchor("git", f"file://{remote}")
    anchor.add(NOTED[0])
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(IncompleteError, match="ANCHOR_UNREACHABLE"):
        anchor.add(NOTED[1])
    assert anchor.read() == NOTED[:1]
    hook.unlink()
    anchor.add(NOTED[1])
    assert anchor.read() == NOTED[:2]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(0, 10**6))
def test_a_note_that_was_broken_off_is_none_and_the_next_one_is(tmp_path: Path, cut: int) -> None:
    """A power cut in the middle of an append: what was whole stays, what was not goes."""
    path = tmp_path / "notes"
    anchor = FileAnchor("file", path)
    path.unlink(missing_ok=True)
    for note in NOTED[:2]:
        anchor.add(note)
    whole = path.read_bytes()
    one = len(f"{NOTED[0]}\n".encode())
    kept = one + cut % (len(whole) - one)
    path.write_bytes(whole[:kept])
    assert anchor.read() == NOTED[:1]
    anchor.add(NOTED[2])
    assert anchor.read() == [NOTED[0], NOTED[2]]
    assert path.read_bytes() == f"{NOTED[0]}\n{NOTED[2]}\n".encode()


@pytest.mark.parametrize(
    "data",
    [b"x\n\n", b"\n\n\n\n", b"\xff\n\nx\n\n", NOTED[0].encode() + b"\n\n\n\n\n"],
    ids=range(4),
)
def test_what_are_no_notes_is_refused_not_skipped(tmp_path: Path, data: bytes) -> None:
    """Whoever could have a note passed over could have a rollback passed over."""
    path = tmp_path / "notes"
    anchor = FileAnchor("file", path)
    path.write_bytes(f"{NOTED[0]}\n".encode() + data + f"{NOTED[1]}\n".encode())
    try:
        told = anchor.read()
    except VerificationError as refusal:
        assert refusal.code == "ANCHOR_UNREADABLE"  # noqa: PT017 - or it is found by its key
    else:
        with pytest.raises(ClerestoryError):
            [read_checkpoint(note, KEY.public_raw) for note in told]
    path.write_bytes(f"{NOTED[0]}\n{NOTED[1]}\n".encode())
    assert [read_checkpoint(note, KEY.public_raw).size for note in anchor.read()] == [0, 1]


def test_a_place_that_cannot_be_written_is_unreachable(tmp_path: Path) -> None:
    """No folder, a folder in its stead, or a link that somebody put there."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("no/notes", "folder", "link"):
        with pytest.raises(IncompleteError, match="ANCHOR_UNREACHABLE"):
            FileAnchor("file", tmp_path / name).add(NOTED[0])
    with pytest.raises(IncompleteError, match="ANCHOR_UNREACHABLE"):
        FileAnchor("file", tmp_path / "no" / "notes").read()
    assert not (tmp_path / "elsewhere").exists()
    FileAnchor("file", tmp_path / "notes").add(NOTED[0])


def test_a_configuration_becomes_anchors() -> None:
    """Required unless it says otherwise; each kind with what it needs."""
    assert read_anchors([]) == []
    assert read_anchors(
        [
            {"name": "disk", "file": "/mnt/other/notes"},
            {"name": "host", "git": "https://git.example.org/x", "branch": "a/b-1"},
            {
                "name": "ssh",
                "git": "ssh://git@git.example.org/x",
                "identity": "/etc/key",
                "known_hosts": "/etc/hosts",
                "required": False,
            },
        ]
    ) == [
        FileAnchor("disk", Path("/mnt/other/notes")),
        GitAnchor("host", "https://git.example.org/x", "a/b-1"),
        GitAnchor(
            "ssh", "ssh://git@git.example.org/x", "main", "/etc/key", "/etc/hosts", required=False
        ),
    ]


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"name": "x"},
        {"name": "", "file": "/x"},
        {"name": "x", "file": "relative"},
        {"name": "x", "file": "/x", "git": "https://example.org"},
        {"name": "x", "file": "/x", "required": "yes"},
        {"name": "x", "file": 7},
        {"name": "x", "file": "/x\n"},
        {"name": "x", "file": "/x", "mode": "fast"},
        {"name": "x", "git": "ext::sh -c id"},
        {"name": "x", "git": "git.example.org:x"},
        {"name": "x", "git": "--upload-pack=id"},
        {"name": "x", "git": "https://example.org", "branch": "--force"},
        {"name": "x", "git": "https://example.org", "branch": "a..b"},
        {"name": "x", "git": "ssh://example.org", "identity": "' -o ProxyCommand=id '"},
    ],
    ids=range(15),
)
def test_a_wrong_configuration_is_refused(table: dict[str, object]) -> None:
    """Nothing is guessed about where a budget is witnessed."""
    with pytest.raises(ConfigurationError, match="ANCHOR_MISNAMED") as refusal:
        read_anchors([table])
    assert refusal.value.remedy
    twice = {"name": "x", "file": "/x"}
    with pytest.raises(ConfigurationError, match="ANCHOR_MISNAMED"):
        read_anchors([twice, twice])
    assert read_anchors([twice])
