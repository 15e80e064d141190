"""Direct translation: its losses by hand, on networks of a few numbers."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Player
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from tests.gans.one_parameter import Mean, Scale, play, still
from tests.gans.two_domains import BATCH, SHAPE, A, B, fill, l2, means, softplus, value


class Seen(nn.Module):
    """A classifier of images: its feature is w times the mean, its class logits that times 0, 1, 2."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, x, features=False):
        feature = self.param("w", nn.initializers.constant(3.0), ()) * x.mean(axis=(1, 2, 3))[:, None]
        return Verdict(None, feature if features else None, feature * jnp.arange(3.0)[None])


def test_direct_translation_first_learns_what_to_keep():
    classifier = Player(Seen(), optax.sgd(0.1))
    game = gans.direct_translation(
        still(Scale(2.0)), still(Mean()), classifier, num_classes=3, features=5.0, identity=4.0, pretraining_steps=1
    )
    batch = BATCH | {"label": jnp.array([2, 0])}
    state = game.init(jax.random.key(0), batch)
    learned, metrics = game.step(state, batch, game.due(0, 0))
    logits = 3 * means(A)[:, None] * np.arange(3)
    expected = np.mean(np.log(np.exp(logits).sum(1)) - logits[[0, 1], [2, 0]])
    assert expected == value(metrics, "classifier/loss") and set(metrics) & {"generator/loss"} == set()
    w = float(learned.players["classifier"].params["w"])
    assert w != 3
    kept, metrics = game.step(learned, batch, game.due(1, 2))
    assert float(kept.players["classifier"].params["w"]) == w  # frozen
    assert (softplus(-2 * means(B)) + softplus(4 * means(A))).mean() == value(metrics, "discriminator/loss")
    expected = softplus(-4 * means(A)).mean() + 5 * l2(w * means(A), 2 * w * means(A)) + 4 * l2(2 * B, B)
    assert expected == value(metrics, "generator/loss")
    assert game.abilities["translate"].takes["target"].choices == ("b",)
    np.testing.assert_allclose(
        game.use("classify", kept, jax.random.key(0), A), w * means(A)[:, None] * np.arange(3), rtol=1e-5
    )


def test_a_discriminator_of_three_kinds():
    # Its class logits are 3 m, times 0, 1 and 2, of images of mean m: translated from A, translated from B, of B itself.
    game = gans.direct_translation(
        still(Scale(2.0)),
        still(Seen()),
        still(Seen()),
        num_classes=3,
        features=5.0,
        three_kinds=True,
        pretraining_steps=0,
    )

    def cost(mean, kind):  # - log softmax, of the mean that the images have
        logits = 3 * mean[:, None] * np.arange(3)
        return (np.log(np.exp(logits).sum(1)) - logits[:, kind]).mean()

    _, metrics = play(game, BATCH | {"label": jnp.array([2, 0])})
    a, b = 2 * means(A), 2 * means(B)
    assert cost(a, 0) + cost(b, 1) + cost(means(B), 2) == value(metrics, "discriminator/loss")
    assert cost(a, 2) + cost(b, 2) + 5 * l2(3 * means(A), 6 * means(A)) == value(metrics, "generator/loss")
    with pytest.raises(UserError, match="three kinds are told by cross-entropies; set objective='non_saturating'"):
        gans.direct_translation(
            still(Scale()), still(Seen()), still(Seen()), num_classes=3, three_kinds=True, objective="hinge"
        )


class Written(nn.Module):
    """A generator of features: images filled with w times their mean."""

    output_shape: tuple = SHAPE

    @nn.compact
    def __call__(self, f):
        return (
            self.param("w", nn.initializers.constant(0.5), ())
            * f.mean(axis=1).reshape(-1, 1, 1, 1)
            * jnp.ones((1, *SHAPE))
        )


def test_out_of_the_features_alone():
    game = gans.direct_translation(
        still(Written()), still(Mean()), still(Seen()), num_classes=3, through_features=True, pretraining_steps=0
    )
    batch = BATCH | {"label": jnp.array([2, 0])}
    assert len(game.stages) == 1
    state, _ = play(game, batch)
    np.testing.assert_allclose(game.translate(state, jax.random.key(0), A), fill(1.5 * means(A)), rtol=1e-5)
    with pytest.raises(UserError, match="needs class labels"):
        gans.direct_translation(still(Written()), still(Mean()), still(Seen()))
