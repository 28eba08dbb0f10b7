"""Agreement with a second reading, through the real kernel."""

import re
from dataclasses import replace
from fractions import Fraction

import pytest

from aggregates import worker
from aggregates.exact import unsafe_exact_tables
from aggregates.forecast import in_months
from aggregates.plan import plan
from aggregates.rereading import FLIPPED, reread
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.errors import ConfigurationError
from privacy.label_sets import label_sets
from privacy.measurements import rho_of
from privacy.sealing import KeyPair, run_info, seal
from privacy.second import joined, widened
from privacy.tasks import Task
from tests.aggregates.rows import (
    AGAIN,
    AGREEMENT_AGAIN,
    BOOK,
    HEAD,
    SHARE,
    bucket,
    record,
    small_plan,
)
from tests.support.world import ROOT

CODEBASES = SHARE.replace("modes", "bases").replace("work_mode", "codebase")
MADE = small_plan(AGAIN, AGREEMENT_AGAIN, CODEBASES)
WIDE = widened(BOOK, MADE.readings)
LABELS = BOOK.field("codebase").labels


def test_a_repetition_agrees_wholly_and_a_contradiction_not_at_all() -> None:
    """
    κ = 1 where each label is said again, over the sessions read again alone.

    Where each of five equally frequent labels becomes the next, nothing agrees, and chance would
    give 1/5: κ = (0 - 1/5)/(1 - 1/5) = -1/4.
    """
    first = bucket(record(n, {"codebase": LABELS[n % 5]}) for n in range(100))
    turned = bucket(record(n, {"codebase": LABELS[(n + 1) % 5]}) for n in range(100))
    width = len(first) // 100
    half = b"".join(first[n * width : (n + 1) * width] for n in range(0, 100, 2))
    told = [
        unsafe_exact_tables(MADE, [joined(first, [again], BOOK)], WIDE)
        for again in (first, half, turned)
    ]
    kappas = [one["stable", "kappa", ""] for one in told]
    assert kappas == pytest.approx([1.0, 1.0, -0.25], abs=1e-6)
    assert [one["stable", "exact", ""] for one in told] == pytest.approx([1, 1, 0], abs=1e-6)
    share = {f"codebase={label}": 0.2 for label in LABELS}
    for one in told:  # the sample of one table is not the base of another
        found = {keys: n for (table, _, keys), n in one.items() if table == "bases"}
        assert found == pytest.approx(share, abs=1e-6)


def test_a_session_that_was_not_read_again_is_out_of_the_query() -> None:
    """No second label at all leaves nothing to tell, and never a level of its own."""
    first = bucket(record(n, {"codebase": LABELS[n % 5]}) for n in range(100))
    told = unsafe_exact_tables(MADE, [joined(first, [b""], BOOK)], WIDE)
    assert not [key for key in told if key[0] == "stable"]
    assert [key for key in told if key[0] == "bases"]


def test_the_planted_kappa_lies_in_the_released_interval() -> None:
    """
    A label drawn anew with chance f among m: exact = 1 - f·(1 - 1/m), by chance (1-f)·Σp² + f/m.

    The interval is of 1.96 deviations at least; ± 3.1 of its half-widths is six: chance < 2e-9.
    """
    months = MADE.population.months
    twin = in_months(draw(6_000, 10_000, seed=None, codebook=BOOK), months)
    again = reread(twin, MADE.readings, seed=None)
    exact = unsafe_exact_tables(MADE, again.buckets(3), WIDE)
    squares = sum(n * n for (table, _, _), n in exact.items() if table == "bases")
    m = len(LABELS)
    agreed, chance = 1 - FLIPPED * (1 - 1 / m), (1 - FLIPPED) * squares + FLIPPED / m
    planted = (agreed - chance) / (1 - chance)
    released = unsafe_release_unsealed(MADE, again.buckets(3))
    (row,) = (r for r in released if (r["table"], r["statistic"]) == ("stable", "kappa"))
    assert row["state"] == "published"
    low, high, value = (row[name] for name in ("low", "high", "estimate"))
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert isinstance(value, float)
    half = (high - low) / 2
    assert 0 < half < 0.2
    assert abs(value - planted) < 3.1 * half


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (AGAIN.replace("1/2", "0"), "a share of '0'"),
        (AGAIN.replace("1/2", "3/2"), "a share of '3/2'"),
        (AGAIN + AGAIN, "a second reading with the name 'again'"),
        (AGAIN + 'mode = "separate"\n', "mode of the rater offline"),
        ("", "the unknown field 'again.codebase'"),
    ],
)
def test_a_study_names_the_line_of_a_reading_that_is_none(text: str, found: str) -> None:
    """What is asked for and cannot be had is said before anybody signs it."""
    with pytest.raises(ConfigurationError, match=re.escape(found)):
        plan(Study.parse(HEAD + text + AGREEMENT_AGAIN))


def test_ordered_labels_have_all_statistics_by_group() -> None:
    """A second reading of an ordered instrument is ordered, and may be told of by group."""
    table = """
[[table]]
name = "skill"
agreement_of = ["expertise", "again.expertise"]
by = ["surface"]
leave_out = { expertise = ["unclear"], "again.expertise" = ["unclear"] }
"""
    made = small_plan(AGAIN, table)
    kinds = {one.kind for one in made.tables}
    assert kinds == {"kappa", "weighted_kappa", "exact", "adjacent"}
    assert made.tables[0].by == ("surface",)
    assert Fraction(made.readings[0].share) == Fraction(1, 2)
    assert replace(made, readings=()).hash != made.hash


def test_the_second_reading_that_the_docs_offer_fits_the_reproduction() -> None:
    """What stands there takes the row's place, within the same budget; and it compiles."""
    page = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    (offered,) = re.findall(r"```toml\n(\[\[reading\]\]\n.*?)```", page, re.DOTALL)
    text = (ROOT / "studies" / "claude-code-expertise.toml").read_text(encoding="utf-8")
    row = re.compile(r'\[\[table\]\]\nname = "retest"\n.*?not_computed = ".*?"\n', re.DOTALL)
    whole, replaced = row.subn(lambda _: offered, text)
    assert replaced == 1
    study = Study.parse(whole)
    spent = sum(Fraction(str(table.rho)) for table in study.tables if not table.not_computed)
    allowed = rho_of(study.budget.epsilon, study.budget.delta)
    assert spent <= allowed
    assert spent + 14 * Fraction("0.0003") > allowed  # the control: fifteen of them would not
    made = plan(Study.parse(text.partition("[[table]]")[0] + offered))
    assert [table.kind for table in made.tables] == ["kappa", "exact"]


class Frames:
    """A channel without an other side: frames that are there, and the answer."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames, self.sent = frames, b""

    def receive(self, limit: int) -> bytes:
        """The next frame."""
        return self.frames.pop(0)[:limit]

    def send(self, frame: bytes, /) -> None:
        """Keep the answer."""
        self.sent = frame


def test_a_worker_joins_only_what_belongs_together() -> None:
    """Second labels of another bucket, or without the first, or twice, are damage; halves none."""
    worker.prepare(MADE.canonical)
    first, again = label_sets(MADE, "")
    pair, info = KeyPair.generate(), run_info(MADE.hash)

    def answer(*frames: bytes) -> bytes:
        channel = Frames([*frames, b""])
        worker.run(channel, pair)
        return channel.sent

    def blob(name: str, number: str) -> bytes:
        header = {"bucket": number, "set": name}
        rows = bucket([record(1 + int(number), {})])
        return seal(rows, header, public=pair.public, info=info).encode()

    assert b'"rows"' in answer(blob(again, "0"), blob(first, "0"), blob(first, "1"))[:8]
    for wrong in (
        [blob(again, "1"), blob(first, "0")],
        [blob(first, "0"), blob(again, "0")],
        [blob(again, "0"), blob(again, "0"), blob(first, "0")],
        [blob("of another plan", "0"), blob(first, "0")],
        [blob(again, "0"), blob("of another plan", "0")],
    ):
        assert answer(*wrong) == worker.CODES["BUCKET_BROKEN"]
    half = Task(recipient=pair.public).encode()
    assert answer(half, blob(first, "0")) == worker.CODES["TASK_UNREADABLE"]
