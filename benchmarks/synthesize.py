"""3,000 accounts with 5,000 sessions as logs; 235,000 with 398,000 as a vault of labels."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import seconds, tell
from clerestory.synthesis import synthesize_labels, synthesize_sessions


def main() -> None:
    """Measure and tell."""
    with TemporaryDirectory() as place:
        logs, vault = Path(place) / "logs", Path(place) / "vault"
        files = seconds(lambda: synthesize_sessions(logs, accounts=3_000, sessions=5_000, seed=1))
        size = sum(path.stat().st_size for path in logs.rglob("*.jsonl"))
        labels = seconds(
            lambda: synthesize_labels(vault, accounts=235_000, sessions=398_000, seed=1)
        )
    tell("synthesize", sessions_s=files, megabytes=size / 1e6, labels_only_s=labels)
