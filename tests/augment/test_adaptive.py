"""ADA's rule: which way p moves, by exactly how much, and when."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.augment import ada, adaptive
from jaxgan.core import Aux, Game, Player, Stage, Turn
from jaxgan.layers import Dense
from jaxgan.mesh import batch_axis

UP, DOWN = jnp.full(8, 3.0), jnp.full(8, -0.1)


@jax.jit
def update(state, logits):
    return adaptive.update(state, logits, target=0.6, images=1000, every=2)


def play(state, *batches):
    ps = []
    for logits in batches:
        state = update(state, logits)
        ps.append(float(state.p))
    return ps, state


def test_p_rises_while_the_signs_say_overfitting_and_falls_otherwise():
    # Every second minibatch of 8 moves p by 16 / 1000.
    ps, state = play(adaptive.start(0.1), UP, UP, UP, UP, DOWN, DOWN, DOWN)
    np.testing.assert_allclose(ps, [0.1, 0.116, 0.116, 0.132, 0.132, 0.116, 0.116], atol=1e-6)
    # What it saw since: one minibatch of minuses.
    assert float(state.signs) == -8 and int(state.count) == 8


def test_r_is_the_mean_sign_since_the_last_move():
    half = jnp.array([1.0, -1.0] * 4)
    mostly = jnp.array([5.0] * 7 + [-5.0])
    # (1 + 0) / 2 = 0.5 < 0.6; (1 + 0.75) / 2 = 0.875 > 0.6; a zero counts as none: (1 + 0.5) / 2 = 0.75 > 0.6.
    for second, moved in [(half, -0.016), (mostly, 0.016), (jnp.array([1.0, 0.0] * 4), 0.016)]:
        ps, _ = play(adaptive.start(0.5), UP, second)
        np.testing.assert_allclose(ps[-1], 0.5 + moved, atol=1e-6)


def test_p_stays_a_probability():
    assert play(adaptive.start(0.99), UP, UP)[0][-1] == 1.0
    assert play(adaptive.start(0.01), DOWN, DOWN)[0][-1] == 0.0


def test_the_papers_settings_take_500_000_images_from_0_to_1():
    state = adaptive.start()
    step = jax.jit(adaptive.update)
    for _ in range(8):
        state = step(state, jnp.ones((64, 1)))
    np.testing.assert_allclose(state.p, 2 * 256 / 500_000, rtol=1e-5)


def test_shares_of_a_mapped_batch_count_as_one():
    logits = np.random.default_rng(0).normal(0.9, 1, (2, 4, 3)).astype(np.float32)
    state = adaptive.AdaState(jnp.float32(0.5), jnp.float32(3), jnp.int32(4))
    with batch_axis("data"):
        shares = jax.vmap(lambda share: update(state, share), axis_name="data")(logits)
        moved = jax.vmap(update, axis_name="data")(shares, logits)
    signs = 8 * np.sign(logits).mean()
    np.testing.assert_allclose(shares.signs, [3 + signs] * 2, rtol=1e-6)
    np.testing.assert_array_equal(shares.count, [12, 12])
    np.testing.assert_array_equal(shares.p, [0.5, 0.5])
    # The third share makes 20 images, of which more or fewer than 0.6 are positive.
    expected = 0.5 + 20 / 1000 * np.sign((3 + 2 * signs) / 20 - 0.6)
    np.testing.assert_allclose(moved.p, [expected] * 2, rtol=1e-6)
    np.testing.assert_array_equal(moved.count, [0, 0])


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="probability"):
        adaptive.start(1.5)
    with pytest.raises(ValueError, match="at least 1"):
        adaptive.update(adaptive.start(), UP, every=0)


def test_a_game_keeps_p_in_its_players_state_and_shows_it_images_by_it():
    """A discriminator that calls every image real: p rises from 0, at which images are shown as they are."""

    def loss(nets, batch, memory, key):
        logits = nets.discriminator(batch["image"].sum(axis=(1, 2)) + 100.0)
        shown = nets.eye(batch["image"])
        moved = jnp.abs(shown - batch["image"]).max()
        return logits.mean() * 0.0 + shown.mean() * 0.0, Aux({"moved": moved}, scores={"eye": logits})

    class Eye(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x + self.param("zero", nn.initializers.zeros, ())

    game = Game(
        players={
            "discriminator": Player(Dense(1, kernel_init=nn.initializers.ones), optax.sgd(0.0)),
            "eye": Player(Eye(), optax.sgd(0.0), view=ada("bc", images=16, every=2)),
        },
        inputs={
            "discriminator": lambda batch: (batch["image"][:, 0, 0],),
            "eye": lambda batch: (batch["image"],),
        },
        stages=(Stage((Turn("look", loss, players=("discriminator", "eye")),)),),
    )
    batch = {"image": jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (8, 4, 4, 1)), jnp.float32)}
    state = game.init(jax.random.key(0), batch)
    step = jax.jit(game.step)
    moved = []
    for _ in range(3):
        state, metrics = step(state, batch)
        moved.append(float(metrics["look/moved"]))
    # After two minibatches of 8 the p of a third step is 16 / 16.
    assert moved[:2] == [0.0, 0.0] and moved[2] > 0
    assert float(state.players["eye"].view.p) == 1.0
