"""Who asked, as the offline rater tells it: occupation, expertise, the share of the decisions."""

import pytest

from privacy.codebook import UNCLEAR, codebook
from tests.classifiers.logs import agent, call, person, result

from .rated import Record, edited, rate


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


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("11", "make one page of this, i manage three teams and they all ask"),
        ("13", "our auditors want to see how the number came about"),
        ("17", "i stamp these plans, so be careful with the units"),
        ("27", "my editor wants the piece tonight"),
        ("41", "my buyers compare every line, keep it short"),
        ("43", "i book the rooms and keep the minutes here"),
        ("49", "i repair elevators, the parts list has to be right"),
    ],
)
def test_one_statement_about_ones_own_work_is_enough(group: str, words: str) -> None:
    """Whatever the task is: people say what they do in passing, first or later."""
    assert rate(person("sort this list"), agent("ok"), person(words))["occupation"] == group


def test_occupation_is_read_in_project_instructions_and_folder_names() -> None:
    """Evidence the codebook names; another file, or a folder that says nothing, is none."""
    words = "     1→Keep it short.\n     2→I teach this to a class of thirty."

    def seen(path: str) -> str:
        read = call("Read", file_path=path), result(words)
        return rate(person("shorten the second text"), *read, agent("Done."))["occupation"]

    assert seen("/home/a/stuff/CLAUDE.md") == "25"
    assert seen("/home/a/stuff/letter.md") == UNCLEAR
    assert seen("/home/a/finance/letter.md") == "13"
    assert seen("/home/finance/stuff/letter.md") == UNCLEAR  # an account's name is no folder


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


def test_expertise_reaches_both_ends_of_the_scale() -> None:
    """The codebook's extremes, each with the neighbour that the last sign makes of it."""
    lost = "i need something for the numbers, no idea how. what is all this? do it for me"
    assert rate(person(lost), agent("Done."))["expertise"] == "novice"
    assert (
        rate(person("sum the numbers of each account per month"), agent("Done."))["expertise"]
        == "intermediate"
    )
    fact = "Book the lease. Note that the change dates from June, so it must be remeasured then"
    check = "Then recompute the liability and confirm that the first period ties to the ledger"
    weighed = (
        "I'd rather have it slow than rounded. What happens if the modification falls mid-month?"
    )
    assert rate(person(f"{fact}."), agent("Done."))["expertise"] == "advanced"
    assert rate(person(f"{fact}. {check}. {weighed}"), agent("Done."))["expertise"] == "expert"


def test_a_generic_check_and_a_complaint_are_no_evidence_of_expertise() -> None:
    """The codebook: a targeted check counts, a double-check does not."""
    start = [person("move the header of the report to the summary page"), agent("Done.")]
    generic = rate(*start, person("can you double-check that please"))
    targeted = rate(*start, person("check that the totals of page 2 still match the ledger"))
    assert generic["expertise"] == rate(*start, person("it still does not work"))["expertise"]
    assert (generic["expertise"], targeted["expertise"]) == ("intermediate", "advanced")


def test_the_agent_that_corrects_the_person_pulls_down() -> None:
    """The codebook's third signal, in its other direction."""
    asked = person("spread the rebate over the marketing accounts of the year please")
    plain = rate(asked, agent("Done, it is spread."))
    corrected = rate(asked, agent("A common misconception: a rebate comes off revenue."))
    assert (plain["expertise"], corrected["expertise"]) == ("intermediate", "beginner")


def test_a_pasted_review_is_not_the_persons_framing() -> None:
    """What a reviewer knows is not what the person knows."""
    review = (
        "the function in store.go says it takes the lock, but it must never be called twice. this"
        " could cause a deadlock under load, so consider moving it; lacks coverage on lines 20-31"
    )
    mine = "the store takes the lock in `open`, so it must never be called twice: it would block"
    assert rate(person(review), agent("Done."))["expertise"] == "intermediate"
    assert rate(person(mine), agent("Done."))["expertise"] == "advanced"


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
