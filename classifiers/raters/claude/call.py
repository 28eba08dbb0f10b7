"""
One call, as it is written: all of it but the session is the same for every session.

So that much is written as JSON once, when a worker prepares, and only the session's own text is
written for each request.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from privacy.codebook import Codebook
from privacy.plan import Rater as Named

from .answers import TOOL, asked_for
from .prompt import MOST_TOKENS, rubric, schema

Message = Mapping[str, Any]
"""A message of the API, as JSON has it: nothing of it is known yet."""
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Call:
    """What one call asks."""

    asked: Codebook
    """The instruments that share it."""
    named: Named
    """The rater, as a plan has it."""
    _before: str
    _after: str = "}]}"

    @classmethod
    def of(cls, asked: Codebook, named: Named) -> "Call":
        """A call for some instruments, as a plan has it."""
        text = rubric(asked, named.view)
        kept = {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}
        same = {
            "model": named.model,
            "max_tokens": MOST_TOKENS,
            "thinking": {"type": "disabled"},
            **asked_for(named.answers, schema(asked)),
            "system": [kept],
        }
        return cls(asked, named, f'{_written(same)[:-1]},"messages":[{{"role":"user","content":')

    def body(self, content: Sequence[Mapping[str, str]]) -> bytes:
        """A request about a session, given as the blocks of what is said to the model."""
        return f"{self._before}{_written(content)}{self._after}".encode()

    @property
    def made_up(self) -> Message:
        """An answer in form: some code for each question."""
        codes = {each.name: each.codes[0] for each in self.asked.instruments}
        is_tool = self.named.answers == "tool"
        block = {"type": "text", "text": json.dumps(codes)}
        call = {"type": "tool_use", "id": "toolu_written", "name": TOOL, "input": codes}
        return {
            "type": "message",
            "model": self.named.model,
            "content": [call if is_tool else block],
            "stop_reason": "tool_use" if is_tool else "end_turn",
        }
