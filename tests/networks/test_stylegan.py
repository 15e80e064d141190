"""StyleGAN's and StyleGAN2's networks: sizes by an independent table, halves, structures, growth, noise, precision."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.layers import average_pool, upsample_nearest
from jaxgan.layers.filtering import smooth_upsample
from jaxgan.networks import StyleGAN2Generator, StyleGANDiscriminator, StyleGANGenerator

SMALL = {"base_width": 32, "max_width": 4, "style_width": 5, "mapping_layers": 2}


def generator(maker, resolution=16, **fields):
    return maker(output_shape=(resolution, resolution, 2), **SMALL | fields)


def discriminator(**fields):
    return StyleGANDiscriminator(base_width=32, max_width=4, **fields)


# ---- sizes, by a table of layers: widths 512 up to 64 (F) or 32 (A to E) pixels, then halved with each resolution


def widths(largest_full):
    return {size: 512 * largest_full // max(size, largest_full) for size in (4, 8, 16, 32, 64, 128, 256, 512, 1024)}


def conv(window, inputs, outputs):
    return window**2 * inputs * outputs + outputs


def affine(outputs):
    return 512 * outputs + outputs


MAPPING = 8 * (512 * 512 + 512)


def style2(width, structure):
    """B to F: 4x4x512 constant; modulated convolutions with a style, a bias and one noise strength each; images."""
    sizes, total = sorted(width), 4 * 4 * 512
    for index, size in enumerate(sizes):
        before = width[sizes[max(0, index - 1)]]
        inputs = [width[4]] if index == 0 else [before, width[size]]
        total += sum(conv(3, one, width[size]) + affine(one) + 1 for one in inputs)
        if structure in ("plain", "skip") or size == 1024:
            total += width[size] * 3 + 3 + affine(width[size])
        if structure == "residual" and index:
            total += before * width[size]
    return MAPPING + total


def style1(width):
    """A: AdaIN of twice the width, a noise strength for each channel; the constant has noise, bias and style too."""
    sizes, total = sorted(width), 4 * 4 * 512
    for index, size in enumerate(sizes):
        before = width[sizes[max(0, index - 1)]]
        total += 2 * (affine(2 * width[size]) + 2 * width[size])  # two styles, noises and biases
        total += 9 * (width[size] ** 2 if index == 0 else before * width[size] + width[size] ** 2)
        total += conv(1, width[size], 3)
    return MAPPING + total


def judge(width, structure):
    sizes, total = sorted(width), 0
    for below, size in itertools.pairwise(sizes):
        total += conv(3, width[size], width[size]) + conv(3, width[size], width[below])
        total += width[size] * width[below] if structure == "residual" else 0
    read = sizes if structure in ("plain", "skip") else [1024]
    total += sum(conv(1, 3, width[size]) for size in read)
    return total + conv(3, 513, 512) + 4 * 4 * 512 * 512 + 512 + 512 + 1


A_TO_E, F = widths(32), widths(64)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (StyleGAN2Generator(), 30_370_060),  # published
        (StyleGANDiscriminator(base_width=16384, structure="residual"), 29_012_513),  # published
        (StyleGAN2Generator(), style2(F, "skip")),
        (StyleGANDiscriminator(base_width=16384, structure="residual"), judge(F, "residual")),
        (StyleGANGenerator(), style1(A_TO_E)),
        (StyleGANDiscriminator(), judge(A_TO_E, "plain")),
        (StyleGAN2Generator(base_width=8192, structure="plain"), style2(A_TO_E, "plain")),
        (StyleGAN2Generator(base_width=8192), style2(A_TO_E, "skip")),
        (StyleGAN2Generator(base_width=8192, structure="residual"), style2(A_TO_E, "residual")),
        (StyleGANDiscriminator(structure="residual"), judge(A_TO_E, "residual")),
        (StyleGANDiscriminator(structure="skip"), judge(A_TO_E, "skip")),
    ],
)
def test_parameters_of_the_papers(count, network, expected):
    if isinstance(network, StyleGANDiscriminator):
        assert count(network, (1, 1024, 1024, 3)) == expected
    else:
        assert count(network.clone(output_shape=(1024, 1024, 3)), (1, 512)) == expected


def test_the_published_generator_of_stylegan_has_26_million():
    assert round(style1(A_TO_E) / 1e6, 1) == 26.2  # table 1's caption


# ---- the generators

MAKERS = {
    "stylegan": (StyleGANGenerator, {}),
    "plain": (StyleGAN2Generator, {"structure": "plain"}),
    "skip": (StyleGAN2Generator, {}),
    "residual": (StyleGAN2Generator, {"structure": "residual"}),
}


@pytest.fixture(params=MAKERS)
def made(request, drawn):
    maker, fields = MAKERS[request.param]
    network = generator(maker, **fields)
    return network, drawn(network, (1, 3))


def test_a_generator_is_its_two_halves(made):
    network, params = made
    z = jax.random.normal(jax.random.key(0), (2, 3))

    def all_of_them(z):
        w = network.apply({"params": params}, z, method="map")
        slots = jnp.repeat(w[:, None], 6, axis=1)
        return (
            w,
            network.apply({"params": params}, z),
            network.apply({"params": params}, w, method="synthesize"),
            network.apply({"params": params}, slots, method="synthesize"),
            # the last slot's style decides the last layer alone, and the length of z nothing at all
            network.apply({"params": params}, slots.at[:, -1].add(1.0), method="synthesize"),
            network.apply({"params": params}, 3.0 * z),
        )

    w, whole, halves, by_slot, other, longer = jax.jit(all_of_them)(z)
    assert w.shape == (2, 5) and whole.shape == (2, 16, 16, 2) and whole.dtype == jnp.float32
    np.testing.assert_allclose(halves, whole, atol=1e-5)
    np.testing.assert_allclose(by_slot, whole, atol=1e-5)
    np.testing.assert_allclose(longer, whole, atol=1e-4)
    assert np.abs(other - whole).max() > 1e-2


def test_noise_is_for_each_image_where_there_is_a_key_and_always_the_same_without(made):
    network, params = made
    z = jnp.ones((2, 3))
    with_key = jax.jit(lambda key: network.apply({"params": params}, z, rngs={"dropout": key}))
    plain = jax.jit(lambda: network.apply({"params": params}, z))
    first, second = with_key(jax.random.key(0)), with_key(jax.random.key(1))
    assert np.abs(first[0] - first[1]).max() > 1e-3 and np.abs(first - second).max() > 1e-3
    # To rounding: some processors add the rows of a batch in another order than each other's.
    one, other = plain()
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize(("name", "up"), [("stylegan", upsample_nearest), ("plain", smooth_upsample)])
def test_a_new_level_starts_as_the_one_below_doubled(name, up, drawn):
    maker, fields = MAKERS[name]
    network = generator(maker, **fields)
    params, z = drawn(network, (1, 3)), jax.random.normal(jax.random.key(0), (2, 3))

    def images(resolution, alpha=None):
        return jax.jit(lambda z: network.apply({"params": params}, z, resolution=resolution, alpha=alpha))(z)

    np.testing.assert_allclose(images(16, 0.0), up(images(8)), atol=1e-5)
    np.testing.assert_allclose(images(16, 1.0), images(16), atol=1e-6)
    np.testing.assert_allclose(images(16, 0.25), 0.75 * images(16, 0.0) + 0.25 * images(16), atol=1e-5)


def test_the_discriminators_new_level_starts_as_the_one_below(drawn):
    network = discriminator(group_size=1)
    params = drawn(network, (1, 16, 16, 2))
    x = jax.random.normal(jax.random.key(0), (3, 16, 16, 2))

    def score(x, alpha=None):
        return jax.jit(lambda x: network.apply({"params": params}, x, resolution=x.shape[1], alpha=alpha))(x)

    np.testing.assert_allclose(score(x, 0.0), score(average_pool(x)), atol=1e-5)
    assert np.abs(score(x, 1.0) - score(x, 0.0)).max() > 1e-3
    np.testing.assert_allclose(score(x, 1.0), score(x), atol=1e-6)


def test_a_skip_generator_sums_its_images(drawn):
    """With the images of all other resolutions set to zero, what is left of one is itself, upsampled."""
    network = generator(StyleGAN2Generator)
    params = drawn(network, (1, 3))
    run = jax.jit(lambda params: network.apply({"params": params}, jnp.ones((1, 3))))

    def only(*sizes):
        synthesis = {
            name: jax.tree.map(jnp.zeros_like, leaf)
            if name.startswith("to_rgb") and name.split("_")[2] not in map(str, sizes)
            else leaf
            for name, leaf in params["synthesis"].items()
        }
        return run({**params, "synthesis": synthesis})

    np.testing.assert_allclose(run(params), only(4) + only(8) + only(16), atol=1e-4)
    assert only().any() == 0 and np.abs(only(4)).max() > 0.1


@pytest.mark.parametrize("structure", ["plain", "skip", "residual"])
def test_a_discriminator_of_labels_judges_by_them_and_gives_features_without(structure, drawn):
    network = discriminator(structure=structure, projected_classes=3, mapping_layers=2)
    params = drawn(network, (2, 8, 8, 1), "label")
    x, label = jax.random.normal(jax.random.key(0), (2, 8, 8, 1)), jnp.array([0, 2])
    run = jax.jit(lambda label: network.apply({"params": params}, x, label, features=True))
    first, second = run(label), run(label[::-1])
    assert first.score.shape == (2,) and np.abs(first.score - second.score).min() > 1e-4
    np.testing.assert_allclose(first.features, second.features)


def test_only_the_largest_resolutions_compute_in_half_precision_and_features_are_clamped(drawn):
    half = {"dtype": jnp.bfloat16, "reduced_levels": 2, "clamp": 0.5}
    made, judge_ = generator(StyleGAN2Generator, 32, **half), discriminator(**half)
    z, x = jnp.ones((1, 3)), jnp.ones((1, 32, 32, 2))
    for network, given in ((made, z), (judge_, x)):
        params = drawn(network, given.shape)
        _, seen = network.apply({"params": params}, given, capture_intermediates=True, mutable=["intermediates"])
        maps = jax.tree_util.tree_leaves_with_path(seen)
        dtypes = {}
        for path, leaf in maps:
            name = next((key.key for key in path if str(getattr(key, "key", "")).startswith("conv_")), None)
            if name and leaf.ndim == 4:
                dtypes[int(name.split("_")[1])] = leaf.dtype
        assert dtypes == {4: jnp.float32, 8: jnp.float32, 16: jnp.bfloat16, 32: jnp.bfloat16}
    image = jax.jit(lambda z: made.apply({"params": drawn(made, (1, 3))}, z))(z)
    assert image.dtype == jnp.float32
    # Four images of at most 0.5; upsampling does not enlarge.
    assert np.abs(image).max() <= 2.0


@pytest.mark.parametrize(
    ("network", "shapes", "message"),
    [
        (generator(StyleGANGenerator).clone(output_shape=(24, 24, 3)), [(1, 3)], "images of 24x24, .* a power of two"),
        (generator(StyleGAN2Generator).clone(output_shape=(16, 8, 3)), [(1, 3)], "images of 16x8, .* must be equal"),
        (
            generator(StyleGAN2Generator, structure="u"),
            [(1, 3)],
            "structure='u' does not exist; choose one of 'plain', 'skip'",
        ),
        (discriminator(structure="u"), [(1, 8, 8, 1)], "structure='u' does not exist"),
        (discriminator(), [(1, 12, 12, 1)], "images of 12x12"),
        (
            generator(StyleGANGenerator, mapping_layers=0),
            [(1, 3)],
            "without mapping layers w is z, but z has 3 components",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(network, shapes, message, count):
    with pytest.raises(UserError, match=message):
        count(network, *shapes)


def test_only_plain_networks_grow(drawn):
    network = generator(StyleGAN2Generator)
    params = drawn(network, (1, 3))
    with pytest.raises(UserError, match="a skip generator does not grow: take structure='plain'"):
        network.apply({"params": params}, jnp.ones((1, 3)), resolution=8)
    with pytest.raises(UserError, match="has no level for resolution=12; choose one of 4, 8, 16"):
        network.apply({"params": params}, jnp.ones((1, 3)), resolution=12)
    with pytest.raises(UserError, match="styles for 4 slots, but images of 16 pixels need 6"):
        network.apply({"params": params}, jnp.ones((1, 4, 5)), method="synthesize")
