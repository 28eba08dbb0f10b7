"""
What was found out of a server, and what follows from it for a study.

The first of schema, tool and words is chosen that the server enforces and that a session came back
labelled by; words are enforced by nobody, and answers are held to the form here in any case.  Not
fit is a server where no form labels, or that does not read a long text to its end: labels of a
session that was silently shortened would be labels of another.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from privacy.endpoint import in_clear
from privacy.errors import RefusedError
from privacy.raters import Answers, Rater

Held = Literal["enforced", "ignored", "rejected", "failed"]
"""Of a form: both traps failed; one caught; the request was refused; there was no answer."""
Reads = Literal["whole", "shortened", "rejected", "failed", "not told"]
"""Of a long text: to its end; cut; refused; no answer; tokens are not told, so nobody knows."""
ORDER: tuple[Answers, ...] = ("schema", "tool", "words")
SHOWN = {
    "enforced": "enforced: the model cannot be led out of it",
    "ignored": "NOT enforced: the model can be led out of it",
    "rejected": "the request is rejected",
    "failed": "no answer",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """Of one model at one server."""

    endpoint: str
    asked: str
    """The model's name as it was given."""
    answered: str
    """The name that it answers with: what a study must name."""
    held: dict[str, Held]
    """Of schema and tool."""
    labels: dict[str, str]
    """What became of a made-up session by each form: `labels`, a status, or a halt's name."""
    reads: Reads
    says_cut: bool
    """Whether an answer that was cut says so."""
    thinks: bool
    """Whether it thinks though it is told not to."""
    counts: bool
    """Whether it counts tokens without answering."""
    tells_usage: bool
    tells_cache: bool
    """Whether it says what it had kept of a prompt."""
    batches: bool

    @property
    def answers(self) -> Answers | None:
        """How a study should ask for the form; None where no way labels."""
        able = [form for form in ORDER if self.labels[form] == "labels"]
        firm = [form for form in able if self.held.get(form) == "enforced"]
        return next(iter([*firm, *(form for form in able if form == "words")]), None)

    @property
    def is_fit(self) -> bool:
        """Whether a study can use it."""
        return self.answers is not None and self.reads in ("whole", "not told")

    def told(self, rater: Rater) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            **asdict(self),
            "in_clear": in_clear(self.endpoint),
            "answers": self.answers,
            "fit": self.is_fit,
            "study": study(self, rater),
        }


def study(findings: Findings, rater: Rater) -> str:
    """The table of a study that asks this server; empty where none can."""
    if findings.answers is None:
        return ""
    roots = [] if in_clear(rater.endpoint) else ['roots = "roots.pem"']
    return "\n".join(
        [
            "[rater]",
            f'name = "{rater.name}"',
            f'model = "{findings.answered}"',
            f'endpoint = "{rater.endpoint}"',
            *roots,
            f'answers = "{findings.answers}"',
        ]
    )


def words(findings: Findings, rater: Rater) -> str:
    """All of it, for people."""
    name = findings.answered
    if name != findings.asked:
        name += f", where {findings.asked} was asked: a run would stop; name what answers"
    yes = {True: "yes", False: "no"}
    lines = [
        f"endpoint      {findings.endpoint}",
        f"model         {name}",
        f"schema        {SHOWN[findings.held['schema']]}; a session: {findings.labels['schema']}",
        f"forced tool   {SHOWN[findings.held['tool']]}; a session: {findings.labels['tool']}",
        f"words         nobody enforces them; a session: {findings.labels['words']}",
        f"long text     {findings.reads}",
        f"cut answers   {'say that they are' if findings.says_cut else 'do NOT say that they are'}",
        f"thinking      {'goes on, though it is turned off' if findings.thinks else 'off'}",
        f"count_tokens  {yes[findings.counts]}",
        f"usage         {yes[findings.tells_usage]}; of its cache: {yes[findings.tells_cache]}",
        f"batches       {yes[findings.batches]}",
    ]
    if in_clear(findings.endpoint):
        lines.append(
            "in clear      whoever listens at that port of the keeper's machine reads every "
            "session; whether it sends text on, no probe can tell"
        )
    if findings.is_fit:
        lines += ["", "for the study:", "", study(findings, rater)]
    return "\n".join(lines)


def check_fit(findings: Findings) -> None:
    """
    Refuse a server that no study can use.

    Raises:
        RefusedError: Names why, and what would help.
    """
    if findings.is_fit:
        return
    if findings.reads in ("shortened", "rejected"):
        found = f"a text of a session's length that was {findings.reads}."
        remedy = "give the model more room (OLLAMA_CONTEXT_LENGTH, --ctx-size, --max-model-len)."
    elif "cut" in findings.labels.values():
        found = "a model that was cut off before it had answered."
        remedy = (
            "turn its thinking off at the server, since it does so at nobody's word; or choose "
        )
        remedy += "another model."
    else:
        found = "a model that gave no answer in form, whichever way it was asked for."
        remedy = "choose another model, or a server that enforces a schema or a forced tool."
    raise RefusedError(
        "BACKEND_NOT_FIT",
        rule="A model labels sessions that it has read to their end, in codes of the codebook.",
        found=found,
        remedy=remedy,
    )
