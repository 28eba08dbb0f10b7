"""
How far 63 totals are from the truth: clipped by account, against rows dropped beyond three.

Both at ρ = .0060888, a quarter of ε = 1 at δ = 10⁻⁶, on the skewed population.  Dropping all but
three sessions of an account is what other libraries offer; the best number to keep is shown as an
oracle would choose it, who has seen the data.
"""

from fractions import Fraction
from statistics import median

import numpy as np
from numpy.typing import NDArray

from aggregates.kernel import accounts
from aggregates.plan import plan
from aggregates.study import Study
from aggregates.worker import unsafe_release_unsealed
from benchmarks.measuring import tell
from benchmarks.population import ACCOUNTS, MODES, MONTHS, SESSIONS, buckets_of, skewed_rows
from privacy.codebook import codebook
from privacy.labels import SESSION_KEY_BYTES
from privacy.measurements import add_noise, epsilon_of, sigma_for

RHO = Fraction(24_355, 4 * 10**6)
RUNS, KEPT = 30, (1, 2, 3, 5, 8, 12, 20)
CELLS = len(MONTHS) * len(MODES)


def study(rho: Fraction) -> Study:
    """The 63 totals for a loss."""
    months = f'"{MONTHS[0]}", "{MONTHS[-1]}"'
    return Study.parse(f"""
[study]
name = "totals"
purpose = "Clipping against dropping rows"
authors = ["researcher@example.org"]

[population]
months = [{months}]

[privacy]
epsilon = {epsilon_of(rho, 1e-6)}
delta = 1e-6
minimum_accounts = 20

[[table]]
name = "work"
total_of = "work_mode"
by = ["month"]
leave_out = {{ work_mode = ["unclear"] }}
""")


def main() -> None:
    """Measure and tell."""
    book = codebook()
    rows = skewed_rows(ACCOUNTS, SESSIONS, book, seed=20260101)
    made = plan(study(RHO), accounts=ACCOUNTS, sessions=SESSIONS)
    names = [field.name for field in book.fields]
    labels = {
        name: rows[:, SESSION_KEY_BYTES + names.index(name)] for name in ("month", "work_mode")
    }
    cell = np.zeros(len(rows), np.intp)
    keys: list[str] = []
    for month in MONTHS:
        for mode in MODES:
            held = labels["month"] == book.field("month").index(month)
            held &= labels["work_mode"] == book.field("work_mode").index(mode)
            cell[held] = len(keys)
            keys.append(f"month={month}; work_mode={mode}")
    truth = dict(zip(keys, np.bincount(cell, minlength=CELLS).tolist(), strict=True))
    ours, inside, published, bounds = [], 0, 0, set()
    buckets = buckets_of(rows, 16)
    for _ in range(RUNS):
        for row in unsafe_release_unsealed(made, buckets):
            if row["statistic"] == "total" and row["state"] == "published":
                value, low, high = (float(str(row[c])) for c in ("estimate", "low", "high"))
                right = truth[str(row["keys"])]
                ours.append(abs(value - right) / right)
                published, inside = published + 1, inside + (low <= right <= high)
                bounds.add(str(row["k"]))
    dropped = {kept: _dropped(rows, cell, kept, [*truth.values()]) for kept in KEPT}
    best = min(dropped, key=lambda kept: dropped[kept])
    tell(
        "totals",
        sessions=SESSIONS,
        cells=CELLS,
        published=published / RUNS / CELLS,
        ours_error=median(ours),
        inside=inside / published,
        bounds=", ".join(sorted(bounds, key=int)),
        three_rows_error=dropped[3],
        best_rows_error=dropped[best],
        best_rows=best,
        ratio=median(ours) / dropped[3],
    )


def _dropped(rows: NDArray[np.uint8], cell: NDArray[np.intp], kept: int, truth: list[int]) -> float:
    """Median error of a cell where each account keeps so many of its sessions, chosen at random."""
    who, rng = accounts(rows), np.random.default_rng()
    errors: list[float] = []
    for _ in range(RUNS):
        order = np.lexsort([rng.random(len(who)), who])
        first = np.searchsorted(who, who)  # sorted by account: where each one begins
        sums = np.bincount(cell[order[np.arange(len(who)) - first < kept]], minlength=CELLS)
        sigma = sigma_for(kept, RHO)
        noisy = add_noise(sums.tolist(), size=CELLS, sensitivity=kept, sigma=sigma, charge=RHO)
        errors += [abs(a - b) / b for a, b in zip(noisy, truth, strict=True)]
    return median(errors)


if __name__ == "__main__":
    main()
