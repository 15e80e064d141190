"""What a penalty at the pair's own images sees, and what it costs."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Aux, Game, Player, Stage, Turn, View
from jaxgan.parts import make_pair, terms
from tests.gans.one_parameter import IMAGES, Constant, still

SHAKE = View(lambda key, x, clock, state: x * jax.random.uniform(key, (len(x), 1, 1, 1)))


class Energy(nn.Module):
    """C(x) = w sum(x^2)."""

    @nn.compact
    def __call__(self, x):
        return self.param("w", lambda key: jnp.float32(0.5)) * jnp.square(x).sum((1, 2, 3))


def test_r1_and_r2_see_images_as_their_scores_did():
    """Seen s times as bright, C(s x) = w s^2 q, q = sum(x^2), and || dC / dx ||^2 = 4 w^2 s^4 q = 4 C^2 / q: s drops out."""
    fakes = IMAGES + 0.3
    parts = {"r1": terms.r1(weight=1.0), "r2": terms.r2(weight=1.0)}

    def loss(nets, batch, memory, key):
        pair = make_pair(nets, "judge", batch["image"], fakes, batch, memory)
        values = {name: term.value(pair.aside(name), key) for name, term in parts.items()}
        logits = {"real": pair.real_logits, "fake": pair.fake_logits}
        return pair.real_logits.mean(), Aux(values | logits)

    game = Game(
        players={"judge": Player(Energy(), optax.sgd(0.0), view=SHAKE)},
        inputs={"judge": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("judge", loss),)),),
    )
    state = game.init(jax.random.key(0), {"image": IMAGES})
    _, metrics = game.step(state, {"image": IMAGES})
    for name, images, logits in (("r1", IMAGES, "real"), ("r2", fakes, "fake")):
        squares = np.square(np.asarray(images, np.float64)).sum((1, 2, 3))
        scores = np.asarray(metrics[f"judge/{logits}"], np.float64)
        assert not np.allclose(scores, 0.5 * squares, rtol=0.01)  # the view does something
        expected = 0.5 * (4 * scores**2 / squares).mean()
        assert float(metrics[f"judge/{name}"]) == pytest.approx(expected, rel=1e-5)


class Wide(nn.Module):
    """Two dense layers, 16 to 512 to 1."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(jnp.tanh(nn.Dense(512)(x.reshape(len(x), -1))))[:, 0]


def test_the_penalties_of_r3gan_run_the_network_no_second_time():
    """The operations of a compiled step with an augmentation exceed those without by less than one forward pass."""

    def operations(view):
        judge = Player(Wide(), optax.sgd(0.1), view=view)
        game = gans.r3gan(still(Constant()), judge, latent_size=2)
        state = game.init(jax.random.key(0), {"image": IMAGES})
        cost = jax.jit(game.step).lower(state, {"image": IMAGES}).compile().cost_analysis()
        return (cost[0] if isinstance(cost, list) else cost)["flops"]

    forward = 2 * len(IMAGES) * (16 * 512 + 512)
    assert operations(SHAKE) - operations(None) < 0.25 * forward


def test_r3gans_generator_can_have_reals_of_its_own():
    """The discriminator sees the first minibatch, and the generator's loss is that of the second."""
    first, second = IMAGES, IMAGES * 3 + 1
    game = gans.r3gan(still(Constant()), still(Energy()), latent_size=2, gamma=0.0, fresh_reals=True)
    state = game.init(jax.random.key(0), {"image": first})
    assert game.minibatches(game.due(0, 0)) == 2
    after, metrics = game.step(state, ({"image": first}, {"image": second}))
    fake = 0.5 * 16 * 0.25
    for turn, images, sign in (("discriminator", first, -1), ("generator", second, 1)):
        scores = 0.5 * np.square(np.asarray(images, np.float64)).sum((1, 2, 3))
        expected = np.log1p(np.exp(sign * (scores - fake))).mean()
        assert float(metrics[f"{turn}/loss"]) == pytest.approx(expected, rel=1e-5)
    assert int(after.images) == 2 * len(IMAGES)
