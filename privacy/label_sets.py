"""What a set of labels is called, so that labels serve every plan that means the same by them."""

from dataclasses import asdict
from hashlib import sha256

import rfc8785

from .plan import Plan
from .raters import Rater
from .second import Reading


def label_set(plan: Plan, floor: str) -> str:
    """Name of the labels that a plan speaks of."""
    return label_set_of(plan.codebook, plan.prompts, plan.rater, floor)


def label_set_again(plan: Plan, reading: Reading, floor: str) -> str:
    """Name of the labels of a second reading: of its own, also where it is the first once more."""
    again = f"{reading.name} {reading.share}"
    return label_set_of(plan.codebook, plan.prompts, reading.rater, floor, again)


def label_sets(plan: Plan, floor: str) -> list[str]:
    """Names of all labels that a plan speaks of, those of the first reading first."""
    again = (label_set_again(plan, reading, floor) for reading in plan.readings)
    return [label_set(plan, floor), *again]


def label_set_of(codebook: str, prompts: str, rater: Rater, floor: str, again: str = "") -> str:
    """
    Name of a set of labels: SHA-256 over all that they depend on, hexadecimal.

    Args:
        codebook: SHA-256 of the codebook.
        prompts: SHA-256 of what raters are asked.
        rater: Who labelled.
        floor: SHA-256 of the floor.
        again: Name and share of a second reading; empty for the first.
    """
    told = {"codebook": codebook, "prompts": prompts, "floor": floor}
    told.update((f"rater {name}", str(value)) for name, value in asdict(rater).items())
    if again:
        told["reading"] = again
    return sha256(rfc8785.dumps(told)).hexdigest()
