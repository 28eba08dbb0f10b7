"""Pages show what a release holds, nothing that it withheld, and nothing that could run."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from math import nan

import pytest

from clerestory.fidelity import QUOTED, figures, quoted
from clerestory.pages import markup, wording
from clerestory.pages.report import render_report
from clerestory.pages.truth import ONLY_SYNTHETIC, render_truth
from privacy.errors import ConfigurationError
from privacy.plan import Plan
from privacy.raters import CLAUDE, OFFLINE
from privacy.views import SHOWN
from tests.support.first_look import (
    EXPERTISE,
    Row,
    make_facts,
    make_plan,
    make_rows,
    suppressed,
)

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\u202e&quot;\x00"


class Page(HTMLParser):
    """A page as a parser sees it; fails on markup that does not nest."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[tuple[str, str]] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in <{tag}>"
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and data.strip():
            self.words.append((self.open[-1], data))

    @property
    def text(self) -> str:
        """All words of the page."""
        return " ".join(words for _, words in self.words).replace(wording.SPACE, " ")

    def within(self, name: str) -> list[str]:
        """The words of each element of a name that holds only words."""
        return [words.replace(wording.SPACE, " ") for tag, words in self.words if tag == name]

    def named(self, name: str) -> list[dict[str, str | None]]:
        """Attributes of every element of a name."""
        return [attributes for tag, attributes in self.tags if tag == name]


def report(rows: list[Row] | None = None, facts: dict[str, object] | None = None) -> Page:
    """The report of the made-up release, or of a changed one."""
    chosen = make_rows() if rows is None else rows
    return Page(render_report(make_plan(), chosen, make_facts() if facts is None else facts))


def changed(column: str, value: str, position: int = 1) -> list[Row]:
    """The made-up rows with one value exchanged."""
    rows = make_rows()
    rows[position] = {**rows[position], column: value}
    return rows


def truths(rows: list[Row], factor: float) -> dict[tuple[str, str, str], float]:
    """A value for each cell, off the release by a factor; withheld cells get 0.04."""
    return {
        (row["table"], row["statistic"], row["keys"]): factor * float(row["estimate"] or 0.04)
        for row in rows
    }


def test_the_page_is_whole_html_with_landmarks_and_one_title() -> None:
    """A reader with a screen reader, or a browser that repairs nothing, sees all of it."""
    page = report()

    assert page.named("html")[0]["lang"] == "en-GB"
    for name in ("title", "h1", "main", "header", "nav", "footer"):
        # every chart has a title of its own, named by an id; the page's has none
        assert len([one for one in page.named(name) if "id" not in one or name == "main"]) == 1
    anchors = {str(link["href"]).removeprefix("#") for link in page.named("a")}
    ids = [str(attributes["id"]) for _, attributes in page.tags if "id" in attributes]
    assert anchors <= set(ids)
    assert len(ids) == len(set(ids))
    assert {"content", "answer", "protection", "caveats", "checking", "provenance"} <= anchors


@pytest.mark.parametrize("kind", ["report", "truth"])
def test_a_page_can_run_and_load_nothing(kind: str) -> None:
    """It is opened by strangers, and its policy must hold the style sheet that it has."""
    plan, rows = make_plan(), make_rows()
    made = (
        render_report(plan, rows, make_facts())
        if kind == "report"
        else render_truth(plan, rows, truths(rows, 1.1), truths(rows, 0.9))
    )
    page = Page(made)

    policy = next(m["content"] for m in page.named("meta") if "http-equiv" in m)
    style = made.decode().partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy
    for name, attributes in page.tags:
        assert name not in {"script", "link", "img", "iframe", "object", "base", "form", "image"}
        assert not {"src", "style", "xlink:href", "srcset"} & attributes.keys()
        assert not any(key.startswith("on") for key in attributes)
        assert str(attributes.get("href", "#")).startswith("#")
    assert "url(" not in style
    assert "@import" not in style


def test_every_chart_has_a_title_a_description_and_a_table() -> None:
    """Whoever cannot see a chart gets the same numbers."""
    page = report()

    charts = [svg for svg in page.named("svg") if svg.get("role") == "img"]
    ids = {attributes.get("id") for _, attributes in page.tags}
    # one panel each for four tables, four months' lines, four outcomes
    assert len(charts) == 4 + 4 + 4
    for chart in charts:
        assert set(str(chart["aria-labelledby"]).split()) <= ids
    order = [name for name, _ in page.tags if name in {"figure", "table"}]
    after = [second for first, second in pairwise(order) if first == "figure"]
    assert after == ["table"] * 6
    # what a chart prints beside its marks stands in the tables too
    values = {text for text in page.within("text") if re.fullmatch(r"\d+\.\d %", text)}
    assert len(values) > 20
    assert values <= set(page.within("strong"))


@pytest.mark.parametrize(
    ("column", "value", "before", "after"),
    [
        ("estimate", "0.2541", "25.2 %", "25.4 %"),
        ("low", "0.2302", "23.9 to 26.5 %", "23.0 to 26.5 %"),
        ("high", "0.2777", "23.9 to 26.5 %", "23.9 to 27.8 %"),
        ("accounts_at_least", "1234", "1,097", "1,234"),
        ("se_noise", "0.9", "sampling (94 %)", "privacy noise (100 %)"),
        ("threshold", "71.25", "56.9 accounts", "56.9 to 71.2 (it depends on the cell) accounts"),
    ],
)
def test_numbers_come_from_the_rows(column: str, value: str, before: str, after: str) -> None:
    """Nothing on the page is known beforehand: another row, another page."""
    # row 1 is work_mode=build: .252, and 1.96·sqrt(.00170² + .00647²) = .0131 around it
    assert before in report().text
    assert after not in report().text
    assert after in report(changed(column, value)).text


def test_numbers_come_from_the_plan_and_the_facts() -> None:
    """What protects people is the plan's word, and provenance is the run's."""
    plan, rows, facts = make_plan(), make_rows(), make_facts()
    privacy = replace(
        plan.privacy, epsilon=3.0, delta=1e-6, contribution="5", minimum_accounts=37, beta=0.0005
    )
    other = Page(render_report(replace(plan, privacy=privacy), rows, {**facts, "tier": "T2"})).text
    first = report().text

    # e² = 7.389 and e³ = 20.086, rounded up; 1 − β as per cent
    for old, new in (
        ("ε = 2, δ = 10⁻⁷", "ε = 3, δ = 10⁻⁶"),
        ("7.4 times", "20.1 times"),
        ("one in 10,000,000", "one in 1,000,000"),
        ("k = 1", "k = 5"),
        ("At least 20 accounts", "At least 37 accounts"),
        ("at least 99.9 %", "at least 99.95 %"),
        ("T1: ", "T2: "),
        (plan.hash, replace(plan, privacy=privacy).hash),
    ):
        assert old in first
        assert new not in first
        assert new in other
    for fact in ("approved by its author", "SHA256:mB4o", "same-user", "retention days 365"):
        assert fact in first
        assert fact not in report(facts={}).text


def test_a_withheld_cell_shows_its_state_and_no_number() -> None:
    """Even if a row wrongly carries numbers beside `suppressed`, none reaches the page."""
    rows = make_rows()
    leaking = {
        **rows[1],
        "state": "suppressed",
        "estimate": "0.87654",
        "accounts_at_least": "31337",
    }
    rows[1] = leaking
    page = render_report(make_plan(), rows, {}).decode()
    clean = make_rows()
    clean[1] = suppressed(clean[1])

    assert page == render_report(make_plan(), clean, {}).decode()
    assert "87.7" not in page
    assert "31,337" not in page
    assert page.count("too few people") > report().text.count("too few people")
    rows[1] = {**leaking, "state": "published"}
    assert "87.7" in render_report(make_plan(), rows, {}).decode()  # the numbers could be seen


def test_not_computed_is_not_too_few() -> None:
    """A reader must not take a missing computation for a small group."""
    rows = [{**suppressed(row), "state": "not_computed"} for row in make_rows()]
    page = report(rows)

    assert "Not computed." in page.text
    assert "too few people" not in page.text


def test_a_release_of_nothing_says_so_and_prints_no_result() -> None:
    """The commonest release of a small team: it must neither look broken nor leak."""
    page = report([suppressed(row) for row in make_rows()])

    assert "Too few people." in page.within("p")
    assert "Nothing of what was asked is printed" in page.text
    assert not page.named("svg")
    assert len(page.within("td")) > len(make_rows())
    cells = [words for words in page.within("td") if words == "too few people"]
    assert len(cells) == len(make_rows())
    assert not re.search(r"\d %", page.text.replace("99.9 %", "")), "an estimate"
    assert "interval" not in page.text
    assert re.search(r"\d %", report().text.replace("99.9 %", ""))


def test_hostile_words_stay_words() -> None:
    """Titles and names are written by people; facts come from files."""
    plan, rows = make_plan(), make_rows()
    study = replace(plan.study, name=HOSTILE, purpose=HOSTILE, authors=(HOSTILE,))
    tables = tuple(replace(t, title=HOSTILE, base=HOSTILE, unit=HOSTILE) for t in plan.tables)
    rater = replace(plan.rater, name=HOSTILE, model=HOSTILE, endpoint=HOSTILE)
    hostile = replace(plan, study=study, tables=tables, rater=rater)
    rows = [{**row, "keys": row["keys"].replace("=", f"={HOSTILE}")} for row in rows]
    facts: dict[str, object] = {
        "watermarks": [HOSTILE],
        "signer": HOSTILE,
        "floor": {HOSTILE: [HOSTILE, {"a": HOSTILE}]},
        "approvals": [{"name": HOSTILE, "fingerprint": HOSTILE, "time": HOSTILE}],
        HOSTILE: HOSTILE,
    }
    for made in (
        render_report(hostile, rows, facts),
        render_truth(hostile, rows, truths(rows, 1.0), {}),
    ):
        page = Page(made)
        assert {"script", "img"}.isdisjoint(name for name, _ in page.tags)
        assert "<script>alert(1)</script>" in page.text
        assert "\u202e" not in made.decode()
        assert "\x00" not in made.decode()


def test_the_builder_refuses_what_could_run() -> None:
    """The policy is the second line; the first is that such markup cannot be built."""
    assert markup.write(markup.tag("a", "<b>", href="#x")) == '<a href="#x">&lt;b&gt;</a>'
    for name, attributes in (
        ("script", {}),
        ("p", {"onclick": "x"}),
        ("p", {"style": "x"}),
        ("a", {"href": "javascript:x"}),
        ("a", {"href": "https://example.org"}),
    ):
        with pytest.raises(ValueError, match="page"):
            markup.tag(name, **attributes)


@pytest.mark.parametrize(
    ("column", "value"),
    [("estimate", ""), ("low", "nan"), ("high", "twelve"), ("table", "no_such_table")],
)
def test_rows_that_are_not_the_release_are_refused(column: str, value: str) -> None:
    """A page must never drop a row or invent a number; nor repeat what it could not read."""
    with pytest.raises(ConfigurationError) as refusal:
        report(changed(column, value))

    assert refusal.value.code == "TABLES_UNREADABLE"
    assert not value or value not in str(refusal.value)


def test_the_summary_says_only_what_the_intervals_bear() -> None:
    """A journalist reads this paragraph first."""
    rows = make_rows()
    text = report(rows).text

    assert "Of 69 numbers asked for" in text
    # fix .259 (.246 to .272) and build .252 (.239 to .265) overlap
    assert "the largest shares are fix 25.9 % (24.6 to 27.2 %)" in text
    assert "the first two are too close to call" in text
    apart = report(
        [
            {**r, "estimate": "0.4", "low": "0.38", "high": "0.42"}
            if r["keys"] == "work_mode=fix"
            else r
            for r in rows
        ]
    )
    assert "too close to call" not in apart.text
    # fix falls from .33 to .19 over the months, and the intervals are apart
    assert re.search(r"fix fell from 3\d\.\d % in Oct 2025 to 1\d\.\d % in Apr 2026", text)
    # software .302 (.279 to .325) and other .261 (.236 to .286) overlap
    assert "the intervals overlap, so a difference is not established" in text


def test_caveats_follow_the_release() -> None:
    """Limits are stated where they hold, and only there."""
    plan, rows = make_plan(), make_rows()
    text = report(rows).text

    assert "fidelity is low" in text
    assert "They do not cover labels that are wrong" in text
    # 61 of 69 rows are printed; 5 % of 61 are 3.05, to two digits
    assert "There are 61 intervals of 95 % each" in text
    assert re.search(r"about 3(\.1)? of them miss", text)
    assert "who could have looked" in text
    validated = replace(plan, rater=replace(plan.rater, fidelity="validated", endpoint="api.test"))
    measured = [{**row, "se_classifier": "0.01" if row["estimate"] else ""} for row in rows]
    other = Page(render_report(validated, measured, {"custody": "separate"})).text
    for gone in ("fidelity is low", "They do not cover", "who could have looked", "sent nowhere"):
        assert gone not in other
    assert "no person's" not in other
    assert "went from the sealed worker to the model behind api.test" in other
    assert "where interactive is yes, and of no others" in text


def test_a_page_says_what_the_rater_was_shown() -> None:
    """Labels of a first turn are none of the session, and a reader cannot tell by looking."""
    plan, rows = make_plan(), make_rows()
    part = replace(plan, rater=replace(plan.rater, view="first_turn"))
    told, whole = (Page(render_report(each, rows, {})).text for each in (part, plan))
    assert f"was shown a part of each session, {SHOWN['first_turn']}." in told
    assert "a part of each session" not in whole
    assert SHOWN["first_turn"] in told.split("shown to the rater", 1)[-1]
    assert SHOWN["full"] in whole.split("shown to the rater", 1)[-1]


def test_a_rater_of_low_fidelity_is_quoted_with_whose_labels_it_was_held_against() -> None:
    """Its figures stand in one file, and go with the version that was measured alone."""
    told = figures()
    rows = {row["instrument"]: row for row in told["instruments"]}
    plan, text = make_plan(), report().text
    assert plan.rater == OFFLINE
    for name in QUOTED:
        row = rows[name]
        shown = f"{row['kappa']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        assert f"{name.replace('_', ' ')} {shown}" in text
    assert "no person's" in text
    assert "labels by a language model" in text
    assert quoted(OFFLINE) is not None
    assert quoted(replace(OFFLINE, version="0")) is None
    assert quoted(CLAUDE) is None


def test_a_chart_that_is_cut_out_keeps_its_watermarks() -> None:
    """A picture of one chart travels without the page around it."""
    marks = report().within("span")

    assert marks == ["approved by its author · synthetic data · rater of low fidelity"] * 6
    banners = [div for div in report().named("div") if div.get("role") == "note"]
    assert len(banners) == 1
    assert not [div for div in report(facts={}).named("div") if div.get("role") == "note"]


def test_same_input_same_bytes() -> None:
    """The bundle's sums cover the page: it holds no clock and no chance."""
    assert render_report(make_plan(), make_rows(), make_facts()) == render_report(
        make_plan(), make_rows(), make_facts()
    )


def test_truth_parts_rater_error_from_noise() -> None:
    """The two add up to what a reader sees, and each is blamed on its own source."""
    plan, rows = make_plan(), make_rows()
    labelled, planted = truths(rows, 1.0), truths(rows, 1.0)
    build = ("work_modes", "share", "work_mode=build")
    # released .252; labels .240; planted .270: rater −3.0 points, noise +1.2 points
    labelled[build], planted[build] = 0.240, 0.270
    text = Page(render_truth(plan, rows, labelled, planted)).text

    assert "build 27.0 % 24.0 % 25.2 % −3.0 pp +1.2 pp" in re.sub(r"\s+", " ", text)
    assert ONLY_SYNTHETIC in text
    assert "8 of 8 numbers" in text
    labelled[build] = 0.2  # outside 23.9 to 26.5 %
    assert "7 of 8 numbers" in Page(render_truth(plan, rows, labelled, planted)).text


def test_truth_bears_what_is_missing() -> None:
    """Withheld cells and unknown truths are said, not drawn as zero."""
    plan: Plan = make_plan()
    rows = make_rows()
    everything = dict.fromkeys(truths(rows, 1.0), nan)
    page = Page(render_truth(plan, rows, everything, {}))
    nothing = Page(render_truth(plan, [suppressed(row) for row in rows], truths(rows, 1.0), {}))

    assert "nothing to compare" in page.text
    assert "nan" not in page.text.lower()
    assert not [one for one in page.named("circle") if one["class"] == "ring"]
    assert "too few people" in nothing.text
    assert not [one for one in nothing.named("circle") if one["class"] == "dot"]
    assert [one for one in nothing.named("circle") if one["class"] == "ring"]


def keep(rows: list[Row], *kept: str) -> list[Row]:
    """The rows with all withheld but those whose keys are named."""
    return [row if row["keys"] in kept else suppressed(row) for row in rows]


def test_a_table_of_which_little_is_left_claims_little() -> None:
    """With one number there is nothing to compare; with two months apart there is no line."""
    rows = make_rows()
    one = report(keep(rows, "work_mode=fix"))
    assert "fix 25.9 % (24.6 to 27.2 %); the rest is not printed" in one.text

    lonely = [f"month={month}; work_mode=fix" for month in ("2025-10", "2025-12")]
    months = report(keep(rows, *lonely))
    assert not months.named("polyline")
    assert len([c for c in months.named("circle") if c["class"] == "dot"]) == 2
    assert "no change between the first and the last month" in months.text
    assert report(rows).named("polyline")

    unlike = ("expertise=expert; outcome=succeeded", "expertise=beginner; outcome=partial")
    assert "no two numbers that could be compared" in report(keep(rows, *unlike)).text


def test_steps_are_called_steps_only_in_order() -> None:
    """`Higher at every step` is a claim about all levels, and about an ordinal instrument."""
    wanted = {f"expertise={level}": i for i, level in enumerate(EXPERTISE)}

    def with_rates(rates: tuple[float, ...]) -> str:
        rows = []
        for row in make_rows():
            if row["table"] == "verified_by_expertise":
                p = rates[wanted[row["keys"]]]
                row |= {"estimate": f"{p}", "low": f"{p - 0.01}", "high": f"{p + 0.01}"}
            rows.append(row)
        return report(rows).text

    # neighbours are .05 apart with intervals of ±.01: all differ
    assert "novice 10.0 % (9.0 to 11.0 %) to expert 30.0 %" in with_rates(
        (0.1, 0.15, 0.2, 0.25, 0.3)
    )
    assert "higher at every step." in with_rates((0.1, 0.15, 0.2, 0.25, 0.3))
    assert "lower at every step." in with_rates((0.3, 0.25, 0.2, 0.15, 0.1))
    assert "at every step." not in with_rates((0.1, 0.2, 0.15, 0.25, 0.3))


def test_a_release_without_rows_or_of_other_keys() -> None:
    """An empty release is a page that says so; rows of mixed keys are no table."""
    empty = report([])
    assert "The release holds no rows." in empty.text
    assert "This table was not computed." in empty.text
    whole = Page(render_report(make_plan(), [{**make_rows()[0], "keys": ""}], {}))
    assert "all sessions" in whole.text
    with pytest.raises(ConfigurationError, match="different keys"):
        report(changed("keys", "month=2025-10; work_mode=fix"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (wording.number(-0.004, 2), "0.00"),
        (wording.number(-1234.5, 1), "−1,234.5"),
        (wording.significant(0.0742), "0.0742"),
        (wording.significant(2.0), "2"),
        (wording.significant(2.5e-9), "2.5·10⁻⁹"),
        (wording.significant(0.0), "0"),
        (wording.label_of("2026-04"), f"Apr{wording.SPACE}2026"),
        (wording.label_of("2026-13"), "2026-13"),
        (wording.label_of("11", "occupation"), "Management"),
        (wording.label_of("no_goal", "outcome"), "no goal"),
        (wording.listed(["a", "b", "c"]), "a, b and c"),
        (wording.between(wording.percent, 0.12, 0.171), "12.0 to 17.1 %"),
    ],
)
def test_wording(said: str, expected: str) -> None:
    """Numbers and names are read by people, and by programs that search for them."""
    assert said.replace(wording.SPACE, " ") == expected.replace(wording.SPACE, " ")


def test_text_is_plain_alone_and_among_others() -> None:
    """A line of plain ASCII is passed at once; of every character the answer is the same."""
    for code in (*range(0x300), *range(0x2000, 0x2070)):
        alone = markup.plain(chr(code))
        assert markup.plain(f"é{chr(code)}") == f"é{alone}"
        hidden = code in {*range(9), *range(11, 32), *range(127, 160)}
        assert (alone == "\N{REPLACEMENT CHARACTER}") == (
            hidden or chr(code) in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        )
