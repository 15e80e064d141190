"""sg2im: its losses by hand, on networks of a few numbers, and who moves by which."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Due, Player
from jaxgan.core.players import flatten
from jaxgan.core.scene_graph import encode, split
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from tests.gans import tiny_players

RNG = np.random.default_rng(0)
# The second scene has two objects; boxes are quarters of the canvas, so that they are cut out pixel by pixel.
GRAPH = np.stack([encode([3, 10, 5], [(0, 0, 1), (2, 1, 1)]), encode([7, None, 1], [(0, 0, 2)])])
QUARTERS = np.float32([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0.5, 0.5, 1]])
BOXES = np.stack([QUARTERS, QUARTERS * np.float32([1, 0, 1])[:, None]])
BATCH = {
    "image": RNG.uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32),
    "graph": GRAPH,
    "boxes": BOXES.reshape(2, 12),
    "masks": RNG.choice([-1.0, 1.0], (2, 2, 2, 3)).astype(np.float32),
}
PRESENT = np.array([[1, 1, 1], [1, 0, 1]])
KINDS = np.array([[3, 10, 5], [7, 7, 1]])  # in a place without an object stands the first one again
SLOTS = np.array([[0, 1, 2], [0, 0, 2]])
LOGIT, SHIFT, W, V, U = 0.4, 0.1, 0.05, 2.0, -1.5


class Arranger(nn.Module):
    """Boxes a bit off the true quarters, masks alike everywhere, and for a vector the number of the kind."""

    @nn.compact
    def __call__(self, graph, noise):
        shift = self.param("shift", nn.initializers.constant(SHIFT), ())
        logit = self.param("logit", nn.initializers.constant(LOGIT), ())
        kinds = split(graph)[0]
        vectors = kinds.argmax(axis=-1)[..., None] * kinds.sum(axis=-1, keepdims=True)
        shape = (len(graph), 3)
        return jnp.tile(QUARTERS + shift, (len(graph), 1, 1)), jnp.full((*shape, 2, 2), logit), vectors


class Painter(nn.Module):
    output_shape: tuple | None = None

    @nn.compact
    def __call__(self, layout):
        return self.param("w", nn.initializers.constant(W), ()) * layout.sum(axis=-1, keepdims=True)


class Judge(nn.Module):
    """v times the mean; class logits are that times 0, 0.1, 0.2 ..."""

    start: float = V
    class_logits: int = 0

    @nn.compact
    def __call__(self, x):
        score = self.param("v", nn.initializers.constant(self.start), ()) * x.mean(axis=(1, 2, 3))
        if not self.class_logits:
            return score
        return Verdict(score, class_logits=score[:, None] * 0.1 * jnp.arange(self.class_logits)[None])


def played(**settings):
    """The state before and after a step with both turns, and what is logged."""
    players = (Player(network, optax.sgd(0.1)) for network in (Arranger(), Painter(), Judge(), Judge(start=U)))
    game = gans.sg2im(*players, resolution=8, latent_size=2, object_size=4, **settings).complete(BATCH)
    state = game.init(jax.random.key(0), BATCH)
    after, metrics = game.step(state, BATCH, Due(0, ("discriminators", "generators")))
    return state, after, {name: float(value) for name, value in metrics.items()}, game


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


def cross_entropy(logits, kinds):
    return np.mean(np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, kinds[..., None], -1)[..., 0])


def test_the_six_losses_and_those_of_the_discriminators():
    settings = {"reconstruction": 0.9, "box_weight": 0.8, "mask_weight": 0.7, "class_weight": 0.6, "adversarial": 0.5}
    _, after, metrics, _ = played(**settings)
    share = 1 / (1 + np.exp(-LOGIT))
    numbers = np.array([[3, 10, 5], [7, 0, 1]])
    fake = np.zeros((2, 8, 8, 1))
    for image, row in zip(fake, W * share * numbers, strict=True):
        image[:4, :4], image[4:, 4:], image[4:, :4] = row

    def pieces(images):
        whole = np.stack([images[:, :4, :4], images[:, 4:, 4:], images[:, 4:, :4]], axis=1).mean(axis=(2, 3, 4))
        return np.take_along_axis(whole, SLOTS, axis=1)

    real = BATCH["image"].astype(np.float64)
    scores = {name: images.mean(axis=(1, 2, 3)) for name, images in (("real", real), ("fake", fake))}
    objects = {name: pieces(images) for name, images in (("real", real), ("fake", fake))}
    tenths = 0.1 * np.arange(11)
    expected = {
        "loss_image": softplus(-V * scores["real"]).mean() + softplus(V * scores["fake"]).mean(),
        "loss_object": softplus(-U * objects["real"]).mean() + softplus(U * objects["fake"]).mean(),
        "classes": cross_entropy(U * objects["real"][..., None] * tenths, KINDS),
        "fake_classes": cross_entropy(U * objects["fake"][..., None] * tenths, KINDS),
    }
    for name, value in expected.items():
        assert metrics[f"discriminators/{name}"] == pytest.approx(value, rel=1e-4), name
    assert metrics["discriminators/loss"] == pytest.approx(sum(expected.values()), rel=1e-4)

    # The generator's turn comes after the discriminators'.
    v, u = (float(flatten(after.players)[name].params["v"]) for name in ("discriminator", "object_discriminator"))
    assert (v, u) != (V, U)
    true = BATCH["masks"].transpose(0, 3, 1, 2) * 0.5 + 0.5
    wrong = -(true * np.log(share) + (1 - true) * np.log(1 - share)).mean(axis=(2, 3))
    expected = {
        "l1": np.abs(fake - real).mean(),
        "box": SHIFT**2,
        "mask": (PRESENT * wrong).sum() / PRESENT.sum(),
        "adversarial_image": softplus(-v * scores["fake"]).mean(),
        "adversarial_object": softplus(-u * objects["fake"]).mean(),
        "classes": cross_entropy(u * objects["fake"][..., None] * tenths, KINDS),
    }
    for name, value in expected.items():
        assert metrics[f"generators/{name}"] == pytest.approx(value, rel=1e-4), name
    weighted = sum(
        weight * expected[name] for name, weight in zip(expected, (0.9, 0.8, 0.7, 0.5, 0.5, 0.6), strict=True)
    )
    assert metrics["generators/loss"] == pytest.approx(weighted, rel=1e-4)


@pytest.mark.parametrize(
    ("weight", "moved"),
    [
        ("reconstruction", {"w", "logit"}),
        ("box_weight", {"shift"}),  # layouts are made of the true boxes
        ("mask_weight", {"logit"}),
        ("class_weight", {"w", "logit"}),
        ("adversarial", {"w", "logit"}),
    ],
)
def test_what_each_loss_moves(weight, moved):
    weights = dict.fromkeys(("reconstruction", "box_weight", "mask_weight", "class_weight", "adversarial"), 0.0)
    before, after, _, _ = played(**weights | {weight: 1.0})
    parameters = [
        {(name, key): float(value) for name, one in flatten(state.players).items() for key, value in one.params.items()}
        for state in (before, after)
    ]
    changed = {key for key, value in parameters[0].items() if parameters[1][key] != value}
    judges = {("discriminator", "v"), ("object_discriminator", "v")}  # they learn in a turn of their own
    assert {key for _, key in changed - judges} == moved and judges <= changed


def test_samples_are_laid_out_by_the_graph_network():
    state, _, _, game = played()
    image = np.asarray(game.use("sample", state, jax.random.key(1), 2, scene=GRAPH))
    where = np.asarray(game.use("layout", state, jax.random.key(1), 2, scene=GRAPH))
    assert image.shape == where.shape == (2, 8, 8, 1)
    # Boxes lie 0.8 pixels farther right and down than the quarters: the first row and column are empty but for a fifth.
    share = 1 / (1 + np.exp(-LOGIT))
    np.testing.assert_allclose(image[0, :4, 2, 0], W * share * 3 * np.array([0.2, 1, 1, 1]), rtol=1e-4)
    np.testing.assert_allclose(where[0, :4, 2, 0], 2 * share * np.array([0.2, 1, 1, 1]) - 1, rtol=1e-4)


def test_the_game_remembers_graphs_for_samples_that_ask_for_nothing():
    batch, game = tiny_players.arrays(), tiny_players.make("sg2im").complete(tiny_players.arrays())
    state = jax.jit(game.init)(jax.random.key(0), batch)
    assert state.memory["graphs"].shape == (64, 60) and not state.memory["graphs"].any()
    new, _ = jax.jit(game.step, static_argnames="due")(state, batch, due=game.due(0, 0))
    np.testing.assert_array_equal(new.memory["graphs"][:4], batch["graph"])
    assert not new.memory["graphs"][4:].any()


def test_masks_of_another_size_are_refused_in_a_line():
    game = tiny_players.make("sg2im").complete(batch := tiny_players.arrays())
    state = jax.eval_shape(game.init, jax.random.key(0), batch)
    batch["masks"] = batch["masks"][:, :3, :3]
    with pytest.raises(UserError, match="masks are 4x4, but those of the data 3x3: set its mask_size"):
        jax.eval_shape(lambda state: game.step(state, batch, game.due(0, 0)), state)
