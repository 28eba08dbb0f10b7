"""Sealing 20 kB sessions on one core, against the bare cipher."""

from os import urandom
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import seconds, tell
from privacy.custodian import Custodian, Target
from privacy.sealing import KeyPair, floor_info, seal
from privacy.signing import SigningKey
from privacy.vault import PublicKeys, Vault

SIZE, COUNT = 20_000, 1_500


def main() -> None:
    """Measure and tell."""
    data = [urandom(SIZE) for _ in range(COUNT)]
    pair, info = KeyPair.generate(), floor_info("f" * 64, "session")
    megabytes = SIZE * COUNT / 1e6

    def wrapped() -> None:
        for each in data:
            seal(each, {"month": "2026-01"}, public=pair.public, info=info).encode()

    with TemporaryDirectory() as place:
        hand = Custodian.create(Path(place) / "custodian")
        keys = PublicKeys.signed(pair.public, 0, "f" * 64, SigningKey.generate())
        target = Target(Vault(Path(place) / "vault"), "f" * 64, keys, 36_500)

        def whole() -> None:
            for number, each in enumerate(data):
                hand.seal(target, "a", str(number), "2026-01", each)

        blob = seconds(wrapped)
        file = seconds(whole)
        hand.close()
    tell(
        "seal",
        blob_mb_per_s=megabytes / blob,
        signed_into_vault_mb_per_s=megabytes / file,
        ratio=file / blob,
    )
