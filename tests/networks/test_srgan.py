"""SRGAN's networks: their published size, Pillow's filter under the residual, torch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import make_source
from jaxgan.data.transform import bicubic
from jaxgan.errors import UserError
from jaxgan.networks import ContentClassifier, SRGANDiscriminator, SRResNet


def test_srresnet_has_its_published_size(count):
    # EDSR (Lim et al. 2017), table 1: SRResNet has 1.5 million parameters for x4. By hand: kernels, biases, norms, slopes.
    convolutions = 9 * 9 * 3 * 64 + 33 * 9 * 64 * 64 + 2 * 9 * 64 * 256 + 9 * 9 * 64 * 3
    others = 34 * 64 + 2 * 256 + 3 + 33 * 2 * 64 + (1 + 16 + 2)
    assert count(SRResNet((96, 96, 3)), (1, 24, 24, 3)) == convolutions + others
    assert round((convolutions + others) / 1e6, 1) == 1.5


def test_the_discriminator_ends_in_a_map_of_6x6(count, shapes):
    dense = shapes(SRGANDiscriminator(), (1, 96, 96, 3))["dense"]["kernel"]
    assert dense.shape == (6 * 6 * 512, 1024)
    convolutions = (3 * 64 + 64 * 64 + 64 * 128 + 128**2 + 128 * 256 + 256**2 + 256 * 512 + 512**2) * 9
    features = 2 * (64 + 128 + 256 + 512)
    expected = convolutions + features + 2 * (features - 64) + math.prod(dense.shape) + 1024 + 1025
    assert count(SRGANDiscriminator(), (1, 96, 96, 3)) == expected


def test_a_residual_begins_as_the_bicubic_filter():
    network = SRResNet((0, 0, 3), 2, width=4, blocks=1, outer_kernel=3, norm="none", skip="bicubic")
    pixels = make_source("photos", path="flower")[0]["image"][200:209, 250:257]
    x = pixels[None].astype(np.float32) / 127.5 - 1
    made = network.apply(network.init(jax.random.key(0), x), x)
    assert made.shape == (1, 18, 14, 3)
    # Pillow rounds after each axis.
    assert np.ptp(pixels) > 50
    made = np.clip((made[0] + 1) * 127.5, 0, 255)  # as Pillow does where the filter overshoots
    assert abs(made - bicubic(pixels, (18, 14))).max() < 1.5


def test_a_block_and_its_shuffle_agree_with_torch(drawn, run, normal):
    torch = pytest.importorskip("torch")
    network, x = SRResNet((0, 0, 1), 2, width=4, blocks=1, outer_kernel=5), normal(2, 6, 5, 1)
    params = drawn(network, x)

    def convolved(h, name):
        kernel, bias = (torch.tensor(np.asarray(params[name][part])) for part in ("kernel", "bias"))
        return torch.nn.functional.conv2d(h, kernel.permute(3, 2, 0, 1), bias, padding=kernel.shape[0] // 2)

    def norm(h, name):
        scale, bias = (torch.tensor(np.asarray(params[name][part])) for part in ("scale", "bias"))
        return torch.nn.functional.batch_norm(h, None, None, scale, bias, training=True)

    def prelu(h, name):
        return torch.nn.functional.prelu(h, torch.tensor(np.asarray(params[name]["negative_slope"])).reshape(1))

    first = prelu(convolved(torch.tensor(np.asarray(x)).permute(0, 3, 1, 2), "first"), "prelu_first")
    h = prelu(norm(convolved(first, "block_0_conv_1"), "block_0_norm_1"), "block_0_prelu")
    h = first + norm(convolved(h, "block_0_conv_2"), "block_0_norm_2")
    h = first + norm(convolved(h, "body"), "body_norm")
    h = prelu(torch.nn.functional.pixel_shuffle(convolved(h, "up_0"), 2), "up_0_prelu")
    expected = torch.tanh(convolved(h, "last")).permute(0, 2, 3, 1)
    np.testing.assert_allclose(run(network, params, x), expected, atol=2e-5)


def test_only_doublings_are_there():
    with pytest.raises(UserError, match="scale_factor=3, but it doubles images"):
        SRResNet((0, 0, 3), 3).init(jax.random.key(0), jnp.zeros((1, 4, 4, 3)))


def test_a_classifier_shows_its_last_map(shapes):
    network = ContentClassifier(widths=(4, 8), class_logits=4)
    params = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
    verdict = jax.eval_shape(lambda params, x: network.apply(params, x, features=True), params, jnp.zeros((2, 8, 8, 3)))
    assert verdict.features.shape == (2, 4, 4, 8) and verdict.class_logits.shape == (2, 4)
