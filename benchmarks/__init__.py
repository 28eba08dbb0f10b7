"""
Measurements: each prints one line of JSON with its figures and ratios.

A benchmark is not a test: nothing fails because a machine is slow.  What is compared is
measured in the same run, and ratios are what to look at.
"""
