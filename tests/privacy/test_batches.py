"""Manifests: one signature over a batch, in which nothing can be changed, added or left out."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.batches import GENESIS, Gone, Manifest, Row, by_fingerprint
from privacy.errors import VerificationError
from privacy.sealing import KeyPair, floor_info, key_id, run_info, seal
from privacy.signing import SigningKey, fingerprint

ANN, STRANGER = SigningKey.generate(), SigningKey.generate()
POLICY = by_fingerprint([ANN.public])
KEEPER, OTHER = KeyPair.generate(), KeyPair.generate()
FLOOR = "f" * 64
HEADER = {
    "kind": "session",
    "floor": FLOOR,
    "key": key_id(KEEPER.public),
    "source": fingerprint(ANN.public),
    "account": "aa" * 16,
    "session": "bb" * 16,
    "month": "2026-01",
}
BLOB = seal(b"words", HEADER, public=KEEPER.public, info=floor_info(FLOOR, "session"))
ROW = Row("bb" * 16, "aa" * 16, "2026-01", 500, BLOB.digest)

hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
rows = st.builds(
    Row,
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.sampled_from(["2025-10", "2026-01", "unknown"]),
    st.integers(1, 2**26),
    hexes,
)


def manifest(*of: Row | Gone, key: SigningKey = ANN, **changed: object) -> Manifest:
    """A signed manifest."""
    made = Manifest(fingerprint(key.public), FLOOR, 0, GENESIS, of or (ROW,))
    return replace(made, **changed).sign(key)  # type: ignore[arg-type]


MADE = manifest(ROW, replace(ROW, session="cc" * 16), replace(ROW, session="dd" * 16))


@given(st.lists(rows, min_size=1, max_size=6), st.integers(0, 10**6), hexes)
def test_a_manifest_is_read_back(of: list[Row], number: int, previous: str) -> None:
    """What a custodian signed is what the keeper takes in."""
    made = manifest(*of, number=number, previous=previous)
    again = Manifest.decode(made.encode())
    assert again == made
    assert again.digest == made.digest
    again.check_source(POLICY)


@pytest.mark.parametrize("part", ["kind", "floor", "key", "source", "account", "session", "month"])
def test_the_signature_covers_every_part_of_a_header(part: str) -> None:
    """Key id, source, account, month and the rest: another one is another digest and signature."""
    header = HEADER | {part: HEADER[part][:-1] + "9"}
    assert header != HEADER
    info = floor_info(FLOOR, "session")
    other = seal(b"words", header, public=KEEPER.public, info=info)
    moved = replace(BLOB, header_bytes=other.header_bytes)
    assert moved.digest != BLOB.digest
    forged = replace(manifest(), rows=(replace(ROW, digest=moved.digest),))
    with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
        forged.check_source(POLICY)
    manifest().check_source(POLICY)


def test_the_signature_covers_every_byte_of_a_ciphertext() -> None:
    """Nonce, ciphertext and tag."""
    for place in range(len(BLOB.content)):
        content = bytearray(BLOB.content)
        content[place] ^= 1
        assert replace(BLOB, content=bytes(content)).digest != BLOB.digest
    assert replace(BLOB, content=bytes(BLOB.content)).digest == BLOB.digest


def test_a_new_key_of_the_keeper_leaves_the_signature_valid() -> None:
    """The wrapped key and the id beside it are no part of what a source signs."""
    at_rest = floor_info(FLOOR, "session")
    for info in (at_rest, run_info("p" * 64)):
        again = BLOB.rewrap(KEEPER, OTHER.public, at_rest=at_rest, in_run=info)
        assert (again.wrapped, again.key) != (BLOB.wrapped, BLOB.key)
        assert again.digest == BLOB.digest
        assert again.open(OTHER.open(again.wrapped, info=info)) == b"words"


@pytest.mark.parametrize(
    "forged",
    [
        replace(MADE, signature=bytes(64)),
        replace(MADE, signature=b""),
        replace(MADE, signature=manifest(ROW).signature),
        MADE.sign(STRANGER),
        manifest(ROW, key=STRANGER),
        replace(MADE, source=fingerprint(STRANGER.public)),
        replace(MADE, floor="e" * 64),
        replace(MADE, number=1),
        replace(MADE, previous=MADE.digest),
        replace(MADE, rows=MADE.rows[:-1]),
        replace(MADE, rows=MADE.rows[::-1]),
        replace(MADE, rows=(*MADE.rows, ROW)),
        replace(MADE, rows=(replace(ROW, month="2026-02"), *MADE.rows[1:])),
        replace(MADE, rows=(replace(ROW, account="00" * 16), *MADE.rows[1:])),
        replace(MADE, rows=(replace(ROW, session="00" * 16), *MADE.rows[1:])),
        replace(MADE, rows=(replace(ROW, digest="0" * 64), *MADE.rows[1:])),
        replace(MADE, rows=(replace(ROW, size=501), *MADE.rows[1:])),
    ],
    ids=[
        *("unsigned", "empty", "of-another", "other-key", "stranger", "source", "floor"),
        *("number", "previous", "fewer", "order", "more", "month", "account", "session"),
        *("digest", "size"),
    ],
)
def test_what_no_custodian_of_the_policy_signed_is_refused(forged: Manifest) -> None:
    """Forged, borrowed or rearranged; the control is what was signed."""
    with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
        Manifest.decode(forged.encode()).check_source(POLICY)
    Manifest.decode(MADE.encode()).check_source(POLICY)


def test_only_custodians_of_the_policy_are_sources() -> None:
    """A good signature by a key that nobody named is a stranger's; named, it counts."""
    theirs = manifest(ROW, key=STRANGER)
    for policy in ({}, POLICY, {fingerprint(STRANGER.public): ANN.public}):
        with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
            theirs.check_source(policy)
    theirs.check_source(by_fingerprint([ANN.public, STRANGER.public]))


def test_a_signature_for_another_purpose_is_none() -> None:
    """Sealed sessions, notes and batches are signed in contexts of their own."""
    for message in (MADE.head, b"clerestory/source/2\0" + MADE.head, MADE.digest.encode()):
        with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
            replace(MADE, signature=ANN.sign_raw(message)).check_source(POLICY)


def test_a_cut_off_manifest_is_refused_at_every_length() -> None:
    """Not one row, nor one byte, can be left off its end."""
    data = MADE.encode()
    for length in range(len(data)):
        with pytest.raises(VerificationError, match="BATCH_DAMAGED"):
            Manifest.decode(data[:length])
    assert Manifest.decode(data) == MADE


@settings(max_examples=300)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_any_changed_byte_of_a_manifest_is_found(place: int, flip: int) -> None:
    """In its head, its signature or any row."""
    data = bytearray(MADE.encode())
    data[place % len(data)] ^= flip
    with pytest.raises(VerificationError):
        Manifest.decode(bytes(data)).check_source(POLICY)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_manifest_or_a_refusal_in_our_words(data: bytes) -> None:
    """Whoever may write to a vault may put anything there."""
    head, _, rest = MADE.encode().partition(b"\n")
    for mixed in (data, head + b"\n" + data, data + b"\n" + rest, b"{" + data):
        with pytest.raises(VerificationError, match="BATCH_DAMAGED"):
            Manifest.decode(mixed)


@given(st.sets(st.integers(0, 2)))
def test_a_row_that_was_taken_out_leaves_the_signature_valid(slots: set[int]) -> None:
    """An erased account is in no manifest; what is left of it is a hash of random-looking bytes."""
    without = MADE.without(slots)
    again = Manifest.decode(without.encode())
    again.check_source(POLICY)
    assert again.digest == MADE.digest
    for slot, row in enumerate(MADE.rows):
        assert isinstance(row, Row)
        assert (row.session.encode() in without.encode()) == (slot not in slots)
    assert again.without(slots) == again
    if slots:
        forged = replace(again, rows=(Gone(500, "0" * 64), *again.rows[1:]))
        with pytest.raises(VerificationError):
            Manifest.decode(forged.encode()).check_source(POLICY)
