"""
What people read: static pages made from a release, after the noise.

`report` shows a release; `truth` sets a release of synthetic data against what was planted.
Below them: `page` (the shell and its content policy), `cell` (rows as values), `wording`
(numbers and names in words), `svg` and `table` (one figure, twice), `answer` (the summary),
`protection` and `provenance` (what guards people, and how to check the file).
"""
