"""Checkpoints: notes that a stranger can tell from forged ones, to the byte."""

from base64 import b64decode, b64encode
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.checkpoint import MOST_SIGNATURES, Checkpoint, read_checkpoint
from privacy.errors import VerificationError
from privacy.merkle import leaf
from privacy.signing import SigningKey

KEY, OTHER = SigningKey.generate(), SigningKey.generate()
HEAD = leaf(b"x")
NEW = Checkpoint("clerestory/x", 12, HEAD, Fraction(3, 7))
OLD = Checkpoint("clerestory/x", 12, HEAD)


def refused(note: str, *publics: bytes) -> str:
    """The code under which a note is refused."""
    with pytest.raises(VerificationError) as refusal:
        read_checkpoint(note, *publics)
    return refusal.value.code


def signed(text: str) -> str:
    """A text that the right key signed, whatever it says."""
    hint = b64decode(NEW.sign(KEY).split(" ")[-1])[:4]  # says which key it was
    signature = b64encode(hint + KEY.sign_raw(text.encode())).decode()
    return f"{text}\n\N{EM DASH} clerestory/x {signature}\n"


@pytest.mark.parametrize("checkpoint", [NEW, OLD], ids=["with what was spent", "of version 0.1"])
def test_a_checkpoint_reads_back_with_its_key_only(checkpoint: Checkpoint) -> None:
    """Readers are witnesses: they must be able to tell their checkpoint from a forged one."""
    note = checkpoint.sign(KEY)
    assert read_checkpoint(note, KEY.public_raw) == checkpoint
    assert refused(note, OTHER.public_raw) == "CHECKPOINT_UNREADABLE"
    assert refused(note) == "CHECKPOINT_UNREADABLE"


def test_a_note_is_what_c2sp_says() -> None:
    """Origin, size, head, one extension line, an empty line, one signature line."""
    lines = NEW.sign(KEY).split("\n")
    assert lines[:2] == ["clerestory/x", "12"]
    assert lines[2] == b64encode(HEAD).decode()
    assert lines[3:5] == ["spent 3/7", ""]
    assert lines[5].startswith("\N{EM DASH} clerestory/x ")
    assert lines[6:] == [""]


@given(place=st.integers(0, 10**6), sign=st.characters(codec="utf-8"), old=st.booleans())
def test_a_changed_note_is_refused(place: int, sign: str, *, old: bool) -> None:
    """Origin, size, head, what was spent and signature are all covered."""
    note = (OLD if old else NEW).sign(KEY)
    place %= len(note)
    if note[place] != sign:
        refused(note[:place] + sign + note[place + 1 :], KEY.public_raw)


@pytest.mark.parametrize(
    "text",
    [
        f"clerestory/x\n012\n{b64encode(HEAD).decode()}\n",
        f"clerestory/x\n-1\n{b64encode(HEAD).decode()}\n",
        f"clerestory/x\n12\n{b64encode(HEAD[:31]).decode()}\n",
        f"\n12\n{b64encode(HEAD).decode()}\n",
        f"clerestory/x\n12\n{b64encode(HEAD).decode()}\nspent 6/14\n",
        f"clerestory/x\n12\n{b64encode(HEAD).decode()}\nspent -1\n",
        f"clerestory/x\n12\n{b64encode(HEAD).decode()}\n1/2\n",
        f"clerestory/x\n12\n{b64encode(HEAD).decode()}\nspent 1/2\nspent 1/2\n",
        f"clerestory/x\n12\n{b64encode(HEAD).decode()}\nwhatever\n",
        "clerestory/x\n12\n",
        "",
    ],
    ids=range(11),
)
def test_a_signature_does_not_make_a_note(text: str) -> None:
    """One checkpoint, one spelling: whatever else the key may have signed is none."""
    assert refused(signed(text), KEY.public_raw) == "CHECKPOINT_UNREADABLE"
    assert read_checkpoint(signed(NEW.text), KEY.public_raw) == NEW


def test_signatures_of_strangers_are_passed_over() -> None:
    """C2SP's rule: a witness may add its line; the keeper's own still has to hold."""
    note = NEW.sign(KEY)
    witnessed = note + NEW.sign(OTHER).split("\n\n")[1]
    named = note + f"\N{EM DASH} witness.example {b64encode(bytes(68)).decode()}\n"
    for more in (witnessed, named):
        assert read_checkpoint(more, KEY.public_raw) == NEW
    assert read_checkpoint(witnessed, OTHER.public_raw) == NEW
    crowd = note + named.split("\n\n")[1] * MOST_SIGNATURES
    assert refused(crowd, KEY.public_raw) == "CHECKPOINT_UNREADABLE"


def test_an_earlier_key_of_the_keeper_still_reads_its_notes() -> None:
    """After a rotation the notes that are out remain what they were."""
    for key in (KEY, OTHER):
        assert read_checkpoint(NEW.sign(key), KEY.public_raw, OTHER.public_raw) == NEW
    assert refused(NEW.sign(SigningKey.generate()), KEY.public_raw, OTHER.public_raw)
