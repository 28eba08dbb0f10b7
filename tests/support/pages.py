"""
Pages of the documentation that are made from the code: `python -m tests.support.pages`.

A test compares them with what is made now, so that neither can drift.
"""

from collections.abc import Mapping
from pathlib import Path

from clerestory.reasons import REASONS
from privacy.codebook import Instrument, codebook
from privacy.standing import FINAL, REOPENED, STATES, TABLE, WHO, Standing
from tests.support.refusals import refusals
from tests.support.world import ROOT

_MADE = "*Made from the code by `python -m tests.support.pages`; a test holds it to it.*"


def plan_states() -> str:
    """The states of a plan: diagram, events, and what each state refuses."""
    lines = [
        "# Where a plan stands",
        "",
        _MADE,
        "",
        "A standing is kept nowhere: it follows from the ledger, from the policy that the plan is "
        "bound to, and",
        "from the time. Dotted lines lead to another *submission*: the same plan with another "
        "hash, which no old",
        "signature fits. An edit of the study is another plan, and a draft again.",
        "",
        "```mermaid",
        "flowchart TD",
        *(f'    {_node(standing)}["{standing}"]' for standing in STATES),
        *(f"    {arrow}" for arrow in _arrows()),
        "```",
        "",
        "| event | who |",
        "|---|---|",
        *(f"| {event} | {who} |" for event, who in WHO.items()),
        "",
        "What is not in the diagram is refused, under the code of the state:",
        "",
        "| state | allows | refuses the rest with | rule |",
        "|---|---|---|---|",
    ]
    for standing, state in STATES.items():
        allowed = ", ".join(event for at, event in TABLE if at == standing) or "nothing"
        lines.append(f"| {standing} | {allowed} | `{state.code}` | {state.rule} |")
    lines += ["", "`submit` of a plan that is handed in already changes nothing."]
    return "\n".join([*lines, ""])


def refusal_codes() -> str:
    """Every code under which the program says no."""
    rows: dict[str, tuple[set[int], dict[str, None]]] = {}
    for one in refusals():
        exits, rules = rows.setdefault(one.code, (set(), {}))
        exits.add(one.exit)
        rules[one.rule] = None
    lines = [
        "# Refusals",
        "",
        _MADE,
        "",
        "Each refusal has a code, which programs may rely on, and names its rule, what was found "
        "and what to do.",
        "`…` stands for what depends on the case. Exit codes: 1 unexpected, 2 usage or "
        "configuration, 3 refused by a",
        "rule, 4 verification failed, 5 incomplete and resumable.",
        "",
        "| code | exit | rule |",
        "|---|---|---|",
    ]
    for code, (exits, rules) in sorted(rows.items()):
        numbers = ", ".join(str(number) for number in sorted(exits))
        lines.append(f"| `{code}` | {numbers} | {' · '.join(rules).replace('|', '/')} |")
    return "\n".join([*lines, ""])


def reason_codes() -> str:
    """Every code under which something of a raw log is told to the custodian."""
    lines = [
        "# What is told of raw logs",
        "",
        _MADE,
        "",
        "`inspect-format` and `seal` tell the custodian of each file, session and record that was "
        "not taken as it lay",
        "there. Programs may rely on the codes. `seal` puts before each whether it counts files, "
        "sessions or records.",
        "",
        "| code | means | to do |",
        "|---|---|---|",
        *(f"| `{code}` | {means} | {to_do} |" for code, (means, to_do) in REASONS.items()),
    ]
    return "\n".join([*lines, ""])


_MERGED = {
    "most_text": "the label of the parts with most text",
    "last": "the label of the last part that tells",
    "highest": "the highest label of any part",
    "foremost": "of the labels of all parts, the one that stands first below",
    "median": "the median of the labels, by text",
    "mean": "the mean of the shares, by text, to the nearest ten",
}


def instruments() -> str:
    """What sessions are labelled with, in the words in which raters are asked."""
    book = codebook()
    lines = [
        "# What a session is labelled with",
        "",
        _MADE,
        "",
        "Each instrument is a file of `privacy/instruments`, in TOML. Adding one is adding a file:",
        "record, keys of tables, questions to raters, bits of a plan and this page follow from it.",
        "A rater answers with the code alone.",
        "",
        f"All instruments together say at most {book.instrument_bits:.1f} bits of a session; what",
        f"stands beside them in a record {book.bits - book.instrument_bits:.1f}, and counted",
        f"measures {book.measure_bits:.1f}.",
        "",
    ]
    for one in book.instruments:
        lines += _instrument(one)
    return "\n".join(lines)


def _instrument(one: Instrument) -> list[str]:
    alone = "in a call of its own" if one.ask == "separate" else "together with others"
    passed = f", `{'`, `'.join(one.passed_over)}` passed over" if one.passed_over else ""
    return [
        f"## {one.name}",
        "",
        f"{one.kind}, version {one.version}, asked {alone}. Of a session in parts: "
        f"{_MERGED[one.merge]}{passed}.",
        "",
        *one.question.splitlines(),
        "",
        *(f"- {note}" for note in one.notes),
        *([""] if one.notes else []),
        "| label | code | meaning |",
        "|---|---|---|",
        *(
            f"| {label} | `{code}` | {definition} |"
            for label, code, definition in zip(one.labels, one.codes, one.definitions, strict=True)
        ),
        "",
    ]


def pages() -> Mapping[Path, str]:
    """File → what it must hold."""
    docs = ROOT / "docs"
    return {
        docs / "plan-states.md": plan_states(),
        docs / "refusals.md": refusal_codes(),
        docs / "reasons.md": reason_codes(),
        docs / "codebook.md": instruments(),
    }


def _arrows() -> list[str]:
    arrows: dict[tuple[Standing, Standing], list[str]] = {}
    for (standing, event), targets in TABLE.items():
        for target in targets:
            if target != standing or event == "charge":
                arrows.setdefault((standing, target), []).append(event)
    return [
        f"{_node(start)} {'-.' if start in REOPENED else '--'} {' / '.join(events)} "
        f"{'.->' if start in REOPENED else '-->'} {_node(end)}"
        for (start, end), events in arrows.items()
        if start not in FINAL
    ]


def _node(standing: Standing) -> str:
    return standing.replace(" ", "_")


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
