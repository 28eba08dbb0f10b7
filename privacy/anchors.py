"""
Further places where a ledger's checkpoints are kept, out of reach of who could roll it back.

A checkpoint in the same backup as the ledger goes back with it.  So an organisation names
places that its keeper can add to and, better, cannot take from: a file on another host's disk
or on append-only storage, a git remote with protected branches.

Notes lie in a file one after the other, each followed by an empty line.  A last note that
somebody's power cut broke off is no note; anything else that is none is refused.  git runs with
an environment of its own: no settings, hooks, prompts or credentials of a person, over named
transports only, and for so many seconds.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from urllib.parse import urlsplit

from .errors import ConfigurationError, IncompleteError, VerificationError

END = "\n\n"
"""After a note comes an empty line; within one there is just one, before its signatures."""
NOTES = "checkpoints"
"""The file's name in a git remote."""
PATIENCE = 60.0
"""seconds for each git command."""
TRANSPORTS = ("file", "https", "ssh")


class Anchor(Protocol):
    """One place."""

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        ...

    @property
    def required(self) -> bool:
        """Whether nothing is released while it cannot be reached."""
        ...

    def read(self) -> list[str]:
        """
        All notes that lie there, oldest first.

        Raises:
            IncompleteError: It cannot be reached.
            VerificationError: What lies there are no notes.
        """
        ...

    def add(self, note: str) -> None:
        """
        Add a note; on return it is there to stay.

        Raises:
            IncompleteError, VerificationError: As `read`.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileAnchor:
    """A file elsewhere: another disk, a mounted share, append-only storage."""

    name: str
    path: Path
    required: bool = True

    def read(self) -> list[str]:
        """All notes of the file; none, where its folder is there and the file is not yet."""
        with _reaching(self.name):
            if not self.path.exists() and self.path.parent.is_dir():
                return []
            return split_notes(self.path.read_bytes())

    def add(self, note: str) -> None:
        """Append, and wait until it is on the disk."""
        with _reaching(self.name):
            flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            new = not self.path.exists()
            with open(os.open(self.path, flags, 0o644), "r+b", buffering=0) as file:  # noqa: PTH123 - with its flags
                whole = len(_whole(file.read()))
                if file.seek(0, os.SEEK_END) > whole:
                    file.truncate(whole)
                data = f"{note}\n".encode()
                if file.write(data) != len(data):
                    raise OSError("a short write")
                os.fsync(file.fileno())
            if new:
                folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
                os.fsync(folder)
                os.close(folder)


@dataclass(frozen=True, slots=True)
class GitAnchor:
    """A branch of a git remote: each note is a commit, pushed."""

    name: str
    url: str
    branch: str = "main"
    identity: str = ""
    """Path of a private SSH key without passphrase, for ssh://; its host must be known."""
    known_hosts: str = ""
    required: bool = True

    def read(self) -> list[str]:
        """All notes of the branch's file; none, where there is no branch yet."""
        with _reaching(self.name), TemporaryDirectory(prefix="clerestory-") as place:
            return split_notes(self._fetch(Path(place)))

    def add(self, note: str) -> None:
        """Fetch, add, commit, push: who pushed in between makes it fail, and nothing is lost."""
        with _reaching(self.name), TemporaryDirectory(prefix="clerestory-") as place:
            folder = Path(place)
            kept = self._fetch(folder)
            split_notes(kept)
            (folder / NOTES).write_bytes(_whole(kept) + f"{note}\n".encode())
            self._git(folder, "add", "--", NOTES)
            self._git(folder, "commit", "--quiet", "--message", "Checkpoint")
            self._git(folder, "push", "--quiet", "--", self.url, f"HEAD:refs/heads/{self.branch}")

    def _fetch(self, folder: Path) -> bytes:
        self._git(folder, "init", "--quiet", "--template=", f"--initial-branch={self.branch}")
        branch = f"refs/heads/{self.branch}"
        if not self._git(folder, "ls-remote", "--", self.url, branch):
            return b""
        self._git(folder, "fetch", "--quiet", "--depth=1", "--no-tags", "--", self.url, branch)
        self._git(folder, "reset", "--quiet", "--hard", "FETCH_HEAD")
        path = folder / NOTES
        return path.read_bytes() if path.is_file() and not path.is_symlink() else b""

    def _git(self, folder: Path, *command: str) -> bytes:
        settings = {
            "core.hooksPath": os.devnull,
            "core.symlinks": "false",
            "user.name": "clerestory keeper",
            "user.email": "keeper@localhost",
            "commit.gpgSign": "false",
            "credential.helper": "",
            "gc.auto": "0",
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        done = subprocess.run(  # noqa: S603 - git, with arguments that were checked
            ["git", *given, *command],  # noqa: S607 - wherever the system has it
            cwd=folder,
            env=self._environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout

    def _environment(self, folder: Path) -> dict[str, str]:
        ssh = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        ssh += ["-o", f"UserKnownHostsFile={self.known_hosts or os.devnull}"]
        ssh += ["-o", "IdentitiesOnly=yes", "-i", self.identity or os.devnull]
        return {
            "PATH": os.defpath,
            "HOME": str(folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": ":".join(TRANSPORTS),
            "GIT_SSH_COMMAND": " ".join(f"'{part}'" for part in ssh),
        }


def read_anchors(tables: Iterable[Mapping[str, object]]) -> list[Anchor]:
    """
    The anchors of a keeper's configuration.

    Args:
        tables: `{name, file, required}` or `{name, git, branch, identity, known_hosts,
            required}`; a name and one of `file` and `git` are needed.

    Raises:
        ConfigurationError: A table says something else, or a name stands twice.
    """
    anchors = [_read_anchor(dict(table)) for table in tables]
    if len({anchor.name for anchor in anchors}) < len(anchors):
        raise _unreadable("one name for two anchors.")
    return anchors


def _read_anchor(table: dict[str, object]) -> Anchor:
    required = table.pop("required", True)
    if not isinstance(required, bool):
        raise _unreadable("a `required` that is neither true nor false.")
    texts = {key: value for key, value in table.items() if isinstance(value, str) and value}
    if texts != table or any("'" in text or not text.isprintable() for text in texts.values()):
        raise _unreadable("a value that is no plain text.")
    name = texts.get("name", "")
    if not name:
        raise _unreadable("an anchor without a name.")
    if texts.keys() == {"name", "file"}:
        if not Path(texts["file"]).is_absolute():
            raise _unreadable("a `file` that is no absolute path.")
        return FileAnchor(name, Path(texts["file"]), required)
    if "git" in texts and texts.keys() <= {"name", "git", "branch", "identity", "known_hosts"}:
        branch = texts.get("branch", "main")
        if urlsplit(texts["git"]).scheme not in TRANSPORTS:
            raise _unreadable(f"a `git` that begins with none of {', '.join(TRANSPORTS)}.")
        if not all(part.isalnum() for part in branch.replace("/", "-").split("-")):
            raise _unreadable("a `branch` of other signs than letters, digits, - and /.")
        identity, hosts = texts.get("identity", ""), texts.get("known_hosts", "")
        return GitAnchor(name, texts["git"], branch, identity, hosts, required)
    raise _unreadable("an anchor that is neither a file nor a git remote, or says more.")


def split_notes(data: bytes) -> list[str]:
    """
    The notes of an anchor's file, without a last one that was broken off.

    Raises:
        VerificationError: Something else lies between them.
    """
    try:
        parts = _whole(data).decode().split(END)[:-1]
    except UnicodeDecodeError:
        parts = [""]
    if len(parts) % 2 or not all(parts):
        raise VerificationError(
            "ANCHOR_UNREADABLE",
            rule="An anchor holds checkpoints, one after the other, and nothing else.",
            found="something else between them.",
            remedy="find out who wrote to it; restore it from a copy of its own.",
        )
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [f"{text}{END}{signatures}\n" for text, signatures in pairs]


def _whole(data: bytes) -> bytes:
    """All up to the end of the last whole note."""
    end, count = END.encode(), data.count(END.encode())
    if count % 2:
        data = data[: data.rindex(end)]
    return data[: data.rindex(end) + len(end)] if end in data else b""


@contextmanager
def _reaching(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise IncompleteError(
            "ANCHOR_UNREACHABLE",
            rule="A checkpoint lies at every required anchor before a key is given.",
            found=f"the anchor {name!r}, which failed ({type(error).__name__}).",
            remedy="mend the way there, or set `required = false` for it and start anew.",
        ) from None


def _unreadable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "ANCHOR_MISNAMED",
        rule="An anchor is a table with a name, and either a `file` or a `git` remote.",
        found=found,
        remedy="mend the keeper's configuration.",
    )
