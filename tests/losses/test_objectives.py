"""Objectives at their known optima, at extreme logits, and by name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

from jaxgan import losses
from jaxgan.losses import DIVERGENCES, OBJECTIVES, make_objective

P = np.array([0.1, 0.2, 0.3, 0.4])
Q = np.array([0.4, 0.3, 0.2, 0.1])

# Every objective, and every setting that has code of its own.
SPECS = {
    "minimax": "minimax",
    "non_saturating": "non_saturating",
    "smoothed": {"name": "non_saturating", "real_target": 0.9},
    "least_squares": "least_squares",
    "least_squares_coded": {"name": "least_squares", "fake_target": -1.0, "real_target": 1.0, "generator_target": 0.0},
    "wasserstein": "wasserstein",
    "hinge": "hinge",
    "energy": {"name": "energy", "margin": 10.0},
    **{
        f"{divergence}_{generator}": {"name": "f_divergence", "divergence": divergence, "generator": generator}
        for divergence in DIVERGENCES
        for generator in ("practical", "theoretical")
    },
    **{
        f"relativistic_{form}_{loss}": {"name": "relativistic", "form": form, "loss": loss}
        for form in ("pairing", "average", "centred")
        for loss in ("standard", "least_squares", "hinge")
    },
}


def expect(objective, critic, p=P, q=Q):
    """The discriminator's loss when reals ~ p and fakes ~ q on four points, by repeating points in proportion."""
    points = np.arange(4)
    real, fake = (np.repeat(points, np.rint(10 * density).astype(int)) for density in (p, q))
    critic = jnp.asarray(critic, jnp.float32)
    return objective.discriminator(critic[real], critic[fake])


def kl(a, b):
    return (a * np.log(a / b)).sum()


def wasserstein_critic(p, q):
    """The 1-Lipschitz function on the points 0, 1, 2, 3 with the largest E_p - E_q, by linear programming."""
    i, j = np.array([(i, j) for i in range(4) for j in range(4) if i != j]).T
    slopes = np.eye(4)[i] - np.eye(4)[j]
    return linprog(q - p, slopes, np.abs(i - j), bounds=[(0, 10)] * 4).x


# C* = log p/q; sign(p - q); and the expectation's targets b = 1, a = 0 or -1
BEST = {
    "minimax": np.log(P / Q),
    "non_saturating": np.log(P / Q),
    "smoothed": np.log(0.9 * P / (P + Q - 0.9 * P)),
    "least_squares": P / (P + Q),
    "least_squares_coded": (P - Q) / (P + Q),
    "hinge": np.sign(P - Q),
    "wasserstein": wasserstein_critic(P, Q),
    "energy": np.where(P > Q, 0.0, 10.0),
}


def test_at_its_best_discriminator_each_objective_is_its_divergence():
    middle = (P + Q) / 2
    js = (kl(P, middle) + kl(Q, middle)) / 2
    total_variation = np.abs(P - Q).sum() / 2
    pearson = ((P - Q) ** 2 / (P + Q)).sum()  # sum (2 q - (p + q))^2 / (p + q)
    for name, value in {
        "minimax": 2 * np.log(2) - 2 * js,
        "non_saturating": 2 * np.log(2) - 2 * js,
        "least_squares": (2 - pearson) / 8,
        "least_squares_coded": (2 - pearson) / 2,
        "hinge": 2 - 2 * total_variation,
        "energy": 10 * (1 - total_variation),
    }.items():
        assert float(expect(make_objective(SPECS[name]), BEST[name])) == pytest.approx(value, rel=1e-5), name


def test_the_wasserstein_objective_at_its_best_critic_is_the_area_between_the_distribution_functions():
    for p, q in ((P, Q), (np.array([0.1, 0.2, 0.5, 0.2]), np.array([0.4, 0.1, 0.1, 0.4]))):
        distance = np.abs(np.cumsum(p - q)).sum()
        assert float(expect(losses.wasserstein, wasserstein_critic(p, q), p, q)) == pytest.approx(-distance, rel=1e-5)


@pytest.mark.parametrize("name", BEST)
def test_no_other_discriminator_does_better(name):
    objective, best = make_objective(SPECS[name]), BEST[name]
    least = expect(objective, best)
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = best + rng.normal(size=4) * 0.3
        if name == "wasserstein":  # over 1-Lipschitz functions only
            other = np.concatenate([[0.0], np.cumsum(np.clip(np.diff(other), -1, 1))])
        if name == "energy":  # over energies, which are not negative
            other = np.maximum(other, 0.0)
        assert expect(objective, other) >= least - 2e-6


def test_label_smoothing_moves_the_reals_only():
    alpha = 0.9
    for name in ("minimax", "non_saturating"):
        objective = make_objective({"name": name, "real_target": alpha})
        # D* = alpha p / (p + q), where the loss is flat
        best = alpha * P / (P + Q)
        value, slope = jax.value_and_grad(lambda critic, o=objective: expect(o, critic))(jnp.log(best / (1 - best)))
        np.testing.assert_allclose(slope, 0, atol=1e-6)
        entropy = -(alpha * P * np.log(best) + ((1 - alpha) * P + Q) * np.log(1 - best)).sum()
        assert float(value) == pytest.approx(entropy, rel=1e-5)
        # the generator's loss is the unsmoothed one
        fake = jnp.array([-1.0, 2.0])
        assert objective.generator(fake) == make_objective(name).generator(fake)


def test_the_least_squares_generator_minimises_pearsons_divergence_with_the_first_coding():
    # with the term over reals, which G cannot change: 2 L_G = E_p[(C* - c)^2] + E_q[(C* - c)^2] = chi^2(p + q || 2 q)
    objective = make_objective(SPECS["least_squares_coded"])
    critic = jnp.asarray((P - Q) / (P + Q), jnp.float32)
    both = sum(
        2 * objective.generator(critic[np.repeat(np.arange(4), np.rint(10 * density).astype(int))])
        for density in (P, Q)
    )
    assert float(both) == pytest.approx(((P + Q - 2 * Q) ** 2 / (P + Q)).sum(), rel=1e-5)


def test_the_least_squares_equilibrium_lies_between_the_targets():
    for spec, middle, value in (("least_squares", 0.5, 0.25), (SPECS["least_squares_coded"], 0.0, 1.0)):
        objective = make_objective(spec)
        loss, slope = jax.value_and_grad(lambda c, o=objective: expect(o, c, P, P))(jnp.full(4, middle))
        np.testing.assert_allclose(slope, 0, atol=1e-6)
        assert float(loss) == pytest.approx(value)  # (b - a)^2 / 4


def test_the_saturating_generator_learns_less_from_a_sure_discriminator():
    rejected = jnp.full((4,), -10.0)
    saturating = jax.grad(losses.minimax.generator)(rejected)
    strong = jax.grad(losses.non_saturating.generator)(rejected)
    np.testing.assert_allclose(saturating, -jax.nn.sigmoid(rejected) / 4, rtol=1e-5)
    np.testing.assert_allclose(strong, -jax.nn.sigmoid(-rejected) / 4, rtol=1e-5)
    # at the equilibrium, C = 0: 2 log 2 and log 2
    zero = jnp.zeros(3)
    assert float(losses.minimax.discriminator(zero, zero)) == pytest.approx(2 * np.log(2))
    assert float(losses.non_saturating.generator(zero)) == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", SPECS)
def test_discriminators_part_reals_from_fakes_and_generators_oppose_them(name):
    objective = make_objective(SPECS[name])
    # energies are low for reals, all other logits high; where a minimum lies at 0, these numbers lie beside it
    up = -1 if name == "energy" else 1
    logits = jnp.full((2,), 0.3)
    real, fake = jax.grad(objective.discriminator, argnums=(0, 1))(logits, logits)
    assert (up * real < 0).all() and (up * fake > 0).all()
    assert (up * jax.grad(objective.generator)(-logits, logits) < 0).all()
    below, above = objective.read(jnp.array([-0.3, 0.3]))
    assert below < above


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", SPECS)
def test_extreme_logits_stay_finite(name, dtype):
    size = 1e4 if dtype == "float32" else 1e3
    logits = jnp.array([-size, 0.0, size], dtype)
    objective = make_objective(SPECS[name])
    for function in (objective.discriminator, objective.generator):
        value, gradients = jax.value_and_grad(function, argnums=(0, 1))(logits, logits[::-1])
        assert value.dtype == jnp.float32 and np.isfinite(value)
        for gradient in gradients:
            assert gradient.dtype == logits.dtype and np.isfinite(np.asarray(gradient, np.float32)).all()
    assert np.isfinite(objective.read(logits)).all()


@pytest.mark.parametrize("name", SPECS)
def test_logits_of_any_shape_and_dtype_count_in_float32(name):
    objective = make_objective(SPECS[name])
    real, fake = np.random.default_rng(0).normal(size=(2, 2, 3, 2)).astype(jnp.bfloat16)
    for function in (objective.discriminator, objective.generator):
        exact = function(jnp.asarray(real, jnp.float32).ravel(), jnp.asarray(fake, jnp.float32).ravel())
        value = function(jnp.asarray(real), jnp.asarray(fake))
        assert value.shape == () and value.dtype == jnp.float32
        assert float(value) == pytest.approx(float(exact), rel=1e-6)


def test_objectives_are_made_from_themselves_names_and_mappings():
    assert make_objective(losses.hinge) is losses.hinge
    logits = jnp.array([0.5, -2.0])
    for name in ("minimax", "non_saturating", "least_squares", "wasserstein", "hinge"):
        for made in (make_objective(name), make_objective({"name": name}), OBJECTIVES[name]()):
            assert made.discriminator(logits, logits) == getattr(losses, name).discriminator(logits, logits)
    # KL's practical generator: -E[v]
    assert make_objective({"name": "f_divergence", "divergence": "kl"}).generator(logits) == 0.75


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hing", "objective 'hing' is unknown: choose one of minimax, .*energy"),
        ({"margin": 1.0}, "objective None is unknown"),
        (3, "objective 3 is unknown"),
        ({"name": "hinge", "margin": 2.0}, "'hinge' has no field 'margin': it has none"),
        (
            {"name": "least_squares", "real": 2.0},
            "'least_squares' has no field 'real': it has fake_target, real_target",
        ),
        ("energy", "'energy' needs 'margin'"),
        ("f_divergence", "'f_divergence' needs 'divergence'"),
        ({"name": "minimax", "real_target": 1.1}, "real target is 1.1"),
        ({"name": "non_saturating", "real_target": 0.0}, "real target is 0.0"),
        ({"name": "least_squares", "fake_target": 1.0}, "same target"),
        ({"name": "energy", "margin": 0.0}, "margin is 0.0"),
        ({"name": "f_divergence", "divergence": "kll"}, "'kll' is unknown: choose one of total_variation, .*gan"),
        ({"name": "f_divergence", "divergence": "kl", "generator": "best"}, "practical, theoretical"),
        ({"name": "f_divergence", "divergence": "kl", "weight": 0.3}, "'kl' takes no weight"),
        ({"name": "f_divergence", "divergence": "js_weighted", "weight": 1.0}, "weight is 1.0"),
        ({"name": "relativistic", "form": "pair"}, "form 'pair' is unknown: choose one of pairing, average, centred"),
        (
            {"name": "relativistic", "loss": "log"},
            "loss 'log' is unknown: choose one of standard, least_squares, hinge",
        ),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(spec, message):
    with pytest.raises(ValueError, match=message) as error:
        make_objective(spec)
    assert "\n" not in str(error.value)
