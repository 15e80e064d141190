"""What a turn draws: how many fakes, of which classes, judged with the reals or apart from them."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.core import Aux, Game, Latent, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm, Verdict
from jaxgan.losses import hinge
from jaxgan.parts import Draws, two_player_game
from tests.gans.one_parameter import still

CLASSES = 4


class Labelled(nn.Module):
    """A generator whose images hold the first component of z, and the label."""

    embedded_classes: int = 0
    output_shape: tuple[int, ...] = (1, 1, 2)

    @nn.compact
    def __call__(self, z, label=None):
        w = self.param("w", nn.initializers.ones, ())
        second = jnp.zeros(len(z)) if label is None else label.astype(jnp.float32)
        return w * jnp.stack([z[:, 0], second], axis=1)[:, None, None]


class Told(nn.Module):
    """A discriminator that says which label it is told beside which image; its features are the images."""

    projected_classes: int = 0

    @nn.compact
    def __call__(self, x, label=None, features=False):
        w = self.param("w", nn.initializers.ones, ())
        score = w * (x.sum((1, 2, 3)) if label is None else label.astype(jnp.float32))
        return Verdict(score, x)


def drawn(draws, batch, fakes=1, key=7):
    """The pair that a turn is played on, as it comes out of a compiled step."""
    networks = {"generator": still(Labelled()), "discriminator": still(Told())}

    def loss(nets, batch, memory, _):
        pair = draws.pair(nets, batch, memory, jax.random.key(key), fakes)
        kept = {name: getattr(pair, name) for name in ("real", "fake", "latent", "fake_label", "mismatched_verdict")}
        kept |= {"real_score": pair.real_logits, "fake_score": pair.fake_logits}
        return 0.0 * pair.fake_logits.sum(), Aux({name: value for name, value in kept.items() if value is not None})

    game = Game(
        players=networks,
        inputs={"generator": draws.generator_inputs, "discriminator": draws.discriminator_inputs},
        stages=(Stage((Turn("all", loss, tuple(networks)),)),),
    )
    _, metrics = jax.jit(game.step)(game.init(jax.random.key(0), batch), batch)
    return {name.removeprefix("all/"): value for name, value in metrics.items()}


def labelled(number, label=None):
    label = jnp.arange(number) % CLASSES if label is None else jnp.full(number, label)
    return {"image": jnp.linspace(-1, 1, 2 * number).reshape(number, 1, 1, 2), "label": label.astype(jnp.int32)}


def test_fakes_stand_beside_the_minibatchs_labels_or_uniform_ones():
    skewed = labelled(4000, label=2)
    same = drawn(Draws(Latent(3), CLASSES), skewed)
    np.testing.assert_array_equal(same["fake_label"], skewed["label"])
    uniform = np.asarray(drawn(Draws(Latent(3), CLASSES, "uniform"), skewed)["fake_label"])
    assert stats.chisquare(np.bincount(uniform, minlength=CLASSES)).pvalue > 1e-3
    for draws in (Draws(Latent(3), CLASSES), Draws(Latent(3), CLASSES, "uniform")):
        pair = drawn(draws, labelled(8))
        # Both networks are told the fakes' labels; the discriminator is told the reals' own beside reals.
        np.testing.assert_array_equal(pair["fake"][:, 0, 0, 1], pair["fake_label"])
        np.testing.assert_array_equal(pair["fake_score"], pair["fake_label"])
        np.testing.assert_array_equal(pair["real_score"], labelled(8)["label"])
    without = drawn(Draws(Latent(3)), labelled(8))
    assert "fake_label" not in without
    np.testing.assert_allclose(without["real_score"], labelled(8)["image"].sum((1, 2, 3)), atol=1e-6)


def test_one_who_is_not_told_the_labels_judges_images_alone():
    pair = drawn(Draws(Latent(3), CLASSES, told=False), labelled(8))
    np.testing.assert_array_equal(pair["fake"][:, 0, 0, 1], labelled(8)["label"])
    np.testing.assert_allclose(pair["real_score"], labelled(8)["image"].sum((1, 2, 3)), atol=1e-6)


@pytest.mark.parametrize("labels", ["minibatch", "uniform"])
def test_several_fakes_for_each_real(labels):
    pair = drawn(Draws(Latent(3), CLASSES, labels, fakes=2), labelled(6), fakes=2)
    assert pair["fake"].shape[0] == pair["fake_score"].shape[0] == 12 and pair["real"].shape[0] == 6
    assert len(np.unique(pair["latent"][:, 0])) == 12
    if labels == "minibatch":
        np.testing.assert_array_equal(pair["fake_label"], np.tile(labelled(6)["label"], 2))


def test_the_generator_has_twice_the_fakes_and_the_discriminator_as_many_as_reals():
    sizes = []

    class Counting(Labelled):
        @nn.compact
        def __call__(self, z, label=None):
            sizes.append(len(z))
            return super().__call__(z, label)

    game = two_player_game(still(Counting()), still(Told()), Draws(Latent(2), fakes=2), hinge)
    state = jax.eval_shape(game.init, jax.random.key(0), labelled(5))
    for turn, expected in (("discriminator", 5), ("generator", 10)):
        sizes.clear()
        jax.eval_shape(
            lambda state, turn=turn: game.step(state, labelled(5), game.due(0, 0)._replace(turns=(turn,))), state
        )
        assert set(sizes) == {expected}


def test_mismatched_labels_are_every_other_class_alike_and_never_the_true_one():
    batch = labelled(4000)
    pair = drawn(Draws(Latent(3), CLASSES, mismatched=True), batch)
    wrong = np.asarray(pair["mismatched_verdict"].score).astype(int)
    true = np.asarray(batch["label"])
    np.testing.assert_array_equal(pair["mismatched_verdict"].features, batch["image"])  # beside the reals
    for label in range(CLASSES):
        counts = np.bincount(wrong[true == label], minlength=CLASSES)
        assert counts[label] == 0
        assert stats.chisquare(np.delete(counts, label)).pvalue > 1e-3
    assert "mismatched_verdict" not in drawn(Draws(Latent(3), CLASSES), batch)


class Normal(nn.Module):
    """A discriminator that is nothing but batch norm, without gain and offset."""

    @nn.compact
    def __call__(self, x):
        self.param("w", nn.initializers.ones, ())
        return BatchNorm(use_scale=False, use_bias=False)(x.reshape(len(x), -1)).sum(1)


@pytest.mark.parametrize("joint", [True, False])
def test_a_joint_call_shares_batch_norms_statistics(joint):
    draws = Draws(Latent(2), joint=joint)

    def loss(nets, batch, memory, _):
        pair = draws.pair(nets, batch, memory, jax.random.key(1))
        return 0.0 * pair.fake.sum(), Aux({"real": pair.real_logits, "fake": pair.fake_logits, "fakes": pair.fake})

    game = Game(
        players={"generator": still(Labelled()), "discriminator": still(Normal())},
        inputs={"generator": draws.generator_inputs, "discriminator": draws.discriminator_inputs},
        stages=(Stage((Turn("generator", loss),)),),
    )
    batch = {"image": 3 + jnp.asarray(np.random.default_rng(0).normal(size=(6, 1, 1, 2)), jnp.float32)}
    _, metrics = game.step(game.init(jax.random.key(0), batch), batch)
    real, fake = (np.asarray(x, np.float64).reshape(6, 2) for x in (batch["image"], metrics["generator/fakes"]))

    def normalised(x, among):
        return ((x - among.mean(0)) / np.sqrt(among.var(0) + 1e-5)).sum(1)

    both = np.concatenate([real, fake])
    np.testing.assert_allclose(
        metrics["generator/real"], normalised(real, both if joint else real), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(
        metrics["generator/fake"], normalised(fake, both if joint else fake), rtol=1e-4, atol=1e-4
    )


def test_a_joint_call_tells_each_image_its_own_label():
    pair = drawn(Draws(Latent(3), CLASSES, "uniform", joint=True), labelled(8))
    np.testing.assert_array_equal(pair["real_score"], labelled(8)["label"])
    np.testing.assert_array_equal(pair["fake_score"], pair["fake_label"])


def test_what_makes_no_sense_is_refused():
    for settings, message in (
        ({"labels": "unifrom"}, "labels='unifrom' are unknown: choose one of minibatch, uniform"),
        ({"fakes": 0}, "fakes=0 for each real"),
        ({"mismatched": True}, "mismatched pairs need labels"),
    ):
        with pytest.raises(UserError, match=message):
            Draws(Latent(2), **settings)
    with pytest.raises(UserError, match="needs class labels, which the data do not have"):
        Draws(Latent(2), CLASSES).discriminator_inputs({"image": jnp.zeros((1, 1, 1, 2))})


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (jnp.array([0, CLASSES]), f"the minibatch's label {CLASSES}: the classes are 0 to {CLASSES - 1}"),
        (jnp.zeros((2, CLASSES)), "the minibatch's label must be integers"),
    ],
)
def test_labels_that_are_no_classes_are_refused(label, message):
    with pytest.raises(UserError, match=message):
        Draws(Latent(3), CLASSES).discriminator_inputs({"image": jnp.zeros((2, 1, 1, 1)), "label": label})
