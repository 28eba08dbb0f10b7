"""The work on which libraries are compared: 63 counts, means, five quantiles, rates."""

from aggregates.study import Study
from benchmarks.population import LARGEST_ACTIONS, LARGEST_WORDS, MONTHS

EPSILON, DELTA = 1.0, 1e-6


def four_tables() -> Study:
    """The four tables at ε = 1, δ = 10⁻⁶."""
    return Study.parse(f"""
[study]
name = "four-tables"
purpose = "The work on which libraries are compared"
authors = ["researcher@example.org"]

[population]
months = ["{MONTHS[0]}", "{MONTHS[-1]}"]

[privacy]
epsilon = {EPSILON}
delta = {DELTA}
minimum_accounts = 20

[[table]]
name = "work"
total_of = "work_mode"
by = ["month"]
leave_out = {{ work_mode = ["unclear"] }}
half_width = 0.02

[[table]]
name = "actions"
measure = "actions_per_prompt"
statistics = ["mean"]
between = [0.5, {LARGEST_ACTIONS}]
by = ["expertise"]
leave_out = {{ expertise = ["unclear"] }}
half_width = 0.01

[[table]]
name = "words"
measure = "words_per_prompt"
statistics = ["quantiles"]
between = [1.0, {LARGEST_WORDS}]
by = ["expertise"]
leave_out = {{ expertise = ["unclear"] }}
half_width = 0.01

[[table]]
name = "verified"
rate_of = "verified_success"
by = ["occupation"]
leave_out = {{ occupation = ["unclear"] }}
half_width = 0.02
""")
