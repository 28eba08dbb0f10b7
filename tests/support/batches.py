"""What lies in a vault's batches, read without a keeper: for tests that look, or that forge."""

from pathlib import Path

from privacy.batches import SESSION, Manifest, Row
from privacy.packs import Pack, Place
from privacy.sealing import SealedBlob
from privacy.vault import MANIFEST, Vault


def batches(vault: Vault) -> list[Path]:
    """Folders of the batches that are in place, in order."""
    return sorted(path for path in vault.sessions.glob("*") if not path.name.startswith("."))


def rows(folder: Path, kind: str = SESSION) -> dict[str, Place]:
    """Session → where it lies, or its telemetry, by a batch's manifest."""
    found, start = {}, 0
    for slot, row in enumerate(Manifest.decode((folder / MANIFEST).read_bytes()).rows):
        if isinstance(row, Row) and row.kind == kind:
            found[row.session] = Place(slot, start, row.size)
        start += row.size
    return found


def newest(vault: Vault, kind: str = SESSION) -> dict[str, SealedBlob]:
    """Session → its newest sealed bytes, or those of its telemetry."""
    found = [(f, *row) for f in batches(vault) for row in rows(f, kind).items()]
    places = {session: (folder, place) for folder, session, place in found}
    return {session: Pack(folder).read(place) for session, (folder, place) in places.items()}
