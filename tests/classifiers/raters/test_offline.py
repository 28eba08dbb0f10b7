"""The offline rater: sensible in every domain, explainable, and silent without evidence."""

from typing import Any

import pytest

from classifiers.raters.offline import OfflineRater
from classifiers.raters.offline.artefacts import artefact, command_kind
from classifiers.raters.offline.evidence import gather
from classifiers.raters.offline.work import mode_scores
from classifiers.rendering import render
from privacy.codebook import UNCLEAR, codebook
from tests.classifiers.logs import agent, call, person, result, session

Record = dict[str, Any]


def rate(*records: Record) -> dict[str, str]:
    """Labels of a session."""
    found = session(*records)
    return dict(OfflineRater().rate(found, render(found)))


def edited(path: str, lines: int = 12, number: int = 1) -> tuple[Record, Record]:
    """An edit that went through."""
    patch = {"structuredPatch": [{"lines": ["+x"] * lines}]}
    name = f"call-edit-{number}"
    return call("Edit", name, file_path=path), result("ok", name, extra=patch)


def ran(
    command: str, output: str = "", *, number: int = 1, error: bool = False
) -> tuple[Record, Record]:
    """A command and what it printed."""
    name = f"call-run-{number}"
    return call("Bash", name, command=command), result(output, name, error=error)


@pytest.mark.parametrize(
    ("mode", "records"),
    [
        ("fix", [person("the totals are wrong since yesterday, please fix"), *edited("sum.py")]),
        ("build", [person("add a dark mode to the settings page"), *edited("page.tsx")]),
        ("understand", [person("explain how the scheduler decides who goes first"), call("Read")]),
        ("plan", [person("let's brainstorm options for the move to the new building"), agent("…")]),
        ("test", [person("write unit tests for the tariff rules"), *edited("tests/test_a.py")]),
        ("operate", [person("deploy the staging cluster"), *ran("kubectl apply -f a.yaml")]),
        ("analyze", [person("chart sales per month from q3.csv"), *ran("python -c pandas")]),
        ("orchestrate", [person("tighten the system prompt of our triage agent"), *edited(
            "prompts/triage.md")]),
        ("communicate", [person("draft a letter to the tenant about the deposit"), *edited(
            "letter.docx")]),
    ],
)  # fmt: skip
def test_each_work_mode_is_told_by_wording_and_artefacts(mode: str, records: list[Record]) -> None:
    """One plain case for each mode, from several walks of life."""
    assert rate(*records)["work_mode"] == mode


def test_the_dominant_work_counts_and_not_the_first_request() -> None:
    """The codebook: by the volume of meaningful work."""
    asked = person("explain how exports work")
    assert rate(asked, call("Read"))["work_mode"] == "understand"
    later = [person("now implement the csv export feature"), *edited("export.py", 200)]
    assert rate(asked, call("Read"), *later)["work_mode"] == "build"


def test_a_label_can_be_explained() -> None:
    """The sums behind a label say why."""
    scores = mode_scores(gather(session(person("fix the crash"), *edited("a.py"))))
    assert max(scores, key=lambda mode: scores[mode]) == "fix"
    assert scores["fix"] >= 5  # crash 3.0 and fix 2.5, before what was changed is added


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("23", "my client wants the indemnification clause in the lease redlined before discovery"),
        ("13", "our auditors ask why accruals in our books do not reconcile"),
        ("19", "our lab has rna samples from three replicates, compare the assays for my thesis"),
        ("25", "my students need a worksheet and a rubric for the syllabus of my course"),
        ("29", "our clinic wants the dosage table for my patients with comorbidities"),
        ("15", "rebase the branch and open a pull request so that ci runs"),
    ],
)  # fmt: skip
def test_occupation_is_told_by_how_people_speak_of_their_work(group: str, words: str) -> None:
    """Words of a trade that are said to be one's own."""
    labels = rate(person(words), agent("Here it is."))
    assert labels["occupation"] == group
    assert labels["task_occupation"] == group


def test_occupation_is_not_told_by_the_task() -> None:
    """Anybody may ask about a lease or a function; that a coding agent is used says nothing."""
    for words in (
        "what does an indemnification clause in a lease mean?",
        "write a python function",
    ):
        labels = rate(person(words), agent("It means this."))
        assert labels["occupation"] == UNCLEAR
        assert labels["task_occupation"] != UNCLEAR


NOVICE = "help me make it work somehow, i don't know what this thing is"
PLAIN = "move the header of the report to the top of the summary page please"
EXPERT = (
    "refresh_token() must never run twice: take the lock before line 210, because the retry in"
    " `poll` races with it. verify that the 30 ms timeout still holds, and prefer a queue"
)


def test_expertise_rises_with_specific_framing_checks_and_corrections() -> None:
    """The codebook's three signals, each on its own words."""
    levels = [label for label in codebook().field("expertise").labels if label != UNCLEAR]

    def level(*records: Record) -> int:
        return levels.index(rate(*records)["expertise"])

    novice, plain, expert = (level(person(text)) for text in (NOVICE, PLAIN, EXPERT))
    assert novice < plain < expert
    corrected = [
        agent("You're right, I will change it."),
        person("no, that's not correct: the footer must stay because page 2 has none"),
    ]
    assert level(person(PLAIN), *corrected) > plain


def test_expertise_and_shares_come_from_the_persons_own_words() -> None:
    """A plan that the agent drafted sounds like an expert and is not the person."""
    plan = person(f"Implement the following plan:\n\n# Plan: lock\n\n{EXPERT}", planContent="x")
    labels = rate(plan, *edited("lock.py"), person("commit"))
    assert labels["expertise"] == UNCLEAR
    assert (labels["planning_by_user"], labels["execution_by_user"]) == ("20", "0")
    own = rate(person(EXPERT), *edited("lock.py"))
    assert own["expertise"] != UNCLEAR
    assert int(own["planning_by_user"]) > 20
    assert int(own["execution_by_user"]) > 0


def test_success_rises_with_hard_signals_of_different_kinds() -> None:
    """A commit, checks that pass at the end, the person's approval."""
    start = [person("fix the parser"), *edited("parser.py")]
    done = agent("Done, the parser is fixed.")
    passing, commit = ran("pytest", "3 passed"), ran("git commit -m x", "[main 1]", number=2)
    assert rate(*start, done)["success_signal"] == "3"
    assert rate(*start, *passing, done)["success_signal"] == "4"
    assert rate(*start, *passing, *commit, done)["success_signal"] == "5"
    assert rate(*start, done, person("perfect, thanks"))["success_signal"] == "4"
    assert rate(person("say hello"), agent("Hello."))["success_signal"] == "2"


def test_failure_rises_with_what_stayed_unmended() -> None:
    """Trouble that was mended on the way counts for little."""
    start = [person("fix the parser"), *edited("parser.py")]
    error = ran("python a.py", "Exit code 1", error=True)
    assert rate(*start, agent("Done."))["failure_signal"] == "none"
    assert rate(*start, *error, agent("Done."))["failure_signal"] == "1"
    pushed = [agent("Done."), person("that is not right, it still fails"), agent("Done.")]
    assert rate(*start, *pushed)["failure_signal"] == "2"
    failing = ran("pytest", "2 failed", number=3, error=True)
    stuck = rate(*start, *failing, agent("I could not fix it; the test still fails."))
    assert (stuck["failure_signal"], stuck["outcome"]) == ("4", "failed")
    left = rate(*start, agent("Done."), person("this is wrong, you broke it. stop"))
    assert (left["failure_signal"], left["outcome"]) == ("4", "failed")


def test_value_grows_with_the_size_of_the_work() -> None:
    """Ordinal use only, so the order is what is tested."""
    bands = codebook().field("task_value").labels

    def band(lines: int, files: int) -> int:
        edits = [each for i in range(files) for each in edited(f"f{i}.py", lines, number=i)]
        return bands.index(rate(person("add the feature"), *edits)["task_value"])

    sizes = [band(1, 1), band(30, 2), band(80, 6), band(200, 25)]
    assert sizes == sorted(set(sizes))


def test_codebase_relation() -> None:
    """Changed, started, read only, none."""
    write = {"type": "create", "content": "a\n", "structuredPatch": []}
    new = [call("Write", file_path="app.py", content="a\n"), result("ok", extra=write)]
    read = [call("Read", file_path="src/app.py"), result("body")]
    assert rate(person("add a flag"), *edited("app.py"))["codebase"] == "modify"
    assert rate(person("start a small web app"), *new)["codebase"] == "create"
    assert rate(person("explain the app"), *read)["codebase"] == "explore"
    assert rate(person("write a poem"), agent("Roses."))["codebase"] == "none"


def test_without_evidence_the_rules_abstain() -> None:
    """`unclear` is a label; a guess would be a bias."""
    labels = rate(person("<local-command-stdout>x</local-command-stdout>"), agent("Hello."))
    assert labels["outcome"] == "no_goal"
    assert {labels[name] for name in ("work_mode", "expertise", "occupation", "task_value")} == {
        UNCLEAR
    }


def test_every_answer_is_in_the_codebook() -> None:
    """A word outside the vocabulary would cost the whole record."""
    for words in (NOVICE, PLAIN, EXPERT, "yes", "検査を書いて", "🎉"):
        labels = rate(person(words), *edited("a.py"), agent("Done."), person("thanks"))
        assert set(labels) == {each.name for each in codebook().instruments}
        assert all(value in codebook().field(name).labels for name, value in labels.items())


@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("C:\\Work\\app\\main.py", "code"),
        ("/x/CLAUDE.md", "prompt"),
        ("/x/.claude/skills/a/SKILL.md", "prompt"),
        ("docs/guide.md", "document"),
        ("src/tests/a.py", "test"),
        (".github/workflows/ci.yml", "workflow"),
        ("q3.xlsx", "data"),
        ("package.json", "setting"),
        ("latest.go", "code"),
    ],
)
def test_artefacts_are_told_by_their_place(path: str, sort: str) -> None:
    """A Markdown file may be prose or a prompt; a YAML file a setting or a workflow."""
    assert artefact(path) == sort


def test_commands_may_do_several_things() -> None:
    """One line often pulls, installs and deploys."""
    assert set(command_kind("git pull && npm install && docker compose up")) == {
        "git", "package", "deploy"
    }  # fmt: skip
    assert not set(command_kind("ls -la"))
