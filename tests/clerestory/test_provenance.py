"""The page's part about runs: what a statement tells, called what it is, and nothing executed."""

from clerestory.pages.markup import tag, write
from clerestory.pages.provenance import provenance
from tests.support.first_look import make_plan

RUNS = [
    {
        "run": "classify",
        "isolation": "T2",
        "probes": "51, none open",
        "model": "none",
        "code": "ab",
    },
    {
        "run": "aggregate",
        "isolation": "T1",
        "probes": "49, none open",
        "model": "<b>",
        "code": "cd",
    },
]


def page(**facts: object) -> str:
    """That part of the page, as text."""
    return write(tag("div", provenance(make_plan(), [], facts)))


def test_every_run_has_its_row() -> None:
    """With tier and probes, on the host and with the packages that are told of."""
    text = page(runs=RUNS, host="kernel 6.18", mounted={"classify": "cffi 2.1.1"})
    for told in ("classify", "T2", "51, none open", "T1", "kernel 6.18", "mounted into classify"):
        assert told in text
    assert "audit record" in text
    assert "attest" not in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text


def test_a_node_is_named_where_it_worked() -> None:
    """Who reads a figure reads which machines saw its labels; alone, a keeper names none."""
    assert "machine" not in page(runs=RUNS)
    text = page(runs=[{**RUNS[0], "machine": "SHA256:east"}, {**RUNS[1], "machine": ""}])
    assert "SHA256:east" in text
    assert "machine" in text


def test_nothing_is_said_of_runs_that_are_not_told() -> None:
    """A page of a rehearsal has none."""
    empties: tuple[object, ...] = (None, [], "runs")
    for nothing in empties:
        assert "audit record" not in page(runs=nothing)
