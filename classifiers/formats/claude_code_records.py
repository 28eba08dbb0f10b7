"""
What a record of Claude Code's log is: the types there are, its id, what it says.

Sources of the types: logs of the versions 2.0 to 2.1, and what others found in theirs.  The format
is internal to its program and changes without notice.
"""

from .lines import Record, type_of
from .values import dict_of, text_of

EXCHANGE = frozenset({"user", "assistant", "attachment", "queue-operation", "system"})
"""Types that a session is made of."""
PASSED_OVER = frozenset(
    {
        "progress", "file-history-snapshot", "file-history-delta", "last-prompt", "custom-title",
        "ai-title", "summary", "mode", "permission-mode", "pr-link", "frame-link", "agent-name",
        "agent-setting", "continued-in", "bridge-session", "atis-latch", "cost-state",
        "artifact-autoreact-ledger", "artifact-comment-monitor",
    }
)  # fmt: skip
"""Known types that say nothing the normal form holds."""
SYSTEM = frozenset(
    {
        "stop_hook_summary", "turn_duration", "compact_boundary", "microcompact_boundary",
        "api_error", "local_command", "away_summary", "model_refusal_fallback", "informational",
        "bridge_status", "scheduled_task_fire", "agents_killed",
    }
)  # fmt: skip
"""Known subtypes of what the program says itself."""
IN_USER = frozenset({"text", "image", "document", "tool_result"})
"""Known blocks of a user's record."""


def identity(record: Record) -> str:
    """The id under which a record's copies are known; empty if it has none, or says nothing."""
    if type_of(record) in ("user", "assistant"):
        content = dict_of(record.get("message")).get("content")
        if not isinstance(content, str | list):
            return ""
    return text_of(record.get("uuid"))


def is_needed(record: Record) -> bool:
    """Whether a record may hold what the normal form keeps; attachments name people and hosts."""
    kind = type_of(record)
    if kind == "attachment":
        return dict_of(record.get("attachment")).get("type") == "queued_command"
    return kind not in PASSED_OVER


def content_of(record: Record) -> str | list[Record] | None:
    """What a message holds: a text, or blocks; None if it is no message."""
    content = dict_of(record.get("message")).get("content")
    if isinstance(content, list):
        return [
            block if isinstance(block, dict) else {"type": "text", "text": block}
            for block in content
            if isinstance(block, dict | str)
        ]
    return content if isinstance(content, str) else None


def blocks_of(content: str | list[Record]) -> list[Record]:
    """A content as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
