"""S2GAN, S2GAN-CO, S3GAN and clustering: their losses by hand, whom they move, and the labels that they infer."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Due, Player
from jaxgan.core.players import flatten
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.parts import Rotations

RNG = np.random.default_rng(0)
BATCH = {
    "image": jnp.asarray(RNG.uniform(-1, 1, (4, 4, 4, 1)), jnp.float32),
    "labelled_image": jnp.asarray(RNG.uniform(-1, 1, (4, 4, 4, 1)), jnp.float32),
    "label": jnp.array([0, 1, 1, 0]),
}
ANGLES = (0, 90)


class Filled(nn.Module):
    """A generator: the upper half of an image is filled with w times its label's number plus one."""

    output_shape: tuple | None = None
    embedded_classes: int = 0

    @nn.compact
    def __call__(self, z, label):
        w = self.param("w", nn.initializers.constant(0.25), ())
        rows = (jnp.arange(4) < 2)[None, :, None, None]
        return w * (label + 1.0).reshape(-1, 1, 1, 1) * rows * jnp.ones((1, *self.output_shape))


class Halves(nn.Module):
    """A judge: features are the means of the upper and of the left half; the score is v times the first, and a label's."""

    projected_classes: int = 0
    class_logits: int = 0

    @nn.compact
    def __call__(self, x, label=None, features=False):
        v = self.param("v", nn.initializers.constant(1.5), ())
        seen = v * jnp.stack([x[:, :2].mean((1, 2, 3)), x[:, :, :2].mean((1, 2, 3))], 1)
        score = None if label is None else seen[:, 0] + 0.1 * label
        if not (features or self.class_logits):
            return score
        logits = seen * jnp.array([[2.0, -1.0]]) if self.class_logits else None
        return Verdict(score, seen if features else None, logits)


class Scaled(nn.Module):
    """A head: its logits are u times the features."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, features):
        return self.param("u", nn.initializers.constant(3.0), ()) * features


def player(network, rate=0.0):
    return Player(network, optax.sgd(rate))


def game_of(name, rate=0.0, **fields):
    settings = {"rotations": ANGLES, "latent_size": 2, "discriminator_steps": 1, "labels": "minibatch"} | fields
    players = {"generator": Filled(), "discriminator": Halves()}
    if name == "s2gan_co":
        players["class_head"] = Scaled()
    else:
        players |= {"classifier": Halves(), "pretraining_head": Scaled()}
        settings["pretraining_steps"] = 1
    if name == "s3gan" or fields.get("discriminator_rotation"):
        players["rotation_head"] = Scaled()
    if name == "clustering_gan":
        settings = {"clusters": 2, "clustering_steps": 1} | settings
    else:
        settings["num_classes"] = 2
    made = {key: player(network, rate) for key, network in players.items()}
    return getattr(gans, name)(**made, **settings).complete(BATCH)


def play(game, stage, state=None):
    state = game.init(jax.random.key(0), BATCH) if state is None else state
    due = Due(stage, tuple(turn.name for turn in game.stages[stage].turns))
    return (state, *game.step(state, BATCH, due))


def moved(before, after):
    both = flatten(before.players), flatten(after.players)
    leaves = {name: [jax.tree.leaves(each[name].params) for each in both] for name in both[0]}
    return {name for name, (old, new) in leaves.items() if any((a != b).any() for a, b in zip(old, new, strict=True))}


# ---- the same by hand, in numpy


def seen(images):
    x = np.asarray(images, np.float64)
    return 1.5 * np.stack([x[:, :2].mean((1, 2, 3)), x[:, :, :2].mean((1, 2, 3))], 1)


def turned(images):
    return np.concatenate([np.rot90(np.asarray(images), angle // 90, axes=(1, 2)) for angle in ANGLES])


def cross_entropy(logits, label):
    return np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(label)), label])


def rotation_loss(images):
    return cross_entropy(3 * seen(turned(images)), np.repeat([0, 1], len(images)))


def inferred(images):
    return (seen(images) * [2.0, -1.0]).argmax(1)


def filled(label):
    return (
        0.25
        * (np.asarray(label) + 1.0)[:, None, None, None]
        * (np.arange(4) < 2)[None, :, None, None]
        * np.ones((1, 4, 4, 1))
    )


def score(images, label):
    return seen(images)[:, 0] + 0.1 * np.asarray(label)


def hinge(images, label, fakes):
    real, fake = score(images, label), score(fakes, label)
    return np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()


def test_images_are_rotated_as_numpy_rotates_them():
    task = Rotations((0, 90, 180, 270))
    expected = np.concatenate([np.rot90(np.asarray(BATCH["image"]), k, axes=(1, 2)) for k in range(4)])
    np.testing.assert_array_equal(task.rotated(BATCH["image"]), expected)
    right = jnp.repeat(50 * jnp.eye(4), 3, axis=0)
    loss, accuracy = task.loss(right)
    assert float(loss) == pytest.approx(0, abs=1e-6) and float(accuracy) == 1
    loss, accuracy = task.loss(jnp.zeros((12, 4)))
    assert float(loss) == pytest.approx(np.log(4)) and float(accuracy) == 1 / 4


@pytest.mark.parametrize("name", ["s2gan", "s3gan"])
def test_the_classifier_learns_rotations_and_rotated_labels(name):
    _, _, metrics = play(game_of(name, label_weight=0.5), 0)
    classes = cross_entropy(seen(turned(BATCH["labelled_image"])) * [2.0, -1.0], np.tile(BATCH["label"], 2))
    expected = rotation_loss(BATCH["image"]) + 0.5 * classes
    assert float(metrics["pretraining/loss"]) == pytest.approx(expected, rel=1e-5)


def test_the_game_is_played_on_the_classes_that_a_classifier_infers():
    _, _, metrics = play(game_of("s2gan"), 1)
    label = inferred(BATCH["image"])
    assert 0 < label.mean() < 1
    assert float(metrics["discriminator/loss"]) == pytest.approx(hinge(BATCH["image"], label, filled(label)), rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(-score(filled(label), label).mean(), rel=1e-5)


def test_s3gan_adds_the_rotations_of_the_last_reals_and_of_the_last_fakes():
    game = game_of("s3gan", discriminator_rotation=0.7, generator_rotation=0.3, rotated_one_in=2)
    _, _, metrics = play(game, 1)
    label = inferred(BATCH["image"])
    fakes = filled(label)
    expected = hinge(BATCH["image"], label, fakes) + 0.7 * rotation_loss(BATCH["image"][-2:])
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)
    expected = -score(fakes, label).mean() + 0.3 * rotation_loss(fakes[-2:])
    assert float(metrics["generator/loss"]) == pytest.approx(expected, rel=1e-5)


def test_co_training_infers_what_is_not_known_and_learns_what_is():
    _, _, metrics = play(game_of("s2gan_co", label_weight=0.5), 0)
    known = np.asarray(BATCH["label"])
    images = np.concatenate([BATCH["labelled_image"], BATCH["image"]])
    label = np.concatenate([known, seen(BATCH["image"]).argmax(1)])
    classes = cross_entropy(3 * seen(BATCH["labelled_image"]), known)
    expected = hinge(images, label, filled(label)) + 0.5 * classes
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(metrics["discriminator/label_accuracy"]) == (seen(BATCH["labelled_image"]).argmax(1) == known).mean()


def test_clusters_are_kept_and_their_numbers_are_the_labels():
    game = game_of("clustering_gan")
    _, state, metrics = play(game, 1)
    assert float(metrics["clustering/loss"]) > 0 and float(state.memory["counts"].sum()) == 4
    points, centres = seen(BATCH["image"]), np.asarray(state.memory["centres"])
    label = np.square(points[:, None] - centres[None]).sum(-1).argmin(1)
    _, after, metrics = play(game, 2, state)
    assert float(metrics["discriminator/loss"]) == pytest.approx(hinge(BATCH["image"], label, filled(label)), rel=1e-5)
    np.testing.assert_array_equal(after.memory["centres"], centres)
    logits = game.use("cluster", after, jax.random.key(0), BATCH["image"])
    np.testing.assert_array_equal(np.asarray(logits).argmax(1), label)


def test_the_baselines_of_clustering_have_random_labels_or_one():
    assert game_of("clustering_gan", inferred="single").players["generator"].network.embedded_classes == 1
    _, _, metrics = play(game_of("clustering_gan", inferred="single"), 2)
    zeros = np.zeros(4, int)
    expected = hinge(BATCH["image"], zeros, filled(zeros))
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)


MOVES = {
    "s2gan": ({"classifier", "pretraining_head"}, {"generator", "discriminator"}),
    "s3gan": ({"classifier", "pretraining_head"}, {"generator", "discriminator", "rotation_head"}),
    "s2gan_co": ({"generator", "discriminator", "class_head"},),
    "clustering_gan": ({"classifier", "pretraining_head"}, set(), {"generator", "discriminator"}),
}


@pytest.mark.parametrize("name", MOVES)
def test_each_stage_moves_its_players_and_no_others(name):
    game = game_of(name, rate=0.1)
    for stage, expected in enumerate(MOVES[name]):
        before, after, _ = play(game, stage)
        assert moved(before, after) == expected, stage
        turns = {turn.name: set(turn.players) for turn in game.stages[stage].turns}
        assert turns.get("generator", {"generator"}) == {"generator"}


def test_a_label_weight_of_0_looks_at_no_label():
    game = game_of("s2gan", label_weight=0.0)
    _, _, metrics = play(game, 0)
    assert "pretraining/classes" not in metrics
    assert float(metrics["pretraining/loss"]) == pytest.approx(rotation_loss(BATCH["image"]), rel=1e-5)


def test_what_cannot_be_is_said_in_a_line():
    with pytest.raises(UserError, match=r"rotations=\(0, 45\): choose two or more of 0, 90, 180, 270"):
        Rotations((0, 45))
    with pytest.raises(UserError, match=r"rotations need square images, but these are \(4, 6, 1\)"):
        Rotations().rotated(jnp.zeros((1, 4, 6, 1)))
    with pytest.raises(UserError, match="inferred='guessed' is unknown: choose one of clusters, random, single"):
        game_of("clustering_gan", inferred="guessed")
    whole = {name: array for name, array in BATCH.items() if name != "labelled_image"}
    with pytest.raises(UserError, match=r"learns from a few labels .* data.labelled=140"):
        game_of("s2gan").init(jax.random.key(0), whole)
    with pytest.raises(UserError, match="9 clusters begin at so many images, but a minibatch has 4"):
        play(game_of("clustering_gan", clusters=9), 1)
