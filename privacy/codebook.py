"""
The closed vocabulary: all that can ever be said about a session.

An instrument is a file of `instruments/`; adding one is adding a file.  The vocabulary lies
in `privacy` because both workers are bound by it and neither may import the other's package:
its labels are the values a record may take *and* the public keys of every table, so that
no key is ever learnt from data.  `Codebook.hash` settles width and meaning of a record.

`unclear` closes every instrument's list: a session that was refused or cannot be read still
leaves a record of full width, and a rater may abstain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import chain
from math import exp, log, log2
from tomllib import loads
from typing import Literal, get_args

import rfc8785

from .derived import DERIVED, GROUPINGS

UNCLEAR = "unclear"
FIRST_YEAR, LAST_YEAR = 2024, 2035
"""Months a record can name; anything else is `unknown`."""
Merge = Literal["most_text", "last", "highest", "foremost", "median", "mean"]
"""How labels of a session's parts become its own: that of most text; of the last part; the highest
of those said, or the one that the file lists first; their median or their mean, by text."""
LOG_STEPS = 1000
"""Structural measures are kept as whole thousandths of a natural logarithm."""


@dataclass(frozen=True, slots=True)
class Field:
    """One categorical column of a record: a name and its closed list of labels."""

    name: str
    labels: tuple[str, ...]

    def index(self, label: str) -> int:
        """Position of a label; `KeyError` names the field, never the value."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise KeyError(f"a value outside the vocabulary of {self.name}") from None


@dataclass(frozen=True, slots=True)
class Instrument:
    """One question put to a rater, its labels, their one-character codes and meaning."""

    name: str
    version: int
    kind: str
    """nominal, ordinal or percent."""
    ask: str
    """together or separate: whether the question may share a call with others."""
    merge: Merge
    """What is made of several labels, where a session is read in parts."""
    passed_over: tuple[str, ...]
    """Labels that count only where no part says anything else; `unclear` always is one."""
    question: str
    notes: tuple[str, ...]
    labels: tuple[str, ...]
    codes: tuple[str, ...]
    """One character each, so that the length of an encrypted answer tells nothing."""
    definitions: tuple[str, ...]

    @property
    def field(self) -> Field:
        """The column that holds this instrument's label."""
        return Field(self.name, self.labels)


@dataclass(frozen=True, slots=True)
class Measure:
    """
    One structural quantity, counted and not judged, as a fixed-point logarithm.

    A value x is stored as round(LOG_STEPS · ln(x / floor)), clamped to [0, top]; everything
    at or below the floor is 0.  Both bounds are public.
    """

    name: str
    unit: str
    floor: float
    """Declared floor: what zero counts as in a geometric mean."""
    ceiling: float

    @property
    def top(self) -> int:
        """Largest stored value; fits two bytes."""
        return round(LOG_STEPS * log(self.ceiling / self.floor))

    def encode(self, value: float) -> int:
        """Store a quantity in the measure's unit."""
        if value <= self.floor:
            return 0
        return min(self.top, round(LOG_STEPS * log(value / self.floor)))

    def decode(self, stored: float) -> float:
        """The quantity that a stored value (or a mean of stored values) stands for."""
        return self.floor * exp(stored / LOG_STEPS)


MONTHS = tuple(
    f"{year}-{month:02d}" for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13)
)

CONTEXTS = (
    Field("month", (*MONTHS, "unknown")),
    Field("surface", ("cli", "desktop", "web", "ide", "other")),
    Field("interactive", ("yes", "no")),
    Field("staff", ("yes", "no")),
    Field(
        "model_family",
        ("opus", "sonnet", "haiku", "fable", "gpt", "gemini", "mixed", "other"),
    ),
    Field("length_band", ("lt2k", "2k-5k", "5k-10k", "10k-25k", "25k-100k", "gt100k")),
    Field("model_calls", ("0", "1", "2-3", "4-7", "8-15", "16-31", "32-63", "64-127", "gt127")),
    Field("share_cut", tuple(str(percent) for percent in range(0, 100, 10))),
    Field("telemetry", ("present", "absent")),
    Field("telemetry_wrote_code", ("yes", "no", "absent")),
    Field("status", ("rated", "refused", "cut", "invalid", "too_large", "unreadable")),
    Field("wrote_code", ("yes", "no")),
)
"""What stands beside the instruments in a record.  length_band: characters as a rater sees
them, before any cut.  share_cut: per cent of the text cut away, rounded down to tens.  staff:
whether the custodian declares the account to be of those who offer the agent or run the study."""

MEASURES = (
    Measure("prompts", "prompts", 0.5, 10_000),
    Measure("actions", "tool calls", 0.5, 100_000),
    Measure("words_out", "words", 0.5, 10_000_000),
    Measure("lines_added", "lines", 0.5, 10_000_000),
    Measure("lines_removed", "lines", 0.5, 10_000_000),
    Measure("commits", "commits", 0.5, 1_000),
    Measure("actions_per_prompt", "tool calls per prompt", 0.5, 10_000),
    Measure("words_per_prompt", "words per prompt", 0.5, 1_000_000),
)


@dataclass(frozen=True)
class Codebook:
    """Everything a record can say, in the order in which it says it."""

    instruments: tuple[Instrument, ...]
    contexts: tuple[Field, ...] = CONTEXTS
    measures: tuple[Measure, ...] = MEASURES

    @property
    def fields(self) -> tuple[Field, ...]:
        """The categorical columns in record order: instruments, then contexts."""
        return (*(instrument.field for instrument in self.instruments), *self.contexts)

    def field(self, name: str) -> Field:
        """A categorical column by name; `KeyError` if there is none."""
        return {field.name: field for field in self.fields}[name]

    def measure(self, name: str) -> Measure:
        """A structural measure by name; `KeyError` if there is none."""
        return {measure.name: measure for measure in self.measures}[name]

    @property
    def bits(self) -> float:
        """
        Most that one record can say, in bits: Σ log₂ of each column's number of values.

        Returns:
            Instruments and contexts together; the measures are in `measure_bits`.
        """
        return sum(log2(len(field.labels)) for field in self.fields)

    @property
    def instrument_bits(self) -> float:
        """Most that a rater can say about one session, in bits."""
        return sum(log2(len(i.labels)) for i in self.instruments)

    @property
    def measure_bits(self) -> float:
        """Most that the counted measures of one record can say, in bits."""
        return sum(log2(measure.top + 1) for measure in self.measures)

    def describe(self) -> dict[str, object]:
        """The whole codebook as plain data: what is hashed and what a bundle carries."""
        return {
            "instruments": [
                {name: _plain(getattr(i, name)) for name in Instrument.__slots__}
                for i in self.instruments
            ],
            "contexts": [{"name": f.name, "labels": list(f.labels)} for f in self.contexts],
            "measures": [
                {"name": m.name, "unit": m.unit, "floor": m.floor, "ceiling": m.ceiling}
                for m in self.measures
            ],
            "derived": {name: derived.describe() for name, derived in DERIVED.items()},
            "groupings": {name: g.describe() for name, g in GROUPINGS.items()},
            "log_steps": LOG_STEPS,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical codebook, hexadecimal."""
        return sha256(rfc8785.dumps(self.describe())).hexdigest()  # type: ignore[arg-type]

    @property
    def prompts_hash(self) -> str:
        """SHA-256 of what raters are asked: the instruments alone, hexadecimal."""
        return sha256(rfc8785.dumps(self.describe()["instruments"])).hexdigest()  # type: ignore[arg-type]


@cache
def codebook() -> Codebook:
    """The codebook of this installation, from the files of `instruments/`."""
    return Codebook(tuple(_read(text) for text in _instrument_files()))


def _instrument_files() -> Iterator[str]:
    folder = files("privacy") / "instruments"
    entries = sorted(e.name for e in folder.iterdir() if e.name.endswith(".toml"))
    return ((folder / name).read_text(encoding="utf-8") for name in entries)


def _read(text: str) -> Instrument:
    data = loads(text)
    labels = data.pop("label")
    data["question"] = data["question"].strip()
    data |= {key: tuple(data.get(key, ())) for key in ("notes", "passed_over")}
    instrument = Instrument(
        **data,
        labels=tuple(label["name"] for label in labels),
        codes=tuple(label["code"] for label in labels),
        definitions=tuple(label["definition"] for label in labels),
    )
    if instrument.labels[-1] != UNCLEAR:
        raise ValueError(f"Instrument {instrument.name} must close with the label {UNCLEAR!r}.")
    for column in (instrument.labels, instrument.codes):
        if len(set(column)) != len(column) or len(column) > 255:
            raise ValueError(f"Instrument {instrument.name} names a label or code twice.")
    if any(len(code) != 1 for code in chain(instrument.codes)):
        raise ValueError(f"Instrument {instrument.name} has a code longer than one character.")
    if instrument.ask not in ("together", "separate") or instrument.merge not in get_args(Merge):
        raise ValueError(
            f"Instrument {instrument.name} is asked or merged in no way that is known."
        )
    if not set(instrument.passed_over) < set(instrument.labels):
        raise ValueError(f"Instrument {instrument.name} passes over what is no label of it.")
    return instrument


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
