"""What a step of CycleGAN costs."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxgan import gans
from jaxgan.core import Player
from jaxgan.networks import ResNetTranslator


class Mean(nn.Module):
    """A discriminator that compiles at once."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return self.param("w", nn.initializers.ones, ()) * x.mean(axis=(1, 2, 3))


def test_a_step_translates_six_times():
    translator = Player(ResNetTranslator(output_shape=(4, 4, 1), width=2, blocks=1, downsamples=0), optax.sgd(0.1))
    judge = Player(Mean(), optax.sgd(0.1))
    game = gans.cyclegan(translator, translator, judge, judge, pool_size=0)
    batch = {name: jnp.zeros((2, 4, 4, 1)) for name in ("a", "b")}
    state = jax.eval_shape(game.init, jax.random.key(0), batch)

    # A translator ends in a tanh, and there is none elsewhere, nor in its derivative, 1 - tanh^2: tanhs count the runs.
    lowered = jax.jit(game.step).lower(state, batch)
    # The losses ask for eight: G(a), F(b) for the discriminators; again, F(G(a)), G(F(b)), G(b), F(a) for the generators.
    assert lowered.as_text().count("stablehlo.tanh") == 8
    # The generators answer for the very fakes that the discriminators judged, and the compiler sees that they are the same.
    assert lowered.compile().as_text().count(" tanh(") == 6
