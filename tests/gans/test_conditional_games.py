"""AC-GAN, pix2pix and LAPGAN: their losses by hand, on networks of a few numbers."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Player
from jaxgan.errors import UserError
from jaxgan.layers import Verdict, laplacian
from jaxgan.parts import terms
from jaxgan.parts.terms import r1

IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), jnp.float32)
LABELS = jnp.array([0, 1, 2, 0])


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


class Filled(nn.Module):
    """A generator: each image is filled with w times its label's number plus one; what else it is told it ignores."""

    output_shape: tuple | None = None
    embedded_classes: int = 0

    @nn.compact
    def __call__(self, z, *told):
        w = self.param("w", nn.initializers.constant(0.25), ())
        scale = told[-1] + 1.0 if self.embedded_classes else jnp.ones(len(z))
        return w * scale.reshape(-1, 1, 1, 1) * jnp.ones((1, *self.output_shape))


class TwoHeads(nn.Module):
    """A discriminator: its score is w times the mean, its class logits are v times the mean times (0, 1, 2)."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, x):
        w, v = (self.param(name, nn.initializers.constant(2.0), ()) for name in "wv")
        mean = x.mean(axis=(1, 2, 3))
        return Verdict(w * mean, class_logits=v * mean[:, None] * jnp.arange(3.0)[None])


def still(network):
    return Player(network, optax.sgd(0.0))


def cross_entropy(mean, label):
    logits = 2.0 * np.asarray(mean, np.float64)[:, None] * np.arange(3)
    return np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(label)), label])


def test_acgan_classifies_reals_and_fakes():
    batch = {"image": IMAGES, "label": LABELS}
    game = gans.acgan(still(Filled()), still(TwoHeads()), num_classes=3, labels="minibatch", class_weight=0.5).complete(
        batch
    )
    state = game.init(jax.random.key(0), batch)
    _, metrics = game.step(state, batch)
    real, label = np.asarray(IMAGES).mean(axis=(1, 2, 3)), np.asarray(LABELS)
    fake = 0.25 * (label + 1.0)
    source = softplus(-2 * real).mean() + softplus(2 * fake).mean()
    classes = cross_entropy(real, label) + cross_entropy(fake, label)
    assert float(metrics["discriminator/loss"]) == pytest.approx(source + 0.5 * classes, rel=1e-5)
    expected = softplus(-2 * fake).mean() + 0.5 * cross_entropy(fake, label)
    assert float(metrics["generator/loss"]) == pytest.approx(expected, rel=1e-5)
    # In the generator's turn the discriminator's class head is held: the gradient by w is that of both terms.
    step = 1e-3
    numeric = []
    for w in (0.25 + step, 0.25 - step):
        fake = w * (label + 1.0)
        numeric.append(softplus(-2 * fake).mean() + 0.5 * cross_entropy(fake, label))
    assert float(metrics["generator/gradient_norm"]) == pytest.approx(
        abs(numeric[0] - numeric[1]) / (2 * step), rel=1e-3
    )
    assert float(metrics["discriminator/label_accuracy"]) == np.mean((real > 0) * 2 == label)


def test_acgan_asks_for_uniform_labels_and_tells_what_it_lacks():
    game = gans.acgan(still(Filled()), still(TwoHeads()), num_classes=3, generator_fakes=3).complete(
        {"image": IMAGES, "label": LABELS}
    )
    images = game.sample(game.init(jax.random.key(0), {"image": IMAGES, "label": LABELS}), jax.random.key(1), 300)
    shares = np.unique(np.round(np.asarray(images[:, 0, 0, 0]) / 0.25).astype(int), return_counts=True)[1] / 300
    assert shares.shape == (3,) and abs(shares - 1 / 3).max() < 0.1
    with pytest.raises(UserError, match="needs class labels"):
        gans.acgan(still(Filled()), still(TwoHeads()))


class Times(nn.Module):
    """A translator from one channel to two: w times the image, twice."""

    output_shape: tuple | None = None

    @nn.compact
    def __call__(self, x):
        return self.param("w", nn.initializers.constant(0.5), ()) * jnp.repeat(x, self.output_shape[2], axis=3)


class Beside(nn.Module):
    """A discriminator of pairs: w times the mean of the product of both."""

    @nn.compact
    def __call__(self, x, y):
        return self.param("w", nn.initializers.constant(3.0), ()) * (x * y).mean(axis=(1, 2, 3))


@pytest.mark.parametrize(("reconstruction", "adversarial"), [(100.0, 1.0), (10.0, 0.0), (0.0, 1.0)])
def test_pix2pix_weighs_the_distance_and_the_game(reconstruction, adversarial):
    target = jnp.concatenate([IMAGES[::-1], -IMAGES], axis=3)
    batch = {"a": IMAGES, "b": target}
    game = gans.pix2pix(still(Times()), still(Beside()), reconstruction=reconstruction, adversarial=adversarial)
    game = game.complete(batch)
    assert game.players["generator"].network.output_shape == (8, 8, 2)
    state = game.init(jax.random.key(0), batch)
    _, metrics = game.step(state, batch)
    x, y = np.asarray(IMAGES, np.float64), np.asarray(target, np.float64)
    fake = 0.5 * np.repeat(x, 2, axis=3)
    real_score, fake_score = (3 * (x * image).mean(axis=(1, 2, 3)) for image in (y, fake))
    expected = 0.5 * (softplus(-real_score).mean() + softplus(fake_score).mean())
    assert float(metrics["discriminator/loss"]) == pytest.approx(adversarial * expected, rel=1e-5)
    # Targets of 0.9 for reals weigh as the game does: -0.9 log D - 0.1 log(1 - D) is more than -log D by 0.1 of the logit.
    smoothed = gans.pix2pix(
        still(Times()), still(Beside()), adversarial=adversarial, terms=(terms.label_smoothing(0.9),)
    )
    _, asked = smoothed.complete(batch).step(state, batch)
    more = float(asked["discriminator/loss"]) - float(metrics["discriminator/loss"])
    assert more == pytest.approx(adversarial * 0.5 * 0.1 * real_score.mean(), rel=1e-3, abs=1e-6)
    expected = adversarial * softplus(-fake_score).mean() + reconstruction * np.abs(fake - y).mean()
    assert float(metrics["generator/loss"]) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(game.translate(state, jax.random.key(1), IMAGES), fake, rtol=1e-6)
    assert game.abilities["translate"].takes["target"].choices == ("b",)


class Residual(nn.Module):
    """A fine generator: w times the enlarged coarse image, and a little of the noise."""

    output_shape: tuple | None = None

    @nn.compact
    def __call__(self, noise, coarse):
        return self.param("w", nn.initializers.constant(0.1), ()) * coarse + 0.01 * noise


class SumOf(nn.Module):
    """A discriminator: w times the mean of the square of all that it is shown, added up."""

    @nn.compact
    def __call__(self, x, coarse=0.0):
        return self.param("w", nn.initializers.constant(2.0), ()) * jnp.square(x + coarse).mean(axis=(1, 2, 3))


def lapgan(**options):
    generator = {"level_0": still(Filled()), "level_1": still(Residual()), "level_2": still(Residual())}
    discriminator = {level: still(SumOf()) for level in generator}
    return gans.lapgan(generator, discriminator, latent_size=3, **options).complete({"image": IMAGES})


def test_lapgan_learns_residuals_from_real_coarse_images():
    game = lapgan(terms=(r1(1.0),))
    # 8x8 images: levels of 2x2, 4x4 and 8x8, each told its own shape
    shapes = [game.players[f"generator/level_{index}"].network.output_shape for index in range(3)]
    assert shapes == [(2, 2, 1), (4, 4, 1), (8, 8, 1)]
    state = game.init(jax.random.key(0), {"image": IMAGES})
    assert set(state.players["generator"]) == {"level_0", "level_1", "level_2"}
    _, metrics = game.step(state, {"image": IMAGES})
    # The discriminator of the finest level sees the residual and the coarse image summed: the real image itself.
    real = 2 * np.square(np.asarray(IMAGES, np.float64)).mean(axis=(1, 2, 3))
    enlarged = np.asarray(laplacian.up(laplacian.down(IMAGES)), np.float64)
    fake = 2 * np.square(1.1 * enlarged).mean(axis=(1, 2, 3))  # up to the noise, which is a hundredth
    expected = softplus(-real).mean() + softplus(fake).mean()
    assert float(metrics["discriminators/loss_level_2"]) == pytest.approx(expected, rel=1e-2)
    # R1 by the residual alone: the gradient of the score is 2 w x / pixels
    slope = 0.5 * np.square(4 * np.asarray(IMAGES, np.float64) / 64).sum(axis=(1, 2, 3)).mean()
    assert float(metrics["discriminators/r1_level_2"]) == pytest.approx(slope, rel=1e-5)
    losses = [float(metrics[f"discriminators/loss_level_{index}"]) for index in range(3)]
    terms = [float(metrics[f"discriminators/r1_level_{index}"]) for index in range(3)]
    assert float(metrics["discriminators/loss"]) == pytest.approx(math.fsum(losses + terms), rel=1e-5)


def test_lapgan_samples_coarse_to_fine():
    game = lapgan()
    state = game.init(jax.random.key(0), {"image": IMAGES})
    samples = game.sample(state, jax.random.key(1), 5)
    assert samples.shape == (5, 8, 8, 1)
    # A constant coarse image stays one when it is enlarged: 0.25, and a tenth more at each of two levels, up to the noise.
    np.testing.assert_allclose(samples, 0.25 * 1.1**2, atol=0.025)
    assert np.std(np.asarray(samples)) > 1e-3


def test_lapgan_wants_the_same_levels_on_both_sides():
    with pytest.raises(UserError, match="both must be level_0"):
        gans.lapgan({"level_0": still(Filled())}, {"level_1": still(SumOf())})
