"""What the tests of exported files share."""

import jax
import pytest

from jaxgan.exporting import exported_function
from jaxgan.mesh import data_mesh
from jaxgan.training.trained import load


@pytest.fixture
def function(runs):
    """(variant, ability, plain=..., **settled) -> that ability of a tiny run as a function."""

    def make(variant, ability, plain=False, **settled):
        with jax.set_mesh(data_mesh()):
            trained = load(runs(variant)[0], trust=True)
            return exported_function(trained.snapshot, trained.state, ability, settled, plain=plain)

    return make
