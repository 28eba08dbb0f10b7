"""
What a release consists of, as files; and how to read them again.

A bundle is plain: a long table, the plan, the codebook, and a data dictionary in words, beside
what the keeper adds about itself.  Composing is pure and deterministic, so that a stored bundle
and one composed again are the same bytes; sums and signature are put around it by the keeper.
pandas is imported where a bundle is read, so that whoever only writes one does not wait for it.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import rfc8785

from privacy.anchor_readings import ANCHOR_SET, read_anchor_readings
from privacy.codebook import Codebook
from privacy.codebook import codebook as installed
from privacy.comparisons import COMPARISONS, comparisons
from privacy.comparisons import DICTIONARY as OF_COMPARISONS
from privacy.drift import DRIFT, drift
from privacy.errors import ConfigurationError
from privacy.plan import Plan, read_plan
from privacy.rows import read_keys as read_keys
from privacy.views import SHOWN

from .population import in_words
from .release import COLUMNS, Row
from .sources import columns_told, dominance, dominant, mistakes_told

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # it ships no types

TABLES, PLAN, CODEBOOK, README = "tables.csv", "plan.json", "codebook.json", "README.txt"
OWN = (TABLES, COMPARISONS, DRIFT, PLAN, CODEBOOK, README)
"""Files of every bundle, and what follows from the anchor set; extras may not take their names."""

DICTIONARY: Mapping[str, str] = {
    "study": "name of the study",
    "table": "name of the table",
    "statistic": "share, rate, corrected, change, slope, mean, geometric_mean, quantiles, total, "
    "grand_total, adjusted_rate, adjusted_slope, adjusted_geometric_mean, adjusted_ratio, "
    "accounts, accounts_above, kappa (Cohen's), weighted_kappa (of ordered labels, by squared "
    "distance), exact, adjacent (at most one label apart), not_computed",
    "keys": "the cell: axis=level, joined by '; '; empty for a table without axes; of quantiles "
    "also which one, in per cent; all others: what a share withholds in that group, as one row; "
    "of adjusted tables in columns how many controls are held equal",
    "estimate": "the estimate, in `unit`; shares and rates lie in [0, 1]; a change is that from "
    "the first month to the last, a slope that of a straight line through all months; adjusted "
    "numbers are as if each level had the controls of the whole sample, or per step between levels",
    "raw": "noisy weighted count the cell was tested on (a share's own cell, the base of a rate, a "
    "mean or an agreement, all levels of what is given per step), in accounts; of totals the noisy "
    "clipped count, in sessions",
    "low": "lower end of the 95 % interval: of all errors together whose standard errors stand in "
    "the row",
    "high": "upper end of it",
    "se_noise": "standard error from the privacy noise alone; of adjusted numbers also from what "
    "is not taken out of rare controls because of it",
    "se_sampling": "upper bound on the standard error from which accounts happen to be in the "
    "data, clustered by account; of totals from whose sessions the clipped ones were; of "
    "accounts 0, because they are those that are in the data",
    "se_classifier": "error from labels that are wrong, by the confusion tables of the plan: root "
    "mean square distance from what right labels would say; of corrected numbers what the finite "
    "tables add; empty where nothing is known: low and high are then about labels, not about truth",
    "state": "published; suppressed (too few accounts, or it would give another cell away); "
    "not_computed (nothing was measured for it; of all others: nothing was withheld)",
    "accounts_at_least": "how many accounts stand behind the cell at least, guaranteed for all "
    "printed cells together except with chance beta",
    "threshold": "smallest `raw` that is published: k times the minimum of accounts, plus z "
    "times noise_scale; of all others at the number of cells that it merges",
    "noise_scale": "standard deviation of the noise in `raw`, in accounts",
    "k": "contribution bound: the most that one account weighs in its table, in accounts; of "
    "totals the bound C, in sessions",
    "base": "which sessions the table speaks of; of a table that is not computed, why not",
    "unit": "unit of estimate, low, high and the standard errors",
    "rater": "who labelled the sessions",
    "fidelity": "how far the labels can be trusted: low or validated",
}
"""Column → meaning, for README.txt."""
_WORDS = frozenset(
    ("study", "table", "statistic", "keys", "state", "k", "base", "unit", "rater", "fidelity")
)
"""Columns that hold words; the others hold numbers."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as data frames."""

    plan: Plan
    table: "DataFrame"
    """All rows of tables.csv, and which error `dominates`; numbers are floats, counts nullable
    integers, the rest strings."""
    tables: "Mapping[str, DataFrame]"
    """The same by table, with a column for each key."""
    comparisons: "DataFrame"
    """Pairs of groups, with the error gaps that would overturn their difference."""
    folder: Path


def compose(
    plan: Plan,
    rows: Sequence[Row],
    extras: Mapping[str, bytes],
    codebook: Codebook | None = None,
) -> dict[str, bytes]:
    """
    Make the files of a bundle, all but its sums and signature.

    Args:
        plan: The plan that was executed.
        rows: What the aggregate worker answered.
        extras: Further files by name: statement, checkpoint, floor, report.
        codebook: The codebook that the plan names; that of this installation by default.

    Returns:
        File name → content.

    Raises:
        ConfigurationError: An extra has the name of a file that every bundle has, or a path.
    """
    for name in extras:
        if name in OWN or Path(name).name != name:
            raise ConfigurationError(
                "BUNDLE_NAME",
                rule=f"A bundle is flat, and {', '.join(OWN)} are its own.",
                found=f"a further file of the name {name!r}.",
                remedy="give it another name.",
            )
    tables = write_rows(rows)
    drifts = {}
    if ANCHOR_SET in extras:
        drifts[DRIFT] = drift(plan, tables, read_anchor_readings(extras[ANCHOR_SET]))
    return {
        TABLES: tables,
        COMPARISONS: comparisons(plan, tables),
        PLAN: plan.canonical,
        CODEBOOK: rfc8785.dumps((codebook or installed()).describe()),  # type: ignore[arg-type]
        README: _readme(plan, rows, columns_told(drifts)).encode(),
        **drifts,
        **extras,
    }


def write_rows(rows: Sequence[Row]) -> bytes:
    """The rows as tables.csv: UTF-8, a line feed after each, an empty cell for no number."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read_rows(data: bytes) -> list[Row]:
    """The rows of a tables.csv as `write_rows` got them: numbers as numbers, None for none."""
    read = csv.DictReader(io.StringIO(data.decode(), newline=""))
    return [
        {
            name: value if name in _WORDS else float(value) if value else None
            for name, value in row.items()
        }
        for row in read
    ]


def read_bundle(path: str | Path) -> Bundle:
    """
    Read a bundle's tables into pandas.  Nothing is verified: that is what `verify` is for.

    Args:
        path: The bundle's folder.

    Raises:
        ConfigurationError: There is no bundle, or its tables have other columns.
    """
    import pandas as pd

    folder = Path(path)
    try:
        plan = read_plan((folder / PLAN).read_bytes())
        text = (folder / TABLES).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise _no_bundle(f"no {PLAN} and {TABLES} that can be read.") from None
    if text.partition("\n")[0] != ",".join(COLUMNS):
        raise _no_bundle(f"a {TABLES} with other columns than a release has.")
    # An empty text stays one: only the numbers have a notion of missing.
    table = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
    table[DOMINATES] = [dominant(row) for row in table.to_dict("records")]
    for column in NUMBERS:
        table[column] = pd.to_numeric(table[column].replace("", None)).astype("float64")
    table[COUNT] = table[COUNT].astype("Int64")
    tables = {spec.name: _by_keys(table[table["table"] == spec.name]) for spec in plan.tables}
    compared = pd.read_csv(io.BytesIO(comparisons(plan, text.encode())), keep_default_na=False)
    return Bundle(plan, table, tables, compared, folder)


DOMINATES = "dominates"
"""Column beside those of tables.csv: the source of the largest error that a row states."""
COUNT = "accounts_at_least"
NUMBERS = (
    "estimate", "raw", "low", "high", "se_noise", "se_sampling", "se_classifier",
    COUNT, "threshold", "noise_scale",
)  # fmt: skip
"""Columns of numbers; an empty cell of one is a missing number."""


def _by_keys(table: "DataFrame") -> "DataFrame":
    import pandas as pd

    rows = table.reset_index(drop=True)
    keys = pd.DataFrame([read_keys(text) for text in rows["keys"]], index=rows.index)
    return pd.concat([keys.fillna(""), rows.drop(columns=["keys"])], axis=1)


def _readme(plan: Plan, rows: Sequence[Row], drifts: str) -> str:
    privacy, study, where = plan.privacy, plan.study, in_words(plan.population.where)
    columns = "\n".join(f"  {name:18}{DICTIONARY[name]}" for name in COLUMNS)
    compared = "\n".join(f"  {name:18}{text}" for name, text in OF_COMPARISONS.items())
    mistakes = "\n".join(_wrapped(text) for text in mistakes_told(plan) if text)
    largest = "\n".join(f"  {line}" for line in dominance(plan, rows))
    told = (f"  {table.name}: {table.title} ({table.base})" for table in plan.tables)
    tables = "\n".join(dict.fromkeys(told))
    return f"""{study.name}: {study.purpose}

Asked by {", ".join(study.authors)}, for the months {plan.population.months[0]} to \
{plan.population.months[-1]}.
Sessions of these months count{where and f" where {where}; others are left out"}.

WHAT IS PROMISED
  Adding or removing one account with all its sessions changes the chance of any outcome of this
  release by a factor of at most e^{privacy.epsilon:g}, except with chance {privacy.delta:g}
  (rho = {privacy.rho} of zero-concentrated differential privacy, spent on {len(plan.queries)} \
measurements).
  Except with chance {privacy.beta:g}, every printed cell has at least \
{privacy.minimum_accounts} accounts behind it
  (k = {privacy.contribution}, z = {privacy.z:.4g}, {privacy.tested} cells tested).

WHAT IS NOT
  Labels were given by the rater {plan.rater.name} {plan.rater.version}, fidelity \
{plan.rater.fidelity}.
  It was shown {SHOWN[plan.rater.view]}, cut to size.
{mistakes}
  Each account weighs at most {privacy.contribution}, unless a table's base says otherwise, shared \
among its sessions:
  at 1 figures are about accounts' average sessions; at more, active accounts count for more, and
  the column k says how much.  Where a plan has moments, the sampling error of a table is by one
  design effect for all of its cells; elsewhere by its bound, k.  The spread behind the interval of
  a geometric mean is one number for its whole table; behind that of a mean, one share of the
  squared mean.  Means are of values clamped to the plan's bounds, zero counting as the measure's
  floor; quantiles are of the measure in the plan's bins, spread evenly over the logarithm within
  each.  Totals count sessions: each account's counts are shrunk to the bound C that stands in the
  column k, and what that cuts off is taken to divide among the cells as the rest does; if large
  accounts work otherwise, it does not.  Accounts are counted as they are in the corpus: their
  intervals hold the noise alone.

TABLES
{tables}

WHICH ERROR IS THE LARGEST, for how many printed numbers
{largest}

COLUMNS OF {TABLES}
{columns}

COLUMNS OF {COMPARISONS}, beside those: two printed groups of one table, worked out from {TABLES}
{compared}
{drifts}
FILES
  {PLAN} is what was signed and executed; {CODEBOOK} says what each label means.
  statement.json is an audit record: what the keeper says of its own runs, under its signature.
  It shows where parts contradict each other, and proves nothing against a keeper that lies.
  Check signature and sums with: clerestory verify FOLDER
"""


def _wrapped(text: str) -> str:
    return fill(text, 100, initial_indent="  ", subsequent_indent="  ")


def _no_bundle(found: str) -> ConfigurationError:
    return ConfigurationError(
        "BUNDLE_UNREADABLE",
        rule="A bundle is a folder that `clerestory release` wrote.",
        found=found,
        remedy="look at the path, and run `clerestory verify` on it.",
    )
