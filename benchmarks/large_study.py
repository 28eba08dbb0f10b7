"""
A study as large as a whole reproduction: twenty tables of every kind, and all pairs of six blocks.

Its questions are made up; its sizes are those of a published study with its regressions: what the
worker and `plan` have to bear, however many of them a study asks.
"""

from itertools import combinations

from aggregates.study import Study
from benchmarks.population import LARGEST_ACTIONS, LARGEST_WORDS

EPSILON, DELTA = 1.998, 1e-7
"""ρ = .074 at k = 1."""
BLOCKS = ("work_mode", "expertise", "outcome", "occupation", "month", "task_occupation")
"""Blocks of fixed effects; the first is crossed with four bands of value, to 40 cells."""
SHARES = (
    ("work_mode", ("month",)),
    ("work_mode", ("task_value", "month")),
    ("planning_by_user", ()),
    ("execution_by_user", ()),
    ("execution_by_user", ("planning_by_user",)),
    ("codebase", ("wrote_code",)),
    ("success_signal", ("outcome",)),
    ("failure_signal", ("outcome",)),
    ("outcome", ("software_occupation", "month")),
    ("model_family", ("month",)),
    ("surface", ("month",)),
    ("length_band", ("month",)),
)
RATES = (
    ("verified_success", ("expertise",)),
    ("verified_success", ("occupation",)),
    ("verified_success", ("work_mode",)),
    ("verified_success", ("occupation", "wrote_code")),
)
MEASURES = (
    ("actions_per_prompt", LARGEST_ACTIONS, ("expertise",)),
    ("words_per_prompt", LARGEST_WORDS, ("expertise",)),
    ("prompts", 100.0, ("work_mode",)),
)


def large_study() -> Study:
    """The study."""
    tables = [
        _table(f"share_{n}", f'share_of = "{name}"', by) for n, (name, by) in enumerate(SHARES)
    ]
    tables += [_table(f"rate_{n}", f'rate_of = "{name}"', by) for n, (name, by) in enumerate(RATES)]
    for n, (name, most, by) in enumerate(MEASURES):
        asked = f'measure = "{name}"\nbetween = [0.5, {most}]\n'
        asked += 'statistics = ["geometric_mean", "mean", "quantiles"]'
        tables.append(_table(f"size_{n}", asked, by))
    tables.append(_table("work", 'total_of = "work_mode"', ("month",)))
    for n, (one, other) in enumerate(combinations(BLOCKS, 2)):
        keys = (one, "task_value") if one == BLOCKS[0] else (one,)
        tables.append(_table(f"pair_{n}", f'share_of = "{other}"\nhalf_width = 0.5', keys))
    return Study.parse(_HEAD + "".join(tables))


def _table(name: str, asked: str, by: tuple[str, ...]) -> str:
    keys = ", ".join(f'"{key}"' for key in by)
    merged = MERGED if "task_value" in by else ""
    return f'\n[[table]]\nname = "{name}"\n{asked}\nby = [{keys}]\n{merged}'


MERGED = """leave_out = { task_value = ["unclear"] }
[table.merge.task_value]
"least" = ["lt25"]
"little" = ["25-50", "50-100"]
"much" = ["100-250", "250-500", "500-1000"]
"most" = ["1000-5000", "gt5000"]
"""
_HEAD = f"""
[study]
name = "large"
purpose = "To be measured"
authors = ["researcher@example.org"]

[population]
months = ["2025-10", "2026-04"]
where = {{ interactive = true }}

[privacy]
epsilon = {EPSILON}
delta = {DELTA}
minimum_accounts = 50
"""
