"""The normal form keeps text from being shown, and counts words in any script."""

import pickle

import pytest

from classifiers.sessions import Actor, SafeText, Utterance, count_words, safe

SECRET = "the merger closes on friday"


def test_text_shows_its_length_and_nothing_else() -> None:
    """An error or a format string that mentions text must not print it."""
    text = SafeText(SECRET)
    shown = (repr(text), str(text), f"{text}", f"{text!r:>40}", "%s" % text, repr([text]))  # noqa: UP031
    assert all(SECRET not in each and "27 characters" in each for each in shown)
    assert SECRET not in repr(Utterance(Actor.HUMAN, "prompt", text))
    assert "".join(text) == SECRET  # the control: it is there for code that asks for it


def test_text_is_not_pickled() -> None:
    """Pickling is how text could reach another process by accident."""
    with pytest.raises(TypeError):
        pickle.dumps(SafeText(SECRET))


def test_text_can_always_be_encoded() -> None:
    """A lone surrogate would raise an error that quotes its neighbourhood."""
    with pytest.raises(UnicodeEncodeError):
        "a\ud83db".encode()
    assert "".join(safe("a\ud83db\0c\x1b[31md")).encode() == "a\ufffdbcd".encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fix the build", 3),
        ("", 0),
        ("Prüfe die Größe", 3),
        ("修复构建", 2),  # four characters, two to a word
        ("fix 构建 now", 3),  # two spaced words and one of two characters
    ],
)
def test_words_are_counted_in_scripts_without_spaces(text: str, words: int) -> None:
    """Counting blanks would make a long Chinese prompt one word."""
    assert count_words(text) == words
