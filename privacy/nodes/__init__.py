"""
Sealed workers on other machines: what a keeper and a node say to each other, and who says it.

A *node* is a machine that runs sealed workers of its own installed code for a keeper, and whose
key the policy names.  A scheduler carries their words and nothing else; both ends sign.
"""
