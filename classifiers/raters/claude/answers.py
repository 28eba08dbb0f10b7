"""
How the form of an answer is asked for, and what of a message is the answer.

Promise: whichever way it was asked for, an answer is one JSON text, and counts only if
`prompt.read_answer` takes it: a server that enforces nothing can cost calls, and makes labels
`invalid`; it makes no other labels.

- *schema*: structured output.  The Messages API and vLLM hold the model to it; Ollama and
  llama.cpp do not look at it.
- *tool*: a tool whose input has the form, and that the model must call.  llama.cpp and vLLM hold
  the model to it; Ollama shows the tool and forces nobody.
- *words*: the rubric's own, and nothing else.

Which server does which, and in what version: `docs/decisions/0073`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import anthropic

from classifiers.raters import Halted, Unrated
from privacy.halts import Halt
from privacy.raters import Answers

TOOL = "give_codes"
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})
_ENDED = frozenset({"end_turn", "tool_use"})
"""A tool that is named is a turn's end to vLLM, and the use of a tool to all others."""
_DATE = re.compile(r"-[0-9]{8}")
_FENCE = re.compile(r"```(?:json)?\n(.*)\n```", re.DOTALL)


def asked_for(answers: Answers, form: Mapping[str, object]) -> dict[str, Any]:
    """What a request says of the form of its answer, given as a JSON Schema."""
    match answers:
        case "schema":
            return {"output_config": {"format": {"type": "json_schema", "schema": form}}}
        case "tool":
            tool = {
                "name": TOOL,
                "description": "Give the code of one answer for each question.",
                "input_schema": form,
                "strict": True,
            }
            forced = {"type": "tool", "name": TOOL, "disable_parallel_tool_use": True}
            return {"tools": [tool], "tool_choice": forced}
        case "words":
            return {}


def said(message: anthropic.types.Message, model: str, answers: Answers) -> str | None:
    """
    The answer that a message holds, as JSON; None if it holds none, or more than one.

    Thoughts are passed over, and what is said beside the call of a tool; a server may send null
    for no content at all.

    Raises:
        Unrated: The model refused, or was cut off.
        Halted: It is no message, or of another model.
    """
    if message.type != "message":
        raise Halted(Halt.MALFORMED)
    if not is_of(message.model, model):
        raise Halted(Halt.OTHER_MODEL)
    if message.stop_reason == "refusal":
        raise Unrated("refused")
    if message.stop_reason in _CUT:
        raise Unrated("cut")
    sent: list[anthropic.types.ContentBlock] | None = message.content
    content = [] if sent is None else sent
    if answers == "tool":
        inputs = [json.dumps(block.input) for block in content if block.type == "tool_use"]
        return inputs[0] if len(inputs) == 1 and message.stop_reason in _ENDED else None
    texts = [block.text for block in content if block.type == "text"]
    if len(texts) != 1 or message.stop_reason != "end_turn":
        return None
    fenced = _FENCE.fullmatch(texts[0].strip()) if answers == "words" else None
    return fenced[1] if fenced else texts[0]


def is_of(answered: object, asked: str) -> bool:
    """Whether a model that answered is the one that was asked: a date may stand behind a name."""
    if not isinstance(answered, str) or not answered.startswith(asked):
        return False
    rest = answered[len(asked) :]
    return not rest or _DATE.fullmatch(rest) is not None
