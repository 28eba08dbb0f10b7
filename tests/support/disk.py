"""
A disk that is looked at: what a process asked of it, call by call, and what a crash leaves.

`strace` writes down every call that changes a file, with its bytes.  From that list the files
are built up again as they stood after any call; and as a power cut may leave them, when what
was not synced is there, or not, or there out of order.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.world import ROOT

STRACE = shutil.which("strace")
WITHOUT = "strace is not installed: apt-get install strace"
CALLS = "openat,write,pwrite64,ftruncate,unlink,fsync,fdatasync"

Files = dict[str, bytes]


@dataclass(frozen=True)
class Call:
    """One thing that was asked of the disk, and done."""

    kind: str
    """create, write, truncate, unlink, sync, sync folder, told"""
    system: str
    """The system call's name."""
    name: str = ""
    place: int = 0
    data: bytes = b""


def watched(folder: Path, arguments: Sequence[str]) -> list[Call]:
    """Run the charging process and write down what it asked of a folder's files."""
    log = folder.parent / f"{folder.name}.strace"
    traced(arguments, ["-o", str(log), "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}"])
    calls = []
    for line in log.read_text().splitlines():
        call = _read(line, str(folder))
        calls += [call] if call else []
    return calls


def traced(arguments: Sequence[str], options: Sequence[str]) -> str:
    """Run the charging process under strace; what it said."""
    done = subprocess.run(
        [
            *(STRACE or "strace", "--quiet=all", *options),
            *(sys.executable, "-P", "-m", "tests.support.charging", *arguments),
        ],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise AssertionError(f"the watched process ended with {done.returncode}: {done.stderr}")
    return done.stdout


def after(files: Files, calls: Sequence[Call]) -> Files:
    """The files as the kernel shows them after some calls."""
    shown = dict(files)
    for call in calls:
        _apply(shown, call)
    return shown


@dataclass
class _Inode:
    synced: bytes = b""
    unsynced: list[Call] = field(default_factory=list)

    def contents(self, keep: Callable[[], bool]) -> bytes:
        """What is there for certain, and of the rest what is kept."""
        files = {"": self.synced}
        for call in self.unsynced:
            if keep():
                _apply(files, replace(call, name=""))
        return files[""]


def after_power_cut(files: Files, calls: Sequence[Call], keep: Callable[[], bool]) -> Files:
    """
    The files as a power cut may leave them after some calls.

    Args:
        files: What was there, and synced, before.
        calls: What was done since.
        keep: Decides for each call that was not synced whether the disk has it all the same.
    """
    shown = {name: _Inode(data) for name, data in files.items()}
    folder = dict(shown)  # what its own sync has made certain
    names: list[tuple[str, _Inode | None]] = []
    for call in calls:
        if call.kind == "create" and call.name not in shown:
            shown[call.name] = _Inode()
            names.append((call.name, shown[call.name]))
        elif call.kind == "unlink":
            del shown[call.name]
            names.append((call.name, None))
        elif call.kind in ("write", "truncate"):
            shown[call.name].unsynced.append(call)
        elif call.kind == "sync":
            inode = shown[call.name]
            inode.synced, inode.unsynced = inode.contents(lambda: True), []
        elif call.kind == "sync folder":
            folder, names = dict(shown), []
    for name, changed in names:
        if keep():
            folder.pop(name, None)
            folder |= {name: changed} if changed else {}
    return {name: inode.contents(keep) for name, inode in folder.items()}


def _apply(files: Files, call: Call) -> None:
    if call.kind == "create":
        files.setdefault(call.name, b"")
    elif call.kind == "unlink":
        files.pop(call.name, None)
    elif call.kind == "truncate":
        files[call.name] = files[call.name][: call.place].ljust(call.place, b"\0")
    elif call.kind == "write":
        old = files[call.name].ljust(call.place, b"\0")
        files[call.name] = old[: call.place] + call.data + old[call.place + len(call.data) :]


def _read(line: str, folder: str) -> Call | None:
    parts = re.fullmatch(r"(\w+)\((.*)\)\s+= (-?\d+)(.*)", line)
    if parts is None or int(parts[3]) < 0:
        return None
    kind, given = parts[1], parts[2]
    if kind == "openat":
        path = _bytes(given.split(", ")[1]).decode()
        created = "O_CREAT" in given and path.startswith(f"{folder}/")
        return Call("create", kind, path.removeprefix(f"{folder}/")) if created else None
    if kind == "unlink":
        path = _bytes(given).decode()
        return Call("unlink", kind, path.removeprefix(f"{folder}/"))
    descriptor, path = re.findall(r"^(\d+)<([^>]*)>", given)[0]
    path = _bytes(f'"{path}"').decode() if path.startswith("\\x") else path
    rest = given.split(">", 1)[1].removeprefix(", ")
    if kind == "write" and descriptor == "1":
        return Call("told", kind, data=_bytes(rest.split(", ")[0]))
    if path == folder and kind in ("fsync", "fdatasync"):
        return Call("sync folder", kind)
    if not path.startswith(f"{folder}/"):
        return None
    name = path.removeprefix(f"{folder}/").removesuffix("(deleted)")
    if kind in ("fsync", "fdatasync"):
        return Call("sync", kind, name)
    if kind == "ftruncate":
        return Call("truncate", kind, name, int(rest))
    if kind == "pwrite64":
        data, _, place = rest.rsplit(", ", 2)
        return Call("write", kind, name, int(place), _bytes(data))
    raise AssertionError(f"a call that is not understood: {line[:100]}")


def _bytes(quoted: str) -> bytes:
    return bytes.fromhex(quoted.strip('"').replace("\\x", ""))
