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

from pydantic import Field, StringConstraints, ValidationError

from privacy.errors import ConfigurationError
from privacy.raters import Answers, Mode
from privacy.views import ViewName

from .checks import check_table
from .lines import invalid, line_of, misread
from .population import months_between
from .table import Labels, Name, Part, TableSpec, Text, Weight, weight_of


class Header(Part):
    """Who asks, and what for."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    purpose: Text
    authors: list[Text] = Field(min_length=1, max_length=50)


class Sessions(Part):
    """Which sessions the study speaks of."""

    months: list[str] = Field(min_length=2, max_length=2)
    where: dict[str, Labels] = Field(default={})


class Budget(Part):
    """What the release may cost, and whom it may print."""

    epsilon: float = Field(gt=0, le=20, allow_inf_nan=False)
    delta: float = Field(gt=0, le=1e-4)
    contribution: Weight = 1
    minimum_accounts: int = Field(ge=2, le=10**6)

    @property
    def k(self) -> Fraction:
        """The contribution as an exact fraction."""
        return weight_of(self.contribution)


Model = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9.:-]{0,99})?$")]
"""Name of a model; empty for none, or for the rater's own."""


class RaterChoice(Part):
    """Who labels; and, of a rater that asks a model, which, where, and whom to trust."""

    name: Name = "offline"
    model: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:-]{0,99}$")] = ""
    endpoint: Text = ""
    roots: Text = ""
    view: ViewName = "full"
    """What it is shown of a session."""
    mode: Mode = "combined"
    batches: bool = False
    answers: Answers = "schema"
    validation: Text = ""
    """File beside the study: how the rater's labels fell on sessions whose right ones are known."""
    price_input: float | None = Field(default=None, ge=0, le=1e4, allow_inf_nan=False)
    """Dollars for a million tokens that the rater's model reads; instead of the list's price."""
    price_output: float | None = Field(default=None, ge=0, le=1e4, allow_inf_nan=False)
    requests_per_minute: int | None = Field(default=None, ge=1, le=10**7)
    """That the endpoint answers; for the forecast of hours alone, as the next."""
    tokens_per_minute: int | None = Field(default=None, ge=1, le=10**12)
    dollars: float | None = Field(default=None, gt=0, le=1e7, allow_inf_nan=False)
    """What labelling may cost at most: the run stops before it passes that."""


class ReadingChoice(Part):
    """A second reading of some sessions: by the study's rater, or another model where that is."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    share: str
    """Which part of the sessions is read again: "1/20"."""
    view: ViewName | None = None
    mode: Mode | None = None
    model: Model = ""


class _File(Part):
    study: Header
    population: Sessions
    privacy: Budget
    rater: RaterChoice = RaterChoice()
    reading: list[ReadingChoice] = Field(default=[], max_length=3)
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
    readings: tuple[ReadingChoice, ...] = ()

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
        study = cls(*parts, text, file, folder, (*data.reading,))
        study._check()
        return study

    def error(self, found: str, remedy: str, *at: str | int) -> ConfigurationError:
        """A refusal that names the line on which a key stands."""
        return misread(self.file, line_of(self.text, at), found, remedy)

    @property
    def months(self) -> tuple[str, ...]:
        """The study's months, in order."""
        return months_between(*self.sessions.months)

    def weight_of(self, number: int) -> Fraction:
        """K of a table: its own contribution, or the study's."""
        own = self.tables[number].contribution
        return self.budget.k if own is None else weight_of(own)

    def _check(self) -> None:
        if not self.months:
            found = f"months {self.sessions.months}, which name no span of the codebook's months."
            raise self.error(found, 'write ["2025-10", "2026-04"].', "population", "months")
        self._check_weight(self.budget.contribution, "privacy")
        names = [table.name for table in self.tables]
        for index, table in enumerate(self.tables):
            if table.name in names[:index]:
                found = f"a second table with the name {table.name!r}."
                raise self.error(found, "give each table its own name.", "table", index, "name")
            if table.contribution is not None:
                self._check_weight(table.contribution, "table", index)
            check_table(self, index, table)

    def _check_weight(self, given: Weight, *at: str | int) -> None:
        try:
            weight_of(given)
        except (ValueError, ZeroDivisionError):
            found = f"a contribution of {given!r}."
            raise self.error(found, 'write 1 or "1/2".', *at, "contribution") from None
