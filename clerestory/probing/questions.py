"""
What is asked: a name, each form twice against the model's orders, a session, a long text.

A *trap* orders the model out of the form that the request asks for, once into a sentence and once
into a code that there is not.  A server that enforces the form cannot be led out of it; one that
only shows it to the model can, and then so can a session.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from classifiers.raters import Halted, Unrated
from classifiers.raters.claude.answers import asked_for, is_of, said
from classifiers.raters.claude.prompt import MOST_TOKENS, fenced, rubric
from classifiers.rendering import SESSION_MOST
from clerestory.probing.asking import Server
from clerestory.probing.findings import ORDER, Findings, Held, Reads
from privacy.codebook import codebook
from privacy.errors import RefusedError
from privacy.halts import Halt, halted
from privacy.raters import Answers

LONGEST_NAME = 200
BYTES_PER_TOKEN = 8
"""Of plain sentences with numbers in them: twice what tokenizers need, so that none is accused."""
_SHORT = 30
"""characters: less than any line of a long text has."""
_CODES = ["1", "2"]
_FORM = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": _CODES}},
    "required": ["answer"],
    "additionalProperties": False,
}
_TRAPS = (
    "Answer every message with one short English sentence. Never answer in JSON, and call no tool.",
    'Answer every message with {"answer": "blue"} and nothing else, whatever form you are given.',
)
_ASKED = "Which is the larger of the numbers one and two?"


def probe(
    server: Server, progress: Callable[[str, float], None], longest: int = SESSION_MOST
) -> Findings:
    """
    Ask everything.

    Args:
        server: Whom.
        progress: Told how far it is.
        longest: Characters of the longest text that a study would send.

    Raises:
        IncompleteError: Nobody answers, or not as the Messages API does.
        RefusedError: The model answers under a name that no study can hold.
    """
    asked = server.rater.model
    steps = iter(range(10))

    def step() -> None:
        progress("asking", next(steps) / 10)

    step()
    answered = _name(server)
    server = server.named(answered)
    held: dict[str, Held] = {}
    for form in ORDER[:2]:
        step()
        held[form] = _held(server, form)
    labels = dict[str, str]()
    for form in ORDER:
        step()
        labels[form] = server.label(form)
    step()
    reads = _reads(server, longest)
    step()
    short = server.ask(_plain(server, MOST_TOKENS, _rubric("a made-up session")))
    again = server.ask(_plain(server, MOST_TOKENS, _rubric("a made-up session")))
    cut = server.ask(_plain(server, 1, {"messages": [_turn(_ASKED)]}))
    step()
    counted = server.count({"model": answered, **_rubric("a made-up session")})
    listed = server.list_batches()
    progress("asking", 1.0)
    return Findings(
        endpoint=server.rater.endpoint,
        asked=asked,
        answered=answered,
        held=held,
        labels=labels,
        reads=reads,
        says_cut=getattr(cut, "stop_reason", None) == "max_tokens",
        thinks=any(block.type == "thinking" for block in getattr(short, "content", None) or []),
        counts=isinstance(getattr(counted, "input_tokens", None), int),
        tells_usage=_tokens(short) is not None,
        tells_cache=_kept(again) is not None,
        batches=not isinstance(listed, Halt),
    )


def _plain(server: Server, most: int, asked: dict[str, Any]) -> dict[str, Any]:
    thinking = {"type": "disabled"}
    return {"model": server.rater.model, "max_tokens": most, "thinking": thinking, **asked}


def _turn(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def _rubric(text: str) -> dict[str, Any]:
    """A session's request as a run would send it, but for the form."""
    system = {"type": "text", "text": rubric(codebook()), "cache_control": {"type": "ephemeral"}}
    return {"system": [system], "messages": [_turn(fenced(text))]}


def _name(server: Server) -> str:
    """The name that the model answers with; the one that was asked, where a date stands behind."""
    message = server.ask(_plain(server, MOST_TOKENS, {"messages": [_turn(_ASKED)]}))
    if isinstance(message, Halt):
        raise halted(message)
    name = message.model
    if is_of(name, server.rater.model):
        return server.rater.model
    usable = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isascii()
    if not usable or not name.isprintable() or set(name) & {'"', "\\"}:
        raise RefusedError(
            "BACKEND_NAMELESS",
            rule="A model answers under a name that a plan can hold.",
            found="an answer under another name, or under none.",
            remedy="give the server's model a plain name: --alias, --served-model-name.",
        )
    return str(name)


def _held(server: Server, form: Answers) -> Held:
    """Whether a form is enforced against a model's orders."""
    for trap in _TRAPS:
        asked = {"system": trap, "messages": [_turn(_ASKED)], **asked_for(form, _FORM)}
        message = server.ask(_plain(server, MOST_TOKENS, asked))
        if isinstance(message, Halt):
            return "rejected" if message is Halt.REJECTED else "failed"
        if not _is_in_form(message, server.rater.model, form):
            return "ignored"
    return "enforced"


def _is_in_form(message: Any, model: str, form: Answers) -> bool:  # noqa: ANN401 - the SDK's
    with suppress(Unrated, Halted, ValueError, RecursionError, AttributeError, TypeError):
        answer = json.loads(said(message.to_dict(warnings=False), model, form) or "")
        return isinstance(answer, dict) and [*answer] == ["answer"] and answer["answer"] in _CODES
    return False


def _reads(server: Server, longest: int) -> Reads:
    """Whether a text of a session's length is read to its end, by the tokens that are told."""
    lines = (f"Line {n:05} of a text that is made up.\n" for n in range(longest // _SHORT + 1))
    text = "".join(lines)[:longest]
    short, long = (
        server.ask(_plain(server, MOST_TOKENS, _rubric(each))) for each in (text[:_SHORT], text)
    )
    for message in (short, long):
        if isinstance(message, Halt):
            return "rejected" if message is Halt.REJECTED else "failed"
    few, many = _tokens(short), _tokens(long)
    if few is None or many is None:
        return "not told"
    return "whole" if (many - few) * BYTES_PER_TOKEN >= len(text) - _SHORT else "shortened"


def _tokens(message: Any) -> int | None:  # noqa: ANN401
    """Tokens that were read, kept ones among them; None where they are not told."""
    usage = getattr(message, "usage", None)
    read = getattr(usage, "input_tokens", None)
    written = getattr(usage, "cache_creation_input_tokens", None) or 0
    return read + written + (_kept(message) or 0) if isinstance(read, int) else None


def _kept(message: Any) -> int | None:  # noqa: ANN401
    kept = getattr(getattr(message, "usage", None), "cache_read_input_tokens", None)
    return kept if isinstance(kept, int) else None
