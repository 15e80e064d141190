"""Frozen parameters keep their bits, whatever the optimiser and the constraint do; the others move as without it."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import overrides
from jaxgan.core import Aux, Game, Player, Stage, Turn, averaging, constraints
from jaxgan.errors import UserError
from jaxgan.training import plan_without_data


class Critic(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(4, name="block_0")(x))
        return nn.Dense(1, name="head")(nn.relu(nn.Dense(4, name="block_1")(x)))


def game(**fields) -> Game:
    loss = lambda nets, batch, memory, key: (jnp.square(nets.critic(batch["image"]) - 1.0).mean(), Aux())  # noqa: E731
    critic = Player(Critic(), optax.adamw(0.1, weight_decay=0.5), average=averaging.exponential(0.5), **fields)
    return Game(
        players={"critic": critic},
        inputs={"critic": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("critic", loss, ("critic",)),)),),
    )


def played(game, steps=3):
    batch = {"image": jnp.linspace(-1.0, 1.0, 24).reshape(8, 3)}
    first = state = game.init(jax.random.key(0), batch)
    for _ in range(steps):
        state, metrics = jax.jit(game.step)(state, batch)
    return first.players["critic"], state.players["critic"], metrics


@pytest.mark.parametrize(
    "constraint", [constraints.unconstrained(), constraints.clip(0.05), constraints.spectral_norm()]
)
def test_frozen_parameters_keep_their_bits_under_weight_decay_and_moments(constraint):
    before, after, _ = played(game(frozen="block_0|block_1/bias", constraint=constraint))
    for layer, leaves in before.params.items():
        for name, leaf in leaves.items():
            same = np.array_equal(leaf, after.params[layer][name])
            assert same == (layer == "block_0" or (layer, name) == ("block_1", "bias")), (layer, name)
            assert same == np.array_equal(before.average[layer][name], after.average[layer][name])
    moments = after.optimizer[0]
    for moment in (moments.mu, moments.nu):
        assert not np.any(moment["block_0"]["kernel"]) and np.any(moment["head"]["kernel"])


def test_the_first_step_of_the_others_is_that_of_a_player_without_frozen_ones():
    _, frozen, _ = played(game(frozen="block_0"), steps=1)
    _, free, _ = played(game(), steps=1)
    for layer in ("block_1", "head"):
        np.testing.assert_array_equal(frozen.params[layer]["kernel"], free.params[layer]["kernel"])
    assert not np.array_equal(frozen.params["block_0"]["kernel"], free.params["block_0"]["kernel"])


def test_the_gradient_norm_is_of_those_that_move():
    batch = {"image": jnp.linspace(-1.0, 1.0, 24).reshape(8, 3)}
    one = game(frozen="block")
    state = one.init(jax.random.key(0), batch)

    def loss(head):
        params = state.players["critic"].params | {"head": head}
        return jnp.square(Critic().apply({"params": params}, batch["image"]) - 1.0).mean()

    wanted = optax.tree.norm(jax.grad(loss)(state.players["critic"].params["head"]))
    _, metrics = one.step(state, batch)
    np.testing.assert_allclose(metrics["critic/gradient_norm"], wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        (
            "conv",
            r"^critic: frozen='conv' is found in no parameter: they are block_0/bias, block_0/kernel, .*head/kernel",
        ),
        ("(", r"^critic: frozen='\(' is no regular expression \(.*\): write 'block_0\|block_1'"),
    ],
)
def test_a_name_that_freezes_nothing_is_one_line(frozen, message):
    one = game()
    one = dataclasses.replace(one, players={"critic": dataclasses.replace(one.players["critic"], frozen=frozen)})
    with pytest.raises(UserError, match=message):
        jax.eval_shape(one.init, jax.random.key(0), {"image": jnp.zeros((8, 3))})


def test_it_is_a_field_of_a_player(tiny):
    config = overrides.apply(tiny("dcgan"), [("players.discriminator.frozen", "down")])
    plan = plan_without_data(config)
    discriminator = plan.game.players["discriminator"]
    assert discriminator.frozen == "down" and plan.game.players["generator"].frozen is None
    frozen = discriminator.frozen_paths(plan.abstract_state().players["discriminator"].params)
    assert frozen and all("down" in path for path in frozen)
