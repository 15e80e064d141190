"""f-divergences: conjugates against their definition, fused forms against compositions, losses against closed forms."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import wrightomega

from jaxgan.losses import DIVERGENCES, f_divergence, make_divergence, minimax, non_saturating

P = np.array([0.1, 0.2, 0.3, 0.4])
Q = np.array([0.4, 0.3, 0.2, 0.1])


class Truth(NamedTuple):
    """The same row in NumPy: f, f', the output v with g_f(v) = f'(u), D_f from p and q, and where to try f*."""

    f: object
    slope: object
    best: object
    divergence: object
    lowest: float
    highest: float


def kl(p, q):
    return (p * np.log(p / q)).sum()


def weighted(pi):
    def js(p, q):
        m = pi * p + (1 - pi) * q
        return pi * kl(p, m) + (1 - pi) * kl(q, m)

    return Truth(
        lambda u: pi * u * np.log(u) - (1 - pi + pi * u) * np.log(1 - pi + pi * u),
        lambda u: pi * np.log(u / (1 - pi + pi * u)),
        # -pi log pi - log(1 + e^-v) = f'(u)
        lambda u: -np.log(np.expm1(-pi * np.log(pi * u / (1 - pi + pi * u)))),
        js,
        -5.0,
        -pi * np.log(pi) - 1e-3,
    )


TRUTHS = {
    "total_variation": Truth(
        lambda u: np.abs(u - 1) / 2,
        lambda u: np.sign(u - 1) / 2,
        lambda u: 20 * np.sign(u - 1),  # the supremum lies at infinity
        lambda p, q: np.abs(p - q).sum() / 2,
        -0.49,
        0.49,
    ),
    "kl": Truth(lambda u: u * np.log(u), lambda u: 1 + np.log(u), lambda u: 1 + np.log(u), kl, -5.0, 5.0),
    "reverse_kl": Truth(
        lambda u: -np.log(u), lambda u: -1 / u, lambda u: np.log(u), lambda p, q: kl(q, p), -50.0, -0.02
    ),
    "pearson": Truth(
        lambda u: (u - 1) ** 2,
        lambda u: 2 * (u - 1),
        lambda u: 2 * (u - 1),
        lambda p, q: ((p - q) ** 2 / q).sum(),
        -10.0,
        10.0,
    ),
    "neyman": Truth(
        lambda u: (1 - u) ** 2 / u,
        lambda u: 1 - 1 / u**2,
        lambda u: 2 * np.log(u),
        lambda p, q: ((p - q) ** 2 / p).sum(),
        -50.0,
        0.99,
    ),
    "squared_hellinger": Truth(
        lambda u: (np.sqrt(u) - 1) ** 2,
        lambda u: 1 - 1 / np.sqrt(u),
        lambda u: np.log(u) / 2,
        lambda p, q: ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(),
        -50.0,
        0.9,
    ),
    "jeffrey": Truth(
        lambda u: (u - 1) * np.log(u),
        lambda u: np.log(u) + 1 - 1 / u,
        lambda u: np.log(u) + 1 - 1 / u,
        lambda p, q: kl(p, q) + kl(q, p),
        -20.0,
        5.0,
    ),
    "js": Truth(
        lambda u: u * np.log(u) - (u + 1) * np.log((1 + u) / 2),
        lambda u: np.log(2 * u / (1 + u)),
        lambda u: np.log(u),
        lambda p, q: kl(p, (p + q) / 2) + kl(q, (p + q) / 2),
        -5.0,
        math.log(2) - 1e-3,
    ),
    "js_weighted": weighted(0.5),
    "gan": Truth(
        lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
        lambda u: np.log(u / (1 + u)),
        lambda u: np.log(u),
        lambda p, q: kl(p, (p + q) / 2) + kl(q, (p + q) / 2) - 2 * np.log(2),
        -5.0,
        -1e-3,
    ),
}
ROWS = [(name, None) for name in DIVERGENCES] + [("js_weighted", 0.1), ("js_weighted", 0.9)]


def truth_of(name, weight):
    return TRUTHS[name] if weight is None else weighted(weight)


@pytest.fixture(params=ROWS, ids=str)
def row(request):
    """A row, its truth, and float64."""
    with jax.enable_x64(True):
        yield make_divergence(*request.param), truth_of(*request.param)


def test_the_ten_rows_are_all_there():
    assert set(TRUTHS) == set(DIVERGENCES)


def test_conjugates_are_suprema(row):
    divergence, truth = row
    u = np.geomspace(1e-7, 1e7, 100_001)
    if truth is TRUTHS["pearson"]:  # the paper's conjugate is that of f on the whole line
        u = np.linspace(-20, 20, 100_001)
    np.testing.assert_allclose(divergence.f(jnp.asarray(u)), truth.f(u), rtol=1e-6, atol=1e-9)
    t = np.linspace(truth.lowest, truth.highest, 41)
    supremum = np.array([(u * slope - truth.f(u)).max() for slope in t])
    np.testing.assert_allclose(divergence.conjugate(jnp.asarray(t)), supremum, rtol=1e-6, atol=1e-6)


def test_conjugates_meet_f_along_its_slope(row):
    divergence, truth = row
    u = np.geomspace(0.05, 20, 50)
    slope = truth.slope(u)
    # f*(f'(u)) + f(u) = u f'(u)
    np.testing.assert_allclose(divergence.conjugate(jnp.asarray(slope)) + truth.f(u), u * slope, rtol=1e-9, atol=1e-9)


def test_activations_rise_from_end_to_end_of_the_domain(row):
    divergence, truth = row
    lowest, highest = divergence.domain
    v = np.concatenate([-np.geomspace(1e6, 20, 20), np.linspace(-15, 15, 61), np.geomspace(20, 1e6, 20)])
    t = np.asarray(divergence.activation(jnp.asarray(v)))
    assert (np.diff(t) >= 0).all() and (np.diff(t[20:-20]) > 0).all()
    assert (t[20:-20] > lowest).all() and (t[20:-20] < highest).all() and lowest <= t[0] and t[-1] <= highest
    assert t[0] == pytest.approx(lowest, abs=1e-6) if np.isfinite(lowest) else t[0] < -30
    assert t[-1] == pytest.approx(highest, abs=1e-6) if np.isfinite(highest) else t[-1] > 30
    # and T* = f'(u) at the output that the paper's g_f has there
    u = np.geomspace(0.01, 100, 20)
    np.testing.assert_allclose(divergence.activation(jnp.asarray(truth.best(u))), truth.slope(u), rtol=1e-9, atol=1e-9)
    below, above = truth.slope(np.array([1 - 1e-9, 1 + 1e-9]))
    assert divergence.threshold == pytest.approx((below + above) / 2, abs=1e-8)


def test_fused_forms_are_the_composition(row):
    divergence, _ = row
    v = jnp.linspace(-15, 15, 301)
    np.testing.assert_allclose(
        divergence.fused(v), divergence.conjugate(divergence.activation(v)), rtol=1e-8, atol=1e-8
    )


def test_fused_forms_have_their_gradient_in_both_precisions(row):
    divergence, _ = row
    v = np.concatenate([np.linspace(-29.5, 30, 61), [-1e4, -1e3, -81, -20, 20, 79.9, 80, 81, 1e3, 1e4]])
    for function in (divergence.fused, divergence.activation):
        both = jax.jit(jax.vmap(jax.value_and_grad(function)))
        values, gradients = both(v)
        assert np.isfinite(values).all() and np.isfinite(gradients).all()
        step = 1e-5
        numeric = (both(v + step)[0] - both(v - step)[0]) / (2 * step)
        np.testing.assert_allclose(gradients, numeric, rtol=1e-5, atol=1e-5)
        singles, single_gradients = both(v.astype(np.float32))
        assert singles.dtype == single_gradients.dtype == jnp.float32
        np.testing.assert_allclose(singles, values, rtol=2e-5, atol=1e-5)
        np.testing.assert_allclose(single_gradients, gradients, rtol=2e-5, atol=1e-6)


numbers = st.floats(-1e3, 1e3, allow_subnormal=False)
logarithms = st.floats(-10, 10, allow_subnormal=False)


@settings(max_examples=50, deadline=None)
@given(st.lists(logarithms, min_size=8, max_size=8), st.lists(numbers, min_size=8, max_size=8))
def test_no_ratio_and_output_break_fenchels_inequality(logarithms, outputs):
    u, v = np.exp(logarithms), np.array(outputs)
    with jax.enable_x64(True):
        for name, weight in ROWS:
            divergence = make_divergence(name, weight)
            t, conjugate = (np.asarray(f(jnp.asarray(v))) for f in (divergence.activation, divergence.fused))
            f = truth_of(name, weight).f(u)
            # f(u) + f*(t) >= u t, with t = g_f(v): also where exponentials are continued by their tangents
            assert (f + conjugate - u * t >= -1e-9 * (1 + np.abs(f) + np.abs(conjugate) + np.abs(u * t))).all(), name


def test_exponentials_go_on_along_their_tangent():
    with jax.enable_x64(True):
        v = jnp.array([19.0, 1e4])
        tangent = math.exp(20) * (1 + 1e4 - 20)
        np.testing.assert_allclose(DIVERGENCES["kl"].fused(v), [math.exp(18), tangent / math.e], rtol=1e-12)
        np.testing.assert_allclose(
            DIVERGENCES["squared_hellinger"].fused(v), [math.exp(19) - 1, tangent - 1], rtol=1e-12
        )
        for name in ("reverse_kl", "neyman", "squared_hellinger"):
            one = 0.0 if name == "reverse_kl" else 1.0
            activation = DIVERGENCES[name].activation(-v)
            np.testing.assert_allclose(activation, [one - math.exp(19), one - tangent], rtol=1e-12)


def test_jeffreys_conjugate_is_lamberts():
    t = np.concatenate([-np.geomspace(1e-3, 1e8, 40), [0.0, 1.0], np.geomspace(1e-3, 29, 40)])
    w = wrightomega(1 - t)  # W(e^(1 - t))
    conjugate = DIVERGENCES["jeffrey"].conjugate
    with jax.enable_x64(True):
        values = np.asarray(jax.jit(conjugate)(t))
        slopes, curvatures = jax.jit(jax.vmap(jax.value_and_grad(jax.grad(conjugate))))(t)
    np.testing.assert_allclose(values, 1 / w - np.log(w) - 1, rtol=1e-12, atol=1e-12)
    moderate = np.abs(t) < 30  # where the form of the paper's table does not cancel
    np.testing.assert_allclose(values[moderate], (w + 1 / w + t - 2)[moderate], rtol=1e-10, atol=1e-10)
    # f*' = u* = 1/w, and f*'' = 1 / f''(u*), f'' = 1/u + 1/u^2
    np.testing.assert_allclose(slopes, 1 / w, rtol=1e-11)
    np.testing.assert_allclose(curvatures, 1 / (w + w**2), rtol=1e-10)


def repeated(critic, density):
    return jnp.asarray(np.repeat(critic, np.rint(10 * density).astype(int)), jnp.float32)


@pytest.mark.parametrize(("name", "weight"), ROWS)
def test_the_best_discriminator_finds_the_divergence_and_no_other_finds_more(name, weight):
    truth, objective = truth_of(name, weight), f_divergence(name, weight=weight)
    best = truth.best(P / Q)

    def loss(critic):
        return float(objective.discriminator(repeated(critic, P), repeated(critic, Q)))

    assert loss(best) == pytest.approx(-truth.divergence(P, Q), rel=1e-5)
    rng = np.random.default_rng(0)
    assert min(loss(best + rng.normal(size=4) * 0.5) for _ in range(30)) >= loss(best) - 2e-6
    # T above f'(1) where the data are denser
    accepted = objective.read(jnp.asarray(best, jnp.float32)) > make_divergence(name, weight).threshold
    np.testing.assert_array_equal(accepted, P > Q)
    np.testing.assert_array_equal(objective.decide(jnp.asarray(best, jnp.float32)) > 0, P > Q)
    # the theoretical generator lowers what the discriminator raised
    theoretical = f_divergence(name, "theoretical", weight).generator(repeated(best, Q))
    practical = objective.generator(repeated(best, Q))
    estimate = np.asarray(objective.read(repeated(best, P))).mean() + float(theoretical)
    assert estimate == pytest.approx(truth.divergence(P, Q), rel=1e-4)
    assert float(practical) == pytest.approx(-(Q * truth.slope(P / Q)).sum(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("name", "weight"), ROWS)
def test_what_is_as_dense_in_both_is_neither_real_nor_fake(name, weight):
    """The best discriminator says f'(1) where p = q, and more where data are denser."""
    best, decide = truth_of(name, weight).best, f_divergence(name, weight=weight).decide
    # Of total variation, whose slope jumps at 1, any T in [-1/2, 1/2] is best there: its middle is V = 0.
    even = 0.0 if name == "total_variation" else best(np.float64(1.0))
    fakes, neither, reals = (
        float(decide(jnp.float32(v))) for v in (best(np.float64(0.8)), even, best(np.float64(1.25)))
    )
    assert fakes < 0 < reals
    assert neither == pytest.approx(0, abs=1e-6)


def test_the_row_named_gan_is_the_first_gans_game():
    real, fake = jnp.array([0.3, -2.0, 5.0]), jnp.array([1.0, -4.0, 0.2])
    for generator, objective in (("theoretical", minimax), ("practical", non_saturating)):
        row = f_divergence("gan", generator)
        np.testing.assert_allclose(row.discriminator(real, fake), objective.discriminator(real, fake), rtol=1e-6)
        np.testing.assert_allclose(row.generator(fake), objective.generator(fake), rtol=1e-6)
