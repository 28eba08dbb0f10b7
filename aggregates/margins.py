"""
The margins of the synthetic population: what was published, and what had to be chosen.

Published figures come from "Agentic coding and persistent returns to expertise" (Anthropic,
June 2026) [1] and its appendix [2]; figures read off a plot by eye are marked [F].  Whatever
nobody published is chosen here and says *chosen*.  Nothing else is known about those sessions:
a population drawn from these margins contains the published pattern because it was put there.
"""

from collections.abc import Mapping

MONTHS = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04")
"""The seven months of the sample [1].  Chosen: each is as likely as the others."""

ACCOUNTS, SESSIONS = 234_751, 398_198
"""Size of the published sample [2]."""
MORE_THAN = {1: 73_066 / ACCOUNTS, 5: 6_382 / ACCOUNTS, 10: 1_413 / ACCOUNTS}
"""Share of accounts with more than so many sessions [2]."""
LARGEST_ACCOUNT = 3_000
"""Chosen: end of the tail.  Between published points, and beyond, the tail is a power law."""

EXPERTISE = {
    "novice": 5_911 / 375_687,
    "beginner": 73_858 / 375_687,
    "intermediate": 96_516 / 375_687,
    "advanced": 146_879 / 375_687,
    "expert": 36_422 / 375_687,
    "unclear": 16_101 / 375_687,
}
"""Table A2's sessions [2]; the 4.3 % missing from its caption's total are taken as unclear."""

VERIFIED_ADJUSTED = {
    "novice": 0.145,
    "beginner": 0.209,
    "intermediate": 0.283,
    "advanced": 0.295,
    "expert": 0.329,
    "unclear": 0.275,  # chosen: the mean of the others
}
"""Verified success, all else equal (Table A2, column 5) [2]."""
VERIFIED_UNADJUSTED = {
    "novice": 0.132,
    "beginner": 0.209,
    "intermediate": 0.280,
    "advanced": 0.293,
    "expert": 0.347,
}
"""Verified success as found (Table A2) [2]; of unclear expertise it follows from the others."""
JUDGED = {
    "novice": 0.39,  # [1], Figure 5
    "beginner": 0.50,  # chosen
    "intermediate": 0.585,  # chosen
    "advanced": 0.615,  # chosen
    "expert": 0.65,  # [F]
    "unclear": 0.58,  # chosen
}
"""Share of sessions with a goal that were judged a success."""
AT_LEAST_PARTIAL = {
    "novice": 0.77,  # [1]
    "beginner": 0.86,  # chosen
    "intermediate": 0.91,  # [1]: 91 to 92 % from here on
    "advanced": 0.92,
    "expert": 0.91,
    "unclear": 0.90,  # chosen
}
NO_GOAL = 0.077
"""Sessions in which no objective ever appeared [1]; chosen: independent of all else."""

TROUBLED = {
    "novice": 0.46,
    "beginner": 0.42,
    "intermediate": 0.37,
    "advanced": 0.36,
    "expert": 0.36,
    "unclear": 0.37,
}
"""Chosen: share with failure signal 3 or more.  Bounded by failure / failure in trouble."""
IN_TROUBLE: Mapping[str, tuple[float, float, float, float, float]] = {
    "novice": (0.04, 0.10, 0.60, 0.30, 0.19),
    "beginner": (0.06, 0.15, 0.70, 0.24, 0.12),
    "intermediate": (0.09, 0.20, 0.80, 0.18, 0.06),
    "advanced": (0.12, 0.24, 0.81, 0.17, 0.06),
    "expert": (0.15, 0.27, 0.80, 0.18, 0.07),
    "unclear": (0.09, 0.20, 0.79, 0.18, 0.07),
}
"""
Among troubled sessions: verified success, judged success, at least partial, verified failure
(failed, signal 4 or 5), abandoned (failed without a line).  Novice and expert, and partial and
abandoned from intermediate on, are published [1, F]; the rest is chosen between them.
"""

SUCCEEDED_AT_SUCCESS_SIGNAL = (0.13, 0.45, 0.65, 0.80, 0.90)
"""P(succeeded | success signal 1 … 5): ends published [2], middle chosen."""
SUCCESS_SIGNAL_IF_UNVERIFIED = (0.10, 0.05, 0.46, 0.39)
"""Chosen: signal none, 1, 2, 3 of a success without hard evidence."""
SUCCESS_SIGNAL_5_IF_VERIFIED = 0.27
SUCCESS_SIGNAL_IF_FAILED = (0.10, 0.50, 0.30, 0.07, 0.03, 0.0)
"""Chosen: signal none … 5 of a failure."""
SIGNAL_WITHOUT_GOAL = {"success": (0.6, 0.3, 0.1, 0, 0, 0), "failure": (0.8, 0.2, 0, 0, 0, 0)}
"""Chosen: signal none … 5 where no objective appeared."""
SUCCEEDED_AT_FAILURE_SIGNAL = {"1": 0.85, "2": 0.60, "5": 0.03}
"""P(succeeded | failure signal): the published ends [2] and a chosen middle."""
FAILURE_SIGNAL_1_IF_SMOOTH_SUCCESS = 0.35
FAILURE_SIGNAL_2_IF_SMOOTH_REST = 0.40
FAILURE_SIGNAL_4_IF_TROUBLED = {"success": 0.20, "partial": 0.25}
FAILURE_SIGNAL_5_IF_VERIFIED_FAILURE = 0.40
FAILURE_SIGNAL_5_IF_TROUBLED_PARTIAL = 0.04
"""Chosen, so that P(succeeded) falls with every step of the failure signal."""

WORK_MODE = {
    "plan": (0.07, 0.07, 0.07),
    "build": (0.24, 0.25, 0.21),
    "fix": (0.33, 0.26, 0.19),
    "understand": (0.07, 0.07, 0.07),
    "test": (0.02, 0.02, 0.02),
    "operate": (0.14, 0.17, 0.21),
    "analyze": (0.023, 0.03, 0.046),
    "orchestrate": (0.03, 0.03, 0.03),
    "communicate": (0.077, 0.10, 0.154),
}
"""
Share in October, pooled, in April.  Pooled: Figure 1 [F]; fix, operate, analyze + communicate
at both ends, build in April: [1].  Chosen: the split of analyze + communicate, constancy of the
others, build in October (the rest).  No month between is published: a straight line, bent by the
least parabola that makes the seven months' mean the pooled figure.
"""
VERIFIED_BY_WORK_MODE = {
    "plan": -0.045,
    "build": 0.025,
    "fix": 0.035,
    "understand": -0.050,
    "test": 0.050,
    "operate": 0.015,
    "analyze": -0.040,
    "orchestrate": 0.000,
    "communicate": -0.045,
}
"""Chosen: what a mode adds to verified success, before centring."""

CODEBASES = ("modify", "explore", "create", "none")
CODEBASE = {
    "plan": (0.05, 0.35, 0.20, 0.40),
    "build": (0.62, 0.00, 0.36, 0.02),
    "fix": (0.90, 0.05, 0.02, 0.03),
    "understand": (0.00, 0.80, 0.00, 0.20),
    "test": (0.70, 0.30, 0.00, 0.00),
    "analyze": (0.10, 0.15, 0.15, 0.60),
    "orchestrate": (0.50, 0.00, 0.20, 0.30),
    "communicate": (0.15, 0.08, 0.02, 0.75),
}
"""Chosen: relation to a code base in each mode; operate is what is left of the pooled shares."""
CODEBASE_POOLED = (0.48, 0.17, 0.14, 0.21)
"""Modify, explore, create [1]; none is the rest of "about 20"."""
WROTE_CODE = {"modify": 0.95, "explore": 0.0, "create": 0.97, "none": 0.40}
"""P(a line was added): over 90 % where code is changed [2]; none (documents) chosen."""

PERCENTS = (*(str(p) for p in range(0, 101, 10)), "none")
PLANNING = (0.015, 0.02, 0.025, 0.04, 0.06, 0.08, 0.11, 0.205, 0.165, 0.145, 0.115, 0.02)
"""Person's share of planning: mean about 70 % [1]; agent's bins about 24, 16, 20 % [F]."""
EXECUTION = (0.34, 0.20, 0.135, 0.09, 0.065, 0.05, 0.03, 0.02, 0.015, 0.015, 0.02, 0.02)
"""Person's share of execution: mean about 20 % [1]; agent's top bin about a half [F]."""

OCCUPATION = {
    "15": 0.27,
    "13": 0.09,
    "27": 0.07,
    "11": 0.06,
    "19": 0.05,
    "25": 0.03,
    "17": 0.03,
    "41": 0.025,
    "29": 0.02,
    "43": 0.02,
    "23": 0.015,
    **dict.fromkeys(
        ("21", "31", "33", "35", "37", "39", "45", "47", "49", "51", "53", "55"), 1 / 600
    ),
    "unclear": 0.30,
}
"""30 % unclear and the order of the first five [1]; the figures are chosen."""
VERIFIED_SOFTWARE, VERIFIED_OTHER = 0.30, 0.26
"""Verified success of software people and of others whose occupation is known [1]."""
VERIFIED_BY_OCCUPATION = {
    "11": 0.37,
    "23": 0.33,
    "13": 0.29,
    "29": 0.28,
    "27": 0.28,
    "17": 0.27,
    "25": 0.27,
    "19": 0.27,
    "41": 0.26,
}
"""Figure 6 [F], of sessions that wrote code: used for the order among others, then shrunk."""
OCCUPATION_SPREAD = 0.6
"""Chosen: how much of Figure 6's spread the population has."""

TASK_IS_OWN = {"15": 0.85, "other": 0.55}
"""Chosen: the task is one of the person's own occupation; else it is drawn from TASK."""
TASK = {
    "15": 0.65,
    "13": 0.08,
    "27": 0.07,
    "43": 0.05,
    "11": 0.04,
    "19": 0.03,
    "25": 0.03,
    "41": 0.02,
    "23": 0.01,
    "17": 0.01,
    "29": 0.01,
}
"""Chosen: whose work the tasks are, where they are not the person's own."""

TASK_VALUE = {
    "lt25": 0.14,
    "25-50": 0.17,
    "50-100": 0.22,
    "100-250": 0.20,
    "250-500": 0.13,
    "500-1000": 0.08,
    "1000-5000": 0.05,
    "gt5000": 0.01,
}
"""Chosen: pooled over months."""
TASK_VALUE_MIDDLE = (15, 35, 70, 160, 350, 700, 2_200, 7_000)
TASK_VALUE_SHIFT = (-3, -3, -1, 1, 2, 2, 1.8, 0.2)
"""Chosen: which bands lose and gain as the months pass (sums to 0)."""
TASK_VALUE_GROWTH = 1.27
"""Mean value, April over October [F]."""
VERIFIED_BY_TASK_VALUE = (-0.045, -0.030, -0.010, 0.015, 0.040, 0.050, 0.055, 0.055)
"""Chosen, before centring: larger tasks end more often in a commit or a test."""

PROMPTS_MEAN, PROMPTS_SHAPE, PROMPTS_MOST = 4.0, 0.5, 60
"""About four prompts a session [1]; chosen: 1 + a negative binomial, ended at PROMPTS_MOST."""
ACTIONS_PER_PROMPT = {
    "novice": 4.9,
    "beginner": 6.09,
    "intermediate": 7.57,
    "advanced": 9.41,
    "expert": 11.7,
    "unclear": 7.0,  # chosen
}
"""Geometric mean [1]; between the published ends in equal ratios (chosen)."""
ACTIONS_SPREAD = 1.13
"""Standard deviation of the logarithm: 2 % of sessions above 100, 1 in 270 above 200 [1]."""
ACTIONS_BY_STYLE = {"user_led": -0.25, "agent_planned": 0.45, "shared": 0.0}
"""Chosen, in logarithms: about 8 actions where the person leads, about 16 where the agent does."""
IDLE = 0.15
"""Chosen: sessions without a tool call among those that wrote nothing."""
WORDS_PER_PROMPT = {
    "novice": 607,
    "beginner": 920,
    "intermediate": 1_394,
    "advanced": 2_112,
    "expert": 3_200,
    "unclear": 1_300,
}
"""Geometric mean [1, F]; between the ends in equal ratios (chosen)."""
WORDS_SPREAD = 1.0
LINES_ADDED_MEDIAN, LINES_ADDED_SPREAD, LINES_ADDED_MOST = 84, 1.7, 20_000
LINES_REMOVED_RATIO, LINES_REMOVED_SPREAD = 0.35, 0.8
"""Chosen, after public sessions: lines of a session that adds any; new code removes none."""
COMMITTED = {"hard": 0.5, "soft": 0.03}
"""Chosen: P(commits) of sessions that wrote code, by hard (4, 5) or softer success signal."""
COMMIT_NEEDS = 4
"""Chosen: least tool calls of a session that commits."""
COMMITS_MEAN = 1.6
CALLS_PER_ACTION = 0.75
"""Chosen: model calls, beyond one a prompt; several tools can be called at once."""
CHARACTERS_PER_WORD = 3.0
"""Chosen: characters a rater sees per word of output, tool calls being summarised."""

SURFACE = {"cli": 0.74, "desktop": 0.13, "ide": 0.13}
MODEL_FAMILY = {"opus": 0.45, "sonnet": 0.44, "haiku": 0.06, "mixed": 0.05}
TELEMETRY = 0.9
"""Chosen.  All sessions are interactive and none is of staff: the published sample left the others
out [1]."""

HABIT = {"work_mode": 0.45, "codebase": 0.3, "decisions": 0.35, "outcome": 0.25, "size": 0.3}
"""
Chosen: how often a session falls back on its account's own random number instead of a fresh
one.  It makes sessions of one account alike and leaves every margin as it is.
"""
