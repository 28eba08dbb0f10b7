"""
The shell of every page: one file that loads nothing, runs nothing and says so to the browser.

The content security policy allows one thing, the page's own style sheet, named by its hash [1];
so even markup that should never have got in could not run, load, send or restyle.  There are
landmarks, a skip link, a language and a title; colours follow the reader's light or dark, and
paper gets the light ones.

[1] W3C, Content Security Policy Level 3, section 2.3.1 (hash sources).
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

from .markup import Child, Element, tag, write


def render_page(
    *,
    title: str,
    eyebrow: str,
    lead: Child,
    marks: Sequence[str],
    sections: Sequence[Element],
    closing: str,
    warning: str = "Read this first: the limits of this release",
) -> bytes:
    """
    Put a page together.

    Args:
        title: The page's only first heading, and its title.
        eyebrow: What kind of page this is, above the title.
        lead: What was asked.
        marks: Watermarks, shown before anything else.
        sections: Made by `section`; each is reached from the contents.
        closing: Last line of the page.
        warning: What stands over the watermarks.

    Returns:
        HTML5 in UTF-8.  The same input gives the same bytes.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy()),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title} · {eyebrow}"),
        tag("style", _style()),
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        tag(
            "header",
            tag("p", eyebrow, class_="eyebrow"),
            tag("h1", title),
            tag("p", lead, class_="lead"),
            _banner(marks, warning),
        ),
        _contents(sections),
        tag("main", list(sections), id="content"),
        tag("footer", tag("p", closing)),
    )
    page = "<!doctype html>\n" + write(tag("html", head, body, lang="en-GB"))
    return page.encode("utf-8")


def section(name: str, heading: str, *children: Child, **attributes: str) -> Element:
    """A part of a page that the contents lead to; `name` is unique on the page."""
    title = tag("h2", heading, id=f"{name}-heading")
    return tag(
        "section", title, *children, id=name, aria_labelledby=f"{name}-heading", **attributes
    )


def _banner(marks: Sequence[str], warning: str) -> Element | None:
    if not marks:
        return None
    items = [tag("li", mark) for mark in marks]
    return tag(
        "div",
        tag("p", warning, class_="banner-title"),
        tag("ul", items),
        class_="banner",
        role="note",
        aria_label="Watermarks",
    )


def _contents(sections: Sequence[Element]) -> Element:
    items = []
    for part in sections:
        heading = next(c for c in part.children if isinstance(c, Element) and c.name == "h2")
        items.append(tag("li", tag("a", *heading.children, href=f"#{part.attributes['id']}")))
    return tag("nav", tag("ol", items), aria_label="Contents", class_="contents")


def _policy() -> str:
    digest = b64encode(sha256(_style().encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return (files("clerestory.pages") / "style.css").read_text(encoding="utf-8")
