"""What the literature proves of GANs, asked of this library's losses, networks and layers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from jaxgan.layers import convolution, up_convolution
from jaxgan.losses import make_objective
from jaxgan.losses.penalties import gradient_norms
from jaxgan.networks import MLPDiscriminator

REAL = ((-1.0, 0.6, 0.3), (1.5, 0.4, 0.7))  # mean, deviation and share of each mode
FIRST = np.array([0.2, np.log(0.9)])  # the generator's mean and the logarithm of its deviation
GRID = np.linspace(-12.0, 12.0, 48_001)
# Points of equal share of a standard normal density: means over them are expectations.
NOISE = scipy.stats.norm.ppf((np.arange(40_000) + 0.5) / 40_000)


def log_real(x):
    parts = [jnp.log(share) - 0.5 * jnp.square((x - mean) / s) - jnp.log(s) for mean, s, share in REAL]
    return jax.nn.logsumexp(jnp.stack(parts), axis=0) - 0.5 * jnp.log(2 * jnp.pi)


def log_fake(x, theta):
    return -0.5 * jnp.square((x - theta[0]) / jnp.exp(theta[1])) - theta[1] - 0.5 * jnp.log(2 * jnp.pi)


def generate(theta):
    return theta[0] + jnp.exp(theta[1]) * NOISE


def best_logits(x, theta):
    """C* = log p / q, what the best discriminator of reals p and fakes q says before the sigmoid."""
    return log_real(x) - log_fake(x, theta)


def integral(values):
    return values.sum() * (GRID[1] - GRID[0])


def divergences(theta):
    """KL(q || p), KL(p || q) and JS(p, q), by quadrature; `theta` as numbers of numpy."""
    log_p, log_q = np.asarray(log_real(GRID)), np.asarray(log_fake(GRID, theta))
    p, q = np.exp(log_p), np.exp(log_q)
    log_middle = np.logaddexp(log_p, log_q) - np.log(2)
    shannon = integral(p * (log_p - log_middle) + q * (log_q - log_middle)) / 2
    return integral(q * (log_q - log_p)), integral(p * (log_p - log_q)), shannon


def slopes(function, theta=FIRST, step=1e-5):
    """Finite differences."""
    return np.array([(function(theta + step * e) - function(theta - step * e)) / (2 * step) for e in np.eye(2)])


@pytest.mark.parametrize(
    ("objective", "divergence"),
    [
        # Arjovsky and Bottou 2017 (arXiv:1701.04862), theorem 2.5: against D* of where it stands, the non-saturating generator
        # descends KL(q || p) - 2 JS, whose second part pushes it away from the data.
        ("non_saturating", lambda reverse_kl, kl, js: reverse_kl - 2 * js),
        # Goodfellow et al. 2014 (arXiv:1406.2661), theorem 1: the minimax one descends 2 JS.
        ("minimax", lambda reverse_kl, kl, js: 2 * js),
        # Nowozin et al. 2016 (arXiv:1606.00709), section 3: f-GAN by KL descends KL(p || q), which is maximum likelihood.
        ({"name": "f_divergence", "divergence": "kl", "generator": "theoretical"}, lambda reverse_kl, kl, js: kl),
    ],
    ids=["non-saturating", "minimax", "kl"],
)
def test_against_its_best_discriminator_a_generator_descends_its_divergence(objective, divergence):
    with jax.enable_x64(True):
        # The f-GAN's is T* = f'(p / q) = 1 + log p / q.
        offset = 0.0 if isinstance(objective, str) else 1.0
        made = make_objective(objective)
        loss = lambda theta: made.generator(best_logits(generate(theta), FIRST) + offset)  # noqa: E731
        gradient = np.asarray(jax.grad(loss)(jnp.asarray(FIRST)))
        expected = slopes(lambda theta: divergence(*divergences(theta)))
    assert np.abs(expected).min() > 0.05
    np.testing.assert_allclose(gradient, expected, rtol=5e-3)


def test_maximum_likelihood_is_minimal_kl():
    with jax.enable_x64(True):
        # -E_p[log q] and KL(p || q) differ by the entropy of the data, which no model changes ...
        p = np.exp(np.asarray(log_real(GRID)))
        unlikelihood = lambda theta: integral(-p * np.asarray(log_fake(GRID, theta)))  # noqa: E731
        entropy = integral(-p * np.log(p))
        for theta in (FIRST, np.array([1.0, 0.3])):
            assert unlikelihood(theta) - divergences(theta)[1] == pytest.approx(entropy, abs=1e-9)
        # ... so that the Gaussian at the least KL has the data's mean and deviation.
        mean = sum(share * mean for mean, _, share in REAL)
        variance = sum(share * (s**2 + m**2) for m, s, share in REAL) - mean**2
        best = scipy.optimize.minimize(lambda theta: divergences(theta)[1], FIRST, method="Nelder-Mead", tol=1e-10).x
    np.testing.assert_allclose([best[0], np.exp(best[1])], [mean, variance**0.5], rtol=1e-4)


def test_the_best_discriminator_is_stale_after_a_generator_step():
    """D* is best against the fakes that it was made for; whoever goes on stepping against it leaves the data behind."""
    with jax.enable_x64(True):
        objective = make_objective("non_saturating")
        # Points of equal share of the data, from the inverse of their distribution function.
        steps = np.cumsum(np.exp(np.asarray(log_real(GRID)))) * (GRID[1] - GRID[0])
        data = jnp.asarray(np.interp((np.arange(40_000) + 0.5) / 40_000, steps, GRID))

        def discriminator_loss(change, made_for, theta):
            """Of C* + a + b x: whether a discriminator can still be bettered, in two directions."""
            judge = lambda x: best_logits(x, made_for) + change[0] + change[1] * x  # noqa: E731
            return objective.discriminator(judge(data), judge(generate(theta)))

        value_and_slope = jax.jit(jax.value_and_grad(discriminator_loss))
        step = jax.jit(jax.grad(lambda theta: objective.generator(best_logits(generate(theta), FIRST))))
        moved = FIRST - 0.3 * np.asarray(step(jnp.asarray(FIRST)))
        least = {name: 2 * np.log(2) - 2 * divergences(theta)[2] for name, theta in (("at", FIRST), ("then", moved))}
        value, slope = value_and_slope(jnp.zeros(2), FIRST, FIRST)
        assert float(value) == pytest.approx(least["at"], abs=1e-4)
        np.testing.assert_allclose(slope, 0, atol=1e-3)
        value, slope = value_and_slope(jnp.zeros(2), FIRST, moved)
        assert float(value) > least["then"] + 0.01 and np.abs(slope).max() > 0.05
        value, slope = value_and_slope(jnp.zeros(2), moved, moved)
        assert float(value) == pytest.approx(least["then"], abs=1e-4)
        np.testing.assert_allclose(slope, 0, atol=1e-3)

        # The first step is towards the data; the stale discriminator sends the generator on to where it is most real.
        theta, shannon = FIRST, []
        for _ in range(400):
            shannon.append(divergences(theta)[2])
            theta = theta - 0.3 * np.asarray(step(jnp.asarray(theta)))
        assert min(shannon) < 0.9 * shannon[0] and shannon[-1] > 2 * min(shannon)


def test_a_linear_discriminator_pulls_fakes_from_both_sides_by_least_squares_only():
    """Mao et al. 2016 (arXiv:1611.04076), section 3.2 and figure 1: the scores of LSGAN are linear, not squashed.

    By cross-entropy a fake on the right side of the boundary is good enough, however far from the data it lies.
    """
    with jax.enable_x64(True):
        real, fake = jnp.asarray(2.0 + 0.3 * NOISE), jnp.asarray(-1.0 + 0.3 * NOISE)

        def pull(name, x):
            """-dL_G / dx of a fake at each x, judged by the affine C that is best for reals about 2 and fakes about -1."""
            objective = make_objective(name)
            judge = lambda line, x: line[0] + line[1] * x  # noqa: E731

            @jax.jit
            @jax.value_and_grad
            def cost(line):
                # A small square keeps the cross-entropy's slope finite, as its data can be told apart.
                return objective.discriminator(judge(line, real), judge(line, fake)) + 1e-3 * jnp.square(line).sum()

            line = scipy.optimize.minimize(cost, np.zeros(2), jac=True, tol=1e-10).x
            return np.array([-jax.grad(lambda x: objective.generator(judge(line, x)[None]))(at) for at in x])

        places = (-1.0, 1.0, 3.0, 8.0)
        squares, entropy = pull("least_squares", places), pull("non_saturating", places)
    # Towards the data about 2, and the more, the farther: the score that is asked for, 1, lies there.
    assert (squares[:2] > 0).all() and (squares[2:] < 0).all()
    assert squares[3] / squares[2] == pytest.approx((8 - 2) / (3 - 2), rel=0.3)
    # Rightwards wherever it is, and hardly at all beyond the boundary.
    assert (entropy > 0).all() and (np.diff(entropy) < 0).all() and entropy[3] < 1e-4 * entropy[0]


# ---- the Lipschitz constant of a network


def largest(matrix):
    return np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False)[0]


def test_a_networks_gradient_is_at_most_the_product_of_its_layers_largest_singular_values():
    """Miyato et al. 2018 (arXiv:1802.05957), Eq. 7: LeakyReLU has slopes of at most 1."""
    network, x = (
        MLPDiscriminator(hidden=(24, 24)),
        jnp.asarray(np.random.default_rng(0).normal(size=(500, 3)), jnp.float32),
    )
    params = network.init(jax.random.key(0), x)["params"]
    bound = np.prod([largest(layer["kernel"]) for layer in params.values()])
    norms = np.asarray(gradient_norms(lambda x: network.apply({"params": params}, x), 10 * x))
    assert 0.05 * bound < norms.max() <= bound
    # Any two points, far or near: |C(x) - C(y)| <= bound |x - y|
    scores = np.asarray(network.apply({"params": params}, 10 * x))
    distances = np.linalg.norm(10 * np.asarray(x)[:, None] - 10 * np.asarray(x)[None], axis=-1)
    assert (np.abs(scores[:, None] - scores[None]) <= bound * distances + 1e-4).all()
    # Where all slopes are 1 and the singular vectors fit each other, it is reached: layers u v', v w', w.
    u, v, w = (vector / np.linalg.norm(vector) for vector in np.random.default_rng(1).uniform(0.1, 1, (3, 24)))
    aligned = [np.outer(u[:3] / np.linalg.norm(u[:3]), v), 3 * np.outer(v, w), 2 * w[:, None]]
    for layer, kernel in zip(params.values(), aligned, strict=True):
        layer["kernel"], layer["bias"] = jnp.asarray(kernel, jnp.float32), jnp.zeros_like(layer["bias"])
    reached = gradient_norms(lambda x: network.apply({"params": params}, x), jnp.ones((1, 3)))
    assert float(reached[0]) == pytest.approx(1 * 3 * 2, rel=1e-5)


@pytest.mark.parametrize(("side", "strides", "padding"), [(3, 1, 1), (4, 2, 1), (5, 2, 2), (4, 1, 0)])
def test_a_convolution_stretches_by_more_than_its_kernels_singular_value_and_by_how_much_at_most(
    side, strides, padding
):
    """Spectral norm divides by the sigma of the kernel as a matrix; a pixel counts in up to ceil(k / s)^2 patches.

    So || conv || <= ceil(k / s) sigma: kernels of sigma 1 make no 1-Lipschitz network (Tsuzuku et al. 2018, arXiv:1802.04034).
    """
    overlap = -(-side // strides)

    def stretch_and_sigma(kernel):
        layer = lambda x: convolution(x, jnp.asarray(kernel, jnp.float32), strides, padding)  # noqa: E731
        image = jnp.zeros((1, 16, 16, kernel.shape[2]))
        return largest(jax.jacobian(layer)(image).reshape(-1, image.size)), largest(
            kernel.reshape(-1, kernel.shape[-1])
        )

    stretch, sigma = stretch_and_sigma(np.random.default_rng(0).normal(size=(side, side, 2, 3)))
    assert sigma < stretch <= overlap * sigma
    # On a grey image all patches agree: the bound is reached, but for the border, where the patches tile.
    stretch, sigma = stretch_and_sigma(np.ones((side, side, 1, 1)))
    assert stretch <= overlap * sigma * (1 + 1e-5)
    assert stretch > (0.9 if side % strides == 0 else 0.7) * overlap * sigma


# ---- a transport plan


def test_a_transport_plan_its_cost_and_its_critic():
    """Villani 2009, theorem 5.10, on points: the cheapest plan costs what the best 1-Lipschitz critic measures."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(7, 2)), rng.normal(size=(5, 2)) + 1.5
    p, q = rng.dirichlet(np.ones(7)), rng.dirichlet(np.ones(5))
    costs = np.linalg.norm(real[:, None] - fake[None], axis=-1)
    # All plans gamma >= 0 have the marginals p and q.
    rows, columns = np.kron(np.eye(7), np.ones(5)), np.kron(np.ones(7), np.eye(5))
    found = scipy.optimize.linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([p, q]))
    plan = found.x.reshape(7, 5)
    np.testing.assert_allclose(plan.sum(1), p, atol=1e-9)
    np.testing.assert_allclose(plan.sum(0), q, atol=1e-9)
    assert (plan > 1e-12).sum() <= 7 + 5 - 1  # a vertex of the polytope
    assert found.fun < (np.outer(p, q) * costs).sum()  # the independent plan is dearer
    # The critic: values at all points, no steeper than 1, whose loss by this library's objective is the lowest.
    points = np.concatenate([real, fake])
    i, j = np.array([pair for pair in itertools.permutations(range(12), 2)]).T
    steepness = np.linalg.norm(points[i] - points[j], axis=-1)
    loss = np.asarray(jax.grad(weighted_critic_loss)(jnp.zeros(12), p, q))
    best = scipy.optimize.linprog(loss, np.eye(12)[i] - np.eye(12)[j], steepness, bounds=[(0, 20)] * 12)
    assert -best.fun == pytest.approx(found.fun, rel=1e-6)
    # Along every line on which something is carried it is as steep as it may be.
    drop = best.x[:7, None] - best.x[None, 7:]
    np.testing.assert_allclose(drop[plan > 1e-9], costs[plan > 1e-9], rtol=1e-6)


def weighted_critic_loss(scores, p, q):
    """E_q[C] - E_p[C] by the library's objective, one point at a time."""
    objective, nothing = make_objective("wasserstein"), jnp.zeros(1)
    of_reals = jnp.stack([objective.discriminator(score[None], nothing) for score in scores[:7]])
    of_fakes = jnp.stack([objective.discriminator(nothing, score[None]) for score in scores[7:]])
    return (p * of_reals).sum() + (q * of_fakes).sum()


# ---- transposed convolution and fractional stride


@pytest.mark.parametrize(
    ("side", "strides", "padding", "rest"), [(4, 2, 1, 0), (3, 2, 1, 1), (5, 3, 2, 0), (3, 1, 1, 0)]
)
def test_a_transposed_convolution_is_a_convolution_of_stride_1_over_an_image_spread_out_by_zeros(
    side, strides, padding, rest
):
    """Dumoulin and Visin 2016 (arXiv:1603.07285), section 4: "fractional stride", and the transpose of the matrix."""
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 5, 4, 3)).astype(np.float32), rng.normal(size=(side, side, 3, 2)).astype(np.float32)
    ours = np.asarray(up_convolution(x, kernel, strides=strides, padding=padding, output_padding=rest))
    # stride 1 / s: s - 1 zeros between pixels, k - 1 - p around them, and the kernel turned by half a turn
    spread = np.zeros((2, strides * 4 + 1, strides * 3 + 1, 3), np.float32)
    spread[:, ::strides, ::strides] = x
    around = side - 1 - padding
    spread = np.pad(spread, ((0, 0), (around, around + rest), (around, around + rest), (0, 0)))
    turned = kernel[::-1, ::-1]
    expected = np.zeros_like(ours)
    for row, column in np.ndindex(*ours.shape[1:3]):
        window = spread[:, row : row + side, column : column + side]
        expected[:, row, column] = np.einsum("bhwc,hwcd->bd", window, turned)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    # and the transpose: <conv(y), x> = <y, up(x)> for the convolution with the same kernel, its channels exchanged
    y = rng.normal(size=ours.shape).astype(np.float32)
    down = np.asarray(convolution(y, kernel.transpose(0, 1, 3, 2), strides, padding))
    assert (down * x).sum() == pytest.approx((y * ours).sum(), rel=1e-4)
