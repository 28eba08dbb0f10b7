"""
Made-up data, in the two forms people need: session logs, and a vault of planted labels.

A vault of labels stands in for one whose sessions have been classified: its buckets are sealed
to a key that its first keeper takes over (`handover.key`; a vault of real sessions refuses
one).  Releases from it carry the watermark that labels were planted and not rated.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from aggregates.planted import planted
from aggregates.twin import draw
from clerestory.founding import Terms, found
from clerestory.synthetic import write_sessions
from privacy.codebook import codebook
from privacy.label_sets import label_set_of
from privacy.raters import OFFLINE
from privacy.sealing import KeyPair, floor_info, seal
from privacy.vault import HANDOVER, Vault, replace_file

SYNTHETIC = Terms(
    epsilon=8.0,
    delta=1e-7,
    minimum_accounts=20,
    tier="T0",
    retention_days=36_500,
    purposes=("trying Clerestory out: nobody's sessions",),
    single_person=True,
    synthetic=True,
)
"""Nobody is protected by the floor of a synthetic vault, so it asks for little."""


def synthesize_sessions(target: Path, *, accounts: int, sessions: int, seed: int) -> dict[str, Any]:
    """Write session logs, accounts.csv and truth.csv into a folder."""
    summary = write_sessions(target, accounts=accounts, sessions=sessions, seed=seed)
    return {name.name: getattr(summary, name.name) for name in fields(summary)}


def synthesize_labels(target: Path, *, accounts: int, sessions: int, seed: int) -> dict[str, Any]:
    """
    Make a vault of planted labels, and the planted parameters beside it.

    Raises:
        ConfigurationError: The vault exists already, or the numbers make no sense.
    """
    book = codebook()
    twin = draw(accounts, sessions, seed=seed, codebook=book)
    floor = found(target, target.with_name(target.name + ".custodian"), SYNTHETIC)
    vault, pair = Vault(target), KeyPair.generate()
    name = label_set_of(book.hash, book.prompts_hash, OFFLINE, floor.hash)
    for number, bucket in enumerate(twin.buckets(floor.buckets)):
        header = {"kind": "labels", "floor": floor.hash, "set": name, "bucket": str(number)}
        blob = seal(bucket, header, public=pair.public, info=floor_info(floor.hash, "labels"))
        replace_file(vault.label_folder(name) / f"{number:05d}.sealed", blob.encode())
    handover = vault.folder / HANDOVER
    handover.touch(mode=0o600)
    handover.write_bytes(pair.secret)
    truth = target.with_name(target.name + "-truth.csv")
    _write_planted(truth, accounts, sessions)
    return {"vault": str(target), "truth": str(truth), "floor": floor.hash}


def _write_planted(path: Path, accounts: int, sessions: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["parameter", "keys", "value"])
        writer.writerow(["population", "accounts", accounts])
        writer.writerow(["population", "sessions", sessions])
        truth = planted()
        for field in fields(truth):
            for keys, value in _flat(getattr(truth, field.name)):
                writer.writerow([field.name, keys, repr(float(value))])


def _flat(value: float | Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    if not isinstance(value, Mapping):
        yield above, value
        return
    for key, below in value.items():
        yield from _flat(below, f"{above}; {key}" if above else str(key))
