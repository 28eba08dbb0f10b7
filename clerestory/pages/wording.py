"""
Say numbers, names and months the way a reader expects them.

Nothing here decides what may be shown; it only decides how.  A share has one decimal, because
the intervals of a release are wider than a tenth of a point; a mean has as many as its largest
value can bear.  Signs are real minus signs; a number never parts from its unit.
"""

from collections.abc import Callable, Iterable
from functools import cache
from math import floor, log10

from privacy.codebook import codebook
from privacy.plan import TRENDS, Kind, Table
from privacy.rows import COLUMN

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
TOO_FEW = "too few people"
NOT_COMPUTED = "not computed"
NOTHING_WITHHELD = "nothing is withheld"
CONFIDENCE = 95
"""Per cent of every interval a release prints (the estimates are made for this one)."""

PARTS: tuple[Kind, ...] = ("share", "rate", "corrected", "adjusted_rate", "exact", "adjacent")
"""Kinds whose numbers are parts of a whole, printed as per cent."""
DIFFERENCES: tuple[Kind, ...] = (*TRENDS, "adjusted_slope")
"""Kinds whose numbers are differences of parts, printed in percentage points."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Format = Callable[[float], str]
"""From a value of a table to how it is printed there, unit included."""


def name_of(name: str) -> str:
    """A name of the codebook in words: `no_goal` is `no goal`."""
    return name.replace("_", " ")


def is_month(value: str) -> bool:
    """Whether a key is a month as the codebook writes it, `2025-10`."""
    year, _, month = value.partition("-")
    digits = len(year) == 4 and len(month) == 2 and (year + month).isascii()
    return digits and (year + month).isdigit() and 1 <= int(month) <= 12


def label_of(value: str, axis: str = "") -> str:
    """A key's value in words: `Oct 2025`, `no goal`, an occupation by its name."""
    if axis == "quantile":
        return "median" if value == "50" else f"{value}{SPACE}% lie below"
    if axis == COLUMN:
        held = counted(int(value), "control") if value.isdigit() else value
        return "nothing held equal" if value == "0" else f"{held} held equal"
    if axis == "sessions":  # of accounts, by how many they have
        return f"{value}{SPACE}{'session' if value.split()[-1] == '1' else 'sessions'}"
    if axis.endswith("occupation") and value.isdigit():
        return _occupation(value)
    return f"{_MONTHS[int(value[5:]) - 1]}{SPACE}{value[:4]}" if is_month(value) else name_of(value)


def format_for(table: Table, values: Iterable[float]) -> Format:
    """
    How a table's numbers are printed.

    Args:
        table: Shares and rates are fractions and print as per cent; totals print whole, means
            bare.
        values: Those that will be printed: the largest decides a mean's decimals.
    """
    if table.kind in PARTS:
        return percent
    if table.kind in DIFFERENCES:
        return difference_for(table, values)
    if table.kind in {"kappa", "weighted_kappa"}:
        return lambda value: number(value, 2)
    whole = table.unit in {"sessions", "accounts"}
    decimals = 0 if whole else _decimals(values)
    return lambda value: number(value, decimals)


def ticks_for(table: Table, step: float) -> Format:
    """How the values of an axis are printed: with no more decimals than its steps need."""
    parts = table.kind in {*PARTS, *DIFFERENCES}
    size = 100 * step if parts else step
    decimals = next((d for d in range(6) if abs(round(size, d) - size) < size * 1e-6), 6)
    unit = f"{SPACE}{'pp' if table.kind in DIFFERENCES else '%'}" if parts else ""
    factor = 100 if parts else 1
    return lambda value: number(factor * value, decimals) + unit


def difference_for(table: Table, values: Iterable[float]) -> Format:
    """
    How a difference of two of a table's numbers is printed, with its sign and unit.

    Args:
        table: Differences of shares and rates are in percentage points.
        values: Those that are compared; a difference of means has one decimal more than they.
    """
    if table.kind in {*PARTS, *DIFFERENCES}:
        digits = 2 if table.kind.endswith("slope") else 1
        return lambda value: f"{_signed(100 * value, digits)}{SPACE}pp"
    decimals = _decimals(values) + 1
    return lambda value: _signed(value, decimals)


def percent(value: float) -> str:
    """A fraction as per cent, one decimal."""
    return f"{number(100 * value, 1)}{SPACE}%"


def number(value: float, decimals: int = 0) -> str:
    """A number with its thousands parted by commas; nothing is ever printed as −0."""
    text = f"{abs(value):,.{decimals}f}"
    return MINUS + text if value < 0 and text.strip("0.,") else text


def between(show: Format, low: float, high: float) -> str:
    """An interval, its unit said once and never broken: `12.0 to 17.1 %`."""
    first, _, unit = show(low).partition(SPACE)
    last = show(high)
    same = unit == last.partition(SPACE)[2]
    return f"{first if same else show(low)}{SPACE}to{SPACE}{last}"


def listed(parts: list[str]) -> str:
    """Join words as a sentence does: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 table`, `6 tables`."""
    return f"{number(count)}{SPACE}{one if count == 1 else many or one + 's'}"


def significant(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, without closing zeros; an exponent where long."""
    if value != 0 and not 1e-4 <= abs(value) < 1e9:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        raised = str(int(power)).translate(_RAISED)
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"10{raised}" if mantissa == "1" else f"{mantissa}·10{raised}"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - floor(log10(abs(value))))
    text = number(value, decimals)
    return text.rstrip("0").rstrip(".") if decimals else text


@cache
def _occupation(code: str) -> str:
    instrument = next(i for i in codebook().instruments if i.name == "occupation")
    if code not in instrument.labels:
        return code
    return instrument.definitions[instrument.labels.index(code)].partition(" (")[0]


def _decimals(values: Iterable[float]) -> int:
    largest = max((abs(value) for value in values), default=0.0)
    return 3 if largest < 1 else 2 if largest < 10 else 1 if largest < 1000 else 0


def _signed(value: float, decimals: int) -> str:
    text = number(value, decimals)
    return text if value < 0 or not text.strip("0.,") else f"+{text}"
