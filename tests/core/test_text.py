"""Text as numbers."""

import string

import numpy as np
import pytest

from jaxgan.core import text
from jaxgan.errors import UserError


def test_the_alphabet_is_that_of_a_keyboard():
    assert text.SYMBOLS == 70 == len(set(text.ALPHABET)) + 1
    assert set(string.printable[:95].lower()) == set(text.ALPHABET)


def test_text_comes_back_in_small_letters_and_single_blanks():
    numbers = text.encode("  A thick\tOrange  8, on\nblue! ", 30, "it")
    assert numbers.dtype == np.int32 and numbers.shape == (30,)
    assert text.decode(numbers) == "a thick orange 8, on blue!"
    assert numbers[0] == 1 and numbers[1] == 37 and not numbers[26:].any()
    assert text.decode(text.encode("abcdef", 4, "it", cut=True)) == "abcd"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("caf\u00e9", "cafe"),
        ("cafe\u0301", "cafe"),  # the same, its accent a character of its own
        ("\u00c5ngstr\u00f6m, S\u00e3o", "angstrom, sao"),
        ("a bird\u2019s \u201cred\u201d crown \u2014 small\u2026", 'a bird\'s "red" crown - small...'),
        ("5\u00a0\uff21", "5 a"),  # a blank that does not break, a letter of full width
    ],
)
def test_accents_and_typographic_signs_are_read_as_a_keyboard_has_them(given, read):
    assert text.decode(text.encode(given, 40, "it")) == read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "^it is empty: write what the picture shows"),
        (" \n\t", "^it is empty"),
        ("толстая восьмёрка", "^it has a character that is not read, cyrillic small letter te: write English letters"),
        ("stra\u00dfe", "^it has a character that is not read, latin small letter sharp s"),
        ("\u0301", "^it is empty"),
        ("eight\x1b[31m", r"^it has a character that is not read, '\\x1b'"),
        ("a" * 31, "^it has 31 characters, but at most 30 are read: shorten it"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(given, words):
    with pytest.raises(UserError, match=words) as raised:
        text.encode(given, 30, "it")
    assert "\n" not in str(raised.value)
