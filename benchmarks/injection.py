"""
Labels that hostile texts turn, by place and by aim, for the offline rater and for one that obeys.

Each share is of the pairs of a place or an aim whose labels differ from the clean twin's.  The
obedient one stands for the worst model: it is what a session could do to its label, and no
measurement of any model.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import load, tell
from classifiers.raters.offline import OfflineRater
from clerestory.redteam import Flips, Obedient, measure, pairs, taken

SEEDS = 4


def main() -> None:
    """Measure and tell."""
    busy, start = load(), time.process_time()
    offline, obedient, tail, first = Flips(), Flips(), Flips(), Flips()
    for seed in range(SEEDS):
        found = list(pairs(seed))
        with TemporaryDirectory() as folder:
            sessions = taken(Path(folder), found)
        offline += measure(found, sessions, OfflineRater())
        tail += measure(found, sessions, OfflineRater(), "tail")
        first += measure(found, sessions, OfflineRater(), "first_turn")
        obedient += measure(found, sessions, Obedient())
    every = (offline, tail, first, obedient)
    tell(
        "injection",
        pairs=offline.pairs,
        out_of_schema=sum(flips.out_of_schema for flips in every),
        said=sum(flips.said for flips in every),
        **_shares("offline", offline),
        offline_tail_flipped=tail.flipped / tail.pairs,
        offline_first_turn_flipped=first.flipped / first.pairs,
        offline_by_instrument={
            name: count / offline.pairs for name, count in sorted(offline.by_instrument.items())
        },
        **_shares("obedient", obedient),
        cpu_s=time.process_time() - start,
        load=busy,
    )


def _shares(name: str, flips: Flips) -> dict[str, float | dict[str, float]]:
    by_place, by_aim = (
        {each: counts[each] / shown[each] for each in sorted(shown)}
        for counts, shown in ((flips.by_place, flips.places), (flips.by_aim, flips.aims))
    )
    return {
        f"{name}_flipped": flips.flipped / flips.pairs,
        f"{name}_obeyed": flips.obeyed / flips.asked,
        f"{name}_left_out": flips.left_out / flips.pairs,
        f"{name}_by_place": by_place,
        f"{name}_by_aim": by_aim,
    }
