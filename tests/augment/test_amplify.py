"""Filters of octaves: the bank against the wavelet's transfer functions, waves against closed forms, the power that is kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augment import amplify as module
from jaxgan.augment.amplify import filter_bank, normalized_gains

amplify = jax.jit(module.amplify)
# Symlet 2, as tables of wavelets have it.
SYMLET_2 = np.array([-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025])


def lower(frequency):
    """|H(e^(i w))|^2 / 2."""
    return np.abs(np.exp(-1j * np.outer(frequency, np.arange(4))) @ SYMLET_2) ** 2 / 2


def responses(frequency):
    """The bands' transfer functions, (4, frequencies): each halving of the lower half doubles the frequency."""
    first, second, third = lower(frequency), lower(2 * frequency), lower(4 * frequency)
    return np.stack([first * second * third, first * second * (1 - third), first * (1 - second), 1 - first])


def test_the_bank_has_the_wavelets_transfer_functions():
    bank, frequency = filter_bank(), np.linspace(0, np.pi, 50)
    assert bank.shape == (4, 43)
    np.testing.assert_allclose(bank, bank[:, ::-1], atol=1e-15)
    found = bank @ np.cos(np.outer(np.arange(43) - 21, frequency))
    np.testing.assert_allclose(found, responses(frequency), atol=1e-10)
    # Each is the band of its octave: the largest of all in its middle.
    middle = np.pi * np.array([1 / 16, 3 / 16, 3 / 8, 3 / 4])
    assert (bank @ np.cos(np.outer(np.arange(43) - 21, middle))).argmax(axis=0).tolist() == [0, 1, 2, 3]
    # They add up to the identity.
    np.testing.assert_allclose(bank.sum(0), np.eye(43)[21], atol=1e-15)


@pytest.mark.parametrize("shape", [(3, 8, 8, 1), (2, 5, 70, 3), (2, 1, 2, 2)])
def test_gains_of_1_change_nothing(shape):
    x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    np.testing.assert_allclose(amplify(x, jnp.ones((len(x), 4))), x, atol=3e-6)
    # The same gain of all bands is that gain, once along each axis.
    np.testing.assert_allclose(amplify(x, jnp.full((len(x), 4), 3.0)), 9 * x, atol=3e-5)


def test_waves_are_amplified_by_the_gains_of_their_bands():
    """A cosine that is mirrored into itself at both ends is the filters' eigenvector: a wave in x times one in y."""
    height, width = 13, 33
    gains = np.random.default_rng(0).uniform(0.3, 3, (6, 4)).astype(np.float32)
    for down, across in ((0, 1), (3, 4), (5, 9), (12, 20), (7, 32)):
        y, x = np.pi * down / (height - 1), np.pi * across / (width - 1)
        wave = np.outer(np.cos(y * np.arange(height)), np.cos(x * np.arange(width)))
        factor = (gains @ responses(np.array([y])) * (gains @ responses(np.array([x]))))[:, :, None]
        seen = amplify(jnp.asarray(np.repeat(wave[None, :, :, None], 6, axis=0), jnp.float32), gains)
        np.testing.assert_allclose(seen[..., 0], factor * wave, atol=1e-5)


def test_gains_keep_the_power_of_images():
    """One band after the other, as the paper has it: t / sqrt(sum of power t^2), the vectors multiplied."""
    factors = np.exp2(np.random.default_rng(0).normal(size=(5, 4)))
    power = np.array([10, 1, 1, 1]) / 13
    expected = np.ones((5, 4))
    for band in range(4):
        vector = np.ones((5, 4))
        vector[:, band] = factors[:, band]
        vector /= np.sqrt((power * vector**2).sum(1, keepdims=True))
        np.testing.assert_allclose((power * vector**2).sum(1), 1)
        expected *= vector
    np.testing.assert_allclose(normalized_gains(jnp.asarray(factors, jnp.float32)), expected, rtol=1e-5)
    alone = np.ones((1, 4), np.float32)
    alone[0, 2] = 5
    np.testing.assert_allclose((power * np.square(normalized_gains(jnp.asarray(alone)))).sum(), 1, rtol=1e-6)
