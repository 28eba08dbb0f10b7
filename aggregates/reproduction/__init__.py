"""
The reproduction study: what the published study says, and whether a release gives it back.

Reading order: `claims` (what a claim is, and how it is judged) → `figures`, `uses`, `success`,
`published` (what is claimed) → `scorecard`.
"""
