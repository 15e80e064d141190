"""CGAN: its losses by hand on networks of a few numbers, its published sizes, and what it refuses."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import cgan
from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.training.plan import plan_without_data
from tests.gans.one_parameter import still

# Two classes, so that the label that is not an image's own is known.
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 2, 2, 1)), jnp.float32)
BATCH = {"image": IMAGES, "label": jnp.array([0, 1, 1, 0])}
MEAN, LABEL = np.asarray(IMAGES, np.float64).mean(axis=(1, 2, 3)), np.array([0, 1, 1, 0])


class Filled(nn.Module):
    """A generator: each image is filled with w times its label's number plus one."""

    output_shape: tuple | None = None
    embedded_classes: int = 0

    @nn.compact
    def __call__(self, z, label):
        w = self.param("w", nn.initializers.constant(0.25), ())
        return w * (label + 1.0).reshape(-1, 1, 1, 1) * jnp.ones((1, *self.output_shape))


class Scores(nn.Module):
    """A discriminator: twice the mean, and 3 times the mean for class 1, -3 times for class 0: added, or apart."""

    separate: bool = False
    embedded_classes: int = 0

    @nn.compact
    def __call__(self, x, label=None):
        mean = self.param("w", nn.initializers.constant(1.0), ()) * x.mean(axis=(1, 2, 3))
        realness, match = 2 * mean, 0.0 if label is None else 3 * (2.0 * label - 1) * mean
        return Verdict(realness, match=match) if self.separate else realness + match


def softplus(x):
    return np.log1p(np.exp(x))


def match(mean, label):
    return 3 * (2 * label - 1) * mean


def first_step(separate, **options):
    game = gans.cgan(still(Filled()), still(Scores(separate)), num_classes=2, labels="minibatch", **options)
    game = game.complete(BATCH)
    state = game.init(jax.random.key(0), BATCH)
    return game, state, {name: float(value) for name, value in game.step(state, BATCH)[1].items()}


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_one_score_for_both(weight):
    _, _, metrics = first_step(False, mismatched=weight)
    fake = 0.25 * (LABEL + 1)
    matched, wrong, made = (
        2 * MEAN + match(MEAN, LABEL),
        2 * MEAN + match(MEAN, 1 - LABEL),
        2 * fake + match(fake, LABEL),
    )
    expected = softplus(-matched).mean() + softplus(made).mean()
    if weight:
        expected = softplus(-matched).mean() + weight * (softplus(wrong).mean() + softplus(made).mean())
        assert metrics["discriminator/mismatched"] == pytest.approx((1 / (1 + np.exp(-wrong))).mean(), rel=1e-5)
    assert metrics["discriminator/loss"] == pytest.approx(expected, rel=1e-5)
    assert ("discriminator/mismatched" in metrics) == bool(weight)
    assert metrics["generator/loss"] == pytest.approx(softplus(-made).mean(), rel=1e-5)


def test_a_score_for_realness_and_one_for_the_match():
    game, state, metrics = first_step(True, mismatched=0.5)
    fake = 0.25 * (LABEL + 1)
    # The mismatched pair is refused by the match alone: the image is as real as before.
    expected = softplus(-2 * MEAN).mean() + softplus(2 * fake).mean() + softplus(-match(MEAN, LABEL)).mean()
    expected += 0.5 * (softplus(match(MEAN, 1 - LABEL)).mean() + softplus(match(fake, LABEL)).mean())
    assert metrics["discriminator/loss"] == pytest.approx(expected, rel=1e-5)
    expected = (softplus(-2 * fake) + softplus(-match(fake, LABEL))).mean()
    assert metrics["generator/loss"] == pytest.approx(expected, rel=1e-5)
    asked = {"images": IMAGES, "label": 1 - BATCH["label"]}
    np.testing.assert_allclose(game.use("judge", state, jax.random.key(0), **asked), 2 * MEAN, rtol=1e-5)
    np.testing.assert_allclose(game.use("match", state, jax.random.key(0), **asked), match(MEAN, 1 - LABEL), rtol=1e-5)


def test_the_match_of_one_score_is_that_score():
    game, state, _ = first_step(False)
    asked = {"images": IMAGES, "label": BATCH["label"]}
    np.testing.assert_array_equal(*(game.use(name, state, jax.random.key(0), **asked) for name in ("match", "judge")))


def test_a_discriminator_that_is_not_told_is_a_plain_gans():
    game, _, metrics = first_step(False, told=False)
    expected = softplus(-2 * MEAN).mean() + softplus(2 * 0.25 * (LABEL + 1)).mean()
    assert metrics["discriminator/loss"] == pytest.approx(expected, rel=1e-5)
    assert "match" not in game.abilities and "label" not in game.abilities["judge"].takes


def test_what_cannot_be_played_is_refused():
    players = still(Filled()), still(Scores())
    with pytest.raises(UserError, match="mismatched=-1 with told=True, but it must be at least 0"):
        gans.cgan(*players, num_classes=2, mismatched=-1)
    with pytest.raises(
        UserError, match=r"mismatched=0\.5 with told=False, but it must be at least 0, and 0 where told"
    ):
        gans.cgan(*players, num_classes=2, mismatched=0.5, told=False)
    with pytest.raises(UserError, match="needs class labels"):
        gans.cgan(*players)


def sizes(variant):
    players = plan_without_data(cgan.get_config(variant)).abstract_state().players
    return {name: sum(leaf.size for leaf in jax.tree.leaves(player.params)) for name, player in players.items()}


def test_the_tutorials_networks_have_the_printed_sizes():
    assert sizes("tutorial") == {"generator": 1_489_012, "discriminator": 1_470_565}


def test_the_papers_networks_have_their_sizes():
    # 100 to 200 and 10 to 1000 to 1200 to 784; 784 to 240 and 10 to 50, of 5 pieces each, to 240 of 4 to 1
    generator = 101 * 200 + 11 * 1000 + 1201 * 1200 + 1201 * 784
    discriminator = 785 * 240 * 5 + 11 * 50 * 5 + 291 * 240 * 4 + 241
    assert sizes("paper") == {"generator": generator, "discriminator": discriminator}
