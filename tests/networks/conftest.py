"""What the tests of networks share."""

import math

import jax
import jax.numpy as jnp
import pytest


def _shapes(network, *inputs, **options):
    """The parameter tree of a network as shapes; inputs are shapes of float arrays, or "label" for int labels."""
    arrays = [
        jnp.zeros((2,), jnp.int32) if shape == "label" else jax.ShapeDtypeStruct(shape, jnp.float32) for shape in inputs
    ]
    init = lambda key, *args: network.init(key, *args, **options)["params"]  # noqa: E731
    return jax.eval_shape(init, jax.random.key(0), *arrays)


@pytest.fixture
def shapes():
    return _shapes


@pytest.fixture
def count():
    return lambda *args, **options: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(_shapes(*args, **options)))


@pytest.fixture
def initialise():
    """Parameters of a network, compiled as one program."""
    return lambda network, *inputs, seed=0, **options: jax.jit(
        lambda key: network.init(key, *inputs, **options)["params"]
    )(jax.random.key(seed))
