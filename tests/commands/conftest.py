"""What the tests of several commands are given."""

import pytest
from PIL import Image

from jaxgan.data import make_source


@pytest.fixture
def digits(tmp_path):
    """A folder of five digits."""
    (tmp_path / "in").mkdir()
    for index, image in enumerate(make_source("digits", split="test", image_size=8).stack(range(5))["image"]):
        Image.fromarray(image[..., 0]).save(tmp_path / "in" / f"{index}.png")
    return tmp_path / "in"
