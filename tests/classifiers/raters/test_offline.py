"""The offline rater: sensible in every domain, explainable, and silent without evidence."""

import pytest

from classifiers.raters.offline.artefacts import artefact, command_kind
from classifiers.raters.offline.evidence import gather
from classifiers.raters.offline.work import SOURCES, mode_points, mode_scores
from privacy.codebook import UNCLEAR, codebook
from tests.classifiers.logs import agent, call, person, result, session

from .rated import Record, edited, ran, rate


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


@pytest.mark.parametrize(
    ("mode", "words", "path"),
    [
        ("test", "go through the intake form as a new tenant and report where it fails", ""),
        ("operate", "please move the backups to the shared drive", "notes.csv"),
        ("operate", "tidy up the scans and the downloads folder", ""),
        ("orchestrate", "write a skill that checks citations in briefs", "tools/cite.py"),
        ("plan", "let's think through the order of the renovation, two options please", "a.md"),
        ("fix", "since the update the invoices lose their second page", "print.py"),
        ("analyze", "how many tenants paid late in the last three months?", "rent.csv"),
    ],
)
def test_what_is_asked_outweighs_where_the_lines_went(mode: str, words: str, path: str) -> None:
    """The rarer modes leave no file of their own; wording and its first verb tell them."""
    assert rate(person(words), *(edited(path) if path else ()), agent("Done."))["work_mode"] == mode


def test_the_dominant_work_counts_and_not_the_first_request() -> None:
    """The codebook: by the volume of meaningful work."""
    asked = person("explain how exports work")
    assert rate(asked, call("Read"))["work_mode"] == "understand"
    later = [person("now implement the csv export feature"), *edited("export.py", 200)]
    assert rate(asked, call("Read"), *later)["work_mode"] == "build"


def test_a_label_can_be_explained() -> None:
    """The sums behind a label say why."""
    points = mode_points(gather(session(person("fix the crash"), *edited("a.py"))))
    scores = mode_scores(points, SOURCES)
    assert max(scores, key=lambda mode: scores[mode]) == "fix"
    assert scores["fix"] >= 5  # crash 3.0 and fix 2.5, before what was changed is added


def test_a_session_without_an_aim_is_told_from_one_that_begins_with_a_greeting() -> None:
    """Trying what the program is, then moving along, asks for nothing."""
    tried = [person("which model are you"), agent("A model."), person("ok, continue")]
    assert rate(*tried, agent("Continue what?"))["outcome"] == "no_goal"
    asked = person("hello, sort the guest list by table")
    assert rate(asked, agent("Done, it is sorted."))["outcome"] == "succeeded"
    assert rate(*tried, asked, agent("Done, it is sorted."))["outcome"] == "succeeded"


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
    for words in ("yes", "検査を書いて", "🎉"):
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


def test_a_log_that_stops_in_an_action_was_not_closed() -> None:
    """The codebook: nothing delivered because the session stops early is partial, with a trace."""
    asked = [person("fix the parser"), *edited("parser.py")]
    stopped = rate(*asked, *ran("make"))
    assert (stopped["outcome"], stopped["success_signal"]) == ("partial", "1")
    assert stopped["failure_signal"] == "2"
    closed = rate(*asked, *ran("make"), agent("Done, it is fixed."))
    assert (closed["outcome"], closed["failure_signal"]) == ("succeeded", "none")
    sent = rate(*asked, call("submit"))
    assert sent["outcome"] == "succeeded"  # some agents close by an action of that name


def test_an_error_that_is_pasted_afterwards_is_push_back() -> None:
    """People answer with what their program printed, and with no word of their own."""
    done = [person("add the export"), *edited("export.py"), agent("Done.")]
    pasted = person("Traceback (most recent call last):\n  at main\nKeyError: 'id'")
    assert rate(*done, pasted, agent("Done."))["failure_signal"] == "2"
    assert rate(*done, person("and the import too"), agent("Done."))["failure_signal"] == "none"


def test_what_the_agent_reports_and_commits_says_what_was_made() -> None:
    """The same request, closed in two ways: the product decides."""
    asked = [person("look at the export of yesterday"), *edited("export.py")]
    mended = agent("Found the bug: the root cause was a stale index.  Fixed.")
    built = agent("Implemented: the export now supports filters, a new option was added.")
    assert rate(*asked, mended)["work_mode"] == "fix"
    assert rate(*asked, built)["work_mode"] == "build"
    named = [*ran("git commit -m 'docs: how exports work'", "[main 1]"), agent("Committed.")]
    assert "communicate" in mode_points(gather(session(*asked, *named)))["named"]


def test_what_a_skill_is_used_for_is_no_work_on_the_skill() -> None:
    """Orchestrating is work about agents; using one is not."""
    made = rate(person("write a skill that checks our citations"), *edited("a/SKILL.md"))
    used = rate(person("use the release skill with the new tag, the build fails"), *edited("a.py"))
    assert made["work_mode"] == "orchestrate"
    assert used["work_mode"] != "orchestrate"


def test_planning_is_the_persons_where_little_was_left_to_the_agent() -> None:
    """More done for each word said, and questions in place of orders, leave more to the agent."""
    short = rate(person("rename the button to Send"), *edited("a.tsx"), agent("Done."))
    many = [each for i in range(30) for each in edited(f"f{i}.py", number=i)]
    long = rate(person("rename the button to Send"), *many, agent("Done."))
    asked = rate(person("what should the button say?"), *edited("a.tsx"), agent("Done."))
    assert int(long["planning_by_user"]) < int(short["planning_by_user"])
    assert int(asked["planning_by_user"]) < int(short["planning_by_user"])
