"""How often spectral norm iterates: once for each turn of its own player, or at every call of the network in a turn."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Aux, Game, Player, Stage, Turn, constraints
from jaxgan.parts import terms
from tests.gans.one_parameter import IMAGES, Constant, still


class Judge(nn.Module):
    """One matrix of 16 by 5, and the sum of what it makes."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(5, use_bias=False, name="dense")(x.reshape(len(x), -1)).sum(1)


def judge(every_call, rate=0.0):
    return Player(Judge(), optax.sgd(rate), constraint=constraints.spectral_norm(every_call=every_call))


def judged(player, loss):
    """A game of one player and one turn."""
    inputs = {"judge": lambda batch: (batch["image"],)}
    return Game(players={"judge": player}, inputs=inputs, stages=(Stage((Turn("judge", loss),)),))


def iterated(matrix, u, times):
    """sigma and u after so many iterations, in double precision."""
    for _ in range(times):
        v = matrix @ u / np.linalg.norm(matrix @ u)
        u = v @ matrix / np.linalg.norm(v @ matrix)
    return v @ matrix @ u, u


def vector(state):
    return np.asarray(state.players["discriminator"].constraint["dense/kernel"], np.float64)


# A pair is two calls, of reals and of fakes; R1 and R2 call it once more each; the generator's turn judges a pair too.
@pytest.mark.parametrize(
    ("every_call", "parts", "calls"),
    [(False, (), 1), (True, (), 4), (True, (terms.r1(), terms.r2()), 6), (True, (terms.r1(every=2),), 7)],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_iterations_of_a_step(every_call, parts, calls, compiled):
    game = gans.gan(still(Constant()), judge(every_call), latent_size=2, terms=parts)
    batch = {"image": IMAGES}
    state = game.init(jax.random.key(0), batch)
    step = jax.jit(game.step, static_argnames="due") if compiled else game.step
    after, _ = step(state, batch, due=game.due(0, 0))
    matrix = np.asarray(state.players["discriminator"].params["dense"]["kernel"], np.float64)
    _, expected = iterated(matrix, vector(state), calls)
    np.testing.assert_allclose(vector(after), expected, rtol=1e-5, atol=1e-6)


def test_each_call_has_the_estimate_of_its_own():
    seen = {}

    def loss(nets, batch, memory, key):
        seen["scores"] = [nets.judge(batch["image"]), nets.aside("term").judge(batch["image"])]
        seen["bare"] = [nets.bare.judge(batch["image"]), nets.bare.judge(batch["image"])]
        return sum(score.sum() for score in seen["scores"]), Aux({"scores": jnp.stack(seen["scores"] + seen["bare"])})

    game = judged(judge(True), loss)
    state = game.init(jax.random.key(0), {"image": IMAGES})
    after, metrics = game.step(state, {"image": IMAGES})
    matrix = np.asarray(state.players["judge"].params["dense"]["kernel"], np.float64)
    u = np.asarray(state.players["judge"].constraint["dense/kernel"], np.float64)
    plain = (np.asarray(IMAGES, np.float64).reshape(2, -1) @ matrix).sum(1)
    # Bare nets iterate once more, for all their calls, and do not keep it.
    for score, times in zip(metrics["judge/scores"], (1, 2, 3, 3), strict=True):
        np.testing.assert_allclose(score, plain / iterated(matrix, u, times)[0], rtol=1e-5)
    np.testing.assert_allclose(after.players["judge"].constraint["dense/kernel"], iterated(matrix, u, 2)[1], rtol=1e-5)


def test_a_trained_game_is_called_without_moving_the_estimate():
    game = gans.gan(still(Constant()), judge(True), latent_size=2)
    state = game.init(jax.random.key(0), {"image": IMAGES})
    nets = game.nets(state)
    np.testing.assert_array_equal(nets.discriminator(IMAGES), nets.discriminator(IMAGES))


def test_gradients_go_through_each_calls_own_norm():
    """Two calls in a loss against finite differences of both quotients, u and v held as the calls found them."""
    images = np.asarray(IMAGES, np.float64).reshape(2, -1)
    probe = np.array([1.0, -2.0])

    def loss(nets, batch, memory, key):
        calls = nets.judge(batch["image"]), nets.judge(2 * batch["image"])
        return calls[0] @ jnp.asarray(probe, jnp.float32) + jnp.square(calls[1]).sum(), Aux()

    game = judged(judge(True, rate=1.0), loss)
    state = game.init(jax.random.key(0), {"image": IMAGES})
    after, _ = game.step(state, {"image": IMAGES})
    first = np.asarray(state.players["judge"].params["dense"]["kernel"], np.float64)
    u = np.asarray(state.players["judge"].constraint["dense/kernel"], np.float64)
    pairs = []
    for _ in range(2):
        v = first @ u / np.linalg.norm(first @ u)
        u = v @ first / np.linalg.norm(v @ first)
        pairs.append((v, u))

    def value(matrix):
        (v1, u1), (v2, u2) = pairs
        one = (images @ matrix).sum(1) / (v1 @ matrix @ u1)
        two = (2 * images @ matrix).sum(1) / (v2 @ matrix @ u2)
        return one @ probe + (two**2).sum()

    step = 1e-6 * np.eye(first.size).reshape(-1, *first.shape)
    numeric = np.array([(value(first + d) - value(first - d)) / 2e-6 for d in step]).reshape(first.shape)
    np.testing.assert_allclose(
        first - np.asarray(after.players["judge"].params["dense"]["kernel"]), numeric, rtol=2e-3, atol=2e-4
    )
