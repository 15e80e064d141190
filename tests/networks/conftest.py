"""What the tests of networks share."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest


def shapes_of(network, *inputs, **options):
    """A network's parameters as shapes; inputs are arrays, shapes of float arrays, or "label" for int labels."""

    def array(given):
        if isinstance(given, str):
            return jax.ShapeDtypeStruct((2,), jnp.int32)
        return jax.ShapeDtypeStruct(given, jnp.float32) if isinstance(given, tuple) else given

    # Options such as a resolution must stay Python numbers, so they do not pass through eval_shape.
    arrays = [array(given) for given in inputs]
    return jax.eval_shape(lambda key, *args: network.init(key, *args, **options)["params"], jax.random.key(0), *arrays)


def draw_parameters(network, *inputs, **options):
    """Parameters as after some training, none of them zero; numpy draws them, so that nothing has to be compiled."""
    generator = np.random.default_rng(0)

    def draw(path, leaf):
        name = path[-1].key
        spread = math.sqrt(2 * leaf.shape[-1] / leaf.size) if name in ("kernel", "embedding") else 0.2
        return jnp.asarray((name == "scale") + spread * generator.standard_normal(leaf.shape, np.float32))

    return jax.tree_util.tree_map_with_path(draw, shapes_of(network, *inputs, **options))


def apply_compiled(network, params, *inputs):
    """A network's result. (Operation by operation, each one is compiled for its shape: several times slower.)"""
    return jax.jit(network.apply)({"params": params}, *inputs)


@pytest.fixture(scope="session")
def shapes():
    return shapes_of


@pytest.fixture(scope="session")
def count():
    return lambda *args, **options: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes_of(*args, **options)))


@pytest.fixture(scope="session")
def drawn():
    return draw_parameters


@pytest.fixture(scope="session")
def run():
    return apply_compiled


@pytest.fixture(scope="session")
def normal():
    """Draws from N(0, 1), without compiling anything."""
    return lambda *shape: jnp.asarray(np.random.default_rng(3).standard_normal(shape, np.float32))


@pytest.fixture(scope="session")
def initialised():
    """A network's own first parameters, for tests of initialisation: compiling the draws takes a while."""
    return lambda network, *inputs: jax.jit(lambda key: network.init(key, *inputs)["params"])(jax.random.key(0))
