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


def said(message: Any, model: str, answers: Answers) -> str | None:  # noqa: ANN401 - of a server
    """
    The answer that a message holds, as JSON; None if it holds none, or more than one.

    Thoughts are passed over, and what is said beside the call of a tool; a server may send null
    for no content at all.

    Args:
        message: What a server sent, as JSON has it: of no form, unless this finds one.
        model: Who was asked.
        answers: How the form of the answer was asked for.

    Raises:
        Unrated: The model refused, or was cut off.
        Halted: It is no message, or of another model.
    """
    if not isinstance(message, dict) or message.get("type") != "message":
        raise Halted(Halt.MALFORMED)
    if not is_of(message.get("model"), model):
        raise Halted(Halt.OTHER_MODEL)
    ended, blocks = message.get("stop_reason"), message.get("content")
    blocks = [] if blocks is None else blocks
    if not isinstance(ended, str | None) or not _are_objects(blocks):
        raise Halted(Halt.MALFORMED)
    if ended == "refusal":
        raise Unrated("refused")
    if ended in _CUT:
        raise Unrated("cut")
    if answers == "tool":
        calls = [block for block in blocks if block.get("type") == "tool_use"]
        is_one = len(calls) == 1 and ended in _ENDED
        return json.dumps(calls[0].get("input")) if is_one else None
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    if len(texts) != 1 or ended != "end_turn":
        return None
    (text,) = texts
    if not isinstance(text, str):
        raise Halted(Halt.MALFORMED)
    fenced = _FENCE.fullmatch(text.strip()) if answers == "words" else None
    return fenced[1] if fenced else text


def _are_objects(blocks: object) -> bool:
    return isinstance(blocks, list) and all(isinstance(block, dict) for block in blocks)


def is_of(answered: object, asked: str) -> bool:
    """Whether a model that answered is the one that was asked: a date may stand behind a name."""
    if not isinstance(answered, str) or not answered.startswith(asked):
        return False
    rest = answered[len(asked) :]
    return not rest or _DATE.fullmatch(rest) is not None
