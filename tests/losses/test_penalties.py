"""Penalties against closed forms and finite differences, through a convolutional critic; and the points they are taken at."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy import stats

from jaxgan.errors import UserError
from jaxgan.layers import Conv
from jaxgan.losses import penalties
from jaxgan.mesh import batch_axis

IMAGE = (5, 4, 2)
GOAL = 1.8  # the gradient norm that costs nothing: some of the images below are under it, some above


class Patches(nn.Module):
    """A critic without batch norm that gives a map of logits, (B, 3, 2)."""

    @nn.compact
    def __call__(self, x):
        x = nn.softplus(Conv(4, strides=2, dtype=jnp.float64, name="down")(x))
        return jnp.tanh(Conv(1, dtype=jnp.float64, name="logits")(x))[..., 0]


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def points():
    """What each penalty is taken at: reals, fakes, and what lies between and around."""
    real, fake, key = jnp.asarray(draw(0, 3, *IMAGE)), jnp.asarray(2 * draw(1, 3, *IMAGE)), jax.random.key(0)
    return {
        "reals": real,
        "fakes": fake,
        "lines": penalties.interpolate(key, real, fake),
        "paper's noise": penalties.dragan_points(key, real, "paper", variance=0.1),
        "authors' noise": penalties.dragan_points(key, real, "author"),
    }


def two_sided(norms):
    return (norms - GOAL) ** 2


def one_sided(norms):
    return np.maximum(norms - GOAL, 0) ** 2


def distance(norms):
    return np.abs(norms - GOAL)


def hinge(norms):
    return np.maximum(norms - GOAL, 0)


# Each penalty of this library, and what it is of each image's gradient norm.
ON_NORMS = {
    "two-sided": (functools.partial(penalties.gradient_penalty, target=GOAL), two_sided),
    "one-sided": (functools.partial(penalties.gradient_penalty, target=GOAL, one_sided=True), one_sided),
    "not squared": (functools.partial(penalties.gradient_penalty, target=GOAL, squared=False), distance),
    "hinge": (functools.partial(penalties.gradient_penalty, target=GOAL, one_sided=True, squared=False), hinge),
    "zero-centred": (penalties.zero_centered_penalty, np.square),
}
CASES = (
    ("two-sided", "lines"),
    ("one-sided", "lines"),
    ("not squared", "lines"),
    ("hinge", "lines"),
    ("two-sided", "paper's noise"),
    ("two-sided", "authors' noise"),
    ("zero-centred", "reals"),
    ("zero-centred", "fakes"),
    ("zero-centred", "lines"),
)


def test_values_and_weight_gradients_by_finite_differences_through_convolutions():
    with jax.enable_x64(True):
        where = points()
        network = Patches()
        start = network.init(jax.random.key(1), where["reals"])["params"]
        start = jax.tree.map(lambda leaf: 2 * leaf.astype(jnp.float64), start)

        def costs(params):
            critic = lambda x: network.apply({"params": params}, x)  # noqa: E731
            taken = [ON_NORMS[kind][0](critic, where[place]) for kind, place in CASES]
            return jnp.stack([*taken, penalties.drift(critic(where["reals"]))])

        @jax.jit
        def scores(x):
            return network.apply({"params": start}, x).sum(axis=(1, 2))

        values = jax.jit(costs)
        found = np.asarray(values(start))

        # The values: images do not mix, so that each pixel may be moved in all of them at once.
        step, pixels = 1e-6, np.eye(np.prod(IMAGE)).reshape(-1, 1, *IMAGE)
        norms = {}
        for place, x in where.items():
            ends = [scores((x[None] + sign * step * pixels).reshape(-1, *IMAGE)) for sign in (1, -1)]
            gradients = (ends[0] - ends[1]).reshape(-1, len(x)) / (2 * step)
            norms[place] = np.sqrt((np.asarray(gradients) ** 2).sum(axis=0))
        assert (norms["lines"] < GOAL).any() and (norms["lines"] > GOAL).any()  # or the one-sided case shows nothing
        expected = [ON_NORMS[kind][1](norms[place]).mean() for kind, place in CASES]
        expected.append(np.mean(np.asarray(network.apply({"params": start}, where["reals"])) ** 2))
        np.testing.assert_allclose(found, expected, rtol=1e-7)

        # Their gradients by the weights, which are second derivatives, along random directions.
        jacobian = jax.jit(jax.jacrev(costs))(start)
        for seed in range(3):
            leaves, structure = jax.tree.flatten(start)
            direction = structure.unflatten([draw(10 * seed + i, *leaf.shape) for i, leaf in enumerate(leaves)])
            ends = [values(jax.tree.map(lambda w, d, s=s: w + s * d, start, direction)) for s in (1e-6, -1e-6)]
            numeric = np.asarray(ends[0] - ends[1]) / 2e-6
            along = jax.tree.map(lambda j, d: (j * d[None]).reshape(len(found), -1).sum(axis=1), jacobian, direction)
            np.testing.assert_allclose(sum(jax.tree.leaves(along)), numeric, rtol=1e-6, atol=1e-9)


def test_of_a_linear_critic_all_is_known():
    slope = jnp.asarray(draw(0, 40), jnp.float32)
    x = jnp.asarray(draw(1, 6, 40), jnp.float32)
    square = float((np.asarray(slope, np.float64) ** 2).sum())

    def cost(penalty):
        return jax.value_and_grad(lambda slope: penalty(lambda x: x @ slope, x))(slope)

    # || a ||^2, whose gradient is 2 a: gamma / 2 of it is R1, so gamma a
    value, gradient = cost(penalties.zero_centered_penalty)
    assert float(value) == pytest.approx(square, rel=1e-5)
    np.testing.assert_allclose(gradient, 2 * slope, rtol=1e-5)
    # (|| a || - 1)^2, whose gradient is 2 (|| a || - 1) a / || a ||
    value, gradient = cost(penalties.gradient_penalty)
    assert float(value) == pytest.approx((np.sqrt(square) - 1) ** 2, rel=1e-5)
    np.testing.assert_allclose(gradient, 2 * (1 - 1 / np.sqrt(square)) * slope, rtol=1e-5)
    assert float(penalties.drift(x)) == pytest.approx(np.mean(np.asarray(x, np.float64) ** 2), rel=1e-5)


def test_each_region_is_where_it_says():
    key = jax.random.key(3)
    real, fake = (jnp.asarray(draw(seed, 5, *IMAGE), jnp.float32) for seed in (0, 1))
    region = functools.partial(penalties.penalty_points, key, real, fake)
    np.testing.assert_array_equal(region("reals"), real)
    np.testing.assert_array_equal(region("fakes"), fake)
    # On the line from x to g: the same share of it for all pixels of an image, one for each image.
    shares = np.asarray((region() - real) / (fake - real)).reshape(5, -1)
    np.testing.assert_allclose(shares, np.broadcast_to(shares[:, :1], shares.shape), atol=1e-3)
    assert ((shares > 0) & (shares < 1)).all() and np.unique(shares[:, 0].round(3)).size == 5
    # Around x, whatever the fakes are: by at most half of the reals' deviation, upwards.
    moved = np.asarray(region("around") - real)
    np.testing.assert_array_equal(region("around"), penalties.penalty_points(key, real, 9 * fake, "around"))
    assert moved.min() >= -1e-6 and 0 < moved.max() <= np.asarray(real).std() / 2 + 1e-6


def test_an_unknown_region_is_refused():
    with pytest.raises(
        UserError, match=r"^gradient penalty: region 'inside' is unknown: choose one of between, around"
    ):
        penalties.penalty_points(jax.random.key(0), jnp.ones((2, 3)), jnp.ones((2, 3)), "inside")


def test_where_the_critic_is_flat_gradients_are_finite():
    x = jnp.ones((3, 4))

    def critic(weight, x):
        return nn.relu(x @ weight - 1.0).sum(axis=1)

    for kind, (penalty, of_norm) in ON_NORMS.items():
        for weight in (jnp.zeros((4, 5)), -jnp.ones((4, 5))):  # all units are dead
            value, gradient = jax.value_and_grad(lambda w, p=penalty: p(functools.partial(critic, w), x))(weight)
            assert float(value) == pytest.approx(float(of_norm(np.zeros(1))[0])), kind
            np.testing.assert_array_equal(gradient, 0.0)


def test_a_bfloat16_critic_has_float32_penalties():
    x = jnp.asarray(draw(0, 64, 8), jnp.float32)
    slope = jnp.asarray(draw(1, 8), jnp.bfloat16)
    critic = lambda x: x.astype(jnp.bfloat16) @ slope  # noqa: E731
    exact = float((np.asarray(slope, np.float64) ** 2).sum())
    found = penalties.zero_centered_penalty(critic, x)
    assert found.dtype == penalties.gradient_penalty(critic, x).dtype == penalties.drift(critic(x)).dtype == jnp.float32
    # bfloat16 keeps three digits, the sum over the gradient far more
    assert float(found) == pytest.approx(exact, rel=1e-5)


def test_the_papers_noise_is_normal_and_has_the_variance_it_is_told():
    real = jnp.asarray(draw(0, 40, *IMAGE), jnp.float32)
    for options, variance in (({}, 10 / 127.5**2), ({"variance": 0.25}, 0.25)):
        noise = np.asarray(penalties.dragan_points(jax.random.key(1), real, "paper", **options) - real)
        assert stats.kstest(noise.ravel() / np.sqrt(variance), "norm").pvalue > 1e-3
        # every pixel of every image has its own
        assert len(np.unique(noise)) > 0.9 * noise.size


def test_the_authors_noise_is_uniform_times_half_the_deviation_of_the_minibatch_times_one_number_for_each_image():
    real = jnp.asarray(3 * draw(0, 300, 500) + 1, jnp.float32)
    moved = np.asarray(penalties.dragan_points(jax.random.key(1), real, "author") - real, np.float64)
    noise = moved / (0.5 * np.std(np.asarray(real, np.float64)))
    # alpha_i u_ij: alpha_i is (all but) the largest of the row, for the u_ij are uniform on [0, 1)
    alphas = noise.max(axis=1) * 501 / 500
    assert noise.min() > -1e-6 and noise.max() < 1
    assert stats.kstest(alphas, "uniform").pvalue > 1e-3
    rows = noise[alphas > 0.1]
    assert stats.kstest((rows / alphas[alphas > 0.1][:, None]).ravel()[::10], "uniform").pvalue > 1e-3


def test_the_deviation_is_that_of_the_whole_minibatch_when_it_is_split():
    quiet, loud = jnp.asarray(draw(0, 4, 6), jnp.float32), jnp.asarray(50 * draw(1, 4, 6), jnp.float32)
    key = jax.random.key(2)

    def moved(real):
        with batch_axis("data"):
            return penalties.dragan_points(key, real, "author") - real

    apart = jax.vmap(moved, axis_name="data")(jnp.stack([quiet, loud]))
    # the same draws, so the same shift wherever the deviation is one
    np.testing.assert_allclose(apart[0], apart[1], rtol=1e-3, atol=1e-3)
    alone = penalties.dragan_points(key, quiet, "author") - quiet
    ratio = np.std(np.concatenate([quiet, loud])) / np.std(quiet)
    np.testing.assert_allclose(apart[0], ratio * alone, rtol=1e-3, atol=1e-3)


def test_an_unknown_perturbation_is_named():
    with pytest.raises(ValueError, match="perturbation 'authors' is unknown"):
        penalties.dragan_points(jax.random.key(0), jnp.ones((2, 3)), "authors")
