"""The first GAN's networks against numpy, and the noise within networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.networks import (
    MaxoutCGANDiscriminator,
    MaxoutCGANGenerator,
    MaxoutDiscriminator,
    MaxoutGANGenerator,
    MLPGenerator,
)
from jaxgan.networks.noise import dropout, gaussian_noise


def test_parameters_of_the_paper(count):
    # 100-1200-1200-784, and 784 to twice 240 units of 5 pieces to 1
    assert count(MaxoutGANGenerator((28, 28, 1)), (2, 100)) == 101 * 1200 + 1201 * 1200 + 1201 * 784 == 2_503_984
    assert count(MaxoutDiscriminator(), (2, 28, 28, 1)) == 785 * 1200 + 241 * 1200 + 241 == 1_231_441
    # PacGAN's toy networks: a generator of 2-400-400-400-400-2, whose hidden layers have gain and offset for a bias
    generator = 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + 401 * 2
    assert count(MLPGenerator((2,), (400,) * 4, output="linear", norm="batch"), (2, 2)) == generator
    assert count(MaxoutDiscriminator(units=(200,) * 3), (2, 2)) == 3 * 1000 + 2 * 201 * 1000 + 201


def test_discriminator_takes_the_largest_piece(drawn, run, normal):
    network = MaxoutDiscriminator(units=(4, 3), pieces=2)
    x = normal(5, 2, 3)
    params = drawn(network, x)
    h = np.asarray(x).reshape(5, 6)
    for name, units in (("maxout_0", 4), ("maxout_1", 3)):
        pieces = h @ np.asarray(params[name]["kernel"]) + np.asarray(params[name]["bias"])
        h = np.stack([np.maximum(pieces[:, 2 * unit], pieces[:, 2 * unit + 1]) for unit in range(units)], axis=1)
    expected = h @ np.asarray(params["output"]["kernel"])[:, 0] + float(params["output"]["bias"][0])
    np.testing.assert_allclose(run(network, params, x), expected, rtol=1e-5, atol=1e-6)


def test_generator_ends_in_a_sigmoid(drawn, run, normal):
    network = MaxoutGANGenerator(output_shape=(2, 3), hidden=(5,))
    z = normal(4, 3)
    params = jax.tree.map(np.asarray, drawn(network, z))
    h = np.maximum(np.asarray(z) @ params["hidden_0"]["kernel"] + params["hidden_0"]["bias"], 0)
    y = h @ params["output"]["kernel"] + params["output"]["bias"]
    np.testing.assert_allclose(run(network, params, z), (2 / (1 + np.exp(-y)) - 1).reshape(4, 2, 3), atol=1e-6)


def test_batch_norm_in_the_generator(drawn, run, normal):
    network = MLPGenerator(output_shape=(2,), hidden=(5,), output="linear", norm="batch")
    z = normal(6, 3)
    params = jax.tree.map(np.asarray, drawn(network, z))
    h = np.asarray(z) @ params["hidden_0"]["kernel"]
    h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5) * params["norm_0"]["scale"] + params["norm_0"]["bias"]
    expected = np.maximum(h, 0) @ params["output"]["kernel"] + params["output"]["bias"]
    np.testing.assert_allclose(run(network, params, z), expected, rtol=1e-4, atol=1e-5)


def test_initialisation(initialised):
    for network, limit in ((MaxoutDiscriminator(units=(40,)), 0.005), (MaxoutGANGenerator((8, 8), (40,)), 0.05)):
        params = initialised(network, np.zeros((1, 64), np.float32))
        for layer in params.values():
            assert 0.9 * limit < np.abs(layer["kernel"]).max() <= limit
            assert not np.any(layer["bias"])
        # uniform: limit / sqrt(3)
        np.testing.assert_allclose(np.std(next(iter(params.values()))["kernel"]), limit / np.sqrt(3), rtol=0.05)


class Noise(nn.Module):
    function: object
    amount: float

    def __call__(self, x):
        return self.function(self, x, self.amount)


@pytest.mark.parametrize("function", [dropout, gaussian_noise])
def test_noise_is_there_only_with_a_key(function):
    x = jnp.arange(1.0, 13.0).reshape(2, 2, 3)
    module = Noise(function, 0.5)
    np.testing.assert_array_equal(module.apply({}, x), x)
    np.testing.assert_array_equal(Noise(function, 0.0).apply({}, x, rngs={"dropout": jax.random.key(0)}), x)
    # `init` gives no such key: a network's first parameters do not depend on noise
    assert module.init_with_output(jax.random.key(0), x)[0].tolist() == x.tolist()
    first, again, other = (module.apply({}, x, rngs={"dropout": jax.random.key(seed)}) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_dropout_keeps_the_mean():
    x = jnp.full((500, 4, 5), 3.0)
    y = np.asarray(Noise(dropout, 0.2).apply({}, x, rngs={"dropout": jax.random.key(0)}))
    np.testing.assert_allclose(np.unique(y), [0.0, 3.0 / 0.8], rtol=1e-6)
    # 10,000 draws: 0.2 has a standard error of 0.004, of the whole and 0.04 of one sample's 20
    np.testing.assert_allclose((y == 0).mean(), 0.2, atol=0.02)
    assert 0.03 < (y == 0).mean((1, 2)).std() < 0.15
    with pytest.raises(ValueError, match=r"dropout rate of 1\.0"):
        Noise(dropout, 1.0).apply({}, x, rngs={"dropout": jax.random.key(0)})


def test_gaussian_noise_has_its_deviation():
    y = Noise(gaussian_noise, 0.3).apply({}, jnp.ones((500, 4, 5)), rngs={"dropout": jax.random.key(0)})
    np.testing.assert_allclose([np.mean(y), np.std(y)], [1.0, 0.3], atol=0.02)


def test_dropout_in_the_discriminator(drawn, normal):
    network = MaxoutDiscriminator(units=(4,), pieces=2, input_dropout=0.5, hidden_dropout=0.0)
    x = normal(3, 2, 3)
    params = drawn(network, x)
    key = jax.random.key(1)
    noisy = network.apply({"params": params}, x, rngs={"dropout": key})
    # Where the input is 0 already, nothing can be dropped from it.
    silent = network.apply({"params": params}, 0 * x, rngs={"dropout": key})
    assert np.all(np.asarray(noisy) != network.apply({"params": params}, x))
    np.testing.assert_array_equal(silent, network.apply({"params": params}, 0 * x))
    late = network.clone(input_dropout=0.0, hidden_dropout=0.9)
    logits = late.apply({"params": params}, jnp.tile(x[:1], (200, 1, 1)), rngs={"dropout": key})
    # All four units are dropped with probability 0.9^4 = 0.656: then only the bias is left.
    np.testing.assert_allclose((np.abs(logits - params["output"]["bias"]) < 1e-6).mean(), 0.656, atol=0.15)


def test_image_and_label_have_a_maxout_layer_each_and_one_together(drawn, run, normal):
    network = MaxoutCGANDiscriminator(units=(4, 2, 3), pieces=(3, 2, 2), embedded_classes=5)
    x, label = normal(4, 2, 3), jnp.array([4, 0, 1, 4])
    params = jax.tree.map(np.asarray, drawn(network, x, label))

    def maxout(h, name, units, pieces):
        affine = h @ params[name]["kernel"] + params[name]["bias"]
        return np.stack([affine[:, pieces * unit : pieces * (unit + 1)].max(1) for unit in range(units)], axis=1)

    image = maxout(np.asarray(x).reshape(4, 6), "image", 4, 3)
    both = np.concatenate([image, maxout(np.eye(5)[np.asarray(label)], "label", 2, 2)], axis=1)
    expected = maxout(both, "joint", 3, 2) @ params["output"]["kernel"][:, 0] + params["output"]["bias"]
    np.testing.assert_allclose(run(network, params, x, label), expected, rtol=1e-5, atol=1e-6)


def test_latent_and_label_have_a_rectified_layer_each_and_one_together(drawn, run, normal):
    network = MaxoutCGANGenerator(output_shape=(2, 3), hidden=(4, 3, 5), embedded_classes=5)
    z, label = normal(4, 2), jnp.array([4, 0, 1, 4])
    params = jax.tree.map(np.asarray, drawn(network, z, label))
    dense = lambda h, name: h @ params[name]["kernel"] + params[name]["bias"]  # noqa: E731
    alone = dense(np.asarray(z), "latent"), dense(np.eye(5)[np.asarray(label)], "label")
    joint = np.maximum(dense(np.maximum(np.concatenate(alone, axis=1), 0), "joint"), 0)
    expected = 2 / (1 + np.exp(-dense(joint, "output"))) - 1
    np.testing.assert_allclose(run(network, params, z, label), expected.reshape(4, 2, 3), atol=1e-6)
    with pytest.raises(UserError, match="MaxoutCGANGenerator cannot do without labels: set embedded_classes"):
        MaxoutCGANGenerator(output_shape=(2, 3)).init(jax.random.key(0), z)
