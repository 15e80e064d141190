"""Networks of one parameter, on which a game's losses can be worked out by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxgan.core import Player
from jaxgan.layers import Verdict

IMAGES = jnp.arange(2 * 4 * 4, dtype=jnp.float32).reshape(2, 4, 4, 1) / 16 - 1


class Constant(nn.Module):
    """A generator: every image is filled with w, whatever z and label are."""

    start: float = 0.5
    embedded_classes: int = 0
    output_shape: tuple[int, ...] = (4, 4, 1)

    @nn.compact
    def __call__(self, z, *label):
        return self.param("w", lambda key: jnp.float32(self.start)) * jnp.ones((len(z), *self.output_shape))


class Mean(nn.Module):
    """A discriminator: w times the mean of the image, plus the label if there is one; its feature is the mean."""

    start: float = 2.0
    projected_classes: int = 0

    @nn.compact
    def __call__(self, x, *label, features=False):
        mean = x.mean(axis=(1, 2, 3))
        score = self.param("w", lambda key: jnp.float32(self.start)) * mean
        score = score + label[0] if label else score
        return Verdict(score, mean[:, None]) if features else score


class Scale(nn.Module):
    """A translator: w times the image."""

    start: float = 1.0
    output_shape: tuple[int, ...] = (4, 4, 1)

    @nn.compact
    def __call__(self, x):
        return self.param("w", lambda key: jnp.float32(self.start)) * x


def still(network: nn.Module, rate: float = 0.0) -> Player:
    """A player that does not move, or moves by plain gradient descent."""
    return Player(network, optax.sgd(rate))


def play(game, *minibatches):
    """The first step, from seed 0."""
    state = game.init(jax.random.key(0), minibatches[0])
    return game.step(state, minibatches, game.due(0, 0))
