"""Each term of a game worked out by hand, on networks of one parameter: C(x) = 2 mean(x), G(z) = 1/2."""

import dataclasses
from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.core import Latent, schedules
from jaxgan.errors import UserError
from jaxgan.losses import make_objective, non_saturating
from jaxgan.parts import Draws, make_pair, scores_of, terms, two_player_game
from tests.gans.one_parameter import IMAGES, Constant, Mean, play, still

REAL = 2 * np.asarray(IMAGES).mean((1, 2, 3))
FAKE = np.full(2, 1.0)
SQUARE = 16 * (2 / 16) ** 2  # || grad C ||^2: the weight 2 over 16 pixels, in each of them
PLAIN = np.log1p(np.exp(-REAL)).mean() + np.log1p(np.exp(FAKE)).mean()


def game_with(*parts, **settings):
    return gans.gan(still(Constant()), still(Mean()), latent_size=2, terms=parts, **settings)


@pytest.mark.parametrize(
    ("term", "value", "weight"),
    [
        (terms.r1(weight=3.0), SQUARE / 2, 3.0),
        (terms.r2(weight=3.0), SQUARE / 2, 3.0),
        (terms.zero_centered(weight=3.0), SQUARE, 3.0),
        (terms.gradient_penalty(weight=3.0), (SQUARE**0.5 - 1) ** 2, 3.0),
        (terms.gradient_penalty(weight=3.0, one_sided=True), 0.0, 3.0),
        (terms.dragan(weight=3.0), (SQUARE**0.5 - 1) ** 2, 3.0),
        (terms.dragan(weight=3.0, perturbation="paper"), (SQUARE**0.5 - 1) ** 2, 3.0),
        (terms.drift(weight=3.0), (REAL**2).mean(), 3.0),
        (
            terms.lecam(weight=3.0),
            (np.maximum(REAL - FAKE.mean(), 0) ** 2).mean() + (np.maximum(REAL.mean() - FAKE, 0) ** 2).mean(),
            3.0,
        ),
        (terms.latent_consistency(weight=3.0), 0.0, 3.0),  # this G does not look at z
        (terms.r1(weight=3.0, schedule=schedules.linear_decay(10, final=0.5)), SQUARE / 2, 3.0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_term_of_the_discriminator_adds_its_weighted_value(term, value, weight):
    _, metrics = play(game_with(term), {"image": IMAGES})
    assert float(metrics[f"discriminator/{term.name}"]) == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert float(metrics["discriminator/loss"]) == pytest.approx(PLAIN + weight * value, rel=1e-4)


@pytest.mark.parametrize("objective", ["wasserstein", "relativistic", "non_saturating"])
def test_what_a_view_adapts_by_means_the_same_wherever_an_objective_has_no_zero(objective):
    """C and C + 7 are one discriminator to a loss of differences; else 0 is where it takes nothing for real or fake."""
    game = gans.gan(still(Constant()), still(Mean()), latent_size=2, objective=objective)
    nets = game.nets(game.init(jax.random.key(0), {"image": IMAGES}))

    def scores(shift):
        def judge(nets, images):
            return nets.discriminator(images) + shift

        fakes = jnp.full_like(IMAGES, 0.5)
        pair = make_pair(nets, "discriminator", IMAGES, fakes, {"image": IMAGES}, {}, discriminate=judge)
        return scores_of([pair], make_objective(objective))["discriminator"]

    if objective == "non_saturating":
        np.testing.assert_allclose(scores(7.0), REAL + 7, rtol=1e-5)
    else:
        middle = (REAL.mean() + FAKE.mean()) / 2
        for shift in (0.0, 7.0):
            np.testing.assert_allclose(scores(shift), REAL - middle, rtol=1e-4, atol=1e-5)


def test_a_view_adapts_by_the_reals_of_all_pairs_of_its_discriminator():
    """CoGAN's one discriminator: domain a is taken for real, domain b is not."""
    pairs = [
        SimpleNamespace(player="discriminator", real_logits=jnp.full(3, value), fake_logits=jnp.zeros(3))
        for value in (1.0, -1.0)
    ]
    np.testing.assert_array_equal(scores_of(pairs)["discriminator"], [1, 1, 1, -1, -1, -1])


def test_lazy_turns_are_not_played_at_every_step_without_a_word():
    game = game_with(terms.r1(weight=3.0, every=16))
    state = game.init(jax.random.key(0), {"image": IMAGES})
    with pytest.raises(UserError, match=r"turn 'r1' is played every 16 steps: say what is due"):
        game.step(state, {"image": IMAGES})
    for index in (0, 1):
        due = game.due(index, 2 * index)
        _, metrics = game.step(state, {"image": IMAGES}, due=due)
        assert ("r1/loss" in metrics) == (index == 0), sorted(metrics)


def test_a_schedule_is_a_factor_on_the_weight():
    game = game_with(terms.drift(weight=4.0), terms.r1(weight=4.0, schedule=schedules.linear_decay(10, final=0.5)))
    state = game.init(jax.random.key(0), {"image": IMAGES}).replace(step=jnp.int32(10))
    _, metrics = game.step(state, {"image": IMAGES})
    expected = PLAIN + 4.0 * (REAL**2).mean() + 4.0 * 0.5 * SQUARE / 2
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-4)


def test_terms_of_the_generator():
    game = game_with(terms.feature_matching(weight=2.0), terms.pulling_away(weight=0.5), terms.latent_diversity())
    _, metrics = play(game, {"image": IMAGES})
    matching = (np.asarray(IMAGES).mean() - 0.5) ** 2
    assert float(metrics["generator/feature_matching"]) == pytest.approx(matching, rel=1e-4)
    assert float(metrics["generator/pulling_away"]) == pytest.approx(1.0, rel=1e-5)  # equal features: cosine 1
    assert float(metrics["generator/latent_diversity"]) == 0.0
    plain = np.log1p(np.exp(-1.0))
    assert float(metrics["generator/loss"]) == pytest.approx(plain + 2 * matching + 0.5, rel=1e-4)
    l1 = game_with(terms.feature_matching(weight=2.0, norm="l1"))
    assert float(play(l1, {"image": IMAGES})[1]["generator/feature_matching"]) == pytest.approx(matching**0.5, rel=1e-4)


def test_consistency_sees_what_flips_and_shifts_change():
    # The mean of an image does not change when it is flipped, and for a constant image not when it is moved either,
    # but for the border that a shift brings in.
    game = game_with(terms.consistency(weight=1.0))
    game = dataclasses.replace(game, players={**game.players, "generator": still(Constant(output_shape=(8, 8, 1)))})
    _, metrics = play(game, {"image": jnp.zeros((4, 8, 8, 1))})
    assert float(metrics["discriminator/consistency"]) == pytest.approx(0.0, abs=1e-10)
    ramp = jnp.broadcast_to(jnp.linspace(-1, 1, 8)[:, None, None], (4, 8, 8, 1))
    _, metrics = play(game, {"image": ramp})
    assert float(metrics["discriminator/consistency"]) > 0


def test_a_lazy_term_is_a_turn_of_its_own_and_as_strong_on_average():
    def moved(every, steps):
        game = game_with(terms.r1(weight=0.01, every=every))
        players = dict(game.players)
        players["discriminator"] = still(Mean(), rate=1.0)
        game = dataclasses.replace(game, players=players)
        state = game.init(jax.random.key(0), {"image": IMAGES})
        for index in range(steps):
            state, metrics = game.step(state, {"image": IMAGES}, game.due(index, 0))
            assert ("r1/loss" in metrics) == (every > 1 and index % every == 0)
        return float(state.players["discriminator"].params["w"])

    without = game_with()
    assert [turn.name for turn in without.stages[0].turns] == ["discriminator", "generator"]
    # One lazy step of 4 moves w by 4 times the penalty's gradient: d/dw of gamma/2 * w^2 / 16 = gamma * w / 16.
    lazy, plain = moved(4, 1), moved(10**6, 0)
    assert plain == 2.0
    adversarial = game_with()
    players = dict(adversarial.players) | {"discriminator": still(Mean(), rate=1.0)}
    adversarial = dataclasses.replace(adversarial, players=players)
    alone, _ = play(adversarial, {"image": IMAGES})
    after = float(alone.players["discriminator"].params["w"])
    assert lazy == pytest.approx(after - 4 * 0.01 * after / 16, rel=1e-4)


@pytest.mark.parametrize("start", [0, 1, 3])
def test_lecam_compares_with_averages_that_know_the_minibatch_and_begins_late(start):
    """The authors' loop for BigGAN: iterations count from 1, averages follow the means before `start` and are used after it."""
    game = game_with(terms.lecam(weight=1.0, decay=0.9, start=start))
    state = game.init(jax.random.key(0), {"image": IMAGES})
    step = jax.jit(game.step)
    real = fake = None
    for iteration in range(1, 6):
        images = IMAGES * iteration
        state, metrics = step(state, {"image": images})
        scores = {"real": REAL * iteration, "fake": FAKE}
        kept = 0.0 if real is None or iteration < start else 0.9
        real = kept * (real or 0.0) + (1 - kept) * scores["real"].mean()
        fake = kept * (fake or 0.0) + (1 - kept) * scores["fake"].mean()
        expected = (np.maximum(scores["real"] - fake, 0) ** 2).mean() + (np.maximum(real - FAKE, 0) ** 2).mean()
        assert float(metrics["discriminator/lecam"]) == pytest.approx(expected if iteration > start else 0.0, rel=1e-4)
        assert float(state.memory["terms"]["lecam"]["real"]) == pytest.approx(real, rel=1e-4)
        assert float(state.memory["terms"]["lecam"]["fake"]) == pytest.approx(fake, rel=1e-4)


def test_lecam_cannot_begin_before_the_game():
    with pytest.raises(UserError, match="start=-1, but it must be at least 0"):
        terms.lecam(start=-1)


class Linear(nn.Module):
    """A generator: every image is filled with w times the sum of z."""

    @nn.compact
    def __call__(self, z):
        return self.param("w", lambda key: jnp.float32(0.5)) * z.sum(1)[:, None, None, None] * jnp.ones((1, 4, 4, 1))


def test_neighbouring_latents_score_alike_and_look_different():
    # G(z + d) - G(z) = w sum(d), d ~ N(0, s^2) in 3 components: its mean square is w^2 3 s^2, and 4 times that in scores.
    parts = (terms.latent_consistency(weight=5.0, deviation=0.1), terms.latent_diversity(weight=0.5, deviation=0.1))
    game = gans.gan(still(Linear()), still(Mean()), latent_size=3, terms=parts)
    _, metrics = play(game, {"image": jnp.zeros((4000, 4, 4, 1))})
    expected = 0.5**2 * 3 * 0.1**2
    assert float(metrics["discriminator/latent_consistency"]) == pytest.approx(4 * expected, rel=0.1)
    assert float(metrics["generator/latent_diversity"]) == pytest.approx(-expected, rel=0.1)


def test_balanced_consistency_asks_it_of_fakes_too():
    class Gradient(nn.Module):
        """A discriminator that sees where the picture is bright: the mean of the left half less that of the right."""

        @nn.compact
        def __call__(self, x):
            return self.param("w", lambda key: jnp.float32(1.0)) * (x[:, :, :2] - x[:, :, 2:]).mean((1, 2, 3))

    class Halves(nn.Module):
        """A generator: the left half white, the right one black."""

        @nn.compact
        def __call__(self, z):
            w = self.param("w", lambda key: jnp.float32(1.0))
            return w * jnp.ones((len(z), 4, 4, 1)) * jnp.array([1.0, 1.0, -1.0, -1.0])[None, None, :, None]

    def value(**settings):
        term = terms.consistency(weight=1.0, **settings)
        game = gans.gan(still(Halves()), still(Gradient()), latent_size=2, terms=(term,))
        return float(play(game, {"image": jnp.zeros((400, 4, 4, 1))})[1]["discriminator/consistency"])

    assert value() == 0.0  # grey reals look the same either way
    # Half of the fakes are mirrored: C goes from 2 to -2. (Four pixels are too few to shift by an eighth.)
    assert value(fakes=1.0) == pytest.approx(16 / 2, rel=0.2)
    assert value(fakes=1.0, flip=False) == 0.0


class WithReference(nn.Module):
    """A generator whose images are filled with the mean of its reference latents, and with w without one."""

    output_shape: tuple[int, ...] = (4, 4, 1)

    @nn.compact
    def __call__(self, z, reference=None):
        w = self.param("w", lambda key: jnp.float32(0.5))
        return (w if reference is None else reference.mean()) * jnp.ones((len(z), 4, 4, 1))


def test_a_reference_batch_is_drawn_once_and_goes_to_every_call():
    draws = Draws(Latent(2), reference_size=6)
    game = two_player_game(still(WithReference()), still(Mean()), draws, non_saturating)
    state, metrics = play(game, {"image": IMAGES})
    reference = np.asarray(game.init(jax.random.key(0), {"image": IMAGES}).memory["reference"])
    assert reference.shape == (6, 2)
    np.testing.assert_array_equal(state.memory["reference"], reference)
    fake = 2 * reference.mean()
    assert float(metrics["generator/loss"]) == pytest.approx(np.log1p(np.exp(-fake)), rel=1e-5)
    np.testing.assert_allclose(game.sample(state, jax.random.key(1), 3), reference.mean(), rtol=1e-6)


def test_a_term_is_played_at_least_every_step():
    with pytest.raises(ValueError, match="every=0"):
        terms.r1(every=0)


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_a_weight_is_finite_and_not_negative(weight):
    with pytest.raises(UserError, match="term 'r1': weight="):
        terms.r1(weight)


def test_every_term_is_in_the_table_by_its_own_name():
    share = schedules.cosine_decay(10, final=0.5)
    made = {name: maker(share) if name == "top_k" else maker() for name, maker in terms.TERMS.items()}
    assert all(term.name == name for name, term in made.items())
