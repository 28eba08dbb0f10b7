"""
Read a study: what a researcher writes, typed, or refused with the line it stands on.

A study is TOML.  Every key is known or refused, a key given twice is refused, and so is every
name that the codebook does not know: a misspelt filter must never become an unfiltered table.
Reading touches no data; what the names mean is the business of `population`.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tomllib import TOMLDecodeError, loads
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from privacy.errors import ConfigurationError
from privacy.plan import TRENDS, Kind
from privacy.soundness import MONTH

from .lines import invalid, line_of, misread
from .population import MEANINGLESS, months_between

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
Labels = str | bool | list[str]
"""One label, several, or true and false for yes and no."""

LATER_KEYS = ("adjust_for", "agreement_of")
"""Part of the grammar, computed by a later version: recognised, so that the refusal can say so."""
TREND = "trend"
"""Statistic of a share or a rate by month: how it changed, and its slope."""
SUBJECTS = ("share_of", "rate_of", "total_of", "measure")
"""Keys that say what a table is of; it has one of them."""
OF_MEASURES: tuple[Kind, ...] = ("geometric_mean", "mean", "quantiles")
"""Statistics of a measure."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Header(_Part):
    """Who asks, and what for."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    purpose: Text
    authors: list[Text] = Field(min_length=1, max_length=50)


class Sessions(_Part):
    """Which sessions the study speaks of."""

    months: list[str] = Field(min_length=2, max_length=2)
    where: dict[str, Labels] = {}


class Budget(_Part):
    """What the release may cost, and whom it may print."""

    epsilon: float = Field(gt=0, le=20, allow_inf_nan=False)
    delta: float = Field(gt=0, le=1e-4)
    contribution: int | float | str = 1
    minimum_accounts: int = Field(ge=2, le=10**6)

    @property
    def k(self) -> Fraction:
        """The contribution as an exact fraction: `1`, `0.5` and `"1/2"` mean what they say."""
        return Fraction(str(self.contribution))


class RaterChoice(_Part):
    """Who labels; and, of a rater that asks a model, which, where, and whom to trust."""

    name: Name = "offline"
    model: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:-]{0,99}$")] = ""
    endpoint: Text = ""
    roots: Text = ""


class TableSpec(_Part):
    """One table that is asked for."""

    name: Name
    title: Text | None = None
    share_of: str | None = None
    rate_of: str | None = None
    total_of: str | None = None
    measure: str | None = None
    statistics: list[str] = []
    between: list[float] | None = Field(default=None, min_length=2, max_length=2)
    by: list[str] = Field(default=[], max_length=4)
    merge: dict[str, dict[Text, list[str]]] = {}
    leave_out: dict[str, list[str]] = {}
    where: dict[str, Labels] = {}
    half_width: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    adjust_for: list[str] | None = None
    agreement_of: str | None = None

    @property
    def divided(self) -> str | None:
        """The field whose labels are the last key of a share or a total."""
        return self.share_of or self.total_of

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The statistics of the table, in the order in which a release prints them."""
        if self.share_of or self.rate_of:
            trends = TRENDS if TREND in self.statistics else ()
            return ("share" if self.share_of else "rate", *trends)
        if self.total_of:
            return ("total", "grand_total")
        return tuple(kind for kind in OF_MEASURES if kind in self.statistics)


class _File(_Part):
    study: Header
    population: Sessions
    privacy: Budget
    rater: RaterChoice = RaterChoice()
    table: list[TableSpec] = Field(min_length=1, max_length=200)


@dataclass(frozen=True, slots=True)
class Study:
    """A study file, typed, with the text it came from: errors can name its lines."""

    header: Header
    sessions: Sessions
    budget: Budget
    rater: RaterChoice
    tables: tuple[TableSpec, ...]
    text: str
    file: str
    """How errors name the file."""
    folder: Path | None = None
    """Where it lies: files that it names lie beside it."""

    @classmethod
    def read(cls, path: Path) -> "Study":
        """
        Read a study file.

        Raises:
            ConfigurationError: There is none, or it is no study.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            raise ConfigurationError(
                "STUDY_MISSING",
                rule="A study is a TOML file.",
                found=f"no file that can be read at {path}.",
                remedy="look at the path; studies/first-look.toml is an example.",
            ) from None
        except UnicodeDecodeError:
            raise misread(
                str(path), 1, "bytes that are no UTF-8 text.", "save it as UTF-8."
            ) from None
        return cls.parse(text, file=path.name, folder=path.parent)

    @classmethod
    def parse(cls, text: str, *, file: str = "study.toml", folder: Path | None = None) -> "Study":
        """
        Read a study from text.

        Args:
            text: TOML.
            file: How errors name it.
            folder: Where files that it names lie.

        Raises:
            ConfigurationError: It is no study; the message names the line and what to do.
        """
        try:
            data = _File.model_validate(loads(text))
        except TOMLDecodeError as error:
            place = re.search(r"line (\d+)", str(error))
            line = int(place[1]) if place else text.count("\n") + 1
            what = str(error).split(" (at ")[0]
            raise misread(file, line, f"{what}.", "mend the TOML; a key stands once.") from None
        except ValidationError as error:
            raise invalid(error, text, file) from None
        parts = (data.study, data.population, data.privacy, data.rater, (*data.table,))
        study = cls(*parts, text, file, folder)
        study._check()
        return study

    def error(self, found: str, remedy: str, *at: str | int) -> ConfigurationError:
        """A refusal that names the line on which a key stands."""
        return misread(self.file, line_of(self.text, at), found, remedy)

    @property
    def months(self) -> tuple[str, ...]:
        """The study's months, in order."""
        return months_between(*self.sessions.months)

    def _check(self) -> None:
        if not self.months:
            found = f"months {self.sessions.months}, which name no span of the codebook's months."
            raise self.error(found, 'write ["2025-10", "2026-04"].', "population", "months")
        try:
            _ = self.budget.k
        except (ValueError, ZeroDivisionError):
            found = f"a contribution of {self.budget.contribution!r}."
            raise self.error(found, 'write 1 or "1/2".', "privacy", "contribution") from None
        names = [table.name for table in self.tables]
        for index, table in enumerate(self.tables):
            if table.name in names[:index]:
                found = f"a second table with the name {table.name!r}."
                raise self.error(found, "give each table its own name.", "table", index, "name")
            self._check_kind(index, table)

    def _check_kind(self, index: int, table: TableSpec) -> None:
        for key in LATER_KEYS:
            if getattr(table, key) is not None:
                raise self._later(key, "table", index, key)
        known = OF_MEASURES if table.measure else () if table.total_of else (TREND,)
        for statistic in table.statistics:
            if statistic not in known:
                found = f"the statistic {statistic!r}, which {table.name!r} cannot have."
                remedy = f"choose among {', '.join(known)}." if known else "take it out."
                raise self.error(found, remedy, "table", index, "statistics")
        if TREND in table.statistics and (
            MONTH not in table.by or MONTH in table.merge or len(self.months) < 2
        ):
            found = f"a trend of {table.name!r}, which is not by single months."
            remedy = 'add "month" to by, and do not merge months.'
            raise self.error(found, remedy, "table", index, "statistics")
        if len(set(table.statistics)) < len(table.statistics):
            found = "a statistic that is named twice."
            raise self.error(found, "name it once.", "table", index, "statistics")
        asked = [key for key in SUBJECTS if getattr(table, key)]
        if len(asked) != 1 or (table.measure and not table.statistics):
            remedy = f'give one of {", ".join(SUBJECTS)}; a measure with statistics = ["mean"].'
            found = f"a table {table.name!r} that asks for {' and '.join(asked) or 'nothing'}."
            raise self.error(found, remedy, "table", index, asked[0] if asked else "name")
        if table.between is not None and table.measure is None:
            found = "bounds (between) in a table without a measure."
            raise self.error(found, "take them out.", "table", index, "between")
        if "mean" in table.statistics and table.between is None:
            # Its noise grows with the bounds: those of the codebook would drown any mean.
            found = f"a mean in {table.name!r} without bounds."
            remedy = "state between = [low, high]; what lies beyond counts as the bound."
            raise self.error(found, remedy, "table", index, "statistics")
        for group in (name for groups in table.merge.values() for name in groups):
            if MEANINGLESS & set(group):
                found = f"the group name {group!r}, which a table's keys cannot hold."
                raise self.error(found, "leave out ; and =.", "table", index, "merge")

    def _later(self, what: str, *at: str | int) -> ConfigurationError:
        return ConfigurationError(
            "NOT_THERE_YET",
            rule="This version computes shares, rates, means, quantiles and totals.",
            found=f"{what} in line {line_of(self.text, at)} of {self.file}.",
            remedy="take it out for now; a later version has it.",
        )
