"""
What can be counted in a session without judging it: pure functions of the normal form.

What sub-agents did belongs to the session that sent them: their calls, lines, commits and
words count.  A line counts where an edit went through; shell commands that write files are not
seen, as telemetry does not see them either [1].  Words are those the agent wrote, code and
commands included, its thinking not.

[1] Claude Code's monitoring reference, `lines_of_code.count`.
"""

from collections.abc import Iterator

from .rendering import View
from .sessions import PROMPTS, Actor, Session, ToolCall, count_words

LENGTH_BANDS = ((2_000, "lt2k"), (5_000, "2k-5k"), (10_000, "5k-10k"), (25_000, "10k-25k"),
                (100_000, "25k-100k"))  # fmt: skip
"""(characters below which, label); beyond the last: gt100k."""
CALL_BANDS = ((0, "0"), (1, "1"), (3, "2-3"), (7, "4-7"), (15, "8-15"), (31, "16-31"),
              (63, "32-63"), (127, "64-127"))  # fmt: skip
"""(model calls up to which, label); beyond the last: gt127."""
FAMILIES = ("opus", "sonnet", "haiku", "fable", "gpt", "gemini")


def all_calls(session: Session) -> Iterator[ToolCall]:
    """Every action, the trunk's and its sub-agents'."""
    return (call for part in session.all_sessions for call in part.calls)


def prompts(session: Session) -> int:
    """Requests a person made: prompts, commands of their own, images, words typed meanwhile."""
    return sum(said.via in PROMPTS for said in session.human)


def measures(session: Session) -> dict[str, float]:
    """The codebook's structural measures, each in its unit; per prompt over at least one."""
    calls = list(all_calls(session))
    asked = prompts(session)
    words = sum(call.words for call in calls) + sum(
        count_words(said.text)
        for part in session.all_sessions
        for said in part.utterances
        if said.actor is Actor.MODEL and said.via == "assistant_text"
    )
    return {
        "prompts": asked,
        "actions": len(calls),
        "words_out": words,
        "lines_added": sum(call.lines_added for call in calls),
        "lines_removed": sum(call.lines_removed for call in calls),
        "commits": sum(call.committed for call in calls),
        "actions_per_prompt": len(calls) / max(asked, 1),
        "words_per_prompt": words / max(asked, 1),
    }


def contexts(
    session: Session, view: View, *, month: str, status: str, telemetry: str = "absent"
) -> dict[str, str]:
    """
    The codebook's context columns.

    Args:
        session: What is described.
        view: What a rater sees of it.
        month: The month in the sealed header, or `unknown`.
        status: How the rating went.
        telemetry: Whether code was written, as telemetry counted it: yes, no or absent.
    """
    return {
        "month": month,
        "surface": session.surface,
        "interactive": "yes" if session.interactive else "no",
        "model_family": model_family(session),
        "length_band": _band(view.characters + 1, LENGTH_BANDS, "gt100k"),
        "model_calls": _band(
            sum(part.model_calls for part in session.all_sessions), CALL_BANDS, "gt127"
        ),
        "share_cut": str(view.share_cut),
        "telemetry": "absent" if telemetry == "absent" else "present",
        "telemetry_wrote_code": telemetry,
        "status": status,
        "wrote_code": "yes" if any(c.lines_added for c in all_calls(session)) else "no",
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
