"""A picture for each continuous code: along a row it alone changes."""

import types

import jax
import numpy as np
import pytest

from jaxgan.core import Ability, Argument
from jaxgan.core.abilities import CHOICE, NUMBER, STRENGTH
from jaxgan.core.arrays import ArraySpec
from jaxgan.parts.abilities import label_argument
from jaxgan.pictures import columns_for
from jaxgan.pictures.code_pictures import code_pictures

SIDE = 16


class Plays:
    """A snapshot whose images are filled with half the strength for one code, and with the row for the other."""

    def __init__(self, categories):
        takes = {
            "number": Argument(NUMBER, required=True),
            "code": Argument(CHOICE, choices=("continuous_0", "continuous_1"), required=True),
            "strength": Argument(STRENGTH, required=True, bounds=(-3.0, 3.0)),
            **label_argument(categories),
        }
        self.game = types.SimpleNamespace(ability={"edit": Ability(None, takes, gives="images")}.__getitem__)
        self.arrays = {"image": ArraySpec((SIDE, SIDE, 1), "float32", "image")}
        self._names = tuple(map(str, range(categories)))

    def classes(self, ability):
        return self._names

    def use(self, ability, key, number, code, strength, label):
        rows = np.arange(number) if label is None else label
        assert len(rows) == number
        value = strength / 2 if code == "continuous_0" else rows / 10
        return np.ones((number, SIDE, SIDE, 1)) * np.broadcast_to(value, number)[:, None, None, None]


@pytest.mark.parametrize("categories", [0, 4])
def test_a_code_rises_along_a_row(categories):
    drawn = code_pictures(Plays(categories), jax.random.key(0), "edit")
    assert set(drawn) == {"code_continuous_0", "code_continuous_1"}
    columns, rows = columns_for((SIDE, SIDE, 1)), categories or 10
    for name, picture in drawn.items():
        pixels = np.asarray(picture.convert("L"), float)
        cell = (pixels.shape[0] - 2) // rows
        # The middles of the cells; from the right end on, for names of the rows may stand on the left.
        across = pixels.shape[1] - cell * np.arange(columns, 0, -1) + cell // 2
        middles = pixels[np.ix_(cell * np.arange(rows) + cell // 2, across)]
        code = np.linspace(-1, 1, columns)[None] if name == "code_continuous_0" else np.arange(rows)[:, None] / 10
        np.testing.assert_allclose(middles, np.broadcast_to(code, middles.shape) * 127.5 + 127.5, atol=1.0)
