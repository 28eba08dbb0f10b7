"""
How batches get from the vault into the corpus, and what the vault is then held to.

Custodians' batches are taken in in order, each once: a signature of the policy, a chain without
a gap, an entry in the ledger, then its rows in the corpus.  What lies in the vault and was not
taken in, what was taken in and does not lie there, and what lies there changed: each stops a run
and is named.  A batch that is held back before it was ever taken in cannot be missed, until its
custodian's next batch names it.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from privacy.batches import Manifest, by_fingerprint, source_unknown
from privacy.errors import VerificationError
from privacy.keeper.corpus import Corpus, changed, missing, placed
from privacy.ledger import Ledger
from privacy.packs import KEYS, SEALED, Pack
from privacy.vault import MANIFEST, Vault

LONGEST_HEAD = 4096
"""bytes: more than the head of any manifest."""


def take_in(corpus: Corpus, vault: Vault, sources: Iterable[str], ledger: Ledger) -> None:
    """
    Take in what custodians have put into the vault since the last time.

    Args:
        corpus: What was taken in before.
        vault: Where the batches lie.
        sources: Public keys of the custodians of the policy.
        ledger: Every batch becomes an entry in it before it counts.

    Raises:
        VerificationError: A batch is not of the policy, damaged, withheld, put back or of another
            vault; those before it are taken in.
        IncompleteError: What was superseded cannot be taken out of the vault.
    """
    known = by_fingerprint(sources)
    # Seen first: a batch that appears while we look is for the next time.
    seen = {folder.name for folder in _shown(vault.sessions)}
    _check_held(corpus, vault)
    fresh = seen - set(corpus.held())
    recorded = {entry.body["manifest"] for entry in ledger.entries("batch")} if fresh else set()
    for source, key in known.items():
        number, previous = corpus.next_of(source)
        while (folder := vault.batch(key, number)).name in fresh:
            manifest = _signed(folder, known)
            told = (manifest.source, manifest.floor, manifest.number, manifest.previous)
            if told != (source, vault.floor.hash, number, previous):
                raise _not_next(f"sessions/{folder.name}")
            # First in the ledger, then in the corpus: after a crash in between, or with a corpus
            # that was restored from a copy, the entry is there and no second one is made.
            if manifest.digest not in recorded:
                body = {"source": source, "manifest": manifest.digest, "previous": previous}
                ledger.append("batch", body)
            corpus.add(manifest, folder.name)
            number, previous = number + 1, manifest.digest
            fresh.discard(folder.name)
        if after := [name for name in sorted(fresh) if name[:-8] == vault.batch(key, 0).name[:-8]]:
            raise _not_next(f"sessions/{after[0]}")
    for name in sorted(seen):
        _check_nothing_else(vault.sessions / name, stray=name in fresh)
    corpus.sweep()


def check_whole(corpus: Corpus, vault: Vault, sources: Iterable[str]) -> None:
    """
    Hold the vault's files against the corpus, by name and size; contents as they are read.

    Raises:
        VerificationError: A batch that counts is missing or cut off, or its custodian is not in
            the policy any more.
    """
    known = by_fingerprint(sources)
    for source, folder, slots, size in corpus.counting():
        if source not in known:
            raise source_unknown(f"sessions of a custodian who left the policy: sessions/{folder}.")
        if not Pack(vault.sessions / folder).has(slots, size):
            raise missing(f"files that are gone or cut off: sessions/{folder}.")


def _check_held(corpus: Corpus, vault: Vault) -> None:
    """What was taken in still lies there, as it was signed."""
    for name, digest in corpus.held().items():
        try:
            with (vault.sessions / name / MANIFEST).open("rb") as file:
                head = file.readline(LONGEST_HEAD).removesuffix(b"\n")
        except OSError:
            raise missing(f"a batch without its manifest: sessions/{name}.") from None
        if sha256(head).hexdigest() != digest:
            raise changed(f"another manifest than was taken in: sessions/{name}.")


def _check_nothing_else(folder: Path, *, stray: bool) -> None:
    """Nothing lies there that was not taken in."""
    others = [f"sessions/{folder.name}"] if stray else []
    for file in () if stray else _shown(folder):
        if file.name not in (MANIFEST, SEALED, KEYS):
            others.append(f"sessions/{folder.name}/{file.name}")
    if others:
        raise source_unknown(f"something that no custodian's batch brought: {others[0]}.")


def _signed(folder: Path, known: Mapping[str, str]) -> Manifest:
    try:
        manifest = Manifest.decode((folder / MANIFEST).read_bytes())
        manifest.check_source(known)
    except OSError:
        raise missing(f"a batch without its manifest: sessions/{folder.name}.") from None
    except VerificationError as error:
        raise placed(error, f"sessions/{folder.name}") from None
    return manifest


def _shown(folder: Path) -> list[Path]:
    """What lies in a folder, but for what is on its way: names that begin with a dot."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _not_next(place: str) -> VerificationError:
    return VerificationError(
        "BATCH_NOT_NEXT",
        rule="A custodian's batches are taken in in order, each once, each in its own vault.",
        found=f"a batch that does not follow the one before it, in {place}.",
        remedy="restore the vault from a copy, or have the custodian run `clerestory seal`: he "
        "puts back the manifests that a vault has lost.",
    )
