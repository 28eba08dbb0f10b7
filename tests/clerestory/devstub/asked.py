"""Requests of the Messages API, and an SDK that asks a server of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic

from clerestory.devstub import Asked, Reply, Stub, running
from clerestory.devstub.batches import Batches
from clerestory.devstub.script import Manner, Script

FORM = {
    "type": "object",
    "properties": {
        "mood": {"type": "string", "enum": ["a", "b", "c"]},
        "size": {"type": "string", "enum": [str(number) for number in range(10)]},
    },
    "required": ["mood", "size"],
    "additionalProperties": False,
}
KEY = "sk-anybody"


def request(text: str = "hello", **more: object) -> dict[str, Any]:
    """A good one."""
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
        "output_config": {"format": {"type": "json_schema", "schema": FORM}},
        **more,
    }


@contextmanager
def asking(
    script: Script | None = None,
    manner: Manner | None = None,
    batches: Batches | None = None,
    retries: int = 0,
    per_minute: int = 10**6,
) -> Iterator[anthropic.Anthropic]:
    """The SDK as it comes, strict about what it is answered, and a server that follows a script."""
    script, manner = script or Script(), manner or Manner()

    def reply(asked: Asked) -> Reply:
        return manner.reply(script.next(), asked.body, asked.cached)

    stub = Stub(None, reply, batches=batches, per_minute=per_minute)
    with (
        running(stub),
        anthropic.Anthropic(
            api_key=KEY,
            base_url=stub.url,
            max_retries=retries,
            timeout=10,
            open_telemetry=False,
            _strict_response_validation=True,
        ) as client,
    ):
        yield client
