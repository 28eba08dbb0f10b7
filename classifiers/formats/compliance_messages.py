"""
Who wrote what in the messages of a local session of the Compliance API.

A transcript is put together from what a program sent to the model.  So in the role `user` stand,
side by side and all with `provenance` null: what a person typed; memory files and skills; what
the program asks for itself; the brief of a sub-agent, which the model wrote; and, where the
program rewrote its history, what was said before.  `provenance` other than null is never a
person.  Shapes are the vendor's documentation's [1] or, where that is silent, Claude Code's own.

[1] platform.claude.com/docs, Compliance API, "Retrieve session transcripts", read 2026-11.
"""

import json
import re

from classifiers.sessions import Actor

from . import claude_code_tools as tools
from .claude_code_replies import answers, offered_in, rejection_note
from .claude_code_words import sort
from .conversation import Conversation
from .lines import Record, type_of
from .values import dict_of, dicts_of, text_of, time_of, words_in

_MARKS = ("content_unavailable", "client_asserted", "synthetic_marker")
_NOT_SHOWN = re.compile(r"\[([^\[\]\n]{1,100}) content not shown\]")
_PICTURES = ("image", "document", "file", "audio", "video")
_ADDED = (
    "# claudeMd", "# CLAUDE.md", "Codebase and user instructions are shown",
    "As you answer the user's questions, you can use the following context:",
    "Base directory for this skill:", "[system prompt content not shown]", "[SUGGESTION MODE:",
    "Your task is to create a detailed summary of the conversation",
    "CRITICAL: Respond with TEXT ONLY.", "Please write a 5-10 word title",
)  # fmt: skip
"""How texts of the role user begin that the program put in."""
_MEMORY = re.compile(r"Contents of [^\n]{1,500} \([^\n()]{0,200}(?:instructions|memory)[^\n]*\):")
_MEANWHILE = re.compile(
    r"<system-reminder>\s*The user sent (?:a new|the following) message[^\n]{0,80}:\n(.*?)"
    r"(?:\n\nIMPORTANT: After completing|\n\nThis is how Claude Code surfaces"
    r"|\n\nPlease address this message|\s*</system-reminder>)",
    re.DOTALL,
)
_STRING = re.compile(r'"(\w+)"\s*:\s*("(?:[^"\\]|\\.)*")')
_ABOUT = (
    "file_path", "notebook_path", "command", "pattern", "path", "url", "query", "description",
)  # fmt: skip


def is_said(message: Record) -> bool:
    """Whether a message holds something that was said or done, and is no mark of what is not."""
    if message.get("role") not in ("user", "assistant") or not message.get("content"):
        return False
    return _mark(message) in ("", "client_asserted")


def _mark(message: Record) -> str:
    """Why a message is not simply what its role says; empty for verified content."""
    stated = message.get("provenance")
    return "" if stated is None else type_of(dict_of(stated)) or text_of(stated) or "unknown"


class Transcript:
    """Takes messages in order; the conversation they make is `told`."""

    def __init__(self) -> None:
        self.told = Conversation()
        self._met: set[str] = set()
        self._questions: dict[str, Record] = {}
        """Inputs of questions whose answer is awaited."""
        self._written: set[str] = set()
        """Calls that wrote a file whole."""
        self._handed: set[int] = set()
        """Hashes of what the model asked of sub-agents."""
        self._asked: set[int] = set()
        """Hashes of what was asked for so far."""
        self._expands = False
        """Whether a command was given whose text, which the program puts in, is still to come."""
        self._rewritten = ""
        """Time of the call in which the program last sent another history than before."""
        self._compacted = ""

    def take(self, message: Record) -> None:
        """Take the next message; one whose id has been met is a copy."""
        name = text_of(message.get("id"))
        if name and name in self._met:
            self.told.duplicates += 1
            return
        self._met.add(name)
        blocks = dicts_of(message.get("content"))
        if isinstance(stated := message.get("content"), str):
            blocks = [{"type": "text", "text": stated}]
        mark, role = _mark(message), message.get("role")
        if role == "user" and not mark:
            self._take_user(message, blocks)
        elif role == "assistant" and mark in ("", "client_asserted"):
            self._take_assistant(message, blocks, is_ours=not mark)
        else:
            self._take_mark(message, words_in(blocks))
            self.told.unknown += role not in ("user", "assistant") or mark not in ("", *_MARKS)

    def _take_mark(self, message: Record, text: str) -> None:
        """A message that nobody wrote: it says what is missing, or that history was rewritten."""
        if _mark(message) == "synthetic_marker" and not _NOT_SHOWN.match(text):
            self._rewritten = text_of(message.get("created_at"))
            if "compact" in text[:400].lower():
                self._compact(message)
        self.told.say(Actor.HARNESS, "marker", "", time_of(message.get("created_at")))

    def _compact(self, message: Record) -> None:
        """Note a summary of the history, once for a call: a mark and the summary tell of it."""
        at = text_of(message.get("created_at"))
        if not at or at != self._compacted:
            self.told.compact()
        self._compacted = at

    def _take_assistant(self, message: Record, blocks: list[Record], *, is_ours: bool) -> None:
        """What the model said; of what its client asserts no call of this session made it."""
        at, name = time_of(message.get("created_at")), text_of(message.get("id"))
        self._expands = False
        if is_ours:
            model = text_of(message.get("model"))
            self.told.models |= {model} if model else set()
            self.told.answer("", at, name=name)
        for block in blocks:
            match type_of(block):
                case "text" if _is_note(block):
                    self.told.unknown += is_ours  # another kind of block, which is not shown
                case "text":
                    text = words_in(block)
                    if text.strip():
                        self.told.say(Actor.MODEL, "assistant_text", text, at)
                case "tool_use":
                    self._call(block)
                case _:
                    self.told.unknown += 1

    def _call(self, block: Record) -> None:
        name, call_id, given = text_of(block.get("name")), text_of(block.get("id")), _input(block)
        match tools.KINDS.get(name):
            case "agent":
                self._handed.add(hash(text_of(given.get("prompt")).strip()))
            case "ask":
                self._questions[call_id] = given
            case "write":
                self._written.add(call_id)
        self.told.call(call_id, name, given)

    def _take_user(self, message: Record, blocks: list[Record]) -> None:
        """
        What came in the role of the user.

        The program sends what follows each other in one message, so that each text may be a
        request; behind a result it was typed while the agent worked, unless that was stopped.
        """
        at, is_meanwhile, spoke = time_of(message.get("created_at")), False, False
        pictures = sum(_is_note(block, _PICTURES) for block in blocks)
        for block in blocks:
            match type_of(block):
                case "text" if _is_note(block):
                    self.told.unknown += not _is_note(block, _PICTURES)
                case "text":
                    text = words_in(block)
                    is_meanwhile = is_meanwhile and sort(text)[0] != "interrupt"
                    shown = 0 if spoke else pictures
                    spoke |= self._words(message, text, pictures=shown, meanwhile=is_meanwhile)
                case "tool_result":
                    self._result(message, block)
                    is_meanwhile = True
                case _:
                    self.told.unknown += 1
        if pictures and not spoke:
            self.told.ask("", at, pictures=pictures, meanwhile=is_meanwhile)

    def _words(self, message: Record, text: str, *, pictures: int, meanwhile: bool) -> bool:
        """Take a text; tells whether a person asked for something in it."""
        at, (kind, words) = time_of(message.get("created_at")), sort(text)
        for typed in _MEANWHILE.findall(text):
            self.told.ask(typed, at, meanwhile=True)
        match kind:
            case "prompt" if words and not self._is_added(message, words):
                self._asked.add(hash(words))
                self.told.ask(words, at, pictures=pictures, meanwhile=meanwhile)
                return True
            case "slash_command":
                self._expands = True
                self.told.say(Actor.HUMAN, kind, words, at)
                return True
            case "shell":
                self.told.say(Actor.HUMAN, kind, words, at)
            case "summary":
                self._compact(message)
                self.told.say(Actor.MODEL, "summary", words, at)
            case "plan_handoff":
                self.told.say(Actor.MODEL, "plan_handoff", words, at)
            case "interrupt":
                self._expands = False
                self.told.interrupt()
            case _ if text.strip():
                self._expands &= kind != "marker"  # what a command printed: nothing more comes
                self.told.say(Actor.HARNESS, "marker", "", at)
        return False

    def _is_added(self, message: Record, words: str) -> bool:
        """Whether no person typed a text just here."""
        expands, self._expands = self._expands, False
        if (
            expands
            or words.startswith(_ADDED)
            or _MEMORY.match(words)
            or hash(words) in self._handed
        ):
            return True
        at = text_of(message.get("created_at"))
        is_copy = bool(at) and at == self._rewritten and hash(words) in self._asked
        self.told.duplicates += is_copy
        return is_copy

    def _result(self, message: Record, block: Record) -> None:
        call_id, text = text_of(block.get("tool_use_id")), words_in(block.get("content"))
        failed, at = block.get("is_error") is True, time_of(message.get("created_at"))
        call = tools.finish(tools.request("", {}), {"content": text, "is_error": failed}, None)
        # Without a patch nobody knows which lines of a file that was there are new.
        lines = (0, 0) if text.startswith("The file ") and call_id in self._written else None
        self.told.result(call_id, text, outcome=call.outcome, lines=lines)
        if failed and (note := rejection_note(text)):
            self.told.say(Actor.HUMAN, "rejection_note", note, at)
        asked = self._questions.pop(call_id, {})
        for answer, own in (*answers(offered_in(asked), None, text), *_answers(asked, text)):
            self.told.say(Actor.HUMAN, "question_answer", answer, at, own=own)
        # What was typed meanwhile is put behind a result; amid one it is only quoted.
        tail = text[start:] if (start := text.rfind("<system-reminder>")) >= 0 else ""
        for typed in _MEANWHILE.findall(
            tail if tail.rstrip().endswith("</system-reminder>") else ""
        ):
            self.told.ask(typed, at, meanwhile=True)


def _is_note(block: Record, kinds: tuple[str, ...] = ()) -> bool:
    """Whether a text stands for what is not shown, of some kinds or of any, and is no one's."""
    text = words_in(block)
    if type_of(block) != "text" or block.get("truncated") is not True:
        return False
    if not kinds:
        return text.startswith("[") and text.endswith("]") and "\n" not in text
    found = _NOT_SHOWN.fullmatch(text)
    return found is not None and found[1] in kinds


def _answers(given: Record, text: str) -> list[tuple[str, bool]]:
    """A person's answers to the agent's questions, and whether the words are his own."""
    found: list[tuple[str, bool]] = []
    asked = dicts_of(given.get("questions"))
    starts = [text.find(f'"{text_of(each.get("question"))}"="') for each in asked]
    for place, (each, start) in enumerate(zip(asked, starts, strict=True)):
        if start < 0:
            continue
        begin = start + len(text_of(each.get("question"))) + 4
        later = [other for other in starts[place + 1 :] if other > begin]
        end = min(later, default=text.rfind(". You can now continue"))
        answer = text[begin : end if end > begin else None].removesuffix(", ").removesuffix('"')
        offered = {text_of(option.get("label")) for option in dicts_of(each.get("options"))}
        if answer:
            found.append((answer, not (answer in offered or {*answer.split(", ")} <= offered)))
    return found


def _input(block: Record) -> Record:
    """
    A call's input.

    Of one that is cut off the strings that are whole are kept, so that its file or command is
    known; what was to be written is not, so that it changes no line.
    """
    stated = block.get("input")
    if isinstance(stated, dict):
        return stated
    try:
        whole = json.loads(text_of(stated))
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict):
        return whole
    found: Record = {}
    for key, string in _STRING.findall(text_of(stated)):
        if key in _ABOUT and key not in found:
            found[key] = _unescaped(string)
    return found


def _unescaped(string: str) -> str:
    try:
        return text_of(json.loads(string))
    except ValueError:
        return string[1:-1]
