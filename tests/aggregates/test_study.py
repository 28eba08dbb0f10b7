"""A study is read whole, or refused with its line and what to do."""

import re
import tomllib
from pathlib import Path

import pytest

from aggregates.lines import line_of
from aggregates.linting import check
from aggregates.plan import plan
from aggregates.study import Budget, Header, RaterChoice, ReadingChoice, Sessions, Study
from aggregates.table import TableSpec
from classifiers.formats import FORMATS
from privacy.errors import ConfigurationError
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    HEAD,
    MEAN,
    NOTHING,
    RATE,
    SHARE,
    SIZES,
    TOTAL,
)
from tests.support.roots import PUBLIC_ROOT

FIRST_LOOK = Path(__file__).parents[2] / "studies" / "first-look.toml"


def refused(text: str) -> ConfigurationError:
    """The error that reading and compiling a study ends with."""
    with pytest.raises(ConfigurationError) as caught:
        plan(Study.parse(text))
    return caught.value


def at(text: str, line: str) -> str:
    """How an error names the last line of a text that holds something."""
    number = max(n for n, one in enumerate(text.splitlines(), start=1) if line in one)
    return f"in line {number} of study.toml"


def test_the_study_that_ships_is_read() -> None:
    """And is typed as it was written."""
    study = Study.read(FIRST_LOOK)

    assert study.header.name == "first-look"
    assert study.months == (
        "2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04",
    )  # fmt: skip
    assert [kind for table in study.tables for kind in table.kinds] == [
        "share", "share", "share", "rate", "rate", "geometric_mean",
    ]  # fmt: skip
    assert study.budget.k == 1


CLAUDE = '[rater]\nname = "claude"\nmodel = "large"\nendpoint = "{}"\nroots = "roots.pem"\n'

BAD = {
    # what is wrong: (text, line it stands on, what the message says)
    "unknown key": (HEAD + SHARE + 'colour = "red"\n', "colour", "the unknown key 'colour'"),
    "key twice": (HEAD + SHARE + 'name = "other"\n', 'name = "other"', "Cannot overwrite"),
    "no table": (HEAD, "", "no 'table'"),
    "total of a measure": (
        HEAD + TOTAL.replace("work_mode", "actions"), "total_of", "unknown field 'actions'",
    ),
    "total twice": (HEAD + TOTAL + 'by = ["work_mode"]\n', "total_of", "named twice"),
    "total and share": (HEAD + TOTAL + 'share_of = "outcome"\n', "share_of", "and total_of"),
    "no such field": (HEAD + SHARE.replace("work_mode", "mood"), "mood", "unknown field 'mood'"),
    "no such label": (
        HEAD + SHARE + 'leave_out = { work_mode = ["sleep"] }\n', "sleep", "no label 'sleep'",
    ),
    "overlap": (
        HEAD + SHARE + 'merge = { work_mode = { a = ["fix", "plan"], b = ["fix"] } }\n',
        "merge", "fix more than once",
    ),
    "forgotten": (
        HEAD + SHARE + 'merge = { work_mode = { a = ["fix", "plan"] } }\n',
        "merge", "neither merged nor left out",
    ),
    "merged and left out": (
        HEAD
        + SHARE
        + 'leave_out = { work_mode = ["fix"] }\n'
        + 'merge = { work_mode = { a = ["fix"] } }\n',
        "merge", "fix more than once",
    ),
    "empty group": (
        HEAD + SHARE + "merge = { work_mode = { a = [] } }\n", "merge", "which is empty",
    ),
    "foreign merge": (
        HEAD + SHARE + 'merge = { outcome = { a = ["failed"] } }\n', "merge", "no key of the table",
    ),
    "group name": (
        HEAD + SHARE + 'merge = { work_mode = { "a=b" = ["fix"] } }\n', "merge", "'a=b'",
    ),
    "no such measure": (HEAD + RATE.replace("verified_success", "joy"), "joy", "'joy'"),
    "no such size": (HEAD + MEAN.replace("actions_per_prompt", "joy"), "joy", "measure 'joy'"),
    "bounds": (HEAD + MEAN + "between = [5.0, 2.0]\n", "between", "bounds from 5.0 to 2.0"),
    "two kinds": (HEAD + SHARE + 'rate_of = "troubled"\n', "share_of", "share_of and rate_of"),
    "no kind": (HEAD + '[[table]]\nname = "empty"\n', "empty", "asks for nothing"),
    "statistic": (HEAD + MEAN.replace("geometric_mean", "mode"), "statistics", "'mode'"),
    "trend of a mean": (
        HEAD + MEAN.replace("geometric_mean", "trend"), "statistics", "'trend', which",
    ),
    "trend of a total": (
        HEAD + TOTAL + 'statistics = ["trend"]\nby = ["month"]\n', "statistics", "'trend', which",
    ),
    "trend without months": (
        HEAD + SHARE + 'statistics = ["trend"]\n', "statistics", "not by single months",
    ),
    "trend of merged months": (
        HEAD + RATE + 'statistics = ["trend"]\n'.replace("by", "")
        + 'merge = { month = { a = ["2025-10", "2025-11"], b = ["2025-12"] } }\n',
        "statistics", "not by single months",
    ),
    "statistic twice": (
        HEAD + MEAN.replace('"geometric_mean"', '"quantiles", "quantiles"'),
        "statistics", "named twice",
    ),
    "mean without bounds": (
        HEAD + MEAN.replace("geometric_mean", "mean"), "statistics", "without bounds",
    ),
    "same name": (HEAD + SHARE + SHARE, "", "a second table"),
    "same field": (HEAD + SHARE + 'by = ["work_mode"]\n', "share_of", "named twice"),
    "where": (HEAD + SHARE + 'where = { outcome = "great" }\n', "where", "no label 'great'"),
    "nobody": (
        HEAD + SHARE + 'where = { occupation = "15", software_occupation = "other" }\n',
        "where", "no session can fulfil",
    ),
    "months as a condition": (
        HEAD.replace("interactive = true", 'month = "2025-10"') + SHARE,
        'month = "2025-10"', "months as a condition",
    ),
    "bounds of a share": (HEAD + SHARE + "between = [1.0, 2.0]\n", "between", "without a measure"),
    "months": (HEAD.replace("2025-12", "2025-13") + SHARE, "months", "no span"),
    "months backwards": (HEAD.replace("2025-12", "2025-01") + SHARE, "months", "no span"),
    "epsilon": (HEAD.replace("2.0", "200.0") + SHARE, "epsilon", "less than or equal to 20"),
    "contribution": (HEAD.replace("n = 1", 'n = "a"') + SHARE, "contribution", "'a'"),
    "contribution of 0": (HEAD.replace("n = 1", "n = 0") + SHARE, "contribution", "k = 0"),
    "a table's contribution": (HEAD + SHARE + 'contribution = "1/0"\n', "contribution =", "'1/0'"),
    "a table's contribution of hours": (
        HEAD + SHARE + 'contribution = "1e999999999"\n', 'contribution = "1e9', "'1e999999999'",
    ),
    "a table's contribution beyond": (HEAD + SHARE + "contribution = 129\n", "= 129", "k = 129"),
    "a total's contribution": (HEAD + TOTAL + "contribution = 5\n", "n = 5", "is weighed"),
    "accounts by something else": (
        HEAD + ACCOUNT_SIZES.replace('"sessions"', '"surface"'), "accounts_by", "their sessions",
    ),
    "bins of a share": (HEAD + SHARE + "bins = [1, 2]\n", "bins", "bins in 'modes'"),
    "bins that fall": (HEAD + ACCOUNT_SIZES + "bins = [1, 6, 2]\n", "bins", "[1, 6, 2]"),
    "bins from two on": (HEAD + ACCOUNT_SIZES + "bins = [2, 6]\n", "bins", "[2, 6]"),
    "sizes by something": (HEAD + ACCOUNT_SIZES + 'by = ["month"]\n', "by =", "sessions alone"),
    "sizes with a weight": (HEAD + ACCOUNT_SIZES + "contribution = 2\n", "n = 2", "is weighed"),
    "a design effect at k = 1": (
        HEAD + SHARE + "design_effect = true\n", "design_effect", "above k = 1",
    ),
    "a design effect of what is adjusted": (
        HEAD + RATE + 'contribution = 5\ndesign_effect = true\nadjust_for = ["month"]\n',
        "design_effect", "above k = 1",
    ),
    "a design effect of a mean": (
        HEAD + MEAN + "contribution = 5\ndesign_effect = true\n", "design_effect", "above k = 1",
    ),
    "minimum": (HEAD.replace("accounts = 20", "accounts = 1") + SHARE, "minimum", "equal to 2"),
    "type": (HEAD.replace("accounts = 20", 'accounts = "20"') + SHARE, "minimum", "integer"),
    "cells": (
        HEAD + SHARE + 'by = ["occupation", "task_occupation", "month", "task_value"]\n',
        "by", "20000 is the most",
    ),
    "a rater that asks, and nothing else": (
        HEAD + '[rater]\nname = "claude"\n' + SHARE, "[rater]", "no model of the rater claude",
    ),
    "a model for nobody": (
        HEAD + '[rater]\nname = "offline"\nmodel = "large"\n' + SHARE,
        'model = "large"', "model of the rater offline, which asks nobody",
    ),
    "an endpoint with a path": (
        HEAD + CLAUDE.format("https://a.example/v1") + SHARE, "endpoint", "something else",
    ),
    "clear text for a name": (
        HEAD + CLAUDE.format("http://localhost:11434") + SHARE, "endpoint", "something else",
    ),
    "clear text for another machine": (
        HEAD + CLAUDE.format("http://10.0.0.1:11434") + SHARE, "endpoint", "something else",
    ),
    "roots of an endpoint in clear": (
        HEAD + CLAUDE.format("http://127.0.0.1:11434") + SHARE, "roots", "has no certificate",
    ),
    "roots beside no file": (
        HEAD + CLAUDE.format("https://a.example") + SHARE, "roots", "no file itself",
    ),
    "adjusted share": (
        HEAD + SHARE + 'adjust_for = ["month"]\n', "adjust_for", "not a rate or a measure by one",
    ),
    "adjusted by two": (
        HEAD + RATE.replace('["expertise"]', '["expertise", "surface"]')
        + 'adjust_for = ["month"]\n',
        "adjust_for", "not a rate or a measure by one",
    ),
    "adjusted for itself": (
        HEAD + RATE + 'adjust_for = ["month * expertise"]\n', "adjust_for", "expertise, which",
    ),
    "adjusted for one column twice": (
        HEAD + RATE + 'adjust_for = ["occupation", "software_occupation"]\n',
        "adjust_for", "occupation, which",
    ),
    "adjusted for nothing known": (
        HEAD + RATE + 'adjust_for = ["month * mood"]\n', "adjust_for", "unknown field 'mood'",
    ),
    "adjusted mean": (
        HEAD + MEAN.replace("geometric_mean", "mean") + 'adjust_for = ["month"]\n',
        "statistics", "the statistic 'mean'",
    ),
    "adjusted trend": (
        HEAD + RATE + 'statistics = ["trend"]\nadjust_for = ["month"]\n',
        "statistics", "the statistic 'trend'",
    ),
    "slope without adjusting": (
        HEAD + RATE + 'statistics = ["slope"]\n', "statistics", "the statistic 'slope'",
    ),
    "slope over the unclear": (
        HEAD + RATE + 'statistics = ["slope"]\nadjust_for = ["month"]\n',
        "by =", "a slope over expertise",
    ),
    "slope over words": (
        HEAD + RATE.replace("expertise", "surface") + 'statistics = ["slope"]\nadjust_for = []\n',
        "by =", "a slope over surface",
    ),
    "columns alone": (HEAD + RATE + "columns = [0]\n", "columns", "holds nothing equal"),
    "columns beyond": (
        HEAD + RATE + 'adjust_for = ["month"]\ncolumns = [0, 2]\n', "columns", "of 1 controls",
    ),
    "columns that fall": (
        HEAD + RATE + 'adjust_for = ["month"]\ncolumns = [1, 0]\n', "columns", "of 1 controls",
    ),
    "foreign label of a control": (
        HEAD + RATE + 'adjust_for = ["month"]\nleave_out = { work_mode = ["fix"] }\n',
        "leave_out", "neither in by nor in adjust_for",
    ),
    "one answer only": (
        HEAD + RATE + 'adjust_for = []\nwhere = { outcome = ["failed"] }\n',
        "rate_of", "say the same",
    ),
    "rater": (HEAD + '[rater]\nname = "oracle"\n' + SHARE, "oracle", "the rater 'oracle'"),
    "not computed, by something": (
        HEAD + SHARE + NOTHING + 'by = ["month"]\n', 'by = ["month"]', "which is not computed",
    ),
    "nothing computed": (HEAD + NOTHING, "not_computed", "computes nothing"),
    "not computed for no reason": (
        HEAD + SHARE + NOTHING.replace("no record says who wrote a commit", ""), "not_computed", "",
    ),
    "no toml": (HEAD + "[[table]\n", "[[table]", ""),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_named_with_its_line(what: str) -> None:
    """A researcher is told where, what and what to do, and nothing is compiled."""
    text, line, says = BAD[what]
    error = refused(text)

    assert error.exit_code == 2
    assert says in error.found
    assert error.remedy
    if line:
        assert at(text, line) in error.found


def test_the_same_tables_without_the_mistake_compile() -> None:
    """The control: what is refused above is refused for its mistake alone."""
    groups = '{ a = ["fix"], "b c" = ["plan", "build"] }'
    others = '["understand", "test", "operate", "analyze", "orchestrate", "communicate", "unclear"]'
    merged = f"merge = {{ work_mode = {groups} }}\nleave_out = {{ work_mode = {others} }}\n"
    made = plan(Study.parse(HEAD + SHARE + merged + RATE + MEAN + SIZES + TOTAL + ADJUSTED))

    assert made.query("modes.count").cells == (("a",), ("b c",))
    assert [table.kind for table in made.tables] == [
        "share", "rate", "geometric_mean", "geometric_mean", "mean", "quantiles", "total",
        "grand_total", "adjusted_rate", "adjusted_slope", "adjusted_rate",
        "adjusted_geometric_mean", "adjusted_ratio",
    ]  # fmt: skip


def test_a_line_is_found_in_sub_tables_too() -> None:
    """Merges are written as sub-tables where they are long."""
    text = '[[table]]\nname = "a"\n[table.merge.x]\nb = ["c"]\n\n[[table]]\nname = "d"\n'

    assert line_of(text, ("table", 0, "merge")) == 3
    assert line_of(text, ("table", 0, "merge", "x", "b")) == 4
    assert line_of(text, ("table", 1, "name")) == 7
    assert line_of(text, ("table", 1, "merge")) == 6
    assert line_of(text, ("nothing",)) == 1


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """Missing, and not text."""
    with pytest.raises(ConfigurationError, match="STUDY_MISSING"):
        Study.read(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe[study]")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        Study.read(tmp_path / "bytes.toml")
    (tmp_path / "study.toml").write_text(HEAD + SHARE, encoding="utf-8")
    assert Study.read(tmp_path / "study.toml").file == "study.toml"


def test_roots_lie_beside_the_study_and_stand_in_the_plan(tmp_path: Path) -> None:
    """Officers sign what the file held, not its name; a file without a certificate is refused."""
    path = tmp_path / "study.toml"
    path.write_text(HEAD + CLAUDE.format("https://a.example") + SHARE, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"no readable file 'roots\.pem'"):
        plan(Study.read(path))
    (tmp_path / "roots.pem").write_text("nothing", encoding="ascii")
    with pytest.raises(ConfigurationError, match=r"line \d+ of study.toml: no certificate"):
        plan(Study.read(path))
    (tmp_path / "roots.pem").write_text(PUBLIC_ROOT, encoding="ascii")
    rater = plan(Study.read(path)).rater
    assert (rater.name, rater.model, rater.endpoint) == ("claude", "large", "https://a.example")
    assert rater.roots == PUBLIC_ROOT


def test_a_server_on_this_machine_has_no_roots(tmp_path: Path) -> None:
    """In clear there is no certificate: nothing lies beside the study or stands in the plan."""
    text = HEAD + CLAUDE.format("http://127.0.0.1:11434").replace('roots = "roots.pem"\n', "")
    (tmp_path / "study.toml").write_text(text + 'answers = "tool"\n' + SHARE, encoding="utf-8")
    rater = plan(Study.read(tmp_path / "study.toml")).rater
    assert (rater.endpoint, rater.roots) == ("http://127.0.0.1:11434", "")
    assert rater.answers == "tool"


def test_the_page_on_studies_says_when_a_session_is_headless_in_every_format() -> None:
    """An exclusion is a declared rule; a new format declares its own."""
    page = (FIRST_LOOK.parents[1] / "docs/studies.md").read_text(encoding="utf-8")
    table = page.split("## Who is left out", 1)[1]
    told = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
            for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
    assert told == {each.NAME for each in FORMATS}


def test_the_page_on_studies_names_every_key_and_its_examples_are_right() -> None:
    """A key that no page tells of is one that nobody uses; a wrong example is copied."""
    page = (FIRST_LOOK.parents[1] / "docs/studies.md").read_text(encoding="utf-8")
    parts = (Header, Sessions, Budget, RaterChoice, ReadingChoice, TableSpec)
    keys = {key for part in parts for key in part.model_fields}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", page)] == []

    whole, adjusted, rater, again = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    check(Study.parse(whole + adjusted + rater + again))
    inline = [line for line in re.findall(r"`(\w+ = [^`]+)`", page) if "…" not in line]
    known = [line for line in inline if line.partition(" ")[0] in TableSpec.model_fields]
    assert len(known) > 12
    for line in known:
        tomllib.loads(line)
