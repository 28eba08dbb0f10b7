"""
From noisy sums to printed numbers: estimates, intervals, sources of error.

Everything here is post-processing: it sees noisy sums and the plan, never a row.
"""
