"""The residual networks: parameters by hand, blocks against the published order of operations."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.core import constraints
from jaxgan.networks import ResNetDiscriminator, ResNetGenerator
from jaxgan.networks.blocks import DownBlock, UpBlock


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


def test_parameters_of_the_wgan_gp_networks(count):
    # Three blocks of two 3x3, a 1x1 and two batch norms; a dense layer before and a batch norm and a 3x3 after them.
    block = 2 * conv(128, 128, 3) + conv(128, 128, 1) + 2 * 2 * 128
    assert count(ResNetGenerator((32, 32, 3)), (2, 128)) == 129 * 4 * 4 * 128 + 3 * block + 2 * 128 + conv(128, 3, 3)
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    halving = 2 * conv(128, 128, 3) + conv(128, 128, 1)
    # Blocks that keep size and width have nothing in their shortcut.
    assert count(ResNetDiscriminator(), (2, 32, 32, 3)) == first + halving + 2 * 2 * conv(128, 128, 3) + 129


def test_parameters_of_the_imagenet_projection_networks(count):
    widths = (1024, 1024, 512, 256, 128, 64)
    expected = 129 * 4 * 4 * 1024 + 2 * 64 + conv(64, 3, 3)
    for before, after in itertools.pairwise(widths):
        expected += (
            conv(before, after, 3) + conv(after, after, 3) + conv(before, after, 1) + 2 * 1000 * (before + after)
        )
    assert count(ResNetGenerator((128, 128, 3), widths=widths, embedded_classes=1000), (2, 128), "label") == expected

    widths = (64, 128, 256, 512, 1024, 1024)
    expected = conv(3, 64, 3) + conv(64, 64, 3) + conv(3, 64, 1) + 1025 + 1000 * 1024
    for before, after in itertools.pairwise(widths):
        # "Thin": the first convolution keeps the width.
        expected += (
            conv(before, before, 3) + conv(before, after, 3) + (conv(before, after, 1) if before != after else 0)
        )
    network = ResNetDiscriminator(widths, downsamples=5, pooling="sum", projected_classes=1000)
    assert count(network, (2, 128, 128, 3), "label") == expected


def test_wide_blocks_widen_in_their_first_convolution(shapes):
    for wide, hidden in ((False, 4), (True, 8)):
        params = shapes(ResNetDiscriminator((4, 8), wide=wide), (2, 8, 8, 3))
        assert params["block_1"]["conv_1"]["kernel"].shape == (3, 3, 4, hidden)
        assert params["block_0"]["conv_1"]["kernel"].shape == (3, 3, 3, 4)


def plain_conv(x, layer):
    kernel, bias = layer["kernel"], layer["bias"]
    y = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + bias[None, None, None, :]


def pool(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


@pytest.mark.parametrize("preactivate", [True, False])
def test_down_block_in_the_published_order(preactivate, drawn, run, normal):
    block = DownBlock(features=5, hidden=3, preactivate=preactivate)
    x = normal(2, 6, 4, 3)
    params = drawn(block, x)
    h = plain_conv(jax.nn.relu(x) if preactivate else x, params["conv_1"])
    h = pool(plain_conv(jax.nn.relu(h), params["conv_2"]))
    # SNGAN's code: the first block pools before its 1x1 convolution, the others after it.
    shortcut = pool(plain_conv(x, params["shortcut"])) if preactivate else plain_conv(pool(x), params["shortcut"])
    np.testing.assert_allclose(run(block, params, x), h + shortcut, atol=1e-5)


def test_up_block_in_the_published_order(drawn, run, normal):
    block = UpBlock(features=5)
    x = normal(2, 3, 4, 2)
    params = drawn(block, x)

    def norm(x, layer):
        standard = (x - x.mean((0, 1, 2), keepdims=True)) / jnp.sqrt(x.var((0, 1, 2), keepdims=True) + 1e-5)
        return standard * layer["scale"][None, None, None, :] + layer["bias"][None, None, None, :]

    def up(x):
        return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)

    h = plain_conv(up(jax.nn.relu(norm(x, params["norm_1"]))), params["conv_1"])
    h = plain_conv(jax.nn.relu(norm(h, params["norm_2"])), params["conv_2"])
    expected = h + plain_conv(up(x), params["shortcut"])
    np.testing.assert_allclose(run(block, params, x), expected, atol=1e-5)


def test_sum_pooling_is_the_mean_times_the_pixels(drawn, run, normal):
    x = normal(3, 8, 8, 3)
    mean, total = ResNetDiscriminator((4, 4), pooling="mean"), ResNetDiscriminator((4, 4), pooling="sum")
    params = drawn(mean, x)
    bias = params["head"]["logit"]["bias"]
    # Two halvings leave 2x2 pixels.
    expected = 4 * (run(mean, params, x) - bias) + bias
    np.testing.assert_allclose(run(total, params, x), expected, rtol=1e-5)


def test_projection_is_linear_in_the_class_embedding(drawn, run, normal):
    x, label = normal(3, 8, 8, 3), jnp.array([0, 1, 1])
    network, plain = ResNetDiscriminator((4, 8), projected_classes=2), ResNetDiscriminator((4, 8))
    params = drawn(network, x, label)
    embedding = params["head"]["class_embedding"]["embedding"]

    def logits(rows):
        head = params["head"] | {"class_embedding": {"embedding": rows}}
        return run(network, params | {"head": head}, x, label)

    without = {**params, "head": {"logit": params["head"]["logit"]}}
    unconditional = run(plain, without, x)
    np.testing.assert_allclose(logits(0 * embedding), unconditional, rtol=1e-5)
    np.testing.assert_allclose(
        logits(2 * embedding) - unconditional, 2 * (logits(embedding) - unconditional), rtol=1e-4
    )
    # A sample reads its own label's row only.
    changed = np.asarray(logits(embedding.at[1].add(1.0)) - logits(embedding))
    assert changed[0] == 0
    assert (changed[1:] != 0).all()


def test_classes_of_the_generator(drawn, run, normal):
    z = normal(4, 6)
    plain = ResNetGenerator((8, 8, 3), widths=(4, 4))
    network = plain.clone(embedded_classes=2)
    params = drawn(network, z, jnp.zeros(4, jnp.int32))
    # One label for all samples is plain batch norm with that label's rows.
    for label in (0, 1):
        norms = {
            name: {kind: params["block_0"][name][kind][label] for kind in ("scale", "bias")}
            for name in ("norm_1", "norm_2")
        }
        unconditional = params | {"block_0": params["block_0"] | norms}
        images = run(network, params, z, jnp.full(4, label))
        np.testing.assert_allclose(images, run(plain, unconditional, z), atol=1e-6)
    # The statistics are over the whole batch, but each sample's gains are its own label's.
    images = [run(network, params, z, jnp.array(labels)) for labels in ([0, 0, 0, 0], [1, 0, 0, 0])]
    assert np.abs(images[0] - images[1])[0].max() > 1e-2


def test_initialisation(initialised):
    params = initialised(DownBlock(features=32, hidden=16), np.zeros((1, 4, 4, 8), np.float32))
    for name, deviation in (
        ("conv_1", np.sqrt(4 / (9 * 8 + 9 * 16))),
        ("conv_2", np.sqrt(4 / (9 * 16 + 9 * 32))),
        ("shortcut", np.sqrt(2 / (8 + 32))),
    ):
        kernel = params[name]["kernel"]
        np.testing.assert_allclose(np.std(kernel), deviation, rtol=0.1)
        assert np.abs(kernel).max() <= np.sqrt(3) * deviation


@pytest.mark.parametrize(
    ("network", "inputs", "words"),
    [
        (ResNetGenerator((30, 30, 3)), [(2, 8)], "30x30 is no multiple of 8"),
        (ResNetGenerator((32, 32, 3), embedded_classes=3), [(2, 8)], "embedded_classes=3 but got no labels"),
        (ResNetDiscriminator(), [(2, 8, 8, 3), "label"], "projected_classes=0 but got labels"),
        (ResNetDiscriminator(pooling="max"), [(2, 8, 8, 3)], "pooling='max'"),
    ],
)
def test_errors(network, inputs, words, shapes):
    with pytest.raises(ValueError, match=words):
        shapes(network, *inputs)


def test_gains_of_classes_are_no_weights():
    """Spectral norm is of convolutions, linear layers and the projection (SAGAN, section 3): gains of norms stay 1 at first."""
    network = ResNetGenerator((8, 8, 3), widths=(4, 4), embedded_classes=5)
    params = network.init(jax.random.key(0), jnp.zeros((2, 6)), jnp.zeros(2, jnp.int32))["params"]
    constraint = constraints.spectral_norm()
    constrained, _ = constraint.apply(*constraint.init(params, jax.random.key(1)))
    gains = [leaf for path, leaf in constraints.by_path(constrained).items() if path.endswith("scale")]
    assert [gain.shape for gain in gains].count((5, 4)) == 2
    for gain in gains:
        np.testing.assert_array_equal(gain, 1.0)
