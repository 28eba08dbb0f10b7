"""Sealing 20 kB sessions into a vault on one core, against the blobs alone and the bare cipher."""

import time
from collections.abc import Callable
from os import urandom
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.measuring import tell
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.sealing import KeyPair, floor_info, seal
from privacy.signing import SigningKey
from privacy.vault import PublicKeys, Vault

SIZE, COUNT, TIMES = 20_000, 1_500, 7


def main() -> None:
    """Measure and tell; the three take turns, since a machine is not the same all the time."""
    data = [urandom(SIZE) for _ in range(COUNT)]
    pair, info = KeyPair.generate(), floor_info("f" * 64, "session")
    keys = PublicKeys.signed(pair.public, 0, "f" * 64, SigningKey.generate())

    def cipher() -> None:
        for each in data:
            AESGCM(urandom(32)).encrypt(urandom(12), each, b"")

    def blobs() -> None:
        for each in data:
            seal(each, {"month": "2026-01"}, public=pair.public, info=info).encode()

    def vault() -> None:
        # Whole: hashes, rows, index, signature, and all of it on the disk.
        with TemporaryDirectory() as place:
            hand = Custodian.create(Path(place) / "custodian")
            target = Target(Vault(Path(place) / "vault"), "f" * 64, keys, 36_500)
            with Deposit(hand, target) as deposit:
                for number, each in enumerate(data):
                    deposit.seal("a", str(number), "2026-01", each)
            hand.close()

    ways: dict[str, Callable[[], None]] = {"cipher": cipher, "blob": blobs, "vault": vault}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(TIMES):
        for name, way in ways.items():
            start, began = time.perf_counter(), time.process_time()
            way()
            took[name].append((time.perf_counter() - start, time.process_time() - began))
    wall = {name: median(one for one, _ in each) for name, each in took.items()}
    busy = median(one for _, one in took["vault"])
    megabytes = SIZE * COUNT / 1e6
    tell(
        "seal",
        cipher_mb_per_s=megabytes / wall["cipher"],
        blob_mb_per_s=megabytes / wall["blob"],
        signed_into_vault_mb_per_s=megabytes / wall["vault"],
        by_processor_time_mb_per_s=megabytes / busy,
        ratio_to_blobs=wall["vault"] / wall["blob"],
        ratio_to_cipher=wall["vault"] / wall["cipher"],
    )
