"""
The form that a request asks for: by a schema, by a tool that must be called, or in words.

Words are a rubric's: a line `## name` for each question, and below it a line `c = …` for each code.
A request without any of these wants a sentence.
"""

import re
from collections.abc import Mapping
from typing import Any

Form = Mapping[str, Any]
"""A JSON Schema."""
_QUESTION = re.compile(r"## (\w+)")
_CODE = re.compile(r"(\S) = ")


def structured(body: Mapping[str, Any]) -> Form | None:
    """The schema of structured output."""
    form: Form | None = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    return form


def tool_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The tool that the model must call."""
    choice = body.get("tool_choice") or {}
    tools = body.get("tools") or []
    if choice.get("type") == "any" and tools:
        first: Mapping[str, Any] = tools[0]
        return first
    named = (tool for tool in tools if tool["name"] == choice.get("name"))
    return next(named, None) if choice.get("type") == "tool" else None


def worded(body: Mapping[str, Any]) -> Form | None:
    """What the system's text asks for in words."""
    system = body.get("system") or ""
    text = system if isinstance(system, str) else "\n".join(each["text"] for each in system)
    codes: dict[str, list[str]] = {}
    for line in text.splitlines():
        if question := _QUESTION.fullmatch(line):
            codes[question[1]] = []
        elif codes and (code := _CODE.match(line)):
            codes[[*codes][-1]].append(code[1])
    asked = {name: {"type": "string", "enum": each} for name, each in codes.items() if each}
    return {"type": "object", "properties": asked} if asked else None
