"""Label rows, studies and plans for tests: real ones, small and stated."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from aggregates.plan import plan
from aggregates.study import Study
from privacy.codebook import codebook
from privacy.labels import LabelRecord, pack_bucket
from privacy.measurements import sigma_for
from privacy.plan import Plan, Query

BOOK = codebook()
HEAD = """
[study]
name = "small"
purpose = "To be tested"
authors = ["a@example.org"]

[population]
months = ["2025-10", "2025-12"]
where = { interactive = true, staff = false }

[privacy]
epsilon = 2.0
delta = 1e-7
contribution = 1
minimum_accounts = 20
"""
SHARE = """
[[table]]
name = "modes"
share_of = "work_mode"
"""
AGAIN = """
[[reading]]
name = "again"
share = "1/2"
"""
AGREEMENT_AGAIN = """
[[table]]
name = "stable"
agreement_of = ["codebase", "again.codebase"]
"""
RATE = """
[[table]]
name = "verified"
rate_of = "verified_success"
by = ["expertise"]
"""
MEAN = """
[[table]]
name = "actions"
measure = "actions_per_prompt"
statistics = ["geometric_mean"]
by = ["expertise"]
"""
SIZES = """
[[table]]
name = "sizes"
measure = "actions_per_prompt"
statistics = ["geometric_mean", "mean", "quantiles"]
between = [1, 100]
by = ["expertise"]
"""
TOTAL = """
[[table]]
name = "work"
total_of = "work_mode"
"""
TRENDS = """
[[table]]
name = "modes_over_time"
share_of = "work_mode"
statistics = ["trend"]
by = ["month"]

[[table]]
name = "verified_over_time"
rate_of = "verified_success"
statistics = ["trend"]
by = ["expertise", "month"]
"""
OWN_K = """
[[table]]
name = "verified_at_five"
rate_of = "verified_success"
by = ["expertise"]
contribution = 5

[[table]]
name = "sizes_at_a_half"
measure = "actions_per_prompt"
statistics = ["geometric_mean", "mean", "quantiles"]
between = [1, 100]
contribution = "1/2"
"""
ADJUSTED = """
[[table]]
name = "verified_adjusted"
rate_of = "verified_success"
statistics = ["levels", "slope"]
by = ["expertise"]
adjust_for = ["work_mode * task_value_tier", "month"]
columns = [0, 2]
leave_out = { expertise = ["unclear"], work_mode = ["unclear"] }

[[table]]
name = "judged_adjusted"
rate_of = "judged_success"
by = ["expertise"]
adjust_for = ["work_mode * task_value_tier", "month"]
leave_out = { expertise = ["unclear"], work_mode = ["unclear"] }

[[table]]
name = "actions_adjusted"
measure = "actions_per_prompt"
statistics = ["geometric_mean", "slope"]
between = [0.5, 1000]
by = ["expertise"]
adjust_for = ["month"]
leave_out = { expertise = ["unclear"] }
"""
"""Two rates that share their outcomes and their pairs, and a measure."""
REST = """
[[table]]
name = "occupations"
share_of = "occupation"
residual = true
"""
AMONG = """
[[table]]
name = "judged_in_trouble"
rate_of = "judged_success"
among = "troubled"
by = ["expertise"]

[[table]]
name = "partial_in_trouble"
rate_of = "at_least_partial"
among = "troubled"
by = ["expertise"]
"""
AGREE = """
[[table]]
name = "telemetry"
agreement_of = ["wrote_code", "telemetry_wrote_code"]
leave_out = { telemetry_wrote_code = ["absent"] }
by = ["surface"]

[[table]]
name = "signals"
agreement_of = ["success_signal", "failure_signal"]
leave_out = { success_signal = ["unclear"], failure_signal = ["unclear"] }
"""
NOTHING = """
[[table]]
name = "with_authors"
title = "The same within each author"
not_computed = "no record says who wrote a commit"
"""
ACCOUNT_SIZES = """
[[table]]
name = "account_sizes"
accounts_by = "sessions"
"""
DESIGNED = """
[[table]]
name = "designed"
rate_of = "verified_success"
by = ["expertise"]
contribution = 5
design_effect = true

[[table]]
name = "shared"
share_of = "outcome"
by = ["month"]
statistics = ["trend"]
contribution = 5
design_effect = true
"""
CONTEXT = {
    "month": "2025-11",
    "surface": "cli",
    "interactive": "yes",
    "staff": "no",
    "model_family": "opus",
    "length_band": "lt2k",
    "model_calls": "1",
    "share_cut": "0",
    "telemetry": "absent",
    "telemetry_wrote_code": "absent",
    "status": "rated",
    "wrote_code": "no",
}


def small_plan(*tables: str, head: str = HEAD) -> Plan:
    """A plan of some tables."""
    return plan(Study.parse(head + "".join(tables)))


def quiet(made: Plan) -> Plan:
    """
    The same plan with next to no noise, and the enormous charge that this takes.

    The bound of a total is chosen from histograms of accounts, at the least that loses nothing:
    so theirs is the least noise there can be, and a total's a hundredth of a session at C = 1.
    Were both next to nothing, the noise alone would choose among bounds that are as good.
    """

    def priced(query: Query) -> Query:
        rho = Fraction(
            5_000 if query.clips else 2**38 if query.of or query.value == "size" else 10**9
        )
        sigma = sigma_for(query.sensitivity, rho)
        clips = tuple(
            replace(clip, sigma=max(1.0, sigma * clip.bound * 1.001)) for clip in query.clips
        )
        return replace(query, rho=str(rho), sigma=sigma, clips=clips)

    queries = tuple(priced(query) for query in made.queries)
    return replace(made, queries=queries, privacy=replace(made.privacy, rho=str(10**13)))


def pseudonym(account: int) -> bytes:
    """An account's pseudonym: sorts as the number does, spread over all buckets."""
    return (account * 2_654_435_761 % 2**32).to_bytes(4) + account.to_bytes(12)


def record(account: int, labels: Mapping[str, str], **measures: float) -> bytes:
    """A label record; contexts and measures that are not named are ordinary."""
    sizes = {**{m.name: m.floor for m in BOOK.measures}, **measures}
    names = {**CONTEXT, **labels}
    return LabelRecord.of(BOOK, names, sizes, pseudonym(account)).encode()


def bucket(records: Iterable[bytes]) -> bytes:
    """A bucket of records, each a session of its own."""
    return pack_bucket((n.to_bytes(16), one) for n, one in enumerate(records))
