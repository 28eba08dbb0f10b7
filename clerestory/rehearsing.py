"""
A whole study on made-up people: what a release will look like, before anybody's sessions are read.

The synthetic twin is drawn anew, and goes through weights, noise, minimum, estimates and page as a
release does.  Every file that comes out says that it is a rehearsal, every row of the table does,
and none is signed: nothing of it can be taken for a finding.
"""

import csv
from io import StringIO
from pathlib import Path

from aggregates.bundle import CODEBOOK, README, TABLES, compose
from aggregates.forecast import in_months
from aggregates.plan import plan
from aggregates.release import Row
from aggregates.rereading import reread
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from clerestory.pages.report import render_report
from privacy.codebook import codebook
from privacy.errors import ConfigurationError

MARK = "rehearsal on made-up people: no finding"
NAME = "rehearsal-of-"
BUCKETS = 4


def rehearse(study: Study, out: Path, *, accounts: int, sessions: int) -> list[Row]:
    """
    Rehearse a study.

    Args:
        study: What is asked.
        out: Folder for tables, plan, README and page; it is made, or empty.
        accounts: How many made-up accounts.
        sessions: How many sessions they have.

    Returns:
        The rows of the release.

    Raises:
        ConfigurationError: The study cannot be compiled, or the folder holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(
            "FOLDER_NOT_EMPTY",
            rule="What is made up goes into a folder of its own, so that it replaces no release.",
            found="a folder that holds something, or a file.",
            remedy="name another folder.",
        )
    book, made = codebook(), plan(study, accounts=accounts, sessions=sessions).rehearsed(NAME, MARK)
    twin = draw(accounts, sessions, seed=None, codebook=book)
    twin = reread(in_months(twin, made.population.months), made.readings, seed=None)
    rows = unsafe_release_unsealed(made, twin.buckets(BUCKETS))
    files = compose(made, rows, {})
    told = list(csv.DictReader(StringIO(files[TABLES].decode(), newline="")))
    files["report.html"] = render_report(made, told, {"watermarks": [MARK]})
    files[README] = f"{MARK.upper()}\n\n".encode() + files[README]
    del files[CODEBOOK]  # it is the installed one, and no result
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    return rows
