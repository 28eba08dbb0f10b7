"""What nobody looks into and no raw log lies in: vaults, keepers' states, custodians' folders."""

import os
from pathlib import Path

from privacy.keeper.state import BEGUN, VAULT
from privacy.vault import FLOOR

KEPT_APART = (FLOOR, VAULT, BEGUN, "accounts.key")
"""Files by which they are known."""


def lies_apart(path: Path) -> bool:
    """Whether a path is one of them or lies in one, wherever links lead; it need not be there."""
    whole = Path(os.path.realpath(path))  # a loop of links is no error yet
    above = ((place / name).exists() for place in (whole, *whole.parents) for name in KEPT_APART)
    return whole.name in KEPT_APART or any(above)
