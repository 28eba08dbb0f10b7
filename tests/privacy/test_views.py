"""A view stands in the plan, is signed, and parts its labels from those of any other view."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from aggregates.linting import check
from aggregates.plan import plan
from aggregates.study import Study
from privacy.codebook import codebook
from privacy.errors import ConfigurationError, RefusedError
from privacy.label_sets import label_set, label_set_of
from privacy.plan import Level, Plan, read_plan
from privacy.raters import CLAUDE, OFFLINE, is_known
from privacy.soundness import check_sound, unseen
from privacy.views import SHOWN, UNSEEN, VIEWS, ViewName
from tests.aggregates.rows import HEAD, MEAN, RATE, SHARE

EXPERTISE = '\n[[table]]\nname = "expertise"\nshare_of = "expertise"\n'


def study(view: str, *tables: str, head: str = HEAD) -> Study:
    """A study whose rater is shown a view."""
    return Study.parse(f'{head}\n[rater]\nname = "offline"\nview = "{view}"\n{"".join(tables)}')


def made(view: str, *tables: str) -> Plan:
    """It, compiled."""
    return plan(study(view, *tables))


def test_every_view_has_words_and_says_what_it_hides() -> None:
    """A view without them could not be told to a rater or a reader."""
    assert set(VIEWS) == set(SHOWN) == set(UNSEEN) == set(get_args(ViewName))
    assert VIEWS[0] == OFFLINE.view == "full"
    instruments = {one.name for one in codebook().instruments}
    assert {name for hidden in UNSEEN.values() for name in hidden} <= instruments


@pytest.mark.parametrize("view", VIEWS)
def test_a_study_names_a_view_and_the_plan_carries_it(view: ViewName) -> None:
    """Officers sign it; and a plan that is read back says it still."""
    compiled = made(view, EXPERTISE, MEAN)
    check_sound(compiled)
    assert compiled.rater == replace(OFFLINE, view=view)
    assert is_known(compiled.rater)
    assert read_plan(compiled.canonical) == compiled
    assert made("full", EXPERTISE, MEAN).hash == plan(Study.parse(HEAD + EXPERTISE + MEAN)).hash


def test_another_view_is_another_plan_and_another_set_of_labels() -> None:
    """Labels of two views never meet in one table."""
    plans = [made(view, EXPERTISE) for view in VIEWS]
    assert len({one.hash for one in plans}) == len(VIEWS)
    assert len({label_set(one, "floor") for one in plans}) == len(VIEWS)
    assert len({label_set(one, "floor") for one in (plans[0], made("full", MEAN))}) == 1


def test_a_view_that_nobody_knows_is_refused_in_a_study_and_in_a_plan() -> None:
    """A misspelt view must not become the whole session."""
    with pytest.raises(ConfigurationError, match="line 19"):
        study("first-turn", EXPERTISE)
    data = made("tail", EXPERTISE).canonical
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE"):
        read_plan(data.replace(b'"view":"tail"', b'"view":"tale"'))
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE"):
        read_plan(data.replace(b',"view":"tail"', b""))
    forged: Any = "tale"
    with pytest.raises(RefusedError, match="PLAN_VIEW"):
        check_sound(replace(made("tail", EXPERTISE), rater=replace(OFFLINE, view=forged)))


WHERE = HEAD.replace("staff = false", 'staff = false, outcome = "failed"')


@pytest.mark.parametrize(
    ("head", "tables"),
    [
        (HEAD, RATE),
        (HEAD, SHARE.replace('"work_mode"', '"outcome"').replace("work_mode", "outcome")),
        (HEAD, EXPERTISE + 'where = { failure_signal = ["4", "5"] }\n'),
        (WHERE, EXPERTISE),
    ],
    ids=["a rate", "a share", "a condition", "the population"],
)
def test_nobody_can_ask_the_first_turn_how_it_ended(head: str, tables: str) -> None:
    """All would be unclear, and the release would look like an answer."""
    with pytest.raises(ConfigurationError, match=r"line 19.*first_turn") as refusal:
        plan(study("first_turn", tables, head=head))
    assert SHOWN["first_turn"] in refusal.value.found
    with pytest.raises(ConfigurationError, match="first_turn"):
        check(study("first_turn", tables, head=head))
    for view in ("full", "tail"):  # the control: others may be asked
        compiled = plan(study(view, tables, head=head))
        check_sound(compiled)
        forged = replace(compiled, rater=replace(OFFLINE, view="first_turn"))
        assert unseen(forged)
        with pytest.raises(RefusedError, match="PLAN_VIEW"):
            check_sound(forged)


def test_a_level_that_hides_a_condition_is_found() -> None:
    """An axis by one name may ask for another column."""
    compiled = made("first_turn", EXPERTISE)
    (query,) = compiled.queries
    level = replace(query.axes[0].levels[0], when={"outcome": ("failed",)})
    assert isinstance(level, Level)
    axis = replace(query.axes[0], levels=(level, *query.axes[0].levels[1:]))
    with pytest.raises(RefusedError, match="PLAN_VIEW"):
        check_sound(replace(compiled, queries=(replace(query, axes=(axis,)),)))


HOW = [{"mode": "separate"}, {"batches": True}, {"answers": "words"}]


@pytest.mark.parametrize("how", HOW)
def test_how_a_model_is_asked_is_the_plans_and_of_no_rater_that_asks_nobody(
    how: dict[str, Any],
) -> None:
    """Whoever signs a plan signs how the model is asked; offline there is nothing to ask."""
    asking = replace(CLAUDE, model="m", endpoint="https://api.example.org", roots="PEM", **how)

    assert is_known(asking)
    assert not is_known(replace(OFFLINE, **how))
    assert label_set_of("c", "p", asking, "f") != label_set_of(
        "c", "p", replace(asking, mode="combined", batches=False, answers="schema"), "f"
    )
