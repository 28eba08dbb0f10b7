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
from privacy.vault import Vault

SIZE, COUNT, TIMES = 20_000, 1_500, 7


def main() -> None:
    """Measure and tell; the three take turns, since a machine is not always the same."""
    data = [urandom(SIZE) for _ in range(COUNT)]
    pair, info = KeyPair.generate(), floor_info("f" * 64, "session")

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
            target = Target(Vault(Path(place) / "vault"), "f" * 64, pair.public)
            with Deposit(hand, target) as deposit:
                for number, each in enumerate(data):
                    deposit.seal("a", str(number), "2026-01", each)
            hand.close()

    ways: dict[str, Callable[[], None]] = {"cipher": cipher, "blob": blobs, "vault": vault}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TIMES):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - start)
    middle = {name: median(each) for name, each in took.items()}
    tell(
        "seal",
        cipher_mb_per_s=SIZE * COUNT / 1e6 / middle["cipher"],
        blob_mb_per_s=SIZE * COUNT / 1e6 / middle["blob"],
        signed_into_vault_mb_per_s=SIZE * COUNT / 1e6 / middle["vault"],
        best_into_vault_mb_per_s=SIZE * COUNT / 1e6 / min(took["vault"]),
        ratio_to_blobs=middle["vault"] / middle["blob"],
        ratio_to_cipher=middle["vault"] / middle["cipher"],
    )
