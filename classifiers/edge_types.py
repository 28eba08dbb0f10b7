"""
What sorts of records a file holds, in words of a closed list.

A record's type is a word out of somebody's log like any other: a program may write anything
there.  So only types that formats are known to have are named; every other one is `unknown`.
"""

from .formats.claude_code_records import EXCHANGE, PASSED_OVER
from .formats.lines import Record
from .formats.values import TEXT, dict_of

UNKNOWN = "unknown"
KNOWN = frozenset(
    {
        *EXCHANGE, *PASSED_OVER, "text",
        # who speaks, in formats whose records are messages
        "human", "model", "agent", "gemini", "developer", "tool", "function", "info", "warning",
        # events of Codex
        "session_meta", "turn_context", "compacted", "message", "reasoning", "function_call",
        "function_call_output", "custom_tool_call", "custom_tool_call_output",
        "local_shell_call", "web_search_call", "ghost_snapshot", "compaction",
        "compaction_summary", "tool_search_call", "tool_search_output", "image_generation_call",
        "user_message", "agent_message", "agent_reasoning", "token_count", "task_started",
        "task_complete", "turn_aborted", "stream_error", "thread.started", "turn.started",
        "turn.completed", "turn.failed", "item.started", "item.updated", "item.completed",
        "item_started", "item_completed",
        # messages of Cline, events of Copilot
        "say", "ask", "session.start", "session.model_change", "session.error",
        "session.compaction_complete", "subagent.started", "user.message", "assistant.message",
        "tool.execution_start", "tool.execution_complete", "abort",
        # streamed events
        "init", "tool_use", "tool_result", "error", "result",
        # of the Compliance API
        "compliance_local_session", "compliance_local_session_message",
    }
)  # fmt: skip
"""All types that are ever named."""
_WITHIN = ("payload", "item", "info", "msg")
"""Where a record's own type says less than that of what it carries."""
_KEYS = ("role", "sender", "source", "type")


def type_in(record: Record) -> str:
    """What sort of record it is: one of `KNOWN`, or `UNKNOWN`."""
    if TEXT in record:
        return "text"
    for part in (*(dict_of(record.get(key)) for key in _WITHIN), record):
        for key in _KEYS:
            stated = part.get(key)
            if isinstance(stated, str) and stated in KNOWN:
                return stated
    return UNKNOWN
