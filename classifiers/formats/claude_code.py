"""
Claude Code's session log: one JSON record a line, one content block a record.

The format is internal to its program and changes without notice, so what is not known is
counted and passed over.  Records in file order are what a person lived through: branches that
were rewound stay in.  A sub-agent's records (`isSidechain`) make a session of their own, which
hangs on the call that started it.
"""

from collections import Counter
from collections.abc import Iterable

from classifiers.sessions import Completeness, Session, ToolCall, UnreadableError, safe

from .claude_code_records import EXCHANGE, PASSED_OVER, identity
from .claude_code_trunk import Trunk
from .lines import Damage, Record, timestamp, type_of

NAME = "claude_code"

_SURFACES = {"cli": "cli", "claude-desktop": "desktop", "claude-vscode": "ide", "web": "web"}


def claims(record: Record) -> bool:
    """Whether a record can only be this format's."""
    kind = type_of(record)
    if kind in ("user", "assistant"):
        return "message" in record and ("sessionId" in record or "uuid" in record)
    return kind == "queue-operation" and "operation" in record and "sessionId" in record


def read(found: list[Record], damage: Damage) -> Session:
    """
    Make a session of a log's records.

    Raises:
        UnreadableError: There is no exchange in it, or it is a sub-agent's part alone.
    """
    exchange = [record for record in found if type_of(record) in EXCHANGE]
    unknown = sum(type_of(record) not in EXCHANGE | PASSED_OVER for record in found)
    mine, others = _of_one_session(exchange)
    mine, duplicates = _distinct(mine)
    trunk = [record for record in mine if record.get("isSidechain") is not True]
    if not any(type_of(record) in ("user", "assistant") for record in trunk):
        raise UnreadableError("SUBAGENT_ALONE" if len(trunk) < len(mine) else "NO_CONVERSATION")

    sidechains: dict[str, list[Record]] = {}
    for record in mine:
        if record.get("isSidechain") is True:
            sidechains.setdefault(str(record.get("agentId")), []).append(record)
    agents = {agent: _session(part, {}, is_subagent=True) for agent, part in sidechains.items()}
    counted = Completeness(
        bad_lines=damage.bad,
        joined_lines=damage.joined,
        unknown_types=unknown,
        duplicate_records=duplicates,
        other_sessions=others,
    )
    return _session(trunk, agents, counted=counted)


def _of_one_session(exchange: list[Record]) -> tuple[list[Record], int]:
    """The records of the session that most records name, and how many name another."""
    named = Counter(name for record in exchange if isinstance(name := record.get("sessionId"), str))
    if len(named) < 2:
        return exchange, 0
    primary = named.most_common(1)[0][0]
    mine = [record for record in exchange if record.get("sessionId", primary) == primary]
    return mine, len(exchange) - len(mine)


def _distinct(exchange: list[Record]) -> tuple[list[Record], int]:
    """Records without those whose uuid has been met; one that says nothing holds none back."""
    met: set[str] = set()
    kept = []
    for record in exchange:
        name = identity(record)
        if name:
            if name in met:
                continue
            met.add(name)
        kept.append(record)
    return kept, len(exchange) - len(kept)


def _session(
    part: list[Record],
    agents: dict[str, Session],
    *,
    is_subagent: bool = False,
    counted: Completeness | None = None,
) -> Session:
    trunk = Trunk(agents, is_subagent=is_subagent)
    for record in part:
        trunk.take(record)
    prelude, turns = trunk.finish()
    times = sorted(
        time
        for record in part
        if type_of(record) in ("user", "assistant") and (time := timestamp(record))
    )
    called = {
        id(event.subagent)
        for event in (*prelude, *(event for turn in turns for event in turn.events))
        if isinstance(event, ToolCall) and event.subagent
    }
    counted = counted or Completeness()
    return Session(
        format=NAME,
        started_at=times[0] if times else None,
        ended_at=times[-1] if times else None,
        interactive=not is_subagent and _interactive(part),
        surface=_surface(part),
        models=tuple(safe(model) for model in sorted(trunk.models)),
        answers=frozenset(safe(name) for name in trunk.answers),
        prelude=prelude,
        turns=turns,
        thinking_words=trunk.thinking_words,
        subagents=tuple(agent for agent in agents.values() if id(agent) not in called),
        is_subagent=is_subagent,
        completeness=Completeness(
            bad_lines=counted.bad_lines,
            joined_lines=counted.joined_lines,
            unknown_types=counted.unknown_types + trunk.unknown,
            duplicate_records=counted.duplicate_records + trunk.copies,
            orphan_results=trunk.orphans,
            other_sessions=counted.other_sessions,
            images=trunk.images,
        ),
    )


def _entrypoint(part: Iterable[Record]) -> str:
    return next((e for r in part if isinstance(e := r.get("entrypoint"), str) and e), "")


def _surface(part: list[Record]) -> str:
    entry = _entrypoint(part)
    if not entry:
        return "cli"  # before 2.1.2x nothing was noted, and almost all of it was the terminal
    return next((surface for prefix, surface in _SURFACES.items() if prefix in entry), "other")


def _interactive(part: list[Record]) -> bool:
    """
    Whether a person sat before it.

    New versions name the entry point.  Older runs without a terminal begin with a queued
    prompt, and none of their records shows a sign of the interface.
    """
    entry = _entrypoint(part)
    if entry:
        return not entry.startswith("sdk")
    if not part or type_of(part[0]) != "queue-operation":
        return True
    signs = ("permissionMode", "thinkingMetadata", "todos", "imagePasteIds", "planContent")
    return any(sign in record for record in part for sign in signs)
