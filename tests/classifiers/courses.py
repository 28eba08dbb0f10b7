"""Made-up sessions of any course, for properties: no two steps show the same."""

from typing import Any

from hypothesis import strategies as st

from tests.classifiers.logs import agent, call, person, queue, record, result

Records = list[dict[str, Any]]
REFUSED = "The user doesn't want to proceed with this tool use. The tool use was rejected."


def step(number: int, kind: str) -> Records:
    """One thing that happens; no two show the same."""
    use = f"call-{number}"
    match kind:
        case "ask":
            return [person(f"Request {number}, please.")]
        case "say":
            return [agent(f"Answer {number}.")]
        case "long":
            return [agent(f"Long answer {number}. " + "word " * 700)]
        case "act":
            return [call("Bash", use, command=f"run {number}"), result(f"ran {number}", use)]
        case "refuse":
            text = f"{REFUSED} To tell you how to proceed, the user said:\nNot {number}."
            return [call("Bash", use, command=f"rm {number}"), result(text, use, error=True)]
        case "edit":
            patch = {"structuredPatch": [{"lines": ["+a", "+b", "-c"]}]}
            edit = call("Edit", use, file_path=f"{number}.py", new_string="two words")
            return [edit, result("ok", use, extra=patch)]
        case "commit":
            work = call("Bash", use, command=f"pytest && git commit -m {number}")
            return [work, result("1 passed", use)]
        case "fail":
            return [call("Bash", use, command=f"false {number}"), result("no", use, error=True)]
        case "think":
            return [record("assistant", [{"type": "thinking", "thinking": f"secret {number} it"}])]
        case "compact":
            return [record("system", "") | {"subtype": "compact_boundary"}]
        case "steer":
            return [
                queue("enqueue", f"Meanwhile {number}."),
                queue("remove", f"Meanwhile {number}."),
            ]
        case "stop":
            return [person("[Request interrupted by user]")]
        case "plan":
            return [person(f"Implement the following plan:\n\n# Plan {number}", planContent="x")]
        case _:
            return [record("user", f"<bash-input>look {number}</bash-input>")]


KINDS = (
    "ask", "say", "long", "act", "refuse", "edit", "commit", "fail", "think", "compact", "steer",
    "stop", "plan", "shell",
)  # fmt: skip
kinds = st.lists(st.sampled_from(KINDS), min_size=1, max_size=14)


def made(of: list[str], *, at: int = 0) -> Records:
    """Records of a session; it holds an exchange whatever is drawn."""
    steps = [step(at + number, kind) for number, kind in enumerate(of)]
    return [one for step_ in steps for one in step_]
