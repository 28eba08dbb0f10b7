"""
What adjusted rates cost, and whether their intervals hold: Tables A1 and A2 on the synthetic twin.

First at the published size, the deviation of noise alone at ρ = .022: with the plan's own split
among 15 pairs, and with each pair an equal part of it.  Then many fresh populations of a tenth of
that size, released whole: how often the 95 % intervals hold the parameter of the law.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from aggregates.estimates.sample import fits, sample_of
from aggregates.kernel import partial
from aggregates.parameters import parameters
from aggregates.plan import plan
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from aggregates.workload import reprice
from benchmarks.measuring import tell
from privacy.codebook import Codebook, codebook
from privacy.measurements import epsilon_of
from privacy.plan import Plan, Table

RHO = Fraction(22, 1000)
ACCOUNTS, SESSIONS = 234_751, 398_198
DRAWS, POPULATIONS, PART = 60, 300, 10
TABLE = """
[[table]]
name = "{name}"
rate_of = "verified_success"
statistics = ["{statistic}"]
by = ["expertise"]
adjust_for = ["work_mode * task_value_tier", "month", "task_occupation", "occupation"]
columns = [{columns}]
leave_out = {{ expertise = ["unclear"], work_mode = ["unclear"] }}
"""


def study(rho: Fraction, minimum: int) -> Study:
    """A1 and A2 for a loss."""
    return Study.parse(f"""
[study]
name = "adjusted"
purpose = "Slopes and levels, all else equal"
authors = ["researcher@example.org"]

[population]
months = ["2025-10", "2026-04"]

[privacy]
epsilon = {epsilon_of(rho, 1e-7)}
delta = 1e-7
minimum_accounts = {minimum}
{TABLE.format(name="a1", statistic="slope", columns="0, 1, 2, 3, 4")}
{TABLE.format(name="a2", statistic="levels", columns="0, 4")}
""")


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and tell."""
    book, populations = codebook(), int(arguments[0]) if arguments else POPULATIONS
    made = plan(study(RHO, 50), accounts=ACCOUNTS, sessions=SESSIONS)
    twin = draw(ACCOUNTS, SESSIONS, seed=None, codebook=book)
    sums = {name: found.tolist() for name, found in partial(made, twin.rows, book).items()}
    equal = tuple(reprice(q, made.loss / len(made.queries)) for q in made.queries)
    own, naive = _noise(made, sums), _noise(replace(made, queries=equal), sums)
    tell(
        "adjusted",
        rho=float(made.loss),
        noise_novice=own["a2"][5],
        noise_expert=own["a2"][9],
        noise_slope=own["a1"][4],
        naive_novice=naive["a2"][5],
        naive_slope=naive["a1"][4],
        **_coverage(book, populations),
    )


def _noise(made: Plan, sums: Mapping[str, Sequence[int]]) -> dict[str, list[float]]:
    """Deviation of each number over draws of Gaussian noise; exact sums are drawn once."""
    rng, found = np.random.default_rng(), defaultdict[str, list[list[float]]](list)
    for _ in range(DRAWS):
        noisy = {
            q.name: (np.array(sums[q.name]) + rng.normal(0, q.sigma, q.size)).tolist()
            for q in made.queries
        }
        for table in made.tables:
            found[table.name].append(_values(made, table, noisy))
    return {name: np.std(draws, axis=0).tolist() for name, draws in found.items()}


def _values(made: Plan, table: Table, sums: Mapping[str, Sequence[int]]) -> list[float]:
    return [v for _, fit in fits(table, sample_of(made, table, sums)) for v in fit.values.tolist()]


def _coverage(book: Codebook, populations: int) -> dict[str, float]:
    accounts, sessions = ACCOUNTS // PART, SESSIONS // PART
    made = plan(study(RHO * PART, 20), accounts=accounts, sessions=sessions)
    truth = parameters(made, book)
    inside, bias = defaultdict[tuple[str, str, str], list[bool]](list), list[float]()
    for _ in range(populations):
        twin = draw(accounts, sessions, seed=None, codebook=book)
        for row in unsafe_release_unsealed(made, twin.buckets(2), book):
            if row["state"] == "published":
                place = str(row["table"]), str(row["statistic"]), str(row["keys"])
                low, value, high = (float(str(row[c])) for c in ("low", "estimate", "high"))
                inside[place].append(low <= truth[place] <= high)
                if place[2] == "controls=4; expertise=novice":
                    bias.append(value - truth[place])
    shares = [float(np.mean(held)) for held in inside.values()]
    return {
        "populations": populations,
        "accounts": accounts,
        "cells": len(shares),
        "cover_mean": float(np.mean(shares)),
        "cover_least": min(shares),
        "cover_most": max(shares),
        "bias_novice": float(np.mean(bias)) if bias else float("nan"),
        "deviation_novice": float(np.std(bias)) if bias else float("nan"),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
