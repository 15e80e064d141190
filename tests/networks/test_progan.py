"""ProGAN: growth without a jump, one parameter tree for every resolution, published sizes."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import ProGANDiscriminator, ProGANGenerator

FIELDS = {"base_width": 32, "max_width": 8}
GENERATOR = ProGANGenerator((16, 16, 3), **FIELDS)
DISCRIMINATOR = ProGANDiscriminator(**FIELDS)
LATENT = jnp.asarray(np.random.default_rng(1).standard_normal((4, 6), np.float32))
IMAGE = jnp.asarray(np.random.default_rng(2).standard_normal((4, 16, 16, 3), np.float32))


@pytest.fixture(scope="module")
def generator(drawn):
    """The generator as a function of latents, resolution and alpha, operation by operation: no fusion changes a bit."""
    params = drawn(GENERATOR, LATENT)
    return lambda *args, **options: GENERATOR.apply({"params": params}, *args, **options)


@pytest.fixture(scope="module")
def discriminator(drawn):
    params = drawn(DISCRIMINATOR, IMAGE)
    return lambda *args, **options: DISCRIMINATOR.apply({"params": params}, *args, **options)


def halved(x):
    return x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, -1).mean(axis=(2, 4))


def doubled(x):
    return np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)


def test_a_fused_level_pools_before_it_bends(drawn, run):
    """Images that a 4x4 map is made of in one level, by the rest of the network: lrelu(pool(h)) for pool(lrelu(h))."""
    small, x = ProGANDiscriminator(**FIELDS), IMAGE[:, :8, :8]
    params = drawn(small, x)
    own = params["level_8"]

    def bend(h):
        return np.maximum(h, 0.2 * h)

    def conv(h, layer):
        padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
        kernel, size = np.asarray(layer["kernel"], np.float64), h.shape[1]
        parts = [padded[:, i : i + size, j : j + size] @ kernel[i, j] for i in range(3) for j in range(3)]
        return sum(parts) + np.asarray(layer["bias"], np.float64)

    reader = params["from_rgb_8"]
    h = bend(np.asarray(x, np.float64) @ np.asarray(reader["kernel"], np.float64)[0, 0] + np.asarray(reader["bias"]))
    h = conv(bend(conv(h, own["conv_0"])), own["conv_1"])
    deviation = np.sqrt(np.var(bend(halved(h)), axis=0) + 1e-8).mean() * np.ones((len(x), 4, 4, 1))
    h = bend(conv(np.concatenate([bend(halved(h)), deviation], -1), params["level_4"]["conv_0"])).reshape(len(x), -1)
    for name in ("dense", "score"):
        h = h @ np.asarray(params[name]["kernel"], np.float64) + np.asarray(params[name]["bias"], np.float64)
        h = bend(h) if name == "dense" else h
    fused = run(ProGANDiscriminator(**FIELDS, fused=True), params, x)
    np.testing.assert_allclose(fused, h[:, 0], rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(fused) - np.asarray(run(small, params, x))).max() > 1e-3


@pytest.mark.parametrize("resolution", [8, 16])
def test_a_new_level_changes_nothing_at_first(resolution, generator, discriminator):
    old = generator(LATENT, resolution=resolution // 2)
    np.testing.assert_array_equal(generator(LATENT, resolution=resolution, alpha=0.0), doubled(old))
    image = IMAGE[:, :resolution, :resolution]
    old = discriminator(halved(image), resolution=resolution // 2)
    np.testing.assert_array_equal(discriminator(image, resolution=resolution, alpha=0.0), old)


@pytest.mark.parametrize("resolution", [8, 16])
def test_a_grown_level_has_forgotten_the_old_one(resolution, generator, discriminator):
    np.testing.assert_array_equal(
        generator(LATENT, resolution=resolution, alpha=1.0), generator(LATENT, resolution=resolution)
    )
    image = IMAGE[:, :resolution, :resolution]
    np.testing.assert_array_equal(discriminator(image, alpha=1.0), discriminator(image))


def test_images_fade_linearly(generator):
    ends = [generator(LATENT, resolution=16, alpha=alpha) for alpha in (0.0, 1.0)]
    assert np.abs(ends[0] - ends[1]).max() > 0.1
    # alpha may be traced: one compiled program for the whole fade.
    faded = jax.jit(lambda alpha: generator(LATENT, resolution=16, alpha=alpha))(0.25)
    np.testing.assert_allclose(faded, 0.75 * ends[0] + 0.25 * ends[1], atol=1e-5)


def test_alpha_means_nothing_at_the_first_level(generator, discriminator):
    np.testing.assert_array_equal(generator(LATENT, resolution=4, alpha=0.3), generator(LATENT, resolution=4))
    image = IMAGE[:, :4, :4]
    np.testing.assert_array_equal(discriminator(image, alpha=0.3), discriminator(image))


def test_the_defaults_are_the_grown_networks(generator, discriminator):
    np.testing.assert_array_equal(generator(LATENT), generator(LATENT, resolution=16))
    np.testing.assert_array_equal(discriminator(IMAGE), discriminator(IMAGE, resolution=16))


def test_one_parameter_tree_for_all_resolutions(shapes):
    def structure(tree):
        return jax.tree.map(lambda leaf: leaf.shape, tree)

    trees = [structure(shapes(GENERATOR, (2, 6), resolution=resolution)) for resolution in (4, 8, 16, None)]
    trees += [structure(shapes(GENERATOR, (2, 6), resolution=8, alpha=0.5))]
    assert all(tree == trees[0] for tree in trees)
    assert set(trees[0]) == {"project"} | {f"{kind}_{size}" for kind in ("level", "to_rgb") for size in (4, 8, 16)}
    # The discriminator's levels go up to the images that it is initialised with.
    tree = structure(shapes(DISCRIMINATOR, (2, 16, 16, 3)))
    names = {f"{kind}_{size}" for kind in ("level", "from_rgb") for size in (4, 8, 16)}
    assert set(tree) == {"dense", "score"} | names
    assert structure(shapes(DISCRIMINATOR, (2, 16, 16, 3), resolution=16, alpha=0.5)) == tree
    for size, larger in ((4, (8, 16)), (8, (16,))):
        beyond = {f"{kind}_{side}" for kind in ("level", "from_rgb") for side in larger}
        smaller = {name: layer for name, layer in tree.items() if name not in beyond}
        assert structure(shapes(DISCRIMINATOR, (2, size, size, 3))) == smaller


def test_published_parameters(count, shapes):
    def conv(inputs, outputs, size):
        return size * size * inputs * outputs + outputs

    # Table 2: widths of 4x4 to 1024x1024. The authors' program prints 23,087,249 for the discriminator.
    widths = [512, 512, 512, 512, 256, 128, 64, 32, 16]
    generator = conv(512, 512, 4) + conv(512, 512, 3) + sum(conv(width, 3, 1) for width in widths)
    discriminator = conv(513, 512, 3) + conv(512, 512, 4) + 513 + sum(conv(3, width, 1) for width in widths)
    for before, after in itertools.pairwise(widths):
        generator += conv(before, after, 3) + conv(after, after, 3)
        discriminator += conv(after, after, 3) + conv(after, before, 3)
    assert count(ProGANGenerator((1024, 1024, 3)), (2, 512)) == generator == 23_079_115
    assert count(ProGANDiscriminator(), (4, 1024, 1024, 3)) == discriminator == 23_087_249
    assert shapes(ProGANGenerator((1024, 1024, 3)), (2, 512))["level_1024"]["conv_0"]["kernel"].shape == (3, 3, 32, 16)


def test_kernels_are_standard_normal_once_equalised(initialised):
    # N(0, 1) times gain / sqrt(fan-in) is what the networks compute with (section 4.1).
    network = ProGANDiscriminator(base_width=512, max_width=32)
    params = initialised(network, IMAGE[:, :8, :8])
    stored = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name.endswith("bias"):
            assert not np.any(leaf)
            continue
        gain = 1.0 if "score" in name else math.sqrt(2)
        kernel = np.asarray(leaf).ravel() / (gain / math.sqrt(leaf.size / leaf.shape[-1]))
        assert abs(kernel.std() - 1) < 4 / math.sqrt(2 * kernel.size), name
        stored.append(kernel)
    np.testing.assert_allclose(np.std(np.concatenate(stored)), 1, atol=0.02)


def test_latents_count_by_their_direction_only(generator):
    np.testing.assert_allclose(generator(3 * LATENT), generator(LATENT), atol=1e-4)


def test_groups_of_the_minibatch_standard_deviation_stay_apart(discriminator):
    images = jnp.concatenate([IMAGE, -IMAGE])
    np.testing.assert_allclose(discriminator(images)[:4], discriminator(IMAGE), atol=1e-5)
    assert np.abs(discriminator(images[:2]) - discriminator(images)[:2]).max() > 1e-3


@pytest.mark.parametrize(
    ("network", "inputs", "options", "words"),
    [
        (GENERATOR, (2, 6), {"resolution": 32}, "no level for resolution=32; choose one of 4, 8, 16"),
        (ProGANGenerator((48, 48, 3)), (2, 6), {}, "48x48, but the sides must be equal, and a power of two from 4 on"),
        (DISCRIMINATOR, (2, 8, 8, 3), {"resolution": 16}, "8x8 at resolution=16"),
        (DISCRIMINATOR, (2, 8, 16, 3), {}, "8x16"),
        (DISCRIMINATOR, (2, 48, 48, 3), {}, "48x48, but the sides must be equal, and a power of two from 4 on"),
    ],
)
def test_errors(network, inputs, options, words, shapes):
    with pytest.raises(ValueError, match=words):
        shapes(network, inputs, **options)


def test_levels_beyond_those_of_the_initialisation(discriminator):
    with pytest.raises(UserError, match="no level for resolution=32; initialise it with images of the largest one"):
        discriminator(doubled(IMAGE))
