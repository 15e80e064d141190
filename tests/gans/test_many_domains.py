"""StarGAN and ComboGAN: their losses by hand, what a label set or a pair of domains moves, and what a step costs."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Due, Player, averaging
from jaxgan.errors import UserError
from jaxgan.gans.stargan import label_sets
from jaxgan.layers import Verdict
from tests.gans.tiny_players import Reader
from tests.traces import Traced

KEY = jax.random.key(0)
DOMAINS, ATTRIBUTES = ("photo", "painting", "map"), ("smiling", "old")
VALUES = np.arange(1.0, 8.0) / 10


class Shifted(nn.Module):
    """A generator: the image, and a tenth of each component of the condition times its number."""

    output_shape: tuple | None = None

    @nn.compact
    def __call__(self, x, condition):
        w = self.param("w", nn.initializers.ones, ())
        told = (condition * VALUES[None, : condition.shape[1]]).sum(axis=1)
        return w * x + told.reshape(-1, 1, 1, 1)


class TwoHeads(nn.Module):
    """Its score is twice the mean of the image, its class logits are the mean times -1, 0, 1 ..."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, x):
        mean = x.mean(axis=(1, 2, 3))
        w = self.param("w", nn.initializers.constant(2.0), ())
        return Verdict(w * mean, class_logits=mean[:, None] * (jnp.arange(self.class_logits) - 1.0)[None])


def still(network, rate=0.0):
    return Player(network, optax.sgd(rate))


def flat(value, number=4):
    return jnp.full((number, 8, 8, 1), value, jnp.float32)


def played(game, batch, due=None):
    game = game.complete(batch)
    state = game.init(KEY, batch)
    count = game.minibatches(due or game.due(0, 0))
    after, metrics = game.step(state, (batch,) * count, due=due)
    return game, state, after, {name: float(value) for name, value in metrics.items()}


def softmax_loss(mean, labels):
    logits = mean[:, None] * (np.arange(labels.shape[1]) - 1.0)
    return -(labels * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum(1).mean()


def test_losses_on_domains():
    """All images are alike, so that it does not matter which of them is carried where."""
    batch = {name: flat(0.3) for name in "abc"}
    game = gans.stargan(
        still(Shifted()), still(TwoHeads()), domains=DOMAINS, discriminator_steps=1, classification=0.5, penalty=7.0
    )
    _, _, _, metrics = played(game, batch)
    labels = np.tile(np.eye(3), (4, 1))
    real, told = np.full(12, 0.3), labels @ VALUES[:3]
    fake = 0.3 + told  # of the same labels in another order
    # The critic's gradient is 2 / 64 at each of 64 pixels, and 2 / 8 long.
    expected = 2 * (fake.mean() - real.mean()) + 0.5 * softmax_loss(real, labels) + 7 * (2 / 8 - 1) ** 2
    assert metrics["discriminator/loss"] == pytest.approx(expected, rel=1e-5)
    # There and back adds what both conditions add.
    expected = -2 * fake.mean() + 0.5 * softmax_loss(fake, labels) + 10 * 2 * told.mean()
    assert metrics["generator/loss"] == pytest.approx(expected, rel=1e-5)


def test_losses_on_attributes():
    labels = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    batch = {"image": flat(0.3), "attributes": jnp.asarray(labels)}
    game = gans.stargan(still(Shifted()), still(TwoHeads()), attributes=ATTRIBUTES, discriminator_steps=1, penalty=0.0)
    _, _, _, metrics = played(game, batch)

    def binary(mean):  # the sum over attributes of -log p
        chances = 1 / (1 + np.exp(-mean[:, None] * np.array([-1.0, 0.0])))
        return -np.log(np.where(labels == 1, chances, 1 - chances)).sum(1).mean()

    told = labels @ VALUES[:2]
    expected = 2 * told.mean() + binary(np.full(4, 0.3))
    assert metrics["discriminator/loss"] == pytest.approx(expected, rel=1e-5)
    expected = -2 * (0.3 + told).mean() + binary(0.3 + told) + 10 * 2 * told.mean()
    assert metrics["generator/loss"] == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="module")
def both():
    draw = np.random.default_rng(0)
    names = ("a", "b", "c", "image")
    batch = {name: jnp.asarray(draw.uniform(-1, 1, (4, 8, 8, 1)), jnp.float32) for name in names}
    return batch | {"attributes": jnp.asarray(draw.integers(0, 2, (4, 2)), jnp.float32)}


@pytest.mark.parametrize(("label_set", "own"), [("domains", slice(0, 3)), ("attributes", slice(3, 5))])
def test_what_one_label_set_says_does_not_move_the_logits_of_the_other(both, label_set, own):
    game = gans.stargan(
        still(Shifted()), still(Reader(), 0.1), domains=DOMAINS, attributes=ATTRIBUTES, discriminator_steps=1
    )
    turn = f"discriminator_{label_set}"
    _, before, after, metrics = played(game, both, Due(0, (turn,)))
    assert {name.partition("/")[0] for name in metrics} == {turn}
    old, new = (state.players["discriminator"].params for state in (before, after))
    heads = [name for name, layer in old.items() if layer["kernel"].shape[-1] == 5 and layer["kernel"].shape[0] == 5]
    (head,) = heads
    other = [index for index in range(5) if index not in range(5)[own]]
    for leaf in ("kernel", "bias"):
        moved = np.asarray(new[head][leaf] != old[head][leaf])
        assert moved[..., own].any() and not moved[..., other].any()

    # The same of the loss alone: its gradient by the absent logits is exactly zero, whatever they are.
    sets = {each.name: each for each in label_sets(DOMAINS, ATTRIBUTES)}
    _, labels = sets[label_set].drawn(both)
    logits = jax.random.normal(KEY, (len(labels), 5)) * 9
    gradient = np.asarray(jax.grad(sets[label_set].classification)(logits, labels))
    assert (gradient[:, other] == 0).all() and (gradient[:, own] != 0).all()


def condition_of(image):
    """What a `Shifted` generator of a black image was told, by tenths: the sum of the numbers of what is 1."""
    return round(float(image[0, 0, 0]) * 10, 4)


def test_a_mask_says_which_set_the_labels_are_of(both):
    game = gans.stargan(still(Shifted()), still(TwoHeads()), domains=DOMAINS, attributes=ATTRIBUTES).complete(both)
    state = game.init(KEY, both)
    ask = lambda **given: game.use("translate", state, KEY, images=flat(0.0, 2), **given)[0]  # noqa: E731
    # Labels 1 to 3 are domains, 4 and 5 attributes, 6 and 7 the mask.
    assert condition_of(ask(target="b", source="a")) == 2 + 6
    assert condition_of(ask(target="smiling")) == 4 + 7
    # Of a black image the discriminator sees no attribute; of a white one the second, whose logit is twice the mean.
    assert condition_of(ask(target="no_old")) == 7
    white = game.use("translate", state, KEY, images=flat(1.0, 2), target="no_smiling")[0] - 1
    assert condition_of(white) == 5 + 7
    ways = game.ability("translate").ways
    assert len(ways) == 6 and {end for way in ways for end in way} == {"a", "b", "c"}


def test_images_that_are_of_the_target_already_stay_as_they_are():
    batch = {name: flat(0.3) for name in "abc"}
    game = gans.stargan(still(Shifted()), still(TwoHeads()), domains=DOMAINS).complete(batch)
    state = game.init(KEY, batch)
    images = jnp.concatenate(
        [flat(0.5, 2), flat(-0.5, 1)]
    )  # logits of light ones rise, of the third domain; dark ones fall
    logits = game.use("classify", state, KEY, images=images)
    assert logits.argmax(axis=1).tolist() == [2, 2, 0]
    made = game.use("translate", state, KEY, images=images, target="c")
    np.testing.assert_array_equal(made[:2], images[:2])
    np.testing.assert_allclose(made[2], images[2] + VALUES[2], rtol=1e-6)
    told = game.use("translate", state, KEY, images=images, target="c", source="a")  # who is told does not guess
    np.testing.assert_allclose(told, images + VALUES[2], rtol=1e-6)


@pytest.mark.parametrize("system", ["stargan", "combogan"])
def test_what_cannot_be_played(system):
    players = (
        [still(Shifted()), still(Reader())]
        if system == "stargan"
        else [still(Scaled()), still(Scaled()), still(Mean())]
    )
    with pytest.raises(UserError, match=f"{system} needs several domains"):
        getattr(gans, system)(*players, domains=("photo",))
    game = getattr(gans, system)(*players, domains=DOMAINS)
    with pytest.raises(UserError, match="plays on 3 domains, but a minibatch has no array 'c'"):
        game.complete({name: flat(0.0) for name in "ab"})
    with pytest.raises(
        UserError, match=r"domains of one shape, but those of 'a' are \(8, 8, 1\) and those of 'c' \(4, 4, 1"
    ):
        game.complete({"a": flat(0.0), "b": flat(0.0), "c": jnp.zeros((4, 4, 4, 1))})


# ---- ComboGAN


class Scaled(nn.Module):
    """Times a number of its own; of a decoder too."""

    output_shape: tuple | None = None

    @nn.compact
    def __call__(self, x):
        return self.param("w", nn.initializers.normal(1.0), ()) * x


class Mean(nn.Module):
    @nn.compact
    def __call__(self, x):
        return self.param("w", nn.initializers.normal(1.0), ()) * x.mean(axis=(1, 2, 3))


def combogan(number, optimizer, images=2, **settings):
    players = [
        Player(network, optimizer, average=averaging.exponential(0.5)) for network in (Scaled(), Scaled(), Mean())
    ]
    game = gans.combogan(*players, domains=tuple(f"domain {index}" for index in range(number)), **settings)
    names = "abcdefghijklmnop"[:number]
    batch = {name: flat(0.1 * (index + 1), images) for index, name in enumerate(names)}
    return game.complete(batch), batch


def chosen(before, after):
    """The domains whose discriminators have moved."""
    old, new = (np.asarray(state.players["discriminator"].params["w"]) for state in (before, after))
    return np.flatnonzero(old != new).tolist()


def test_losses_of_a_pair_of_domains():
    game, batch = combogan(4, optax.sgd(0.0), cycle=3.0, identity=2.0, pool_size=1)
    state = game.init(KEY, batch)
    after, metrics = game.step(state, batch)
    first, second = np.flatnonzero(np.asarray(after.memory["pools"].filled))  # whose fakes are now remembered
    e, d, c = (
        np.asarray(state.players[name].params["w"], np.float64) for name in ("encoder", "decoder", "discriminator")
    )
    discriminators = adversarial = cycles = kept = 0.0
    for i, j in ((first, second), (second, first)):
        x, y = 0.1 * (i + 1), 0.1 * (j + 1)
        fake = d[j] * e[i] * x
        discriminators += 0.5 * (c[j] * y - 1) ** 2 + 0.5 * (c[j] * fake) ** 2
        adversarial += (c[j] * fake - 1) ** 2
        cycles += abs(d[i] * e[j] * fake - x)
        kept += abs(d[i] * e[i] * x - x)
    assert float(metrics["discriminators/loss"]) == pytest.approx(discriminators, rel=1e-5)
    assert float(metrics["generators/loss"]) == pytest.approx(adversarial + 3 * cycles + 2 * kept, rel=1e-5)


def test_domains_that_are_not_drawn_stay_to_the_bit_and_one_program_serves_all_pairs():
    game, batch = combogan(5, optax.adam(0.01), pool_size=3)
    step, state, drawn = jax.jit(Traced(game.step)), game.init(KEY, batch), set()
    for _ in range(8):
        after, _ = step(state, batch)
        two = chosen(state, after)
        assert len(two) == 2
        drawn.add(tuple(two))
        others = np.array([index for index in range(5) if index not in two])
        same = lambda a, b, at=others: np.testing.assert_array_equal(a[at], b[at])  # noqa: E731
        jax.tree.map(same, state.players, after.players)
        jax.tree.map(same, state.memory["pools"], after.memory["pools"])
        for name in ("encoder", "decoder", "discriminator"):
            for field in ("params", "optimizer", "average"):
                old, new = (getattr(one.players[name], field) for one in (state, after))
                pairs = zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
                assert any((np.asarray(a)[two] != np.asarray(b)[two]).all() for a, b in pairs), (name, field)
        state = after
    assert len(drawn) > 2 and step.__wrapped__.programs == 1


def test_a_step_costs_the_same_however_many_domains_there_are():
    def cost(number):
        game, batch = combogan(number, optax.adam(0.01), images=32)  # so that the draw of two domains is lost in it
        state = jax.eval_shape(game.init, KEY, batch)
        return jax.jit(game.step).lower(state, batch).compile().cost_analysis()["flops"]

    assert cost(16) <= 1.02 * cost(3)


def test_each_way_goes_through_its_own_encoder_and_decoder():
    game, batch = combogan(4, optax.sgd(0.0))
    state = game.init(KEY, batch)
    w = {name: np.asarray(state.players[name].average["w"]) for name in ("encoder", "decoder")}
    for (i, source), (j, target) in (((0, "a"), (3, "d")), ((2, "c"), (1, "b"))):
        made = game.use("translate", state, KEY, images=flat(0.5), source=source, target=target)
        np.testing.assert_allclose(made, w["decoder"][j] * w["encoder"][i] * flat(0.5), rtol=1e-6)
    with pytest.raises(UserError, match="of which domain are the images"):
        game.use("translate", state, KEY, images=flat(0.5), target="b")
