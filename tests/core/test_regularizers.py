"""Soft constraints against singular value decompositions and derivatives written out by hand, alone and in a game."""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.config import named
from jaxgan.core import Aux, Clock, Game, Player, Stage, Turn, constraints, regularizers
from jaxgan.errors import ConfigError
from jaxgan.registry import make, make_all

RATE = 0.01
LAYERS = ("tall", "wide", "output")  # kernels (5, 4), (4, 6) and (6, 1)


class Mlp(nn.Module):
    @nn.compact
    def __call__(self, x):
        init = nn.initializers.normal(1.0)
        for name, features in zip(LAYERS, (4, 6, 1), strict=True):
            x = nn.Dense(features, kernel_init=init, bias_init=init, name=name)(x)
        return x[:, 0]


def play(players, steps, slope=0.0):
    """Each player's parameters before, and after each of some steps of SGD on slope * (the sum of all parameters).

    Args:
        players: Constraints by the player's name; their states begin as they are after many looks at the first parameters.
        steps: How many.
        slope: The loss's gradient for every parameter, beside the constraint's.
    """

    def loss(nets, batch, memory, key):
        everything = sum(leaf.sum() for _, net in nets for leaf in jax.tree.leaves(net.params))
        return slope * everything, Aux({f"{name}/output": net(batch["image"]).mean() for name, net in nets})

    game = Game(
        players={name: Player(Mlp(), optax.sgd(RATE), constraint) for name, constraint in players.items()},
        inputs={name: lambda batch: (batch["image"],) for name in players},
        stages=(Stage((Turn("all", loss, tuple(players)),)),),
    )

    @jax.jit
    def init(key):
        def look(_, own):
            return {name: players[name].apply(one.params, own[name])[1] for name, one in state.players.items()}

        state = game.init(key, batch)
        own = {name: one.constraint for name, one in state.players.items()}
        own = own if slope else jax.lax.fori_loop(0, 200, look, own)
        return state.replace(players={name: one.replace(constraint=own[name]) for name, one in state.players.items()})

    batch = {"image": jnp.ones((2, 5))}
    state, step = init(jax.random.key(0)), jax.jit(game.step)
    seen, metrics = [state], []
    for _ in range(steps):
        state, values = step(state, batch)
        seen.append(state)
        metrics.append({name.removeprefix("all/"): float(value) for name, value in values.items()})
    return {name: [state.players[name].params for state in seen] for name in players}, metrics


def kernels(tree, layers=LAYERS):
    return {layer: np.asarray(tree[layer]["kernel"], np.float64) for layer in layers}


def clock(step):
    return Clock(jnp.int32(step), jnp.int32(0), jnp.int32(step), jnp.int32(0))


# ---- what each asks for, and its derivative, in numpy: (kernel) -> (cost, gradient)


def off_diagonal(w):
    excess = w.T @ w * (1 - np.eye(w.shape[1]))
    return (excess**2).sum(), 4 * w @ excess


def full(w):
    excess = w.T @ w - np.eye(w.shape[1])
    return (excess**2).sum(), 4 * w @ excess


def spectral(w):
    left, values, right = np.linalg.svd(w)
    # 1/2 sigma^2, and sigma v u'
    return 0.5 * values[0] ** 2, values[0] * np.outer(left[:, 0], right[0])


def near(target=None, ratio=None):
    def cost(w):
        left, values, right = np.linalg.svd(w)
        if len(values) < 2:
            return 0.0, np.zeros_like(w)
        distance = values[0] - (target if ratio is None else ratio * values[1])
        # sigma1 is a constant of the gradient
        return distance**2, 2 * distance * np.outer(left[:, 0], right[0])

    return cost


def squares(w):
    return 0.5 * (w**2).sum(), w


SOFT = {
    "decay": (regularizers.l2_decay(0.3), 0.3, squares),
    "orthogonal": (regularizers.orthogonal(0.3), 0.3, off_diagonal),
    "orthonormal": (regularizers.orthogonal(0.3, off_diagonal=False), 0.3, full),
    "spectral": (regularizers.spectral_regularization(0.3), 0.3, spectral),
    "target": (regularizers.singular_value_regularization(0.3, target=1.5), 0.3, near(target=1.5)),
    "ratio": (regularizers.singular_value_regularization(0.3, ratio=1.1), 0.3, near(ratio=1.1)),
}


LIMIT = 0.9
TOGETHER = constraints.chain(
    constraints.spectral_norm(), regularizers.orthogonal(0.05), constraints.clip(LIMIT), SOFT["spectral"][0]
)


@pytest.fixture(scope="module")
def game():
    """Four steps of a game in which only the constraints push."""
    soft = {name: constraint for name, (constraint, _, _) in SOFT.items()}
    return play(soft | {"together": TOGETHER, "lazy": regularizers.orthogonal(0.01, every=3)}, steps=4)


@pytest.mark.parametrize("name", SOFT)
def test_in_a_game_each_moves_the_raw_weights_by_its_gradient_alone(name, game):
    _, weight, truth = SOFT[name]
    seen, metrics = game
    before, after = seen[name][:2]
    costs = {layer: truth(w) for layer, w in kernels(before).items()}
    total = sum(cost for cost, _ in costs.values())
    assert metrics[0][f"{name}/weight_penalty"] == pytest.approx(weight * total, rel=1e-4)
    moved = kernels(after)
    for layer, w in kernels(before).items():
        np.testing.assert_allclose((moved[layer] - w) / RATE, -weight * costs[layer][1], rtol=2e-3, atol=2e-3)
        np.testing.assert_array_equal(after[layer]["bias"], before[layer]["bias"])
    # a step downhill, by more than rounding
    assert weight * sum(np.abs(gradient).sum() for _, gradient in costs.values()) > 1e-2
    assert sum(truth(w)[0] for w in moved.values()) < total


def test_hard_and_soft_together(game):
    seen, metrics = game
    before, after = seen["together"][:2]
    assert np.abs(kernels(before)["tall"]).max() == pytest.approx(LIMIT)  # clipped from the start
    x = np.ones(5)
    for layer in LAYERS:
        w = kernels(before)[layer]
        # the costs of the raw weights, then the clip
        expected = np.clip(w - RATE * (0.05 * off_diagonal(w)[1] + 0.3 * spectral(w)[1]), -LIMIT, LIMIT)
        np.testing.assert_allclose(kernels(after)[layer], expected, rtol=1e-3, atol=1e-4)
        # and the network computes with W / sigma
        x = x @ (w / np.linalg.svd(w, compute_uv=False)[0]) + np.asarray(before[layer]["bias"])
    assert metrics[0]["together/output"] == pytest.approx(x[0], rel=1e-3)
    costs = [0.05 * off_diagonal(w)[0] + 0.3 * spectral(w)[0] for w in kernels(before).values()]
    assert metrics[0]["together/weight_penalty"] == pytest.approx(sum(costs), rel=1e-3)


def test_a_game_pays_lazily_at_multiples_of_every(game):
    weights = [kernels(tree)["tall"] for tree in game[0]["lazy"]]
    moved = [not np.array_equal(before, after) for before, after in itertools.pairwise(weights)]
    assert moved == [True, False, False, True]
    pushed = -RATE * 3 * 0.01 * off_diagonal(weights[0])[1]
    np.testing.assert_allclose(weights[1] - weights[0], pushed, rtol=1e-3, atol=1e-6)


def test_excluded_weights_cost_nothing_and_one_that_excludes_all_is_refused():
    tree = {"a": {"kernel": jnp.array([[1.0, 2.0], [3.0, 4.0]])}, "b": {"kernel": jnp.eye(2), "bias": jnp.ones(2)}}
    # columns (1, 3) and (2, 4): inner product 14, counted twice
    assert float(regularizers.orthogonal_cost(tree)) == pytest.approx(2 * 14.0**2)
    assert float(regularizers.orthogonal_cost(tree, exclude="^a/")) == 0.0
    for maker in (
        regularizers.l2_decay,
        regularizers.orthogonal,
        regularizers.spectral_regularization,
        lambda weight, exclude: regularizers.singular_value_regularization(weight, 1.0, exclude=exclude),
    ):
        with pytest.raises(ValueError, match="no parameter passes the filter"):
            maker(1.0, exclude=".*").init(tree, jax.random.key(0))


def test_filters_at_right_angles_are_free_whatever_their_length_unless_lengths_count():
    columns = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 4)))[0]
    tree = {"kernel": jnp.asarray(5.0 * columns, jnp.float32)}
    assert float(regularizers.orthogonal_cost(tree)) == pytest.approx(0.0, abs=1e-6)
    assert float(regularizers.orthogonal_cost(tree, off_diagonal=False)) == pytest.approx(4 * 24.0**2, rel=1e-5)


def test_zero_weights_have_finite_gradients():
    tree = {"kernel": jnp.zeros((4, 3))}

    @jax.jit
    def gradients():
        found = {}
        for name, (constraint, _, _) in SOFT.items():
            _, state = constraint.apply(*constraint.init(tree, jax.random.key(0)))
            found[name] = jax.grad(constraint.penalty)(tree, state, clock(0))
        return found

    for name, gradient in gradients().items():
        assert np.isfinite(gradient["kernel"]).all(), name


def test_a_game_with_a_slope_the_past_and_the_clamp_hold_back():
    weight, slope, steps = 2.0, -30.0, 8
    seen, metrics = play(
        {
            "braked": regularizers.historical_averaging(weight),
            "clamped": constraints.singular_value_clamp(limit=2.5),
            "free": constraints.unconstrained(),
        },
        steps,
        slope,
    )
    for layer, leaf in (("tall", "kernel"), ("output", "bias")):
        theta = [np.asarray(seen["braked"][0][layer][leaf], np.float64)]
        for _ in range(steps):
            # theta <- theta - rate * (slope + 2 weight (theta - mean of theta_1 .. theta_t))
            theta.append(theta[-1] - RATE * (slope + 2 * weight * (theta[-1] - np.mean(theta, axis=0))))
        for ours, true in zip(seen["braked"], theta, strict=True):
            np.testing.assert_allclose(ours[layer][leaf], true, rtol=1e-5, atol=1e-6)
    # at the first step there is no past but the present; at the second it is half the first move of every parameter away
    count = sum(leaf.size for leaf in jax.tree.leaves(seen["braked"][0]))
    costs = [values["braked/weight_penalty"] for values in metrics]
    assert costs[:2] == pytest.approx([0.0, weight * count * (RATE * slope / 2) ** 2], rel=1e-4)

    largest = {
        name: [np.linalg.svd(kernels(tree)["tall"], compute_uv=False)[0] for tree in trees]
        for name, trees in seen.items()
    }
    assert largest["free"][-1] > 8
    # as near as singular vectors that are two power iterations behind
    assert largest["clamped"][3:] == pytest.approx([2.5] * (steps - 2), rel=5e-3)


def test_lazy_costs_the_same_on_the_average_and_nothing_in_between():
    tree = Mlp().init(jax.random.key(0), jnp.ones((1, 5)))["params"]
    lazy, always = regularizers.spectral_regularization(0.3, every=3), regularizers.spectral_regularization(0.3)
    _, state = always.init(tree, jax.random.key(1))
    gradient = jax.value_and_grad(lazy.penalty)
    together = jax.jit(jax.vmap(gradient, (None, None, 0)))(tree, state, jax.vmap(clock)(jnp.arange(6)))
    one = jax.jit(gradient)
    each = [one(tree, state, clock(step)) for step in range(6)]
    assert [float(value) > 0 for value, _ in each] == [True, False, False, True, False, False]
    average = jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *each)
    expected = jax.value_and_grad(always.penalty)(tree, state, clock(1))
    compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # noqa: E731
    jax.tree.map(compare, average, expected)
    jax.tree.map(lambda stacked, mean: compare(stacked.mean(0), mean), together, average)
    # not computed and masked, but left out
    assert "stablehlo.case" in one.lower(tree, state, clock(0)).as_text()


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match=r"weight=-1\.0 must not be negative"):
        regularizers.historical_averaging(-1.0)
    with pytest.raises(ValueError, match="every=0 must be at least 1"):
        regularizers.orthogonal(1.0, every=0)
    with pytest.raises(ValueError, match="either a fixed singular value or a ratio"):
        regularizers.singular_value_regularization(1.0)


def test_configs_name_them_alone_and_together():
    for name, fields in {
        "orthogonal": {"weight": 1e-4, "exclude": "tall"},
        "spectral_regularization": {"weight": 0.01},
        "historical_averaging": {"weight": 1.0},
        "singular_value_regularization": {"weight": 1.0, "ratio": 1.5},
    }.items():
        assert make(named(name, **fields), "constraint", "constraint").penalty is not None
    assert make(named("singular_value_clamp", limit=2.0), "constraint", "constraint").penalty is None

    parts = (named("orthogonal", weight=0.5), named("spectral_norm", exclude="output"))
    constraint = constraints.chain(*make_all(parts, "constraint", "constraints"))
    tree = Mlp().init(jax.random.key(0), jnp.ones((1, 5)))["params"]
    _, state = constraint.init(tree, jax.random.key(1))
    expected = 0.5 * sum(off_diagonal(w)[0] for w in kernels(tree).values())
    assert float(constraint.penalty(tree, state, clock(0))) == pytest.approx(expected, rel=1e-4)
    used, _ = constraint.apply(tree, state)
    assert not np.array_equal(used["tall"]["kernel"], tree["tall"]["kernel"])
    np.testing.assert_array_equal(used["output"]["kernel"], tree["output"]["kernel"])
    with pytest.raises(ConfigError, match="needs weight: add it to the config"):
        make_all((named("orthogonal"),), "constraint", "constraints")
