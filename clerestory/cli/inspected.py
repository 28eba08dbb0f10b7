"""
What `inspect-format` found, as a page for a terminal: rows, then what they sum to.

Few files get a row each; of many, folders do, as deep as there is room for.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from textwrap import wrap
from typing import Any

LINE = 100
"""Characters of a line of sums."""
ROWS = 40
"""As many rows as are still read; `--all` prints every file."""
_COLUMNS = ("files", "sessions", "prompts", "actions", "bytes")
_GROUPS = {
    "records": "records",
    "authors": "said by",
    "via": "how it came",
    "kinds": "actions",
    "outcomes": "their ends",
    "sittings": "a person there",
    "surfaces": "surfaces",
    "families": "models",
    "months": "months",
    "incomplete": "incomplete",
    "unreadable": "taken, unread",
}
_SUMS = {
    "files": "files",
    "sessions": "sessions",
    "prompts": "prompts",
    "actions": "actions",
    "subagents": "sub-agents",
    "telemetry": "sessions with telemetry",
    "bytes": "bytes",
}
_ALWAYS = ("files", "sessions", "prompts", "actions")
_WIDTH = max(map(len, _GROUPS.values()))

Row = tuple[Counter[str], set[str], Counter[str], str]
"""Numbers, formats, codes and the place they are of."""


def page(told: dict[str, Any], *, every: bool) -> str:
    """
    The page.

    Args:
        told: As from `inspecting.inspect`.
        every: Whether each file gets a row, however many there are.
    """
    files, totals = told["files"], told["totals"]
    rows = [_row([file], file["path"]) for file in files]
    if len(files) > ROWS and not every:
        rows = [_row(within, place) for place, within in _folders(files).items()]
    table = list(_table(rows)) if rows else []
    if len(rows) < len(files):
        table.append("(by folder: --all prints every file)")
    found = [(words, totals[group]) for group, words in _GROUPS.items() if group in totals]
    groups = [line for words, counts in found for line in _counts(words, counts)]
    sums = ", ".join(
        f"{totals[name]:,} {words}"
        for name, words in _SUMS.items()
        if totals[name] or name in _ALWAYS
    )
    refused = ", ".join(f"{code} {n:,}" for code, n in told["refused"].items()) or "none"
    end = [sums, f"read {told['read']:,}, refused: {refused}"]
    blocks = (table, groups, list(_codes(told)), end)
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _row(files: list[dict[str, Any]], place: str) -> Row:
    numbers, codes = Counter(files=len(files)), Counter[str]()
    for file in files:
        numbers.update({name: file[name] for name in _COLUMNS[1:]})
        codes.update({code: n for code, n in file["codes"].items() if code != "TAKEN"})
    return numbers, {file["format"] for file in files if file["format"]}, codes, place


def _folders(files: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """
    Files by folder, at the deepest level that has no more than `ROWS` of them.

    Where even the first level has more, the largest are named and the others told together.
    """
    folders = [PurePosixPath(file["path"]).parent.parts for file in files]
    depths = range(max(map(len, folders)), 0, -1)
    depth = next((d for d in depths if len({f[:d] for f in folders}) <= ROWS), 1)
    found: dict[str, list[dict[str, Any]]] = {}
    for folder, file in zip(folders, files, strict=True):
        found.setdefault("/".join((*folder[:depth], "")) or "./", []).append(file)
    largest = sorted(found, key=lambda place: (-len(found[place]), place))
    rest = largest[ROWS - 1 :] if len(found) > ROWS else []
    others = [file for place in rest for file in found.pop(place)]
    return found | ({f"{len(rest):,} other folders": others} if others else {})


def _table(rows: list[Row]) -> Iterator[str]:
    cells = [[f"{numbers[name]:,}" for name in _COLUMNS] for numbers, *_ in rows]
    formats = [", ".join(sorted(row[1])) for row in rows]
    widths = [max(len(name), *(len(c[at]) for c in cells)) for at, name in enumerate(_COLUMNS)]
    width = max(len("format"), *map(len, formats))
    head = "  ".join(name.rjust(w) for name, w in zip(_COLUMNS, widths, strict=True))
    yield f"{head}  {'format':<{width}}  path"
    for cell, known, (_, _, codes, place) in zip(cells, formats, rows, strict=True):
        numbers = "  ".join(each.rjust(w) for each, w in zip(cell, widths, strict=True))
        yield f"{numbers}  {known:<{width}}  {place}" + "".join(
            f"  {code}×{n:,}" for code, n in codes.items()
        )


def _codes(told: dict[str, Any]) -> Iterator[str]:
    totals = told["totals"]
    counts = Counter(totals.get("codes", {})) + Counter(totals.get("unreadable", {}))
    meant = {code: why for code, why in told["reasons"].items() if code not in ("READ", "TAKEN")}
    wide = max(map(len, meant), default=0)
    for code, why in meant.items():
        yield f"{counts[code]:8,}  {code:<{wide}}  {why['means']}"
        if why["to_do"] != "Nothing.":
            yield f"{'':8}  {'':<{wide}}  → {why['to_do']}"


def _counts(words: str, counts: dict[str, int]) -> Iterator[str]:
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    pairs = ", ".join(f"{word}\0{number:,}" for word, number in most)  # a pair stays on its line
    lines = wrap(pairs, LINE - _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield f"{'' if number else words:<{_WIDTH}}  {line}".replace("\0", " ")
