"""
Where the keeper's socket lies, and who may reach it.

For its own user alone, it lies in the state folder.  For a group, or where that path is too
long for a socket, it has a folder of its own: below `RUNTIME_DIRECTORY` where a service manager
gives one.  `keeper.socket` in the vault says where.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from grp import getgrnam
from pathlib import Path
from shutil import chown, rmtree
from tempfile import mkdtemp

from privacy.errors import ConfigurationError
from privacy.keeper.desk import Desk
from privacy.vault import SOCKET, replace_file

LONGEST_PATH = 100
"""bytes: `sun_path` of unix(7) holds 108."""
NAME = "keeper.sock"


@contextmanager
def listening(desk: Desk, group: str = "") -> Iterator[socket.socket]:
    """
    A listening socket, named in the vault for as long as the block runs.

    Args:
        desk: Whose state and vault.
        group: Name of the group that may reach it, or none.

    Raises:
        ConfigurationError: There is no such group, or this user cannot give a file to it.
    """
    folder = desk.state.folder.resolve()
    with ExitStack() as undo:
        if group or len(os.fsencode(folder)) > LONGEST_PATH - len(f"/{NAME}"):
            folder = Path(mkdtemp(prefix="clerestory-", dir=os.environ.get("RUNTIME_DIRECTORY")))
            undo.callback(rmtree, folder, ignore_errors=True)
        path, named = folder / NAME, desk.vault.folder / SOCKET
        listener = undo.enter_context(bound(path))
        if group:
            give(path, group, 0o660)
            give(folder, group, 0o710)
        listener.listen()
        replace_file(named, f"{path}\n".encode())
        undo.callback(named.unlink, missing_ok=True)
        yield listener


@contextmanager
def bound(path: Path) -> Iterator[socket.socket]:
    """
    A socket at a path, reached by its own user alone; both go when the block ends.

    Raises:
        ConfigurationError: None can be made there.
    """
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        mask = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        except OSError:
            raise ConfigurationError(
                "SOCKET_UNUSABLE",
                rule=f"A socket lies in a folder that is there, at {LONGEST_PATH} bytes at most.",
                found="a path where none can be made.",
                remedy="make the folder, or choose a shorter path.",
            ) from None
        finally:
            os.umask(mask)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def give(path: Path, group: str, mode: int) -> None:
    """
    Let a group have a file or folder, too.

    Raises:
        ConfigurationError: There is no such group, or this user cannot give a file to it.
    """
    try:
        chown(path, group=getgrnam(group).gr_gid)
        path.chmod(mode)
    except (KeyError, PermissionError):
        raise ConfigurationError(
            "GROUP_UNKNOWN",
            rule="The socket is given to a group of which the keeper's user is a member.",
            found="a group that does not exist, or of which it is none.",
            remedy="make the group and add the keeper's user: docs/keeper.md has the lines.",
        ) from None
