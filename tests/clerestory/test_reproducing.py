"""The published study on a synthetic vault: run, verified, scored; and refused elsewhere."""

import csv
import json
from pathlib import Path

import pytest

from aggregates.planted import planted
from clerestory.reproducing import population_of
from tests.support.world import World, clerestory, must

ACCOUNTS, SESSIONS = 12_000, 20_400


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a vault of planted labels, reproduced once."""
    folder = tmp_path_factory.mktemp("reproduced")
    must(
        *("synthesize", folder / "vault", "--labels-only", "--seed", "11"),
        *("--accounts", str(ACCOUNTS), "--sessions", str(SESSIONS)),
    )
    told = must("reproduce", folder / "vault", "--json")
    (folder / "told.json").write_text(told, encoding="utf-8")
    return folder


def told(folder: Path) -> dict[str, int]:
    """What `--json` said."""
    found: dict[str, int] = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    return found


def test_a_scorecard_comes_out(reproduced: Path) -> None:
    """Plan, bundle, page and table; the interface's figures, which sum up."""
    out, figures = reproduced / "vault-reproduction", told(reproduced)

    assert {path.name for path in out.iterdir()} == {
        "plan.json", "bundle", "scorecard.csv", "scorecard.html",
    }  # fmt: skip
    assert 0 < figures["inside"] <= figures["published"] <= figures["cells"]
    verdicts = [figures[name] for name in ("reproduced", "not_reproduced", "cannot_tell")]
    assert sum(verdicts) == figures["claims"]
    assert figures["reproduced"] > 20
    must("verify", out / "bundle", "--trust", out / "bundle" / "keeper.pub")


def test_the_page_is_honest(reproduced: Path) -> None:
    """It says what it cannot show, runs nothing, and loads nothing."""
    page = (reproduced / "vault-reproduction" / "scorecard.html").read_text(encoding="utf-8")

    assert "exists only because the data are synthetic" in page
    assert "contains them trivially" in page
    assert "not reproduced" in page
    assert "<script" not in page
    assert "src=" not in page


def test_weights_change_something_that_only_the_scorecard_knows(reproduced: Path) -> None:
    """The session-weighted difference stands in its column, and in no file of the bundle."""
    out = reproduced / "vault-reproduction"
    with (out / "scorecard.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["part"] == "cell"]
    known = [float(line["session_weighted_difference"] or 0) for line in lines]

    assert any(value != 0 for value in known)
    assert not any("session_weighted" in path.read_text() for path in out.glob("bundle/*.csv"))


def test_who_asks_again_gets_the_stored_bundle(reproduced: Path) -> None:
    """The loss is spent once: another folder, the same bytes, the same score."""
    again = reproduced / "again"
    figures = json.loads(must("reproduce", reproduced / "vault", "--out", again, "--json"))
    first = reproduced / "vault-reproduction"

    assert (again / "bundle" / "SHA256SUMS").read_bytes() == (
        first / "bundle" / "SHA256SUMS"
    ).read_bytes()
    assert (again / "scorecard.csv").read_bytes() == (first / "scorecard.csv").read_bytes()
    assert figures["inside"] == told(reproduced)["inside"]


def test_a_folder_that_holds_something_is_left_alone(reproduced: Path) -> None:
    """Nothing is overwritten, and nothing is asked of the keeper."""
    done = clerestory("reproduce", reproduced / "vault")

    assert done.returncode == 2
    assert "FOLDER_NOT_EMPTY" in done.stderr


def test_real_sessions_have_no_scorecard(tmp_path: Path) -> None:
    """Without a planted truth there is nothing to hold a release against."""
    must("init", tmp_path / "vault", "--single-person", "--tier", "T0")
    done = clerestory("reproduce", tmp_path / "vault")

    assert done.returncode == 3
    assert "REPRODUCTION_IS_SYNTHETIC" in done.stderr
    assert not (tmp_path / "vault-reproduction").exists()


def test_a_vault_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    """A typed refusal, not a trace."""
    done = clerestory("reproduce", tmp_path / "nothing", "--json")

    assert done.returncode == 2
    assert json.loads(done.stderr.splitlines()[-1])["code"]


def test_a_population_of_unknown_size_is_refused(classified: World) -> None:
    """Synthetic sessions are no planted labels: how many there are stands nowhere."""
    done = clerestory(
        *("reproduce", classified.vault, "--state", classified.state),
        *("--out", classified.folder / "reproduction"),
    )

    assert done.returncode == 2
    assert "POPULATION_UNKNOWN" in done.stderr
    assert not (classified.folder / "reproduction").exists()


def test_another_keepers_state_is_noticed_before_anything_is_charged(classified: World) -> None:
    """Without the running keeper's folder the labels could not be looked at afterwards."""
    before = len(classified.entries())
    out = classified.folder / "reproduction"
    done = clerestory("reproduce", classified.vault, "--out", out)

    assert done.returncode == 2
    assert "STATE_UNKNOWN" in done.stderr
    assert len(classified.entries()) == before


def test_the_size_stands_beside_the_vault(reproduced: Path) -> None:
    """With the planted parameters, as `synthesize` wrote them."""
    assert population_of(reproduced / "vault") == (ACCOUNTS, SESSIONS)
    text = (reproduced / "vault-truth.csv").read_text(encoding="utf-8")
    assert repr(planted().verified_success) in text
