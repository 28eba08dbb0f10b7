"""The folder of raw transcripts: nobody else's, and whole whatever happens."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from clerestory.apart import KEPT_APART
from clerestory.fetching.folder import NOTES, SESSIONS, Folder
from clerestory.fetching.pages import Listed
from privacy.errors import ConfigurationError
from tests.support.compliance import START, at


def listed(name: str = "clls_1", ended: float = 1) -> Listed:
    """A session as it is listed."""
    return Listed(name, "user_1", at(ended), is_truncated=False)


def test_what_is_noted_is_known_the_next_time(tmp_path: Path) -> None:
    """As of its last call: a session that went on is not complete any more."""
    out = tmp_path / "new" / "out"
    with Folder.open(out) as folder:
        assert not folder.has(listed())
        with folder.transcript("clls_1") as put:
            put(b"one\n")
            put(b"two\n")
        folder.note("clls_1", at(1))
        folder.note_run(("2026-01-01", ""), START)
    with Folder.open(out) as folder:
        assert folder.has(listed())
        assert folder.has(listed(ended=0.5))
        assert not folder.has(listed(ended=1.001))
        assert not folder.has(listed("clls_2"))
        assert folder.last_run(("2026-01-01", "")) == START
        assert folder.last_run(("2026-01-02", "")) is None
        assert folder.file_of("clls_1").read_bytes() == b"one\ntwo\n"


def test_nobody_else_may_enter(tmp_path: Path) -> None:
    """Whatever the umask: folders 0700, files 0600."""
    before = os.umask(0)
    try:
        with Folder.open(tmp_path / "out") as folder, folder.transcript("a") as put:
            put(b"x")
    finally:
        os.umask(before)
    modes = {
        path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777
        for path in (tmp_path / "out", *(tmp_path / "out").rglob("*"))
    }
    assert set(modes.values()) == {0o700, 0o600}
    assert modes["out"] == modes[f"out/{SESSIONS}"] == 0o700
    assert len(modes) == 4


def shared(out: Path) -> None:
    """Others may list it."""
    out.mkdir(mode=0o755)
    out.chmod(0o755)


def occupied(out: Path) -> None:
    """Something else lies there."""
    out.mkdir(mode=0o700)
    (out / "letters.txt").touch()


def linked(out: Path) -> None:
    """It leads elsewhere."""
    elsewhere = out.with_name("elsewhere")
    elsewhere.mkdir(mode=0o700)
    out.symlink_to(elsewhere)


def dangling(out: Path) -> None:
    """It leads nowhere yet."""
    out.symlink_to(out.with_name("nowhere"))


@pytest.mark.parametrize("spoil", [shared, occupied, linked, dangling, Path.touch])
def test_a_folder_that_is_not_ours_is_refused(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    """Nothing is written there; the control is an empty one of our own."""
    (tmp_path / "empty").mkdir(mode=0o700)
    with Folder.open(tmp_path / "empty"):
        pass
    spoil(tmp_path / "out")
    with pytest.raises(ConfigurationError, match="FETCH_FOLDER"), Folder.open(tmp_path / "out"):
        pass
    assert not list(tmp_path.rglob(f"out/{NOTES}"))
    assert not list(tmp_path.rglob(f"elsewhere/{NOTES}"))


@pytest.mark.parametrize("mark", KEPT_APART)
def test_what_is_kept_apart_takes_nothing_raw(tmp_path: Path, mark: str) -> None:
    """Neither in itself nor below it, nor behind a link."""
    vault, link = tmp_path / "vault", tmp_path / "link"
    (vault / "sessions").mkdir(mode=0o700, parents=True)
    (vault / mark).touch()
    link.symlink_to(vault / "sessions")
    for place in (vault, vault / "deep" / "out", link / "out"):
        with pytest.raises(ConfigurationError, match="FETCH_FOLDER"), Folder.open(place):
            pass
    assert not (vault / "deep").exists()
    assert not list((vault / "sessions").iterdir())


def test_two_do_not_fetch_into_one_folder(tmp_path: Path) -> None:
    """The second is told; when the first has gone it may."""
    busy = pytest.raises(ConfigurationError, match="FETCH_BUSY")
    with Folder.open(tmp_path / "out"), busy, Folder.open(tmp_path / "out"):
        pass
    with Folder.open(tmp_path / "out"):
        pass


def test_a_transcript_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    """Nor does it harm the one that it was to replace."""
    with Folder.open(tmp_path / "out") as folder:
        with folder.transcript("a") as put:
            put(b"old\n")
        with suppress(KeyboardInterrupt), folder.transcript("a") as put:
            put(b"half")
            assert (tmp_path / "out" / "part").exists()
            raise KeyboardInterrupt
        assert folder.file_of("a").read_bytes() == b"old\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [NOTES, SESSIONS]


@pytest.mark.parametrize(
    "torn", ['{"session": "clls_2", "as_', "\xff\xfe", "[1, 2]", '{"session": 1}', "", "{}\n\n"]
)
def test_a_note_that_was_cut_off_counts_as_none(torn: str, tmp_path: Path) -> None:
    """And what is noted behind it does not stick to it."""
    out = tmp_path / "out"
    with Folder.open(out) as folder:
        folder.note("clls_1", at(1))
    with (out / NOTES).open("ab") as file:
        file.write(torn.encode("latin-1"))
    with Folder.open(out) as folder:
        assert folder.has(listed("clls_1"))
        assert not folder.has(listed("clls_2"))
        folder.note("clls_3", at(1))
    with Folder.open(out) as folder:
        assert folder.has(listed("clls_1"))
        assert folder.has(listed("clls_3"))


def test_a_link_in_place_of_the_notes_is_not_followed(tmp_path: Path) -> None:
    """Who could put one there would have us write elsewhere."""
    out = tmp_path / "out"
    out.mkdir(mode=0o700)
    (tmp_path / "victim").write_bytes(b"")
    (out / NOTES).symlink_to(tmp_path / "victim")
    with pytest.raises(OSError), Folder.open(out):  # noqa: PT011 - ELOOP, as the kernel has it
        pass
    assert (tmp_path / "victim").read_bytes() == b""
