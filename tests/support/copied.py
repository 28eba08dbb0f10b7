"""
A copy of this installation's packages, to be changed by a byte.

What is mounted into workers is then the copy, and what a process imports that was given it on
its path; the interpreter and the distributions stay those of the installation, where a test
has nothing to change.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clerestory.workshop import AGGREGATE, CLASSIFY, LATE, bundle
from privacy.keeper.workshop import WorkerKind, Workshop
from privacy.sandbox.manifest import collect
from tests.support.world import ROOT

PACKAGES = ("privacy", "classifiers", "aggregates", "clerestory")


def copy_packages(folder: Path) -> Path:
    """Copy our packages; returns the folder that they lie in."""
    for name in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    return folder


def workshop_of(folder: Path) -> Workshop:
    """The workers of a copy: the same code hash as the installation's, as long as nobody edits."""
    privacy, classifiers, aggregates = (folder / name for name in PACKAGES[:3])
    return Workshop(
        WorkerKind(
            "classifiers.worker",
            collect((privacy, classifiers), CLASSIFY, ("classifiers.worker", *LATE)),
        ),
        WorkerKind(
            "aggregates.worker",
            collect(
                (privacy, aggregates),
                AGGREGATE,
                ("aggregates.worker", "opendp.measurements", *LATE),
            ),
        ),
        bundle,
    )


@contextmanager
def changed(path: Path, old: bytes, new: bytes) -> Iterator[None]:
    """One place of a file changed, for as long as the block runs."""
    good = path.read_bytes()
    if old not in good or len(old) != len(new):
        raise ValueError("a change that changes nothing, or the length")
    path.write_bytes(good.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_bytes(good)
