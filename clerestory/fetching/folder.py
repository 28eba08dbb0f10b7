"""
A folder of fetched transcripts: raw, so that nobody but its owner may enter it.

    fetched.jsonl   which session is complete as of when, and which run of which window; no content
    sessions/       a file for each session, a line for each of its pages

A transcript appears whole: it is written beside the folder of the sessions, then moved there,
then noted.  Who stops in between fetches it again.  What was sealed may be deleted; the note
stays, so that it is not fetched again until the session grows.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from clerestory.apart import lies_apart
from privacy.errors import ConfigurationError
from privacy.vault import sync_folder

from .pages import Listed, moment

NOTES, SESSIONS, _PART = "fetched.jsonl", "sessions", "part"
_OTHERS = 0o077
Window = tuple[str, str]
"""Days (since, until) of a run; the second is empty where there is no end."""


class Folder:
    """A folder that is ours alone while it is open."""

    def __init__(self, path: Path, notes: BinaryIO) -> None:
        self.path = path
        self._notes = notes
        self._complete: dict[str, datetime] = {}
        self._runs: dict[Window, datetime] = {}
        self._read()

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["Folder"]:
        """
        Make the folder, or go on in it.

        Raises:
            ConfigurationError: It is not one of ours, others may enter it, it lies in a vault, or
                another process fetches into it.
        """
        _check(path)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / SESSIONS).mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with open(os.open(path / NOTES, flags, 0o600), "r+b") as notes:  # noqa: PTH123 - with its flags
            try:
                flock(notes, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    "FETCH_BUSY",
                    rule="One process at a time fetches into a folder.",
                    found="another that does.",
                    remedy="let it finish, or choose another --out.",
                ) from None
            (path / _PART).unlink(missing_ok=True)
            yield cls(path, notes)

    def has(self, session: Listed) -> bool:
        """Whether a session is complete, as of its last call."""
        as_of = self._complete.get(session.name)
        return as_of is not None and as_of >= moment(session.as_of)

    def last_run(self, window: Window) -> datetime | None:
        """When the last run over a window began that fetched all of it."""
        return self._runs.get(window)

    def note_run(self, window: Window, began: datetime) -> None:
        """Note that a run has fetched all of its window."""
        self._note({"run": [*window, began.isoformat()]})

    @contextmanager
    def transcript(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """
        Write a session's lines; it is in its place when the block ends, and not when it breaks off.

        Args:
            name: The session's id; its digest is the file's name, since an id may be anything.
        """
        part = self.path / _PART
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
        try:
            with open(os.open(part, flags, 0o600), "wb") as file:  # noqa: PTH123 - with its flags
                yield lambda line: _write(file, line)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.file_of(name))
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_folder(self.path / SESSIONS)

    def note(self, name: str, as_of: str) -> None:
        """Note that a session is complete, as of its last call."""
        self._note({"session": name, "as_of": as_of})

    def file_of(self, name: str) -> Path:
        """Where a session's transcript lies."""
        return self.path / SESSIONS / f"{sha256(name.encode()).hexdigest()[:32]}.jsonl"

    def _note(self, note: dict[str, object]) -> None:
        self._notes.write(json.dumps(note).encode() + b"\n")
        self._notes.flush()
        os.fsync(self._notes.fileno())
        self._take(note)

    def _read(self) -> None:
        self._notes.seek(0)
        data = self._notes.read()
        for line in data.splitlines():
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue  # a line that a crash cut off: its session is fetched again
        if data and not data.endswith(b"\n"):
            self._notes.write(b"\n")

    def _take(self, note: dict[str, object]) -> None:
        match note:
            case {"session": str(name), "as_of": str(as_of)}:
                self._complete[name] = moment(as_of)
            case {"run": [str(since), str(until), str(began)]}:
                self._runs[since, until] = moment(began)


def _write(file: BinaryIO, line: bytes) -> None:
    file.write(line)


def _check(path: Path) -> None:
    if lies_apart(path):
        raise _unusable("a folder in a vault, a keeper's state or a custodian's folder.")
    if not path.exists() and not path.is_symlink():
        return
    if path.is_symlink() or not path.is_dir():
        raise _unusable("a link, or a file.")
    about = path.stat()
    if about.st_mode & _OTHERS or about.st_uid != os.geteuid():
        raise _unusable("a folder that others may enter, or that is another's.")
    if any(path.iterdir()) and not (path / NOTES).is_file():
        raise _unusable("a folder that holds something else.")


def _unusable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "FETCH_FOLDER",
        rule="Raw transcripts lie in a folder of their own, of mode 0700, outside every vault, "
        "keeper's state and custodian's folder.",
        found=found,
        remedy="choose another --out: a folder that does not exist is made as it must be.",
    )
