"""The networks of StackGAN and StackGAN++, and the encoders of text: shapes, sizes added up by hand, and what they heed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from jaxgan.core.text import encode
from jaxgan.errors import UserError
from jaxgan.networks.stackgan import _Augmentation

KEY = jax.random.key(0)
Z, EMBEDDED, NOISE = jnp.zeros((2, 100)), jnp.ones((2, 1024)), jnp.zeros((2, 128))


def shapes(network, *args, **options):
    """The result's shape, and the number of parameters, of a network that is not run."""
    init = functools.partial(network.init_with_output, **options)
    made, variables = jax.eval_shape(init, KEY, *args)
    return jax.tree.map(lambda x: x.shape, made), sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def conv(kernel, inputs, features, bias=False):
    """A convolution without bias and its batch norm; or one with bias alone."""
    return kernel * kernel * inputs * features + (features if bias else 2 * features)


def test_stage_one_has_the_size_of_its_table():
    made, size = shapes(networks.StackGANGenerator(output_shape=(64, 64, 3)), Z, EMBEDDED, NOISE)
    assert made == (2, 64, 64, 3)
    expected = 1024 * 256 + 256 + 228 * 16 * 1024 + 2 * 1024
    expected += (
        conv(3, 1024, 512) + conv(3, 512, 256) + conv(3, 256, 128) + conv(3, 128, 64) + conv(3, 64, 3, bias=True)
    )
    assert size == expected


def test_stage_two_makes_four_times_the_side():
    network = networks.StackGANRefiner(output_shape=(256, 256, 3))
    made, size = shapes(network, jnp.zeros((2, 64, 64, 3)), EMBEDDED, NOISE)
    assert made == (2, 256, 256, 3)
    expected = 1024 * 256 + 256 + conv(3, 3, 128, bias=True) + conv(4, 128, 256) + conv(4, 256, 512)
    expected += conv(3, 512 + 128, 512) + 8 * conv(3, 512, 512)
    expected += conv(3, 512, 256) + conv(3, 256, 128) + conv(3, 128, 64) + conv(3, 64, 32) + conv(3, 32, 3, bias=True)
    assert size == expected


def test_the_tree_makes_three_sizes():
    network = networks.StackGANv2Generator(output_shape=(256, 256, 3))
    made, size = shapes(network, Z, EMBEDDED, NOISE, levels=True)
    assert made == (((2, 64, 64, 3), (2, 128, 128, 3), (2, 256, 256, 3)), (2, 128), (2, 128))
    expected = 1024 * 512 + 512 + 228 * 16 * 2048 + 2 * 2048
    expected += conv(3, 1024, 1024) + conv(3, 512, 512) + conv(3, 256, 256) + conv(3, 128, 128)
    for width in (64, 32):
        expected += conv(3, width + 128, 2 * width) + 2 * (conv(3, width, 2 * width) + conv(3, width, width))
        expected += conv(3, width, width)  # gated, to half the features
    expected += 9 * 3 * (64 + 32 + 16)
    assert size == expected
    assert shapes(network, Z, EMBEDDED, NOISE)[0] == (2, 256, 256, 3)


def test_a_discriminator_has_one_score_or_two():
    image = jnp.zeros((2, 64, 64, 3))
    made, size = shapes(networks.StackGANDiscriminator(), image, EMBEDDED)
    assert made == (2,)
    trunk = 16 * 3 * 64 + conv(4, 64, 128) + conv(4, 128, 256) + conv(4, 256, 512)
    assert size == trunk + 1024 * 128 + 128 + conv(1, 512 + 128, 512) + 16 * 512 + 1
    separate = networks.StackGANDiscriminator(condition_width=0, joint_kernel=3, separate=True)
    made, size = shapes(separate, image, NOISE, features=True)
    assert (made.score, made.match, made.features, made.class_logits) == ((2,), (2,), (2, 16 * 512), None)
    assert size == trunk + conv(3, 512 + 128, 512) + 2 * (16 * 512 + 1)


def test_realness_does_not_look_at_the_condition_and_match_does():
    network = networks.StackGANDiscriminator(widths=(4, 4), condition_width=0, separate=True)
    images = jax.random.uniform(KEY, (3 * 8 * 8 * 3,)).reshape(3, 8, 8, 3)
    conditions = jnp.arange(6.0).reshape(3, 2)
    one, variables = network.init_with_output(KEY, images, conditions)
    other = network.apply(variables, images, conditions[::-1])
    np.testing.assert_array_equal(one.score, other.score)
    assert np.abs(one.match - other.match).max() > 1e-4


@pytest.mark.parametrize("gated", [False, True])
def test_conditions_are_drawn_by_their_moments(gated):
    network = _Augmentation(3, gated)
    embedding = jax.random.normal(KEY, (2, 5))
    (none, (mean, log_variance)), variables = network.init_with_output(KEY, embedding, jnp.zeros((2, 3)))
    np.testing.assert_array_equal(none, mean)
    noise = jnp.arange(6.0).reshape(2, 3)
    drawn, _ = network.apply(variables, embedding, noise)
    np.testing.assert_allclose(drawn, mean + np.exp(log_variance / 2) * noise, rtol=1e-6)
    assert variables["params"]["moments"]["kernel"].shape == (5, 12 if gated else 6)


def test_captions_are_embedded_by_all_of_their_characters():
    network = networks.CharCNNRNN(widths=(6, 5), pools=(3, 2), units=4, embedding_size=7)
    texts = jnp.stack([jnp.asarray(encode(text, 40, "it")) for text in ("a thick one", "a thick two", "a thick ones")])
    made, variables = network.init_with_output(KEY, texts)
    assert made.shape == (3, 7) and made.dtype == jnp.float32
    np.testing.assert_allclose(made.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(made.std(axis=1), 1, atol=1e-2)
    assert np.abs(made[0] - made[1]).max() > 1e-3 and np.abs(made[0] - made[2]).max() > 1e-3
    kernels = {name: part["kernel"].shape for name, part in variables["params"].items() if name.startswith("conv")}
    assert kernels == {"conv_0": (4 * 70, 6), "conv_1": (4 * 6, 5)}


def test_a_convolution_over_characters_is_the_one_that_lax_makes():
    network = networks.CharCNNRNN(widths=(6,), pools=(1,), units=4, embedding_size=7)
    text = jnp.asarray(encode("an eight", 9, "it"))[None]
    _, variables = network.init_with_output(KEY, text)
    captured = network.apply(variables, text, capture_intermediates=True, mutable=["intermediates"])[1]
    ours = captured["intermediates"]["conv_0"]["__call__"][0]
    kernel = variables["params"]["conv_0"]["kernel"].reshape(4, 70, 6)
    theirs = jax.lax.conv_general_dilated(
        jax.nn.one_hot(text, 70), kernel, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_what_does_not_fit_is_said_in_a_line():
    text = jnp.zeros((1, 10), jnp.int32)
    with pytest.raises(UserError, match=r"widths=\(3, 3\) and pools=\(2,\), but there must be as many of each"):
        networks.CharCNNRNN(widths=(3, 3), pools=(2,)).init(KEY, text)
    with pytest.raises(
        UserError, match=r"captions of 10 characters are too short for widths=\(3, 3\) and pools=\(3, 3\)"
    ):
        networks.CharCNNRNN(widths=(3, 3), pools=(3, 3)).init(KEY, text)
    with pytest.raises(UserError, match="takes images"):
        networks.ImageEncoder().init(KEY, jnp.zeros((2, 5)))
    with pytest.raises(
        UserError, match="StackGANGenerator doubles its first map 4 times, but 60x60 is no multiple of 16"
    ):
        networks.StackGANGenerator(output_shape=(60, 60, 3)).init(KEY, Z, EMBEDDED, NOISE)
