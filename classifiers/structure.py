"""
What can be counted in a session without judging it: pure functions of the normal form.

What sub-agents did belongs to the session that sent them: their calls, lines, commits and words
count, while prompts and interruptions are a person's, and so the trunk's alone.  A line counts
where an edit went through: one that was rejected, denied or failed changed nothing; shell commands
that write files are not seen, as telemetry does not see them either [1].

Words are those that the agent wrote.  *Code* is what it gave to its tools, commands included, and
what it fenced as code in an answer; *prose* is the rest of its answers; what it *thought* is
counted where a log holds it, and is no output.

[1] Claude Code's monitoring reference, `lines_of_code.count`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .rendering import View
from .sessions import PROMPTS, Actor, Session, ToolCall, count_words

LENGTH_BANDS = ((2_000, "lt2k"), (5_000, "2k-5k"), (10_000, "5k-10k"), (25_000, "10k-25k"),
                (100_000, "25k-100k"))  # fmt: skip
"""(characters below which, label); beyond the last: gt100k."""
CALL_BANDS = ((0, "0"), (1, "1"), (3, "2-3"), (7, "4-7"), (15, "8-15"), (31, "16-31"),
              (63, "32-63"), (127, "64-127"))  # fmt: skip
"""(model calls up to which, label); beyond the last: gt127."""
FAMILIES = ("opus", "sonnet", "haiku", "fable", "gpt", "gemini")
FENCE = "```"


@dataclass(frozen=True, slots=True)
class Structure:
    """Everything that is counted in a session.  Measures of a record are a part of it."""

    prompts: int
    """Requests a person made: prompts, commands of their own, images, words typed meanwhile."""
    actions: int
    prose_words: int
    code_words: int
    thinking_words: int
    lines_added: int
    lines_removed: int
    commits: int
    """Actions that committed; two commits by one command are one."""
    proposals: int
    """Actions that opened a pull request."""
    test_runs: int
    """Actions that ran tests, a type checker or a linter, however they ended."""
    errors: int
    """Actions that failed."""
    rejections: int
    """Actions that the person refused."""
    service_errors: int
    """Times the model's service failed."""
    interrupts: int
    """Turns in which the person stopped the agent."""
    compactions: int
    """Times the history was summarised."""
    model_calls: int
    """Answers of a model."""
    interactive: bool
    surface: str
    model_family: str

    @property
    def words_out(self) -> int:
        """Words the agent wrote, code included, its thinking not."""
        return self.prose_words + self.code_words

    @property
    def wrote_code(self) -> bool:
        """Whether an edit added a line."""
        return self.lines_added > 0

    @property
    def measures(self) -> dict[str, float]:
        """The codebook's structural measures, each in its unit; per prompt over at least one."""
        asked = max(self.prompts, 1)
        return {
            "prompts": self.prompts,
            "actions": self.actions,
            "words_out": self.words_out,
            "lines_added": self.lines_added,
            "lines_removed": self.lines_removed,
            "commits": self.commits,
            "actions_per_prompt": self.actions / asked,
            "words_per_prompt": self.words_out / asked,
        }


def structure_of(session: Session) -> Structure:
    """Count a session."""
    parts = list(session.all_sessions)
    calls = [call for part in parts for call in part.calls]
    prose, fenced = _answers(parts)
    said = [said.via for part in parts for said in part.utterances]
    return Structure(
        prompts=prompts(session),
        actions=len(calls),
        prose_words=prose,
        code_words=fenced + sum(call.words for call in calls),
        thinking_words=sum(part.thinking_words for part in parts),
        lines_added=sum(call.lines_added for call in calls),
        lines_removed=sum(call.lines_removed for call in calls),
        commits=sum(call.committed for call in calls),
        proposals=sum(call.proposed for call in calls),
        test_runs=sum(call.tested for call in calls),
        errors=sum(call.outcome == "error" for call in calls),
        rejections=sum(call.outcome == "rejected" for call in calls),
        service_errors=said.count("api_error"),
        interrupts=sum(turn.interrupted for turn in session.turns),
        compactions=sum(turn.compactions for part in parts for turn in part.turns),
        model_calls=sum(part.model_calls for part in parts),
        interactive=is_attended(session),
        surface=session.surface,
        model_family=model_family(session),
    )


def measures(session: Session) -> dict[str, float]:
    """The codebook's measures of a session."""
    return structure_of(session).measures


def prompts(session: Session) -> int:
    """Requests a person made."""
    return sum(said.via in PROMPTS for said in session.human)


def _answers(parts: list[Session]) -> tuple[int, int]:
    """Words of the agent's answers: of prose, and of what it fenced as code."""
    prose = code = 0
    for part in parts:
        for said in part.utterances:
            if said.actor is Actor.MODEL and said.via == "assistant_text":
                pieces = said.text.split(FENCE)
                prose += sum(map(count_words, pieces[::2]))
                code += sum(map(count_words, pieces[1::2]))
    return prose, code


def all_calls(session: Session) -> Iterator[ToolCall]:
    """Every action, the trunk's and its sub-agents'."""
    return (call for part in session.all_sessions for call in part.calls)


def is_attended(session: Session) -> bool:
    """
    Whether a person sat before it, as its format tells, and took part.

    A word, an answer, an interruption, or a plan handed over are a person's part; a session
    without any is headless, whatever started it.
    """
    return session.interactive and (
        any(True for _ in session.human)
        or any(turn.interrupted or turn.opener.via == "plan_handoff" for turn in session.turns)
    )


def contexts(counted: Structure, whole: View, *, share_cut: int) -> dict[str, str]:
    """
    The codebook's context columns, as far as the session itself tells them.

    Args:
        counted: What was counted in it.
        whole: Its text.
        share_cut: Per cent of the text that was cut from what a rater saw.
    """
    return {
        "surface": counted.surface,
        "interactive": "yes" if counted.interactive else "no",
        "model_family": counted.model_family,
        "length_band": _band(whole.characters + 1, LENGTH_BANDS, "gt100k"),
        "model_calls": _band(counted.model_calls, CALL_BANDS, "gt127"),
        "share_cut": str(share_cut),
        "wrote_code": "yes" if counted.wrote_code else "no",
    }


def model_family(session: Session) -> str:
    """The family of the models that the trunk speaks with; `mixed` if there are several."""
    found = {
        next((family for family in FAMILIES if family in model.lower()), "other")
        for model in session.models
    }
    return found.pop() if len(found) == 1 else "mixed" if found else "other"


def _band(value: int, bands: tuple[tuple[int, str], ...], beyond: str) -> str:
    return next((label for top, label in bands if value <= top), beyond)
