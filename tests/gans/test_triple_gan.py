"""Triple-GAN: the losses of its three players by hand, on networks of a few numbers, and who moves on them."""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import triple_gan
from jaxgan import gans, networks
from jaxgan.core import Due, Player
from jaxgan.core.state import Clock
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.training.plan import plan_without_data
from tests.gans.one_parameter import still

RNG = np.random.default_rng(0)
LABELLED, UNLABELLED = (jnp.asarray(RNG.uniform(-1, 1, (4, 2, 2, 1)), jnp.float32) for _ in range(2))
BATCH = {"image": UNLABELLED, "labelled_image": LABELLED, "label": jnp.array([0, 1, 1, 0])}
KNOWN, OTHER = (np.asarray(images, np.float64).mean(axis=(1, 2, 3)) for images in (LABELLED, UNLABELLED))
LABEL = np.array([0, 1, 1, 0])


class Filled(nn.Module):
    """A generator: every image is filled with w, whatever it is asked for."""

    output_shape: tuple | None = None
    embedded_classes: int = 0

    @nn.compact
    def __call__(self, z, label):
        return self.param("w", nn.initializers.constant(0.25), ()) * jnp.ones((len(z), *self.output_shape))


class Classes(nn.Module):
    """A classifier: the logits of class 0 and 1 are 0 and v times the mean, which is then above 0 for class 1."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, x):
        v = self.param("v", nn.initializers.constant(3.0), ())
        return Verdict(None, class_logits=v * x.mean(axis=(1, 2, 3))[:, None] * jnp.arange(2.0)[None])


class Judges(nn.Module):
    """A discriminator: u times the mean, and the label's number."""

    embedded_classes: int = 0

    @nn.compact
    def __call__(self, x, label):
        return self.param("u", nn.initializers.constant(2.0), ()) * x.mean(axis=(1, 2, 3)) + label


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


def cross_entropy(mean, label):
    return softplus(np.where(label == 1, -3, 3) * mean)


def play(rate=0.0, **options):
    players = (Player(network, optax.sgd(rate)) for network in (Filled(), Classes(), Judges()))
    game = gans.triple_gan(*players, num_classes=2, **options).complete(BATCH)
    state = game.init(jax.random.key(0), BATCH)
    after, metrics = jax.jit(game.step, static_argnames="due")(state, BATCH, due=game.due(0, 0))
    return game, state, after, {name: float(value) for name, value in metrics.items()}


@pytest.mark.parametrize(("one_in", "known"), [(1, 4), (2, 2), (100, 1)])
def test_the_discriminator_meets_pairs_of_three_kinds(one_in, known):
    _, _, _, metrics = play(alpha=0.25, labelled_one_in=one_in)
    inferred = (OTHER > 0).astype(int)
    score = 2 * OTHER + inferred
    real = np.concatenate(
        [(2 * KNOWN + LABEL)[:known], score[::2]]
    )  # the 1st and the 3rd without labels are among the real ones
    # A fake's label is 0 or 1, each with probability 1/2: the mean over the fakes is between the two.
    fixed = softplus(-real).mean() + 0.25 * softplus(score[1::2]).mean()
    low, high = (0.75 * softplus(2 * 0.25 + label) for label in (0, 1))
    assert fixed + low - 1e-5 <= metrics["discriminator/loss"] <= fixed + high + 1e-5
    share = (metrics["discriminator/loss"] - fixed - low) / (high - low)  # of the fakes that were asked for class 1
    assert share * len(real) == pytest.approx(round(share * len(real)), abs=1e-3)


@pytest.mark.parametrize("pseudo_from", [0, 5])
def test_the_classifier_learns_from_all_that_it_is_told(pseudo_from):
    weights = {"adversarial": 0.5, "pseudo_discriminative": 0.2, "entropy": 0.3, "balance": 0.01}
    _, _, _, metrics = play(**weights, pseudo_from=pseudo_from)
    p = 1 / (1 + np.exp(-3 * OTHER))
    inferred = (OTHER > 0).astype(int)
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    balance = -0.5 * (np.log(p.mean()) + np.log(1 - p.mean()))
    expected = cross_entropy(KNOWN, LABEL).mean() + 0.3 * entropy + 0.01 * balance
    expected += 0.5 * (np.maximum(p, 1 - p) * softplus(-(2 * OTHER + inferred))).mean()
    # The generated images are all alike, and asked for either class: the loss on them is between two numbers.
    low, high = sorted(0.2 * float(cross_entropy(0.25, label)) for label in (0, 1))
    if pseudo_from:
        assert metrics["classifier/loss"] == pytest.approx(expected, rel=1e-5)
    else:
        assert expected + low - 1e-5 <= metrics["classifier/loss"] <= expected + high + 1e-5


def test_each_player_moves_on_its_own_turn_alone():
    game, before, after, _ = play(rate=0.1)
    assert {turn.name: turn.players for turn in game.stages[0].turns} == {
        name: (name,) for name in ("discriminator", "generator", "classifier")
    }
    for name, part in (("generator", "w"), ("classifier", "v"), ("discriminator", "u")):
        assert before.players[name].params[part] != after.players[name].params[part], name
    # The pseudo-discriminative loss is the classifier's: the generator's step does not know its weight.
    others = [play(rate=0.1, pseudo_discriminative=weight)[2].players["generator"].params["w"] for weight in (0.0, 5.0)]
    assert others[0] == others[1]


def test_of_the_discriminator_the_classifier_is_moved_through_its_confidence_alone():
    """Its label is a constant: the gradient by v is that of p_max, with the discriminator's verdict as a number."""
    only = {"pseudo_discriminative": 0.0, "entropy": 0.0, "balance": 0.0}
    loss = [play(**only, adversarial=weight)[3]["classifier/gradient_norm"] for weight in (0.0, 1.0)]
    inferred = (OTHER > 0).astype(int)
    refused = softplus(-(2 * OTHER + inferred))

    def value(v, weight):
        p = 1 / (1 + np.exp(-v * OTHER))
        supervised = softplus(np.where(LABEL == 1, -v, v) * KNOWN).mean()
        return supervised + weight * (np.maximum(p, 1 - p) * refused).mean()

    for weight, found in zip((0.0, 1.0), loss, strict=True):
        expected = (value(3 + 1e-5, weight) - value(3 - 1e-5, weight)) / 2e-5
        assert found == pytest.approx(abs(expected), rel=1e-3)


def test_the_classifier_may_learn_alone_first():
    game, state, after, metrics = play(rate=0.1, pretraining_steps=2)
    assert game.due(0, 0) == Due(0, ("pretraining",)) and game.due(2, 8).stage == 1
    moved = {
        name
        for name in state.players
        if jax.tree.leaves(state.players[name].params) != jax.tree.leaves(after.players[name].params)
    }
    assert moved == {"classifier"} and "pretraining/supervised" in metrics


@pytest.mark.parametrize("alone", [None, 0.3])
def test_while_it_learns_alone_equal_shares_may_weigh_more(alone):
    _, _, _, metrics = play(pretraining_steps=1, entropy=0.2, balance=0.01, pretraining_balance=alone)
    p = 1 / (1 + np.exp(-3 * OTHER))
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    imbalance = -0.5 * (np.log(p.mean()) + np.log(1 - p.mean()))
    known = cross_entropy(KNOWN, LABEL).mean() + 0.2 * entropy
    assert metrics["pretraining/loss"] == pytest.approx(known + (alone or 0.01) * imbalance, rel=1e-5)
    # Behind the pretraining it is `balance` again.
    later = [play(balance=0.01, pretraining_balance=weight)[3]["classifier/loss"] for weight in (None, alone)]
    assert later[0] == later[1]


def test_the_optimisers_are_other_ones_behind_the_pretraining():
    game, _, _, _ = play(pretraining_steps=2)
    assert [stage.reset_optimizers for stage in game.stages] == [False, True]


def test_it_classifies_and_samples_and_says_what_it_lacks():
    game, state, _, _ = play()
    logits = game.use("classify", state, jax.random.key(0), images=UNLABELLED)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], 3 * OTHER, rtol=1e-5)
    assert game.sample(state, jax.random.key(0), 3, label=jnp.array([1, 0, 1])).shape == (3, 2, 2, 1)
    with pytest.raises(UserError, match="needs class labels"):
        gans.triple_gan(still(Filled()), still(Classes()), still(Judges()))
    with pytest.raises(UserError, match=r"learns from a few labels beside images without: say how many are known"):
        game.complete({"image": UNLABELLED, "label": BATCH["label"]}).init(jax.random.key(0), {"image": UNLABELLED})
    with pytest.raises(UserError, match="labelled_one_in=0, but it must be at least 1"):
        gans.triple_gan(still(Filled()), still(Classes()), still(Judges()), num_classes=2, labelled_one_in=0)


def test_the_papers_networks_have_their_sizes():
    players = plan_without_data(triple_gan.get_config("paper")).abstract_state().players
    sizes = {name: sum(leaf.size for leaf in jax.tree.leaves(player.params)) for name, player in players.items()}
    # Ten numbers of the label beside every input; batch norm and weight norm with a gain and a bias.
    generator = 110 * 500 + 2 * 500 + 510 * 500 + 2 * 500 + 510 * 784 + 2 * 784
    widths = (784, 1000, 500, 250, 250, 250, 1)
    discriminator = sum((a + 10) * b + 2 * b for a, b in itertools.pairwise(widths))
    discriminator += 10 * 500  # the label that joined before the noise
    layers = ((25, 1, 32), (9, 32, 64), (9, 64, 64), (9, 64, 128), (9, 128, 128))
    classifier = sum(size * a * b + 2 * b for size, a, b in layers) + 129 * 10
    assert sizes == {"generator": generator, "classifier": classifier, "discriminator": discriminator}


def clock(step):
    return Clock(*(jnp.int32(count) for count in (step, 0, step, 0)))


def test_the_papers_rate_is_the_programs():
    """3e-4 for 30 epochs of 600, then 1e-3 for 300; 0.995 of it for the 301st and so on, and 0.995^700 for the last."""
    config = triple_gan.get_config("paper")
    plan = plan_without_data(config)
    assert config.steps == (30 + 1000) * 600 and config.game.pseudo_from == (30 + 299) * 600
    rates = {0: 0.3, 29: 0.3, 30: 1, 329: 1, 330: 0.995, 331: 0.995**2, 1029: 0.995**700}
    for player in plan.game.players.values():
        for epoch, factor in rates.items():
            for step in (epoch * 600, epoch * 600 + 599):
                assert player.schedule(clock(step)) == pytest.approx(factor, rel=1e-6), epoch


def test_the_papers_weights_begin_as_in_the_program():
    x, label = jnp.zeros((2, 28, 28, 1)), jnp.zeros(2, jnp.int32)
    key = jax.random.key(0)
    of = lambda network, *inputs: network.init(key, *inputs)["params"]  # noqa: E731
    discriminator = of(networks.TripleGANDiscriminator(embedded_classes=10), x, label)
    classifier = of(networks.TripleGANClassifier(class_logits=100), x)
    generator = of(networks.TripleGANGenerator((28, 28, 1), embedded_classes=10), jnp.zeros((2, 100)), label)
    assert {float(leaf.max()) for leaf in jax.tree.leaves({k: v["scale"] for k, v in discriminator.items()})} == {1.0}
    for params, name, deviation in (
        (discriminator, "hidden_0", 0.1),
        (discriminator, "logit", 0.1),
        (classifier, "conv_0", 0.05),
        (classifier, "conv_4", 0.05),
        (classifier, "class_logits", 0.01),
    ):
        assert float(params[name]["kernel"].std()) == pytest.approx(deviation, rel=0.15), name
    # Uniform in +- sqrt(6 / (inputs + outputs))
    for name in ("hidden_0", "hidden_1", "output"):
        kernel = generator[name]["kernel"]
        assert float(jnp.abs(kernel).max()) == pytest.approx(np.sqrt(6 / sum(kernel.shape)), rel=1e-3), name


def test_the_papers_discriminator_keeps_its_scales_and_decays_the_last_layer_alone():
    game = plan_without_data(triple_gan.get_config("paper")).game
    kernel, scale = jnp.full((3, 2), 2.0), jnp.ones(2)
    layer = {"kernel": kernel, "scale": scale, "bias": scale}
    assert game.players["discriminator"].frozen_paths({"hidden_0": layer, "logit": layer}) == [
        "hidden_0/scale",
        "logit/scale",
    ]
    decay = game.players["classifier"].constraint
    params = {"conv_0": {"kernel": 5 * kernel}, "class_logits": {"kernel": kernel, "bias": scale}}
    assert decay.penalty(params, decay.init(params, jax.random.key(0))[1], clock(0)) == pytest.approx(1e-4 * 6 * 4)
