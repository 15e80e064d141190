"""Codes that are drawn, against the moments that they must have, and the abilities of games with encoders."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.parts import NormalCode, code_abilities

KEY = jax.random.key(0)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 2, 2, 1)), jnp.float32)


def test_draws_have_the_mean_and_the_variance():
    code = NormalCode.of(jnp.tile(jnp.array([[1.0, -2.0, np.log(0.25), np.log(4.0)]]), (50_000, 1)))
    np.testing.assert_array_equal(code.mean[0], [1, -2])
    z = np.asarray(code.draw(KEY))
    np.testing.assert_allclose(z.mean(0), [1, -2], atol=4 * 2 / np.sqrt(len(z)))
    np.testing.assert_allclose(z.std(0), [0.5, 2], rtol=0.02)
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.02


def test_gradients_reach_the_mean_and_the_variance():
    """Of E[z^2] = mu^2 + sigma^2 they are 2 mu, and sigma^2 by the logarithm of the variance."""

    def second_moment(mean, log_variance):
        shape = (100_000, 1)
        return jnp.square(NormalCode(jnp.full(shape, mean), jnp.full(shape, log_variance)).draw(KEY)).mean()

    by_mean, by_log_variance = jax.grad(second_moment, argnums=(0, 1))(0.7, np.log(0.5))
    assert float(by_mean) == pytest.approx(1.4, abs=0.02)
    assert float(by_log_variance) == pytest.approx(0.5, abs=0.02)


def encoder(images):
    return images.reshape(len(images), -1)[:, :2]


def test_a_codes_mean_is_decoded_and_draws_are_to_be_had():
    decode = lambda nets, codes: jnp.tile(codes[:, :1, None, None], (1, 2, 2, 1))  # noqa: E731
    nets = types.SimpleNamespace()
    density = lambda nets, images: NormalCode(encoder(images), jnp.full((len(images), 2), np.log(0.01)))  # noqa: E731
    abilities = code_abilities(density, decode, densities=True)
    encode = abilities["encode"].function
    np.testing.assert_array_equal(encode(nets, KEY, IMAGES), encoder(IMAGES))
    drawn = encode(nets, KEY, IMAGES, which="drawn")
    assert 0 < float(jnp.abs(drawn - encoder(IMAGES)).max()) < 0.5
    assert not np.array_equal(drawn, encode(nets, jax.random.key(1), IMAGES, which="drawn"))
    made = abilities["reconstruct"].function(nets, KEY, IMAGES)
    np.testing.assert_array_equal(made[:, 1, 1, 0], IMAGES[:, 0, 0, 0])
    assert abilities["encode"].gives == "latents" and abilities["reconstruct"].drawn == "reconstructions"


def test_without_a_density_there_is_nothing_to_choose():
    abilities = code_abilities(lambda nets, images: encoder(images), lambda nets, codes: codes)
    assert set(abilities["encode"].takes) == {"images"}
    np.testing.assert_array_equal(abilities["encode"].function(None, KEY, IMAGES), encoder(IMAGES))
