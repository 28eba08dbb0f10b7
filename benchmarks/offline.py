"""
How good the offline rater is, and how its weights were chosen: leave one repository out.

Agreement with the reference labels comes first, on all sessions and for each repository, with the
goals beside it whatever it is.  Then the weights of the work mode's sources of evidence are chosen
anew without each repository in turn, how strongly to hold on to equal weights included, and
that repository is labelled with them.  What no choosing within a loop can undo: the cues were
written by somebody who had read these sessions.

`./run bench offline write` renews what reports quote.
"""

import csv
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import tell
from classifiers.agreement import Pair, agreement, interval
from classifiers.formats import read_session
from classifiers.raters.offline import judge
from classifiers.raters.offline.evidence import gather
from classifiers.raters.offline.work import SOURCES, leading, mode_points
from clerestory.agreeing import agreements
from clerestory.fidelity import FIDELITY
from clerestory.readers import Readings
from clerestory.validation import rate, read_labels
from privacy.codebook import UNCLEAR, codebook
from privacy.raters import OFFLINE

GOALS = {"work_mode": 0.55, "success_signal": 0.5, "failure_signal": 0.4}
REQUIRED = {"work_mode": 0.45}
RECONSIDERED = ("planning_by_user", "execution_by_user", "expertise")
HOLDS = (3.0, 10.0, 30.0)
"""How strongly to hold on to equal weights: the candidates."""
PARTS = 4
"""Weights are rounded to quarters."""
WHOSE = (
    "labels by a language model that read each session; public sessions of four repositories of "
    "software engineers, on which the rules were developed"
)
Floats = np.ndarray[Any, np.dtype[Any]]


def shared(name: str, variable: str) -> Path:
    """Something that is not ours to ship: where the environment says, or beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get(variable, beside / name))


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and tell; with `write`, renew the figures that reports quote."""
    logs = shared("transcripts", "CLERESTORY_TRANSCRIPTS")
    labels = shared("gold/dev.csv", "CLERESTORY_GOLD")
    if not (logs.is_dir() and labels.is_file()):
        tell("offline", missing="set CLERESTORY_TRANSCRIPTS and CLERESTORY_GOLD")
        return
    figures = measure(logs, labels)
    for row in figures["instruments"]:
        print(_line(row))
    blind = figures["left_out"]
    for one in blind["each"]:
        print(
            f"work mode, {one['sessions']:>3} sessions by weights chosen without: κ {one['kappa']}"
        )
    print(f"weights chosen on all: {blind['chosen']}; in use: {SOURCES}")
    for row in trusted(logs, labels):
        print("sessions whose reading is trusted:", _line(row))
    tell("offline", work_mode_left_out=blind["kappa"], low=blind["low"], high=blind["high"])
    if "write" in arguments:
        FIDELITY.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")


def measure(logs: Path, labels: Path) -> dict[str, Any]:
    """All that is told, as the file that reports quote holds it."""
    told = agreements(rate(logs, labels, Readings(OFFLINE), lambda _task, _share: None)[0])
    kept = ("instrument", "kappa", "low", "high", "exact", "coverage", "n")
    return {
        "rater": OFFLINE.name,
        "version": OFFLINE.version,
        "whose": WHOSE,
        "sessions": told["read"],
        "repositories": told["groups"],
        "instruments": [{key: _short(row[key]) for key in kept} for row in told["instruments"]],
        "left_out": left_out(logs, labels),
    }


def trusted(logs: Path, labels: Path) -> Iterator[dict[str, Any]]:
    """
    Shares and expertise once more, where the readings trust themselves.

    The first reading came before the codebook said whose a plan is that an agent drafted: of a
    session that one was handed to, the second reading counts, and there may be none.
    """
    with labels.open(encoding="utf-8", newline="") as file:
        second = {row["path"]: row for row in csv.DictReader(file) if row.get("reading") == "2"}
    pairs: dict[str, dict[str, list[Pair]]] = {name: defaultdict(list) for name in RECONSIDERED}
    for path, (group, row) in read_labels(labels).items():
        seen = gather(read_session((logs / path).read_bytes()))
        right = second.get(path) if seen.handed else row
        if right is not None:
            for name in RECONSIDERED:
                pairs[name][group].append((right[name], judge(seen)[name]))
    for one in codebook().instruments:
        whole = [pair for told in pairs.get(one.name, {}).values() for pair in told]
        if found := agreement(one, whole):
            low, high = interval(one, pairs[one.name]) or (None, None)
            yield {**asdict(found), "low": low, "high": high}


def left_out(logs: Path, labels: Path) -> dict[str, Any]:
    """Agreement on work mode where each repository is labelled by weights chosen without it."""
    instrument = next(one for one in codebook().instruments if one.name == "work_mode")
    modes = [mode for mode in instrument.labels if mode != UNCLEAR]
    told, right, where = [], [], []
    for path, (group, row) in read_labels(labels).items():
        told.append(mode_points(gather(read_session((logs / path).read_bytes()))))
        right.append(row["work_mode"])
        where.append(group)
    x = np.array(
        [[[one.get(s, {}).get(mode, 0.0) for s in SOURCES] for mode in modes] for one in told]
    )
    y = np.array([modes.index(one) for one in right])
    groups = np.array(where)
    found = [UNCLEAR] * len(right)
    for group in sorted(set(where)):
        weights = choose(x[groups != group], y[groups != group], groups[groups != group])
        for i in np.flatnonzero(groups == group):
            found[i] = leading(told[i], dict(zip(SOURCES, weights.tolist(), strict=True)))
    by: dict[str, list[Pair]] = defaultdict(list)
    for one, other, group in zip(right, found, where, strict=True):
        by[group].append((one, other))
    whole = agreement(instrument, [pair for pairs in by.values() for pair in pairs])
    low, high = interval(instrument, by) or (None, None)
    each = {group: agreement(instrument, pairs) for group, pairs in by.items()}
    return {
        "kappa": _short(whole.kappa if whole else None),
        "low": _short(low),
        "high": _short(high),
        "each": [
            {"sessions": len(by[group]), "kappa": _short(one.kappa if one else None)}
            for group, one in sorted(each.items(), key=lambda item: -len(by[item[0]]))
        ],
        "chosen": dict(zip(SOURCES, choose(x, y, groups).tolist(), strict=True)),
        "sessions": len(right),
    }


def choose(x: Floats, y: Floats, groups: Floats) -> Floats:
    """
    Weights of the sources: as equal as the labels let them be, in quarters of the first.

    Args:
        x: Points by session, mode and source.
        y: The right mode of each session.
        groups: The repository of each.
    """

    def lost(hold: float) -> float:
        total = 0.0
        for group in sorted(set(groups.tolist())):
            within = groups != group
            total += _loss(x[~within], y[~within], _fit(x[within], y[within], hold))
        return total

    weights = _fit(x, y, min(HOLDS, key=lost))
    quarters: Floats = np.clip(np.round(PARTS * weights / weights[0]), 1, 2 * PARTS) / PARTS
    return quarters


def _fit(x: Floats, y: Floats, hold: float) -> Floats:
    """Weights of least loss, with `hold` times the squared distance from the best equal ones."""
    equal = _newton(x.sum(axis=2, keepdims=True), y, np.zeros(1), 1e-6)
    return _newton(x, y, np.full(x.shape[2], equal[0]), hold)


def _newton(x: Floats, y: Floats, centre: Floats, hold: float) -> Floats:
    """The minimum of a convex loss: each step is halved until it makes the loss less."""

    def whole(at: Floats) -> float:
        return _loss(x, y, at) + hold / 2 * float(((at - centre) ** 2).sum())

    weights = centre
    for _ in range(100):
        chances = _chances(x, weights)
        mean = np.einsum("nm,nmk->nk", chances, x)
        slope = (mean - x[np.arange(len(y)), y]).sum(axis=0) + hold * (weights - centre)
        bend = np.einsum("nm,nmk,nml->kl", chances, x, x) - mean.T @ mean
        step = np.linalg.solve(bend + hold * np.eye(len(weights)), slope)
        while whole(weights - step) > whole(weights) and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() <= 1e-9:
            break
    return weights


def _chances(x: Floats, weights: Floats) -> Floats:
    sums = x @ weights
    raised = np.exp(sums - sums.max(axis=1, keepdims=True))
    chances: Floats = raised / raised.sum(axis=1, keepdims=True)
    return chances


def _loss(x: Floats, y: Floats, weights: Floats) -> float:
    """Logarithmic loss: what a label surprises, summed."""
    return float(-np.log(_chances(x, weights)[np.arange(len(y)), y]).sum())


def _short(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value


def _line(row: Mapping[str, object]) -> str:
    def shown(value: object) -> str:
        return "    -" if value is None else f"{value:5.2f}"

    name = str(row["instrument"])
    aims = [f"goal {GOALS[name]:.2f}"] if name in GOALS else []
    aims += [f"required {REQUIRED[name]:.2f}"] if name in REQUIRED else []
    return (
        f"{name:<18} κ {shown(row['kappa'])} ({shown(row['low'])} to {shown(row['high'])})  "
        f"exact {shown(row['exact'])}  answered {shown(row['coverage'])}  n {row['n']}  "
        + ", ".join(aims)
    )
