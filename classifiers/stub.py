"""
Two logs of ours: what stands for a session that is too large, and one to warm a worker up.

The stub is what the edge seals in place of more than 64 MiB; it holds nothing of the session.
The warm-up log goes through every branch of reading that could load a module or a codec.
"""

import json

TOO_LARGE_STUB = b'{"type":"clerestory","status":"too_large"}\n'

_BASE = {"sessionId": "warm-up", "timestamp": "2026-01-02T03:04:05.678Z", "version": "2.1.0"}


def _line(uuid: str, kind: str, content: object, **more: object) -> str:
    message = {"role": kind, "content": content, "id": f"m{uuid}", "model": "claude-opus-4-5"}
    return json.dumps({**_BASE, "uuid": uuid, "type": kind, "message": message, **more})


def _used(name: str, **given: object) -> list[dict[str, object]]:
    return [{"type": "tool_use", "id": f"call-{name}", "name": name, "input": given}]


def _result(name: str, content: str) -> list[dict[str, object]]:
    return [{"type": "tool_result", "tool_use_id": f"call-{name}", "content": content}]


_PATCH = {"structuredPatch": [{"lines": ["+new", "-old", " same"]}]}

WARM_UP = "\n".join(
    (
        _line("1", "user", "Please fix the failing test für die Prüfung 検査 in `sum()`.\x1b[0m"),
        _line("2", "assistant", [{"type": "text", "text": "You're right, I will look at it."}]),
        _line("3", "assistant", _used("Edit", file_path="src/sum.py", old_string="a")),
        _line("4", "user", _result("Edit", "ok"), toolUseResult=_PATCH),
        _line("5", "assistant", _used("Bash", command="pytest -q && git commit -m done")),
        _line("6", "user", _result("Bash", "1 passed\ud800"), toolUseResult={"stdout": ""}),
        _line("7", "user", "<command-name>/review</command-name>"),
        _line("8", "assistant", [{"type": "text", "text": "Done. " + "All tests pass. " * 2000}]),
        "torn" + _line("9", "user", "thanks, looks good") + _line("10", "user", "one more"),
    )
).encode()
"""A made-up session: prompt, edit, commit, command, long answer, a damaged line."""
