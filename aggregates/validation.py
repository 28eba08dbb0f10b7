"""
What a study knows of its rater's mistakes: a file of public counts, read into the plan.

`clerestory validate --confusion FILE` writes such a file from sessions that one may read.  It is of
one rater, one model and one codebook, and so is every plan that holds its counts.  The plan takes
the tables that some table of the study needs, and no others: what is signed is what is used.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field, ValidationError

from privacy.codebook import Codebook
from privacy.confusion import ANSWERS, LONGEST_NAME, MOST_SESSIONS, Confusion, Validation
from privacy.derived import DERIVED, GROUPINGS
from privacy.errors import ConfigurationError
from privacy.mistakes import VALIDATED
from privacy.plan import Rater, Table
from privacy.raters import Answers, Mode
from privacy.views import ViewName

from .study import Study
from .table import Part, TableSpec, Text

FORMAT = "clerestory/confusion/1"
MOST_BYTES = 2**20
_ROW = re.compile(r'(?<!\\)"of"\s*:')
"""Begins what is said of one table: by these the lines of errors are found."""
_Count = Annotated[int, Field(ge=0, le=MOST_SESSIONS)]
_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class _Rater(Part):
    name: _Name
    version: _Name
    model: str
    view: ViewName = "full"
    mode: Mode = "combined"
    answers: Answers = "schema"


class _Table(Part):
    of: _Name
    group: dict[_Name, _Name]
    labels: list[_Name]
    counts: list[list[_Count]]


class _File(Part):
    format: str
    rater: _Rater
    codebook: str
    reference: Text
    same_population: bool
    tables: list[_Table] = Field(min_length=1, max_length=200)


def validated(
    study: Study, tables: Sequence[Table], rater: Rater, codebook: Codebook
) -> tuple[Validation | None, list[Table]]:
    """
    Read the file that a study names, and tell each table which part of it is its own.

    Args:
        study: What is asked.
        tables: Its statistics.
        rater: Who will label.
        codebook: The closed vocabulary.

    Returns:
        What the plan states, None without a file; and the tables.

    Raises:
        ConfigurationError: The file is missing, malformed, of another rater or codebook, or of
            nothing that the study asks for; names the line.
    """
    if not study.rater.validation:
        return None, [*tables]
    found = _read(study, rater, codebook)
    specs = {spec.name: spec for spec in study.tables}
    told = {one.of for one in found.tables}
    wanted = {name: subject for name, spec in specs.items() if (subject := _subject(spec)) in told}
    kept = [
        one
        for one in found.tables
        if any(
            one.of == subject and (not one.group or _is_by(one, specs[name]))
            for name, subject in wanted.items()
        )
    ]
    for index, spec in enumerate(study.tables):
        if "corrected" in spec.kinds and spec.name not in wanted:
            what = f"corrected numbers of {spec.name!r}, and no counts of {_subject(spec)}."
            raise study.error(what, "add them to the file.", "table", index, "statistics")
    if not kept:
        what = f"a validation of {', '.join(sorted(told))}, of which no table is."
        raise study.error(what, "validate what the study asks for.", "rater", "validation")
    return replace(found, tables=(*kept,)), [
        replace(table, validated=wanted.get(table.name, "")) if table.kind in VALIDATED else table
        for table in tables
    ]


def _subject(spec: TableSpec) -> str:
    """What a rater may be wrong about in a table: an instrument or a derived measure."""
    if spec.among:  # a rater that is wrong about who is among them shifts the base as well
        return ""
    divided = spec.share_of or ""
    return spec.rate_of or (GROUPINGS[divided].of if divided in GROUPINGS else divided)


def _is_by(table: Confusion, spec: TableSpec) -> bool:
    return set(table.group) == set(spec.by)


def _read(study: Study, rater: Rater, codebook: Codebook) -> Validation:
    name, at = study.rater.validation, ("rater", "validation")
    try:
        data = b"" if study.folder is None else (study.folder / name).read_bytes()
    except OSError:
        data = b""
    if not 0 < len(data) <= MOST_BYTES:
        what = f"no file {name!r} of at most {MOST_BYTES:,} bytes beside the study."
        raise study.error(what, "write it with `clerestory validate --confusion`.", *at)

    def refuse(line: int, found: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(
            "VALIDATION_INVALID",
            rule="A validation counts sessions by right label and rater's label, for the labels of "
            "the codebook, and each question and group once.",
            found=f"in line {line} of {name}: {found}",
            remedy=remedy,
        )

    text, file = _parse(data, refuse)
    read = file.rater
    told = [getattr(read, part) for part in _Rater.model_fields]
    if told != [getattr(rater, part) for part in _Rater.model_fields]:
        what = f"the mistakes of another rater: {' '.join(filter(None, told))!r}."
        raise refuse(_line(text, '"rater"'), what, "validate the rater that labels, by its view.")
    if file.codebook != codebook.hash:
        what = "counts by another codebook."
        raise refuse(_line(text, '"codebook"'), what, "validate again with this version.")
    return _checked(file, text, codebook, refuse)


Refuse = Callable[[int, str, str], ConfigurationError]


def _parse(data: bytes, refuse: Refuse) -> tuple[str, _File]:
    remedy = "write it with `clerestory validate --confusion`."
    try:
        text = data.decode()
        return text, _File.model_validate(json.loads(text, object_pairs_hook=_once))
    except json.JSONDecodeError as error:
        raise refuse(error.lineno, f"{error.msg.lower()}.", remedy) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = first["loc"]
        number = place[1] if place[:1] == ("tables",) and len(place) > 1 else None
        line = _line_of_table(text, number) if isinstance(number, int) else 1
        where = ".".join(map(str, place)) or "the file"
        raise refuse(line, f"{first['msg'].lower()}, at {where}.", remedy) from None
    except (ValueError, RecursionError):
        raise refuse(1, "no JSON text, or a key that stands twice.", remedy) from None


def _checked(file: _File, text: str, codebook: Codebook, refuse: Refuse) -> Validation:
    instruments = {one.name: one.labels for one in codebook.instruments}
    if file.format != FORMAT:
        raise refuse(1, f"another format than {FORMAT}.", "write it with this version.")
    tables: list[Confusion] = []
    for number, one in enumerate(file.tables):
        line, known = _line_of_table(text, number), instruments.get(one.of)
        due = ANSWERS if one.of in DERIVED else known
        if due is None:
            what = f"{one.of!r}, which is no instrument and no derived measure."
            raise refuse(line, what, f"choose one of {', '.join((*instruments, *DERIVED))}.")
        if tuple(one.labels) != due:
            what = f"other labels of {one.of} than its own."
            raise refuse(line, what, f"write {', '.join(due)}, in this order.")
        if len(one.counts) != len(due) or any(len(row) != len(due) for row in one.counts):
            what = f"counts of {one.of} that are no square of {len(due)}."
            raise refuse(line, what, "write a row for each right label, a count for each label.")
        if any(other.of == one.of and other.group == one.group for other in tables):
            what = f"{one.of} twice for one group."
            raise refuse(line, what, "write each question once for each group.")
        counts = tuple(tuple(row) for row in one.counts)
        tables.append(Confusion(one.of, one.group, due, counts))
    return Validation(file.reference, file.same_population, (*tables,))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _line_of_table(text: str, number: int) -> int:
    starts = [match.start() for match in _ROW.finditer(text)]
    return 1 + text.count("\n", 0, starts[number]) if number < len(starts) else 1


def _line(text: str, key: str) -> int:
    return 1 + text.count("\n", 0, max(text.find(key), 0))
