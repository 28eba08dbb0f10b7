"""
A made-up release of the shape of a first-look study: six tables, some cells withheld.

The numbers are invented near the published margins so that pages can be looked at; they are no
result of anything.  Standard errors follow the sizes that the rows claim, so that intervals are
as wide as those of a release of a few thousand accounts.
"""

from math import exp, floor, log, sqrt

from privacy.codebook import codebook
from privacy.plan import (
    Axis,
    Binding,
    Forecast,
    Level,
    Plan,
    Population,
    Privacy,
    Query,
    Study,
    Table,
)
from privacy.raters import OFFLINE

ACCOUNTS = 4500
SIGMA = 9.0
"""Noise of every made-up cell, in accounts."""
Z, MINIMUM = 4.1, 20
EXPERTISE = ("novice", "beginner", "intermediate", "advanced", "expert")
MIX = (0.016, 0.205, 0.268, 0.408, 0.101)
MODES = {
    "plan": 0.068,
    "build": 0.252,
    "fix": 0.259,
    "understand": 0.071,
    "test": 0.021,
    "operate": 0.172,
    "analyze": 0.031,
    "orchestrate": 0.004,
    "communicate": 0.101,
}
MERGED = {
    "write and change": ("build", "test", "orchestrate"),
    "fix": ("fix",),
    "operate": ("operate",),
    "think and write": ("plan", "understand", "analyze", "communicate"),
}
MONTHS = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04")
DRIFT = {
    "write and change": (0.29, 0.27),
    "fix": (0.33, 0.19),
    "operate": (0.14, 0.21),
    "think and write": (0.24, 0.33),
}
OUTCOMES = {
    "succeeded": (0.36, 0.47, 0.56, 0.58, 0.64),
    "partial": (0.33, 0.36, 0.31, 0.30, 0.25),
    "failed": (0.19, 0.09, 0.06, 0.05, 0.05),
    "no_goal": (0.12, 0.08, 0.07, 0.07, 0.06),
}
VERIFIED = (0.145, 0.209, 0.283, 0.295, 0.329)
ACTIONS = (4.9, 6.4, 8.1, 9.9, 11.7)

Row = dict[str, str]


def make_plan() -> Plan:
    """A bound plan of six tables; its hashes are made up, the codebook's is this one's."""
    book = codebook()
    mode = Axis("work_mode", tuple(Level(m, {"work_mode": (m,)}) for m in MODES))
    merged = Axis("work_mode", tuple(Level(g, {"work_mode": of}) for g, of in MERGED.items()))
    month = Axis("month", tuple(Level(m, {"month": (m,)}) for m in MONTHS))
    expertise = Axis("expertise", tuple(Level(e, {"expertise": (e,)}) for e in EXPERTISE))
    outcome = Axis("outcome", tuple(Level(o, {"outcome": (o,)}) for o in OUTCOMES))
    software = Axis(
        "software_occupation",
        (Level("software", {"occupation": ("15",)}), Level("other", {"occupation": ("11", "13")})),
    )
    answers = Axis(
        "verified_success",
        (
            Level("yes", {"outcome": ("succeeded",), "success_signal": ("4", "5")}),
            Level("no", {"outcome": ("succeeded", "partial", "failed")}),
        ),
    )
    sessions, goal = "interactive sessions", "interactive sessions with a goal"
    queries = (
        _query("work_modes", mode),
        _query("work_modes_by_month", month, merged),
        _query("outcome_by_expertise", expertise, outcome),
        _query("verified_by_expertise", expertise, answers),
        _query("verified_by_occupation", software, answers),
        _query("actions_by_expertise", expertise),
    )
    tables = (
        Table(
            "work_modes", "Work modes", "share", ("work_mode",), "share", sessions, ("work_modes",)
        ),
        Table(
            "work_modes_by_month",
            "Work modes by month",
            "share",
            ("month", "work_mode"),
            "share",
            sessions,
            ("work_modes_by_month",),
        ),
        Table(
            "outcome_by_expertise",
            "Outcome by expertise",
            "share",
            ("expertise", "outcome"),
            "share",
            sessions,
            ("outcome_by_expertise",),
        ),
        Table(
            "verified_by_expertise",
            "Verified success by expertise",
            "rate",
            ("expertise",),
            "rate",
            goal,
            ("verified_by_expertise",),
        ),
        Table(
            "verified_by_occupation",
            "Verified success by software occupation",
            "rate",
            ("software_occupation",),
            "rate",
            goal,
            ("verified_by_occupation",),
        ),
        Table(
            "actions_by_expertise",
            "Actions per prompt by expertise",
            "geometric_mean",
            ("expertise",),
            "tool calls per prompt",
            sessions,
            ("actions_by_expertise",),
        ),
    )
    return Plan(
        study=Study(
            "first-look",
            "What people use a coding agent for, and whether their own expertise goes with success",
            ("researcher@example.org",),
        ),
        population=Population(MONTHS, {"interactive": ("yes",)}),
        privacy=Privacy(2.0, 1e-7, "37/500", "1", 2**20, MINIMUM, 0.001, 69, Z),
        rater=OFFLINE,
        queries=queries,
        tables=tables,
        forecast=Forecast(4500, 7600, 69, 60, (), {}, 31.4),
        codebook=book.hash,
        prompts=book.prompts_hash,
        binding=Binding("vault-7f3a", "f0" * 32, "90" * 32, "c0" * 32),
    )


def make_rows() -> list[Row]:
    """Rows of `tables.csv` for that plan, in the order of its cells."""
    rows = [share("work_modes", {"work_mode": m}, p, ACCOUNTS) for m, p in MODES.items()]
    for i, month in enumerate(MONTHS):
        base = ACCOUNTS * (0.09 + 0.015 * i)
        for group, (first, last) in DRIFT.items():
            p = first + (last - first) * i / 6 + 0.012 * ((7 * i + len(group)) % 5 - 2) / 2
            rows.append(share("work_modes_by_month", {"month": month, "work_mode": group}, p, base))
    for i, level in enumerate(EXPERTISE):
        for outcome, parts in OUTCOMES.items():
            keys = {"expertise": level, "outcome": outcome}
            rows.append(share("outcome_by_expertise", keys, parts[i], ACCOUNTS * MIX[i]))
    for i, level in enumerate(EXPERTISE):
        keys = {"expertise": level}
        rows.append(_rate("verified_by_expertise", keys, VERIFIED[i], 0.92 * ACCOUNTS * MIX[i]))
    for group, p, part in (("software", 0.302, 0.38), ("other", 0.261, 0.32)):
        keys = {"software_occupation": group}
        rows.append(_rate("verified_by_occupation", keys, p, ACCOUNTS * part))
    for i, level in enumerate(EXPERTISE):
        rows.append(_mean({"expertise": level}, ACTIONS[i], ACCOUNTS * MIX[i]))
    return rows


def suppressed(row: Row) -> Row:
    """The row as it would stand if too few people were behind it."""
    kept = ("study", "table", "statistic", "keys", "k", "base", "unit", "rater", "fidelity")
    return {
        **{column: row[column] if column in kept else "" for column in row},
        "state": "suppressed",
    }


def make_facts() -> dict[str, object]:
    """What a demo's run would know of itself."""
    return {
        "tier": "T1",
        "custody": "same-user",
        "watermarks": ["approved by its author", "synthetic data", "rater of low fidelity"],
        "checkpoint": "clerestory ledger 12 · 4c1d9f…",
        "signer": "SHA256:mB4o2s6Vn0yZr1c9oQhYtJm8wA0x3eU5kLpD7fGiTqE",
        "floor": {
            "purposes": ["learning how agents are used"],
            "epsilon": 8.0,
            "delta": 1e-7,
            "minimum_accounts": 20,
            "tier": "T1",
            "retention_days": 365,
            "single_person": True,
            "synthetic": True,
        },
        "rater_note": "The offline rater goes by structure and wording and reads no meaning.",
        "approvals": [
            {
                "name": "researcher@example.org",
                "fingerprint": "SHA256:Q2x5Jd0f8sWm3nVb6kLhTgYpRzCe1uAi9oXq4tMwEvK",
                "time": "2026-06-20T09:14:00Z",
            }
        ],
        "code": "c0" * 32,
    }


def share(table: str, keys: dict[str, str], p: float, base: float) -> Row:
    """A share of `base` accounts; withheld where its cell is too small."""
    return _proportion(table, "share", keys, p, base, tested=p * base)


def _rate(table: str, keys: dict[str, str], p: float, base: float) -> Row:
    return _proportion(table, "rate", keys, p, base, tested=base)


def _proportion(
    table: str, statistic: str, keys: dict[str, str], p: float, base: float, *, tested: float
) -> Row:
    noise = SIGMA * sqrt(p * p + (1 - p) * (1 - p)) / base
    sampling = sqrt(p * (1 - p) / base)
    wide = 1.96 * sqrt(noise**2 + sampling**2)
    ends = (max(0.0, p - wide), min(1.0, p + wide))
    return _row(table, statistic, keys, p, ends, (noise, sampling), tested, unit="share")


def _mean(keys: dict[str, str], mean: float, base: float) -> Row:
    noise, sampling = 22 * SIGMA / (7 * base), 1.1 / sqrt(base)
    wide = 1.96 * sqrt(noise**2 + sampling**2)
    ends = (exp(log(mean) - wide), exp(log(mean) + wide))
    errors = (mean * noise, mean * sampling)
    unit = "tool calls per prompt"
    return _row("actions_by_expertise", "geometric_mean", keys, mean, ends, errors, base, unit=unit)


def _row(
    table: str,
    statistic: str,
    keys: dict[str, str],
    estimate: float,
    ends: tuple[float, float],
    errors: tuple[float, float],
    tested: float,
    *,
    unit: str,
) -> Row:
    row = {
        "study": "first-look",
        "table": table,
        "statistic": statistic,
        "keys": "; ".join(f"{axis}={level}" for axis, level in keys.items()),
        "estimate": repr(estimate),
        "raw": repr(tested),
        "low": repr(ends[0]),
        "high": repr(ends[1]),
        "se_noise": repr(errors[0]),
        "se_sampling": repr(errors[1]),
        "se_classifier": "",
        "state": "published",
        "accounts_at_least": str(floor(tested - Z * SIGMA)),
        "threshold": repr(MINIMUM + Z * SIGMA),
        "noise_scale": repr(SIGMA),
        "k": "1",
        "base": "",
        "unit": unit,
        "rater": "offline",
        "fidelity": "low",
    }
    return row if tested >= MINIMUM + Z * SIGMA else suppressed(row)


def _query(name: str, *axes: Axis) -> Query:
    return Query(name, axes, {}, "one", "", 0, 1, 2**20, "37/3000", SIGMA * 2**20)
