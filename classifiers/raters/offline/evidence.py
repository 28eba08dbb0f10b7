"""
What the rules look at: counts and the person's own words, taken from a session once.

Words are lower-cased and cut: a rule reads how people speak, not what a pasted log says.  A
paste is told by its shape (fenced, many lines, few sentences) and left out of `own`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from classifiers.commands import done_by
from classifiers.sessions import OPENERS, Actor, Session, ToolCall, Utterance, count_words
from classifiers.structure import all_calls

from .artefacts import artefact, command_kind
from .tables import SPEECH, matches

OPENING_READ = 1_500
"""Characters read of a request: what follows is detail or paste."""
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_PASTED_LINE = re.compile(
    r"^\s*(?:[>❯$#+|]|-\s*-|\d+[:│|]|at \S+\(|\[?\d{2,4}[-:]\d{2}|\{|\}|</?\w+"
    r"|(?:error|warn|info|fail)\S*:)"
)
_HANDED = re.compile(r"^implement the following plan:\s*#*\s*(?:plan:?\s*)?")
_CLOSING_CALLS = {"submit", "finish", "done", "complete", "attempt_completion", "task_complete"}
"""Actions by which some agents say that they are done."""
_ERROR_SHOWN = re.compile(
    r"^\s*(?:\S+: )?(?:\w*error|\w*exception|panic|fatal|fail(?:ed|ure)?|traceback)\b.{0,3}[:(]"
    r"|\bexit (?:code|status) [1-9]|^\s*at \S+\(|^\s*--- fail"
    r"|\berr(?:or|no|!)?[:!] |[✗✖]|\bstack ?trace\b",
    re.IGNORECASE | re.MULTILINE,
)
"""What programs print when they fail; people paste it."""
_INSTRUCTIONS = re.compile(r"(?:^|[/\\])(?:claude|agents|gemini|memory)\.md$", re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*\d+[→\t]", re.MULTILINE)
_HOME = re.compile(r"^(?:[a-z]:)?/(?:(?:users|home)/[^/]+|workspaces?|root|mnt/[a-z])?/?")
_SUBJECT = re.compile(
    r"""(?:\s-a?m|--message|--title)[= ]+(?:"\$\(cat <<-?\s*\S+\s+|\$?["'])([^\n"']{3,160})"""
)
SHOWN_READ = 4_000
"""Characters of what a person said in which an error is looked for."""
HEAD, TAIL = 600, 1_500
REPORT_READ = 700
"""Characters read of how a turn was closed."""
INSTRUCTIONS_READ = 3_000
"""Characters of project instructions that are looked at."""
FOLDERS = 3
"""Folders below a person's home that name a project; deeper ones belong to its task."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One session, as the rules see it.  Texts are lower case."""

    requests: tuple[str, ...]
    """What was asked, in order: the person's prompts, and titles of plans handed over."""
    plans: tuple[str, ...]
    """The beginnings of the plans that were handed over."""
    reports: tuple[str, ...]
    """How the agent closed its turns: beginnings of the last thing it said in each."""
    subjects: tuple[str, ...]
    """What its commits and pull requests are called."""
    own: tuple[str, ...]
    """All that the person said in their own words, pastes left out."""
    own_words: int
    shown_errors: tuple[bool, ...]
    """For each thing the person said: whether it holds an error that they were shown."""
    handed: bool
    """Whether a turn opened with a plan that the agent had drafted."""
    offered: int
    """Answers chosen among what the agent offered."""
    approvals: int
    """Plans that the person approved."""
    volume: Mapping[str, int]
    """Changed lines by sort of artefact."""
    commands: Mapping[str, int]
    """Shell commands by sort."""
    kinds: Mapping[str, int]
    """Actions by kind."""
    paths: str
    """The files that were touched, as one text."""
    folders: str
    """The folders, below the person's own, that the touched files share."""
    instructions: str
    """What the agent read in the project's instructions."""
    files: int
    actions: int
    lines: int
    commits: int
    proposals: int
    passed: bool
    """Whether the last check that was run went through."""
    failed: bool
    """Whether the last check that was run failed."""
    errors: int
    """Actions that failed."""
    trailing_errors: int
    """Of the last five actions, those that failed."""
    rejections: int
    unfinished: bool
    """The session ends in an interruption, a failing service or without an answer."""
    unclosed: bool
    """The agent's last turn ends in an action: what came of it was never said."""
    handed_in: bool
    """The agent's last action is one that says that it is done."""
    failed_first: bool
    """A check failed before anything was changed."""
    said: str
    """The agent's last words."""
    concessions: int
    """Times the agent said that the person was right."""
    objections: int
    """Times the agent said that the person was not."""
    answer_words: int
    """Words of the agent's prose."""


def gather(session: Session) -> Evidence:
    """Take from a session what the rules look at."""
    calls = list(all_calls(session))
    human = list(session.human)
    openers = [turn.opener for turn in session.turns]
    requests = [
        said for said in session.utterances if said.via in OPENERS or said.actor is Actor.HUMAN
    ]
    own = tuple(_own(said.text) for said in human if said.own and said.text)
    prose = [
        said.text
        for said in session.utterances
        if said.actor is Actor.MODEL and said.via == "assistant_text" and said.text.strip()
    ]
    last = _last_action(session)
    handed_in = last is not None and last.name.lower() in _CLOSING_CALLS
    checks = [call for call in calls if call.tested and call.outcome in ("ok", "error")]
    volume: Counter[str] = Counter()
    for call in calls:
        if call.lines_added or call.lines_removed:
            volume[artefact(call.subject)] += call.lines_added + call.lines_removed
    touched = {call.subject.lower() for call in calls if call.kind in ("edit", "write", "read")}
    changed = {call.subject for call in calls if call.lines_added + call.lines_removed}
    return Evidence(
        requests=tuple(_request(said) for said in requests if said.text),
        plans=tuple(_plan(o.text) for o in openers if o.via == "plan_handoff"),
        reports=tuple(_reports(session)),
        subjects=tuple(_subjects(calls)),
        own=own,
        own_words=sum(count_words(text) for text in own),
        shown_errors=tuple(
            bool(_ERROR_SHOWN.search(said.text[:SHOWN_READ]))
            for said in human
            if said.own and said.text
        ),
        handed=any(opener.via == "plan_handoff" for opener in openers),
        offered=sum(said.via == "question_answer" and not said.own for said in human),
        approvals=sum(said.via == "plan_approval" for said in human),
        volume=volume,
        commands=Counter(
            kind
            for call in calls
            if call.kind == "shell"
            for kind in command_kind(done_by(call.subject))
        ),
        kinds=Counter(call.kind for call in calls),
        paths="\n".join(sorted(touched))[:20_000],
        folders=_folders(call.subject for call in calls if call.kind in ("edit", "write", "read")),
        instructions=_instructions(calls),
        files=len(changed),
        actions=len(calls),
        lines=sum(volume.values()),
        commits=sum(call.committed for call in calls),
        proposals=sum(call.proposed for call in calls),
        passed=bool(checks) and checks[-1].outcome == "ok" and not _reports_failure(checks[-1]),
        failed=bool(checks) and (checks[-1].outcome == "error" or _reports_failure(checks[-1])),
        errors=sum(call.outcome == "error" for call in calls),
        trailing_errors=sum(call.outcome == "error" for call in calls[-5:]),
        rejections=sum(call.outcome == "rejected" for call in calls),
        unfinished=_unfinished(session),
        unclosed=last is not None and not handed_in,
        handed_in=handed_in,
        failed_first=_failed_first(calls),
        said=_ends(prose[-1]).lower() if prose else "",
        concessions=sum(matches(SPEECH["concession"], text[:80].lower()) for text in prose),
        objections=sum(matches(SPEECH["objection"], text.lower()) > 0 for text in prose),
        answer_words=sum(count_words(text) for text in prose),
    )


def _reports(session: Session) -> Iterator[str]:
    for turn in session.turns:
        said = [
            event.text
            for event in turn.events
            if isinstance(event, Utterance) and event.via == "assistant_text" and event.text.strip()
        ]
        if said:
            yield said[-1][:REPORT_READ].lower()


def _subjects(calls: Iterable[ToolCall]) -> Iterator[str]:
    for call in calls:
        if call.kind == "shell" and (call.committed or call.proposed):
            yield from (found[1].lower() for found in _SUBJECT.finditer(call.subject))


def _own(text: str) -> str:
    """A person's words without what they pasted."""
    plain = _FENCE.sub(" ", text) if "```" in text else text
    lines = plain.split("\n")
    if len(lines) > 3:
        lines = [line for line in lines if not _PASTED_LINE.match(line.lower())]
    return "\n".join(lines).strip().lower()[:6_000]


def _instructions(calls: list[ToolCall]) -> str:
    """The text of instruction files as the agent read them, line numbers taken off."""
    read = {
        call.subject: _NUMBERED.sub("", call.result[:INSTRUCTIONS_READ]).lower()
        for call in calls
        if call.kind == "read" and call.outcome == "ok" and _INSTRUCTIONS.search(call.subject)
    }
    return "\n".join(read[name] for name in sorted(read))[:INSTRUCTIONS_READ]


def _folders(paths: Iterable[str]) -> str:
    """The folders that all touched files share, or most of them, below the person's own."""
    below = [
        _HOME.sub("", plain).split("/")[:-1]
        for path in paths
        if (plain := path.replace("\\", "/").lower())[:1] == "/" or plain[1:3] == ":/"
    ]
    heads = [tuple(parts[:2]) for parts in below]
    if not heads:
        return ""
    head = Counter(heads).most_common(1)[0][0]
    third = {parts[2] for parts in below if tuple(parts[:2]) == head and len(parts) >= FOLDERS}
    return "/".join((*head, *third) if len(third) == 1 and len(below) > 1 else head)


def _plan(text: str) -> str:
    """A plan without the sentence that hands it over."""
    return _HANDED.sub("", text.lower())[:OPENING_READ]


def _request(said: Utterance) -> str:
    if said.via != "plan_handoff":
        return _own(said.text)[:OPENING_READ]
    return _plan(said.text).split("\n", 1)[0]  # a plan's body names everything it touches


def _reports_failure(check: ToolCall) -> bool:
    """A check that ended well for the shell but not for its reader."""
    tail = check.result[-400:].lower()
    return bool(re.search(r"\b[1-9]\d* (?:fail(?:ed|ures?|ing)?|errors?)\b|^fail\b", tail, re.M))


def _failed_first(calls: Iterable[ToolCall]) -> bool:
    for call in calls:
        if call.lines_added or call.lines_removed:
            return False
        if call.tested and (call.outcome == "error" or _reports_failure(call)):
            return True
    return False


def _last_action(session: Session) -> ToolCall | None:
    """The action in which the last turn ends, if it ends in one."""
    last = session.turns[-1].events if session.turns else ()
    spoken = [e for e in last if isinstance(e, ToolCall) or e.actor is not Actor.HARNESS]
    return spoken[-1] if spoken and isinstance(spoken[-1], ToolCall) else None


def _unfinished(session: Session) -> bool:
    if not session.turns:
        return True
    last = session.turns[-1]
    if last.interrupted:
        return True
    answered = any(
        isinstance(event, ToolCall) or event.actor is Actor.MODEL for event in last.events
    )
    said = [event for event in last.events if isinstance(event, Utterance)]
    return not answered or bool(said and said[-1].via == "api_error")


def _ends(text: str) -> str:
    return text if len(text) <= HEAD + TAIL else text[:HEAD] + "\n" + text[-TAIL:]
