"""
A bundle as the keeper signs and keeps it.

Whoever asks again gets the stored bundle, so it is held against the ledger each time: a file
of it that was changed in the state folder is not handed out under the keeper's name.
"""

from collections.abc import Mapping
from hashlib import sha256

from privacy.errors import VerificationError
from privacy.keeper.state import State
from privacy.signing import verify

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"


def sign_bundle(files: Mapping[str, bytes], state: State) -> dict[str, bytes]:
    """Add SHA256SUMS, in the form of `sha256sum -c`, and the keeper's SSH signature of it."""
    sums = _sums(files)
    signature = state.signing.sign(sums, "clerestory-bundle")
    return {**files, SUMS: sums, SIGNATURE: signature.encode()}


def stored_bundle(state: State, plan: str) -> dict[str, bytes] | None:
    """
    The bundle of a plan, if it was released.

    A crash between a bundle and its entry leaves the entry out: the signature shows that the
    bundle is whole, and the entry is made up for.

    Raises:
        VerificationError: A file was changed, added or taken away.
    """
    files = state.release(plan)
    if files is None:
        return None
    sums = files.get(SUMS, b"")
    known = [e.body["sums"] for e in state.ledger.entries("release") if e.body["plan"] == plan]
    if known and sha256(sums).hexdigest() not in known:
        raise _changed([SUMS])
    if sums != (due := _sums(files)):
        told = set(sums.splitlines()) ^ set(due.splitlines())
        raise _changed(sorted({line.decode(errors="replace")[66:] for line in told}))
    try:
        signer = verify(sums, files[SIGNATURE].decode(), "clerestory-bundle")
    except (VerificationError, UnicodeDecodeError):
        signer = ""
    if signer != state.signing.public:
        raise _changed([SIGNATURE])
    if not known:
        enter_release(state, plan, files)
    return files


def enter_release(state: State, plan: str, files: Mapping[str, bytes]) -> None:
    """Write a kept bundle into the ledger."""
    sums = sha256(files[SUMS]).hexdigest()
    state.ledger.append("release", {"plan": plan, "sums": sums})


def _sums(files: Mapping[str, bytes]) -> bytes:
    names = sorted(files.keys() - {SUMS, SIGNATURE})
    return "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in names).encode()


def _changed(names: list[str]) -> VerificationError:
    return VerificationError(
        "BUNDLE_CHANGED",
        rule="A stored bundle is handed out as it was released, or not at all.",
        found=f"a file of it that was changed, added or taken away: {', '.join(names)}.",
        remedy="restore it from a copy of the state folder, or from where it was published.",
    )
