"""
The keeper: the one process that holds keys, budget and approvals, and starts workers.

Read in this order: `state` (what it keeps), `labelling` and `releasing` (its two runs),
`service` (what it can be asked), `server` and `client` (how).
"""
