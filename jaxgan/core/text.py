"""Text as games see it: characters of one fixed alphabet, as integers.

The alphabet has the size of that of "Learning Deep Representations of Fine-grained Visual Descriptions", Reed et al. 2016
(arXiv:1605.05395): small letters, digits, and all that a keyboard of English has beside them.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np

from jaxgan.errors import UserError

# Character i is number i + 1; 0 stands behind the end of a text.
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 -,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{}"
SYMBOLS = len(ALPHABET) + 1
# What typesetting makes of signs of that keyboard, and Unicode does not call the same.
_TYPESET = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})
_NUMBER = {character: number for number, character in enumerate(ALPHABET, start=1)}


def encode(text: str, length: int, where: str, cut: bool = False) -> np.ndarray:
    """A text as numbers.

    Args:
        text: Capitals are read as small letters, any white space as one blank, letters without their accents, as in "cafe", and
            typographic quotes and dashes as those of a keyboard.
        length: How many characters there are to be; a shorter text is filled up with 0.
        where: What it is, for errors.
        cut: Whether a longer text loses its end instead of being refused.

    Returns:
        int32 (length,), in [0, SYMBOLS).

    Raises:
        UserError: It is empty, too long, or has a character that even so is not in the alphabet.
    """
    # Unicode's compatible decomposition takes a letter apart into the plain one and its accents, "combining marks".
    apart = unicodedata.normalize("NFKD", text.lower().translate(_TYPESET))
    plain = " ".join("".join(each for each in apart if not unicodedata.combining(each)).split())
    if not plain:
        raise UserError(f"{where} is empty: write what the picture shows")
    if foreign := next((character for character in plain if character not in _NUMBER), None):
        raise UserError(
            f"{where} has a character that is not read, {unicodedata.name(foreign, ascii(foreign)).lower()}: write English "
            "letters a to z, digits and the signs of a plain keyboard"
        )
    if len(plain) > length and not cut:
        raise UserError(f"{where} has {len(plain)} characters, but at most {length} are read: shorten it")
    numbers = np.zeros(length, np.int32)
    numbers[: len(plain)] = [_NUMBER[character] for character in plain[:length]]
    return numbers


def decode(numbers: Sequence[int] | np.ndarray) -> str:
    """The text that `encode` made these numbers (length,) of, in small letters."""
    return "".join(ALPHABET[number - 1] for number in numbers if number)
