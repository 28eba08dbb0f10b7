"""
Build HTML and SVG as values that escape by default and cannot carry a script.

An element is a name, attributes and children; text becomes markup in one place, `write`, and
is escaped there.  Names come from a closed list without `script`, `iframe`, `img` or any other
element that runs or loads something; attributes that hold code, a style or an address beyond
this page are refused.  So a hostile title can be ugly, but it stays text.

Control characters and those that reverse the direction of text are replaced: they make a page
show something else than it says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TypeAlias
from unicodedata import bidirectional, category

Child: TypeAlias = "Element | str | Sequence[Child] | None"

_VOID = frozenset({"meta", "br", "hr"})
_PAGE_NAMES = """html head title style body header main footer nav section div p h1 h2 h3 a ul
ol li dl dt dd figure figcaption table caption thead tbody tr th td strong code pre span"""
_CHART_NAMES = "svg g line circle path polyline polygon text desc"
_BREAK_NAMES = "p h1 h2 h3 li dt dd tr table section figure svg div pre style"
_PAGE, _CHART = frozenset(_PAGE_NAMES.split()), frozenset(_CHART_NAMES.split())
_BREAKS = frozenset(_BREAK_NAMES.split())
"""After these a new line begins: the file is read by people and by `diff` too."""
_VERBATIM = frozenset({"style"})
"""Their text is ours and is not escaped by HTML's rules; `page` puts its own style sheet there."""
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Unicode's bidirectional controls: they let a line read differently from what it holds."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element, not yet written."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Child, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in _PAGE | _CHART | _VOID:
            raise ValueError(f"A page holds no element {self.name!r}.")
        for name, value in self.attributes.items():
            if name in {"style", "src", "srcset"} or name.startswith("on"):
                raise ValueError(f"A page's element carries no attribute {name!r}.")
            if name == "href" and not value.startswith("#"):
                raise ValueError("A page links only to places within itself.")


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Element:
    """
    Make an element.

    Args:
        name: Its name, from the closed list.
        children: Text, elements, sequences of them; None is left out.
        attributes: `_` stands for `-`, a closing `_` is dropped (`class_`), None is left out;
            numbers are coordinates and are rounded to hundredths.

    Raises:
        ValueError: An element or attribute that could run or load something.
    """
    written = {
        key.rstrip("_").replace("_", "-"): _value(value)
        for key, value in attributes.items()
        if value is not None
    }
    return Element(name, written, children)


def write(node: Child) -> str:
    """Turn elements into markup, escaping all text."""
    return "".join(_pieces(node))


def plain(text: str) -> str:
    """Text without the characters that make a page look other than it reads."""
    if text.isascii() and text.isprintable():  # most of a page: none of it can deceive
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _deceives(character) else character for character in text
    )


def _pieces(node: Child) -> Iterable[str]:
    if node is None:
        return
    if isinstance(node, str):
        yield escape(plain(node))
    elif isinstance(node, Element):
        attributes = "".join(
            f' {name}="{escape(plain(value))}"' for name, value in node.attributes.items()
        )
        yield f"<{node.name}{attributes}>"
        if node.name in _VERBATIM:
            yield "".join(child for child in node.children if isinstance(child, str))
        else:
            for child in node.children:
                yield from _pieces(child)
        if node.name not in _VOID:
            yield f"</{node.name}>"
        if node.name in _BREAKS | _VOID:
            yield "\n"
    else:
        for child in node:
            yield from _pieces(child)


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def _deceives(character: str) -> bool:
    if bidirectional(character) in _TURNS:
        return True
    return category(character) in {"Cc", "Cs"} and character not in "\n\t"
