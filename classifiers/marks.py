"""
Text of a session made harmless to the marks that a rater is told to go by.

A rater is told who speaks by a mark that stands alone on a line, and what the agent did by a line
that begins with an arrow.  Whatever a session holds, no line of its own is such a mark, nor looks
like one: not by brackets or letters that only look alike, not by characters that are not seen, and
not by a break of line that is none to us and one to a reader.  The words stay; brackets become
round, arrows a dash.
"""

import re
from unicodedata import normalize

SPEAKERS = ("person", "agent", "program")
ARROW = "→"

_OPENINGS = "\\[［【〔〖〘〚⁅❲⟦⟬⌈⌊｢「『〈《⟨⧼"
_OPENING = f"[{_OPENINGS}]"
_CLOSING = "[\\]］】〕〗〙〛⁆❳⟧⟭⌉⌋｣」』〉》⟩⧽]"
_LONGEST_MARK = 24
"""Characters of a line that could be taken for a mark of ours."""
_BREAKS = "\v\f\x1c-\x1e\x85\u2028\u2029"
_BREAK = re.compile(f"\r\n?|[{_BREAKS}]")
_HIDDEN = (
    "\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff"
)
"""Controls, marks of direction, fillers, tags: a reader sees none of them, a model reads them all.
Joiners stay: words of many languages, and pictures, are made with them."""
_UNSEEN = re.compile(f"[{_HIDDEN}]")
_EXACT = re.compile(rf"\[(?=(?:{'|'.join(SPEAKERS)})\]|… cut)")
_INDENT = "^((?:[^\\S\n]|[\u200c\u200d])*)"
_ALIKE = re.compile(
    rf"{_INDENT}{_OPENING}(?=([^\n]{{1,{_LONGEST_MARK}}}?){_CLOSING}([^\S\n]*$)?)", re.MULTILINE
)
_ARROWS = "\u2190-\u21ff\u2794-\u27bf\u27f0-\u27ff\u2900-\u297f\u2b00-\u2b4f\uffe9-\uffec"
_ACTION = re.compile(f"{_INDENT}[{_ARROWS}]", re.MULTILINE)
_LOOKS = str.maketrans("аеорсԁԍոрѕтмгіαερονιτ", "aeopcdgnpstmriaepovit")
"""Letters of other scripts that look like those of our marks."""
_ANY = re.compile(f"[\r{_BREAKS}{_HIDDEN}{_OPENINGS}{_ARROWS}]")
"""All that anything is done about: most texts hold none of it, and are looked through once."""


def plain(text: str) -> str:
    """Text whose lines are no marks, seen as a reader would see it."""
    if not _ANY.search(text):
        return text[:]  # a plain one, too
    text = _UNSEEN.sub("", _BREAK.sub("\n", text))
    text = _EXACT.sub("(", text)
    return _ACTION.sub(r"\1-", _ALIKE.sub(_round, text))


def one_line(text: str) -> str:
    """The same on a single line."""
    return " ".join(plain(text).split())


def begun(piece: str) -> str:
    """A piece of such a text, from its middle: what stood within a line now begins one."""
    head, newline, rest = piece.partition("\n")
    return plain(head) + newline + rest


def _round(found: re.Match[str]) -> str:
    indent, word, is_alone = found[1], found[2], found[3] is not None
    letters = normalize("NFKC", word).casefold().translate(_LOOKS)
    looks = "".join(letter for letter in letters if letter.isalnum())
    return f"{indent}(" if is_alone or looks.startswith((*SPEAKERS, "cut")) else found[0]
