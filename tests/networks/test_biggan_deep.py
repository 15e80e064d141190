"""BigGAN-deep: parameters as published or by a table of layers, blocks in the published order, and what the norms are told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.networks import BigGANDeepDiscriminator, BigGANDeepGenerator
from jaxgan.networks.biggan_deep import _DownBottleneck, _UpBottleneck


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


def attention(channels):
    """Query, key, value, output, without biases; and gamma."""
    return channels * (channels // 8 + channels // 8 + channels // 2 + channels // 2) + 1


# Tables 7 to 9 of the paper: inputs and outputs of each block, in units of 128.
GENERATOR = {
    128: [(16, 16)] * 3 + [(16, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1)],
    256: [(16, 16)] * 3 + [(16, 8)] + [(8, 8)] * 3 + [(8, 4), (4, 4), (4, 2), (2, 2), (2, 1)],
    512: [(16, 16)] * 3 + [(16, 8)] + [(8, 8)] * 3 + [(8, 4), (4, 4), (4, 2), (2, 2), (2, 1), (1, 1), (1, 1)],
}
DISCRIMINATOR = {
    128: [(1, 2), (2, 2), (2, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16), (16, 16), (16, 16)],
    256: [(1, 2), (2, 2), (2, 4), (4, 4)] + [(4, 8)] + [(8, 8)] * 3 + [(8, 16)] + [(16, 16)] * 3,
    512: [(1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8)] + [(8, 8)] * 3 + [(8, 16)] + [(16, 16)] * 3,
}
# Where the map of 64x64 is, and its width: it is attended.
ATTENDED = {128: (2, 2), 256: (4, 4), 512: (4, 4)}
PUBLISHED = {128: (50_244_484, 34_590_210)}  # in compare_gan's own test


def by_hand(size):
    ch, condition = 128, 128 + 128
    generator = 1000 * 128 + (condition + 1) * 4 * 4 * 16 * ch
    for before, after in GENERATOR[size]:
        inner = before * ch // 4
        layers = conv(before * ch, inner, 1) + 2 * conv(inner, inner, 3) + conv(inner, after * ch, 1)
        generator += layers + 2 * condition * (before * ch + 3 * inner)
    generator += attention(ATTENDED[size][0] * ch) + 2 * ch + conv(ch, 3, 3)
    discriminator = conv(3, ch, 3)
    for before, after in DISCRIMINATOR[size]:
        inner = after * ch // 4
        discriminator += conv(before * ch, inner, 1) + 2 * conv(inner, inner, 3) + conv(inner, after * ch, 1)
        discriminator += conv(before * ch, (after - before) * ch, 1) if after > before else 0
    discriminator += attention(ATTENDED[size][1] * ch) + (16 * ch + 1) + 1000 * 16 * ch
    return generator, discriminator


@pytest.mark.parametrize("size", [128, 256, 512])
def test_parameters_of_the_paper(size, count):
    expected = by_hand(size)
    assert PUBLISHED.get(size, expected) == expected
    generator = BigGANDeepGenerator((size, size, 3), embedded_classes=1000)
    discriminator = BigGANDeepDiscriminator(projected_classes=1000)
    assert (count(generator, (2, 128), "label"), count(discriminator, (2, size, size, 3), "label")) == expected


@pytest.mark.parametrize("size", [16, 32, 64])
def test_small_images(size, shapes):
    generator = BigGANDeepGenerator((size, size, 1), width=4, embedded_classes=3)
    discriminator = BigGANDeepDiscriminator(width=4, projected_classes=3)
    doublings = {16: 2, 32: 3, 64: 4}[size]
    for network, inputs in ((generator, (2, 7)), (discriminator, (2, size, size, 1))):
        blocks = [name for name in shapes(network, inputs, "label") if name.startswith("block")]
        assert len(blocks) == 2 * doublings


def plain(x, layer):
    y = lax.conv_general_dilated(x, layer["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + layer["bias"][None, None, None]


def pool(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def double(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def norm(x, layer, condition):
    mean = x.mean((0, 1, 2), keepdims=True)
    deviation = jnp.sqrt(x.var((0, 1, 2), keepdims=True) + 1e-5)
    gain, offset = ((condition @ layer[kind]["kernel"])[:, None, None] for kind in ("gain", "bias"))
    return (1 + gain) * (x - mean) / deviation + offset


@pytest.mark.parametrize("doubles", [True, False])
def test_a_generators_block_in_the_published_order(doubles, drawn, run, normal):
    block = _UpBottleneck(5, doubles, jnp.float32)
    x, condition = normal(2, 4, 6, 8), normal(2, 3)
    params = drawn(block, x, condition)
    h = plain(jax.nn.relu(norm(x, params["norm_1"], condition)), params["conv_1"])
    assert h.shape[-1] == 2
    h = jax.nn.relu(norm(h, params["norm_2"], condition))
    h = plain(double(h) if doubles else h, params["conv_2"])
    h = plain(jax.nn.relu(norm(h, params["norm_3"], condition)), params["conv_3"])
    h = plain(jax.nn.relu(norm(h, params["norm_4"], condition)), params["conv_4"])
    shortcut = x[..., :5]  # the last channels are dropped
    expected = h + (double(shortcut) if doubles else shortcut)
    np.testing.assert_allclose(run(block, params, x, condition), expected, atol=2e-5)


@pytest.mark.parametrize(("halves", "features"), [(True, 12), (False, 8)])
def test_a_discriminators_block_in_the_published_order(halves, features, drawn, run, normal):
    block = _DownBottleneck(features, halves, jnp.float32)
    x = normal(2, 6, 4, 8)
    params = drawn(block, x)
    h = plain(jax.nn.relu(x), params["conv_1"])
    assert h.shape[-1] == features // 4
    h = plain(jax.nn.relu(h), params["conv_2"])
    h = jax.nn.relu(plain(jax.nn.relu(h), params["conv_3"]))
    h = plain(pool(h) if halves else h, params["conv_4"])
    shortcut = pool(x) if halves else x
    if features > 8:
        shortcut = jnp.concatenate([shortcut, plain(shortcut, params["shortcut"])], axis=-1)
    else:
        assert "shortcut" not in params
    np.testing.assert_allclose(run(block, params, x), h + shortcut, atol=2e-5)


SMALL = BigGANDeepGenerator((16, 16, 1), width=4, embedded_classes=3, shared_size=4, attention=(8,))
LATENT = jnp.asarray(np.random.default_rng(3).standard_normal((4, 5), np.float32))
LABEL = jnp.array([0, 1, 2, 2])


@pytest.mark.parametrize(("hierarchical", "shared_size"), [(True, 4), (True, 0), (False, 4), (False, 0)])
def test_what_the_norms_are_told(hierarchical, shared_size, shapes):
    params = shapes(SMALL.clone(hierarchical=hierarchical, shared_size=shared_size), LATENT, LABEL)
    told = (shared_size or 3) + (5 if hierarchical else 0)
    for block in range(4):
        for index in range(1, 5):
            assert params[f"block_{block}"][f"norm_{index}"]["gain"]["kernel"].shape[0] == told
    assert params["project"]["kernel"].shape[0] == (shared_size or 3) + 5
    assert ("shared_embedding" in params) == bool(shared_size)


def test_where_pixels_look(drawn, run):
    params = drawn(SMALL, LATENT, LABEL)
    image, (looks,) = jax.jit(lambda p, z, y: SMALL.apply({"params": p}, z, y, attention_maps=True))(
        params, LATENT, LABEL
    )
    assert image.shape == (4, 16, 16, 1) and looks.shape == (4, 8, 8, 4, 4)
    np.testing.assert_allclose(looks.sum((3, 4)), 1, rtol=1e-5)
    np.testing.assert_allclose(image, run(SMALL, params, LATENT, LABEL), atol=1e-6)


@pytest.mark.parametrize(
    ("network", "inputs", "words"),
    [
        (BigGANDeepGenerator((48, 48, 3), embedded_classes=3), (2, 9), "48x48; make them square, of side 16, 32, 64"),
        (BigGANDeepDiscriminator(projected_classes=3), (2, 64, 32, 3), "64x32; make them square"),
        (BigGANDeepGenerator((16, 16, 3)), (2, 9), "embedded_classes=0 but got labels"),
        (BigGANDeepDiscriminator(), (2, 16, 16, 3), "projected_classes=0 but got labels"),
    ],
)
def test_errors(network, inputs, words, shapes):
    with pytest.raises(ValueError, match=words):
        shapes(network, inputs, "label")
