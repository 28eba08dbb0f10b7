"""Where real session logs are, for the tests that need them; they are not ours to ship."""

import os
from pathlib import Path

import pytest

VARIABLE = "CLERESTORY_TRANSCRIPTS"


def real_logs() -> Path:
    """
    Folder of real logs: from the environment, or `shared/transcripts` beside the checkout.

    Skips the test, and says why, where there is none.
    """
    beside = Path(__file__).resolve().parents[3] / "shared" / "transcripts"
    folder = Path(os.environ.get(VARIABLE, beside))
    if not folder.is_dir():
        pytest.skip(f"no real session logs: set {VARIABLE} to a folder of them")
    return folder
