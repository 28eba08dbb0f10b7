"""
What Python really loads: a child that imports and says which files the kernel mapped to run.

Called by `manifest` as `python -I -S -B census.py CODE DEPS MODULE…`, unsealed, without data.
A library that is opened by name at run time stands in no list of needed libraries; the memory
map has it.  One line of JSON goes to standard output: the files, or the module that failed.
"""

import importlib
import json
import os
import sys
from pathlib import Path


def executable_files() -> list[str]:
    """Every file of which a part is mapped executable into this process."""
    found = set()
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        # address, permissions, offset, device, inode, path
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and "x" in fields[1] and fields[5].startswith("/"):
            found.add(fields[5])
    return sorted(found)


def main(code: str, dependencies: str, modules: list[str]) -> dict[str, list[str]]:
    """Import the modules from the two folders and look."""
    sys.path[:0] = [code, dependencies]
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the module cannot be used
            # Names of types and modules only: an error's text may quote what it read.
            missing = [error.name] if isinstance(error, ImportError) and error.name else []
            return {"failed": [name, type(error).__name__, *missing]}
    return {"files": executable_files()}


if __name__ == "__main__":
    answer = main(sys.argv[1], sys.argv[2], sys.argv[3:])
    os.write(1, json.dumps(answer).encode())
