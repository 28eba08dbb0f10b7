"""Second readings of files: the same again, another view, another model, and what they may cost."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from classifiers.agreement import places
from clerestory.agreeing import agreements, apart
from clerestory.devstub import Asked, Reply, authority
from clerestory.devstub.answers import drawn
from clerestory.readers import Readings, second_of
from clerestory.synthetic import write_sessions
from clerestory.validation import Rated, against, rate
from privacy.codebook import Instrument, codebook
from privacy.errors import ConfigurationError, IncompleteError
from privacy.raters import CLAUDE, OFFLINE
from tests.classifiers.logs import agent, log, person
from tests.support.asking import study
from tests.support.messages import API_KEY, MessagesServer, message, serving
from tests.support.world import clerestory

ONE, OTHER = "model-one", "model-other"
FLIPPED = 0.3
"""Part of the other model's answers that it draws anew, question by question."""
FILES = 120
PRICES = "price_input = 10\nprice_output = 10\n"


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions with planted labels, of many accounts."""
    folder = tmp_path_factory.mktemp("synthetic")
    write_sessions(folder, accounts=30, sessions=60, seed=5)
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short sessions, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("plain")
    for number in range(FILES):
        (folder / f"{number:03}").mkdir()
        text = log(person(f"please fix crash {number}"), agent("Done."))
        (folder / f"{number:03}" / "session.jsonl").write_bytes(text)
    return folder


def read(folder: Path, readings: Readings, labels: Path | None = None) -> list[Rated]:
    """What each reading found."""
    return rate(folder, labels, readings, lambda _task, _share: None)


def kappas(rated: Rated) -> dict[str, float | None]:
    """κ by instrument."""
    return {row["instrument"]: row["kappa"] for row in agreements(rated)["instruments"]}


def two_models(salt: str, flipped: float) -> Callable[[Asked], Reply]:
    """
    Models that answer each question by a hash of the text, the other one now and then by another.

    An answer that is drawn anew is independent of the first and has the same, uniform, law.
    """

    def answer(asked: Asked) -> Reply:
        first: dict[str, Any] = json.loads(drawn(asked.body, seed=1))
        anew: dict[str, Any] = json.loads(drawn(asked.body, seed=2))
        # The text without its fence, whose letters are random: the session's own number.
        number = asked.text.split("fix crash ")[1].split()[0]

        def flips(name: str) -> bool:
            told = f"{salt} {number} {name}".encode()
            return int.from_bytes(sha256(told).digest()[:8]) < flipped * 2**64

        other = {name: anew[name] if flips(name) else first[name] for name in first}
        said = first if asked.body["model"] == ONE else other
        return message(asked, json.dumps(said))

    return answer


def few(plain: Path, folder: Path) -> Path:
    """A dozen of the sessions."""
    (folder / "few").mkdir()
    for number in range(12):
        text = (plain / f"{number:03}" / "session.jsonl").read_bytes()
        (folder / "few" / f"{number}.jsonl").write_bytes(text)
    return folder / "few"


@contextmanager
def asked(
    folder: Path, answering: Callable[[Asked], Reply], more: str = "", against: str = ""
) -> Iterator[tuple[MessagesServer, Readings]]:
    """A server over TLS, and readings by a study that names it."""
    ours = authority()
    with serving(ours.sign(), answering) as server:
        (folder / "roots.pem").write_text(ours.roots, encoding="ascii")
        (folder / "study.toml").write_text(study(server.url, ONE, more=more), encoding="utf-8")
        yield server, Readings.of("", folder / "study.toml", against, API_KEY.encode())


def test_the_offline_rater_agrees_with_itself_wholly(synthetic: Path) -> None:
    """Test and retest of a rater without chance: κ is 1 wherever there is anything to agree on."""
    both = against(*read(synthetic, Readings(OFFLINE, second_of(OFFLINE, "again"))))
    found = kappas(both)
    assert {name for name, kappa in found.items() if kappa is not None} >= {"work_mode", "outcome"}
    assert {kappa for kappa in found.values() if kappa is not None} == {1.0}
    assert all(right == given for right, given in both.pairs)


def test_another_view_agrees_less_and_is_not_held_to_what_it_hides(synthetic: Path) -> None:
    """The control: the comparison can tell; what a view hides is not counted as disagreement."""
    labels = synthetic / "truth.csv"
    first, second = read(synthetic, Readings(OFFLINE, second_of(OFFLINE, "first_turn")), labels)
    both = against(first, second)
    assert (len(first.pairs), len(both.pairs)) == (60, 60)
    found = kappas(both)
    assert not {"outcome", "success_signal", "failure_signal"} & set(found)
    assert found["work_mode"] is not None
    assert found["work_mode"] < 1
    # Each is held against the right labels, too, and the second to its own.
    assert {right["work_mode"] for right, _ in second.pairs} <= set(
        codebook().field("work_mode").labels
    )
    assert [found for _, found in second.pairs] == [found for _, found in both.pairs]


def _planted(instrument: Instrument) -> float:
    """
    κ of the two models, derived.

    A label that is drawn anew with chance f is as good as chance: κ = 1 - f.  Of an ordered
    instrument only pairs on the scale count.  With u the part of labels off it, a kept answer is on
    it with 1 - u, two that were drawn apart with (1 - u)²; so among pairs that count the part
    drawn anew is f(1 - u) / ((1 - f) + f(1 - u)).
    """
    off = 0.0
    if instrument.kind != "nominal":
        off = 1 - len(places(instrument)) / len(instrument.labels)
    return 1 - FLIPPED * (1 - off) / ((1 - FLIPPED) + FLIPPED * (1 - off))


def test_two_models_agree_as_far_as_was_planted(plain: Path, tmp_path: Path) -> None:
    """
    Through the server: the planted κ lies in the intervals, another one does not.

    Questions are flipped independently, so misses are.  Of 770 such intervals (120 sessions, by
    drawing anew) 5.8 % missed what was planted, so at most 8 %: seven or more of eleven do by
    chance with C(11, 7) · .08⁷ = 7e-6.  Half of that κ was missed by 98.3 %: fewer than seven of
    eleven with C(11, 5) · .017⁵ = 7e-7.
    """
    with asked(tmp_path, two_models(token_hex(8), FLIPPED), against=f"model={OTHER}") as (
        server,
        readings,
    ):
        both = against(*read(plain, readings))
        assert {one.body["model"] for one in server.asked} == {ONE, OTHER}
        assert len(server.asked) == 2 * FILES
        assert {one.headers["Authorization"] for one in server.asked} == {f"Bearer {API_KEY}"}
    rows = {row["instrument"]: row for row in agreements(both)["instruments"]}
    instruments = [one for one in codebook().instruments if one.name in rows]
    assert len(instruments) == 11

    def missed(factor: float) -> int:
        ends = ((_planted(one) * factor, rows[one.name]) for one in instruments)
        return sum(not row["low"] <= kappa <= row["high"] for kappa, row in ends)

    assert missed(1.0) < 7
    assert missed(0.5) >= 7


def test_a_model_that_always_says_the_same_agrees_with_itself(plain: Path, tmp_path: Path) -> None:
    """The same reading again: each file is asked about twice, and nothing differs."""
    answering = two_models("", 0.0)
    with asked(tmp_path, answering, against="again") as (server, readings):
        both = against(*read(few(plain, tmp_path), readings))
        assert len(server.asked) == 2 * 12
    assert {kappa for kappa in kappas(both).values() if kappa is not None} == {1.0}


def test_separate_calls_are_a_mode_that_can_be_compared(plain: Path, tmp_path: Path) -> None:
    """One call for each instrument, against one for all of them."""
    with asked(tmp_path, two_models("", 0.0), against="separate") as (server, readings):
        rated = read(few(plain, tmp_path), readings)
        assert len(server.asked) == 12 * (1 + len(codebook().instruments))
    assert [one.rater.mode for one in rated] == ["combined", "separate"]
    assert set(kappas(against(*rated))) == {one.name for one in codebook().instruments}


def test_a_cap_holds_for_both_readings_together(plain: Path, tmp_path: Path) -> None:
    """
    A second reading spends what the first has left; with room for all, nothing stops.

    Three quarters of what both take are more than one reading takes with its last call's worst case
    (a call's bytes and 4,096 tokens, some four times what it takes; of twelve a third): the first
    ends, the second does not.  Were the cap each reading's own, both would.
    """
    folder, taken = few(plain, tmp_path), list[int]()

    def answer(asked: Asked) -> Reply:
        reply = two_models("", 0.0)(asked)
        usage = json.loads(reply.body)["usage"]
        taken.append(sum(number for name, number in usage.items() if name.endswith("tokens")))
        return reply

    with asked(tmp_path, answer, f"{PRICES}dollars = 400\n", "again") as (_, readings):
        read(folder, readings)
    assert len(taken) == 24
    cap = 0.75 * sum(taken) * 10 / 1_000_000
    taken.clear()
    with asked(tmp_path, answer, f"{PRICES}dollars = {cap:.4f}\n", "again") as (_, readings):
        with pytest.raises(IncompleteError, match="ENDPOINT_SPENT"):
            read(folder, readings)
        assert 12 <= len(taken) < 24


def test_groups_are_of_the_first_readings_labels_and_of_what_is_counted(synthetic: Path) -> None:
    """Error by group: every session is in one group of each table, and names must be known."""
    (rated,) = read(synthetic, Readings(OFFLINE), synthetic / "truth.csv")
    rows = apart(rated, ["length_band"])
    mode = [row for row in rows if row["instrument"] == "work_mode"]
    assert sum(row["n"] for row in mode) == 60
    assert len(mode) > 1
    whole = next(r for r in agreements(rated)["instruments"] if r["instrument"] == "work_mode")
    exact = sum(row["exact"] * row["n"] for row in mode)
    assert exact == pytest.approx(whole["exact"] * 60)
    assert not any(row["instrument"] == "expertise" for row in apart(rated, ["expertise"]))
    with pytest.raises(ConfigurationError, match="VALIDATION_INPUT"):
        apart(rated, ["lenght_band"])


@pytest.mark.parametrize("what", ["full", "separate", "model=m", "first-turn", "model="])
def test_what_cannot_differ_is_refused(what: str) -> None:
    """A misspelt view, the view that it is, and what only a rater that asks can have."""
    with pytest.raises(ConfigurationError, match="VALIDATION_INPUT"):
        second_of(OFFLINE, what)
    assert second_of(OFFLINE, "tail").view == "tail"
    assert second_of(CLAUDE, "separate").mode == "separate"
    assert second_of(CLAUDE, "model=m").model == "m"


def test_a_key_goes_with_a_rater_that_asks_and_only_there(tmp_path: Path) -> None:
    """Neither a rater without its key nor a key for nobody; nor two raters at once."""
    with asked(tmp_path, two_models("", 0.0)) as (server, _):
        path = tmp_path / "study.toml"
        for rater, named, key in (("", path, b""), ("", None, b"k"), ("offline", path, b"k")):
            with pytest.raises(ConfigurationError, match="VALIDATION_INPUT"):
                Readings.of(rater, named, "", key)
        assert not server.asked


def test_the_command_says_where_text_went(plain: Path, tmp_path: Path) -> None:
    """A rater that asks, through the command: its key is said nowhere, its endpoint is."""
    key, folder = tmp_path / "key", few(plain, tmp_path)
    key.write_text(f"{API_KEY}\n", encoding="ascii")
    with asked(tmp_path, two_models("", 0.0)) as (server, _):
        study = ("--study", tmp_path / "study.toml", "--api-key-file", key)
        done = clerestory("validate", "--sessions", folder, *study, "--against", f"model={OTHER}")
        assert done.returncode == 0, done.stderr
        for model in (ONE, OTHER):
            assert f"their text went to {server.url}, for {model}" in done.stdout
        assert API_KEY not in done.stdout + done.stderr


def test_the_command_tells_both_readings(synthetic: Path) -> None:
    """In words and as data: the second against the first, against one's labels, and by group."""
    words = ("validate", "--sessions", synthetic, "--labels", synthetic / "truth.csv")
    more = ("--against", "tail", "--by", "wrote_code")
    told = json.loads(clerestory(*words, *more, "--json").stdout)
    assert told["against"]["what"] == "tail"
    assert told["against"]["read"] == told["against"]["labels"]["read"] == 60
    assert {row["group"]["wrote_code"] for row in told["by"]} == {"yes", "no"}
    done = clerestory(*words, *more, "--mistakes")
    assert done.returncode == 0, done.stderr
    for shown in ("first label, and the second", "second reading against your", "by group"):
        assert shown in done.stdout
    done = clerestory("validate", "--sessions", synthetic / "logs", "--against", "again", "--json")
    assert json.loads(done.stdout)["against"]["read"] == 60
