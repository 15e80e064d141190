"""Held-out digits, for what is measured on them."""

import numpy as np
import pytest

from jaxgan.data import make_source
from tests.evaluation.snapshots import config_of


@pytest.fixture
def digits():
    config = config_of(name="digits", image_size=16)
    records = make_source(config.data, split="test").stack()
    return config, records["image"] / np.float32(127.5) - 1, records["label"]
