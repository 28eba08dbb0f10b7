"""
The same four tables by us, by OpenDP's Polars planner, and without privacy, at equal loss.

400,000 sessions of 235,000 accounts, ρ = .024355 (ε = 1 at δ = 10⁻⁶), a quarter for each table.
Each runs cold in a process of its own, and all in one run: wall clock, and processor time, which
tells more on a busy machine.  Peers are found in the Python that
CLERESTORY_PEERS names, or in this one; those that are not installed are null.  Errors are medians
of a table's relative errors against what the table would be without noise; for the counts against
all sessions, since dropping rows is part of the error.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from aggregates.exact import unsafe_exact_tables
from aggregates.plan import plan
from aggregates.worker import unsafe_release_unsealed
from aggregates.workload import reprice
from benchmarks.four_tables import four_tables
from benchmarks.measuring import WORKERS, Laps, laps, load, tell
from benchmarks.population import ACCOUNTS, SESSIONS, Rows, buckets_of, skewed_rows
from privacy.codebook import Codebook, codebook
from privacy.labels import PSEUDONYM_BYTES, SESSION_KEY_BYTES
from privacy.plan import Plan
from privacy.sealing import KeyPair, run_info, seal

RHO, RUNS, BUCKETS = Fraction(24_355, 10**6), 3, 4
TABLES = ("work", "actions", "words", "verified")
Told = Mapping[str, Mapping[str, object]]


def quarters(made: Plan) -> Plan:
    """The plan with a quarter of the loss for each table, divided within it as it was."""
    queries = []
    for name in TABLES:
        own = [query for query in made.queries if query.name.startswith(f"{name}.")]
        whole = sum((Fraction(query.rho) for query in own), start=Fraction(0))
        queries += [reprice(query, RHO / 4 * Fraction(query.rho) / whole) for query in own]
    return replace(made, queries=(*queries,), privacy=replace(made.privacy, rho=str(RHO)))


def ours(made: Plan, rows: Rows) -> Laps:
    """What a cold worker over sealed buckets takes; median of some runs."""
    pair, info = KeyPair.generate(), run_info(made.hash)
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "plan.json").write_bytes(made.canonical)
        (folder / "key").write_bytes(pair.secret)
        for number, bucket in enumerate(buckets_of(rows, BUCKETS)):
            sealed = seal(bucket, {"bucket": str(number)}, public=pair.public, info=info)
            (folder / f"{number:06}.sealed").write_bytes(sealed.encode())
        return laps(lambda: _run(sys.executable, "benchmarks.scale", "--child", place), RUNS)


def errors(
    rows: Sequence[Mapping[str, object]],
    exact: Mapping[tuple[str, str, str], float],
    counts: Mapping[str, int],
) -> dict[str, float]:
    """Median relative error of each of our tables."""
    found: dict[str, list[float]] = {name: [] for name in TABLES}
    for row in rows:
        if row["state"] == "published" and row["statistic"] != "grand_total":
            name, keys = str(row["table"]), str(row["keys"])
            right = counts[keys] if name == "work" else exact[name, str(row["statistic"]), keys]
            found[name].append(abs(float(str(row["estimate"])) - right) / right)
    return {name: median(values) for name, values in found.items()}


def peer(python: str, name: str, data: Path) -> tuple[Laps | None, Told | None]:
    """What a peer takes, and its results; or nothing where it is not installed."""
    out = data.parent / f"{name}.json"
    times = RUNS if name.startswith("floor") else 1
    try:
        taken = laps(lambda: _run(python, f"benchmarks.peer.{name}", str(data), str(out)), times)
    except subprocess.CalledProcessError:
        return None, None
    told: Told = json.loads(out.read_text(encoding="utf-8"))
    return taken, told


def main() -> None:
    """Measure and tell."""
    book, python = codebook(), os.environ.get("CLERESTORY_PEERS", sys.executable)
    rows = skewed_rows(ACCOUNTS, SESSIONS, book, seed=20260101)
    made = quarters(plan(four_tables(), accounts=ACCOUNTS, sessions=SESSIONS))
    buckets = buckets_of(rows, BUCKETS)
    columns = decoded(rows, book)
    counts = {
        f"month={m}; work_mode={w}": int(n)
        for (m, w), n in zip(*_counted(columns["month"], columns["work_mode"]), strict=True)
    }
    exact = unsafe_exact_tables(made, buckets, book)
    own = [errors(unsafe_release_unsealed(made, buckets), exact, counts) for _ in range(RUNS)]
    with TemporaryDirectory() as place:
        data = Path(place) / "data.parquet"
        written = _parquet(python, columns, data)
        floor, truth = peer(python, "floor_duckdb", data) if written else (None, None)
        planner, theirs = peer(python, "opendp_polars", data) if written else (None, None)
    taken = ours(made, rows)
    own_error = {name: median(run[name] for run in own) for name in TABLES}
    peer_error = {
        name: _distance(theirs[name], truth[name]) if theirs and truth else None for name in TABLES
    }
    tell(
        "peers",
        sessions=SESSIONS,
        ours_wall_s=taken.wall_s,
        ours_cpu_s=taken.cpu_s,
        opendp_polars_wall_s=planner.wall_s if planner else None,
        opendp_polars_cpu_s=planner.cpu_s if planner else None,
        duckdb_floor_wall_s=floor.wall_s if floor else None,
        duckdb_floor_cpu_s=floor.cpu_s if floor else None,
        ours_error=own_error,
        opendp_polars_error=peer_error,
        error_ratio={
            name: own_error[name] / error if error else None for name, error in peer_error.items()
        },
        ratio=planner.wall_s / taken.wall_s if planner else None,
        load=load(),
    )


def decoded(rows: Rows, book: Codebook) -> dict[str, np.ndarray]:
    """The columns that peers read, as words and numbers."""
    names = [field.name for field in book.fields]
    found: dict[str, np.ndarray] = {}
    for name in ("month", "work_mode", "expertise", "occupation", "outcome", "success_signal"):
        labels = np.array(book.field(name).labels)
        found[name] = labels[rows[:, SESSION_KEY_BYTES + names.index(name)]]
    judged = np.isin(found.pop("outcome"), ["succeeded", "partial", "failed"])
    succeeded = rows[:, SESSION_KEY_BYTES + names.index("outcome")] == book.field("outcome").index(
        "succeeded"
    )
    hard = np.isin(found.pop("success_signal"), ["4", "5"])
    found |= {"judged": judged.astype(np.int32), "ok": (succeeded & hard).astype(np.int32)}
    for number, measure in enumerate(book.measures):
        if measure.name in ("actions_per_prompt", "words_per_prompt"):
            at = SESSION_KEY_BYTES + len(names) + 2 * number
            stored = rows[:, at].astype(np.int64) * 256 + rows[:, at + 1]
            found[measure.name.partition("_")[0]] = measure.floor * np.exp(stored / 1000)
    top = np.ascontiguousarray(rows[:, -PSEUDONYM_BYTES:-8]).view(">u8")[:, 0]
    found["account"] = np.unique(top, return_inverse=True)[1].astype(np.int64)
    return found


def _counted(months: np.ndarray, modes: np.ndarray) -> tuple[list[tuple[str, str]], np.ndarray]:
    keys, counts = np.unique(np.char.add(np.char.add(months, "|"), modes), return_counts=True)
    return [(key.partition("|")[0], key.partition("|")[2]) for key in keys.tolist()], counts


def _distance(found: Mapping[str, object], truth: Mapping[str, object]) -> float:
    pairs = [
        (np.atleast_1d(np.array(found[key], float)), np.atleast_1d(np.array(value, float)))
        for key, value in truth.items()
        if key in found
    ]
    apart = [abs(one - other) / other for one, other in pairs]
    return float(np.median(np.concatenate(apart)))


def _parquet(python: str, columns: Mapping[str, np.ndarray], data: Path) -> bool:
    """Write what peers read, by a peer's own library; false where there is none."""
    np.savez(data.with_suffix(".npz"), allow_pickle=False, **columns)
    program = (
        "import sys, numpy, pyarrow, pyarrow.parquet as p\n"
        "d = numpy.load(sys.argv[1])\n"
        "p.write_table(pyarrow.table({n: d[n] for n in d}), sys.argv[2])"
    )
    command = [python, "-c", program, str(data.with_suffix(".npz")), str(data)]
    return not subprocess.run(command, check=False, capture_output=True).returncode


def _run(python: str, module: str, *arguments: str) -> None:
    command = [python, "-m", module, *arguments]
    root = Path(__file__).parents[1]
    own = WORKERS if module.endswith("scale") else {}
    subprocess.run(command, check=True, cwd=root, capture_output=True, env={**os.environ, **own})


if __name__ == "__main__":
    main()
