"""StarGAN's and ComboGAN's networks: their published sizes, what a condition does, and images of other sizes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import ComboGANDecoder, ComboGANEncoder, StarGANDiscriminator, StarGANGenerator


def size_of(network, *shapes):
    args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    variables = jax.eval_shape(network.init, jax.random.key(0), *args)
    return sum(leaf.size for leaf in jax.tree.leaves(variables))


def test_stargan_has_the_size_of_its_tables():
    """Tables 4 and 5, for CelebA's five attributes at 128 pixels; the authors' program prints 8430528 for the generator."""
    ends = 49 * (3 + 5) * 64 + 49 * 64 * 3
    halvings = 16 * (64 * 128 + 128 * 256) * 2
    blocks = 6 * 2 * 9 * 256 * 256
    norms = 2 * (64 + 128 + 256 + 12 * 256 + 128 + 64)
    generator = StarGANGenerator((128, 128, 3))
    assert size_of(generator, (1, 128, 128, 3), (1, 5)) == ends + halvings + blocks + norms == 8_430_528
    widths = [3, 64, 128, 256, 512, 1024, 2048]
    layers = sum(16 * a * b + b for a, b in itertools.pairwise(widths))
    heads = 9 * 2048 + 4 * 2048 * 5
    assert size_of(StarGANDiscriminator(class_logits=5), (1, 128, 128, 3)) == layers + heads == 44_762_048


def test_patches_and_classes():
    network = StarGANDiscriminator(class_logits=3, width=2, layers=3, resolution=16)
    image = jax.random.normal(jax.random.key(0), (2, 16, 16, 1))
    variables = network.init(jax.random.key(1), image)
    verdict = network.apply(variables, image)
    assert verdict.score.shape == (2, 2, 2) and verdict.class_logits.shape == (2, 3)
    # Of another size, an image is judged as it looks at the size that the network is made for.
    large = image.repeat(2, axis=1).repeat(2, axis=2)
    halved = jax.image.resize(large, (2, 16, 16, 1), "bilinear")
    for theirs, ours in zip(network.apply(variables, large), network.apply(variables, halved), strict=True):
        assert ours is None or np.allclose(theirs, ours, atol=1e-6)
    assert StarGANDiscriminator(width=2, layers=1).init_with_output(jax.random.key(0), image)[0].class_logits is None


def test_a_condition_is_not_taken_away_by_the_norm():
    """Zeros around the image let a map of one value through an instance norm; of a condition too, which is one everywhere."""
    network = StarGANGenerator((8, 8, 1), width=4, blocks=1, downsamples=1)
    image, none, some = jnp.zeros((1, 8, 8, 1)), jnp.zeros((1, 2)), jnp.array([[1.0, 0.0]])
    variables = network.init(jax.random.key(0), image, none)
    made = [np.asarray(network.apply(variables, image, condition)) for condition in (none, some)]
    assert np.abs(made[0] - made[1]).max() > 1e-3
    with pytest.raises(
        UserError, match="images of 7x8 cannot be halved 1 times; resize them to multiples of 2 or lower downs"
    ):
        network.apply(variables, jnp.zeros((1, 7, 8, 1)), none)


def test_halves_of_a_translator_fit_together_at_any_size():
    encoder, decoder = ComboGANEncoder(width=4, blocks=1), ComboGANDecoder((16, 16, 3), blocks=1)
    images = jax.random.normal(jax.random.key(0), (2, 16, 16, 3))
    codes, first = encoder.init_with_output(jax.random.key(1), images)
    assert codes.shape == (2, 4, 4, 16)
    made, second = decoder.init_with_output(jax.random.key(2), codes)
    assert made.shape == images.shape and np.abs(made).max() <= 1
    other = jnp.zeros((1, 24, 12, 3))
    assert decoder.apply(second, encoder.apply(first, other)).shape == other.shape
    with pytest.raises(UserError, match="ComboGANEncoder: images of 18x16 cannot be halved 2 times"):
        encoder.apply(first, jnp.zeros((1, 18, 16, 3)))


def test_combogan_has_the_layers_of_cyclegans_generator():
    """Its nine blocks, 3x3 halvings and 7x7 ends; 4x4 in place of 3x3 on the way up, and a slope for each PReLU."""
    conv = lambda inputs, outputs, side: side * side * inputs * outputs + outputs  # noqa: E731
    block = 2 * conv(256, 256, 3) + 1
    encoder = conv(3, 64, 7) + conv(64, 128, 3) + conv(128, 256, 3) + 3 + 4 * block
    decoder = 5 * block + conv(256, 128, 4) + conv(128, 64, 4) + 2 + conv(64, 3, 7)
    assert size_of(ComboGANEncoder(), (1, 256, 256, 3)) == encoder
    assert size_of(ComboGANDecoder((256, 256, 3)), (1, 64, 64, 256)) == decoder
