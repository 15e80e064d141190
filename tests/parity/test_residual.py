"""The residual networks of WGAN-GP, SNGAN, projection, BigGAN and BigGAN-deep, transcribed from their papers' tables."""

import numpy as np
import pytest

from jaxgan import networks
from tests.parity.torch_layers import (
    attention,
    batch_norm,
    check,
    conv,
    dense,
    double,
    first_map,
    halve,
    to_channels_last,
    torch,
)

relu = torch.relu
pytestmark = pytest.mark.slow
rng = np.random.default_rng(0)
LABELS = np.array([0, 2, 1], np.int32)


def class_norm(p, x, label):
    """A gain and an offset for each class (Miyato and Koyama 2018)."""
    y = batch_norm({}, x)
    return y * p["scale"][label][:, :, None, None] + p["bias"][label][:, :, None, None]


def linear_norm(p, x, condition):
    """Gain 1 + W c and offset W c of a condition (BigGAN)."""
    gain, bias = 1 + dense(p["gain"], condition), dense(p["bias"], condition)
    return batch_norm({}, x) * gain[:, :, None, None] + bias[:, :, None, None]


def up_block(p, x, norm, condition):
    h = conv(p["conv_1"], double(relu(norm(p["norm_1"], x, condition))))
    h = conv(p["conv_2"], relu(norm(p["norm_2"], h, condition)))
    return h + conv(p["shortcut"], double(x))


def down_block(p, x, down, first=False):
    h = x if first else relu(x)
    h = conv(p["conv_2"], relu(conv(p["conv_1"], h)))
    if first:
        return halve(h) + conv(p["shortcut"], halve(x))
    shortcut = conv(p["shortcut"], x) if "shortcut" in p else x
    return halve(h) + halve(shortcut) if down else h + shortcut


def projected(p, x, label):
    h = relu(x).sum((2, 3))
    return dense(p["logit"], h)[:, 0] + (p["class_embedding"]["embedding"][label] * h).sum(1)


def test_resnet_generator(drawn):
    """Dense 4x4; blocks that double; batch norm, ReLU, 3x3, tanh."""

    def transcription(p, z, label):
        x = first_map(p["project"], z, 4, 4)
        for index in range(2):
            x = up_block(p[f"block_{index}"], x, class_norm, label)
        return torch.tanh(conv(p["to_image"], relu(batch_norm(p["norm"], x))))

    network = networks.ResNetGenerator((16, 16, 3), widths=(6, 5, 4), embedded_classes=3)
    check(network, transcription, rng.standard_normal((3, 7)), LABELS, draw=drawn)


def test_resnet_discriminator_with_projection(drawn):
    def transcription(p, x, label):
        for index, down in enumerate((True, True, False)):
            x = down_block(p[f"block_{index}"], x, down, index == 0)
        return projected(p["head"], x, label)

    network = networks.ResNetDiscriminator(widths=(4, 5, 5), downsamples=2, pooling="sum", projected_classes=3)
    check(network, transcription, rng.standard_normal((3, 16, 16, 3)), LABELS, draw=drawn)


def test_biggan_generator(drawn):
    """32 pixels: z in four chunks, the first for the dense layer, the others beside the shared embedding for norms."""

    def transcription(p, z, label):
        embedding, chunks = p["shared_embedding"]["embedding"][label], z.chunk(4, dim=1)
        x = first_map(p["project"], chunks[0], 4, 4)
        for index in range(3):
            x = up_block(p[f"block_{index}"], x, linear_norm, torch.cat([embedding, chunks[index + 1]], 1))
            x = attention(p["attention_1"], x) if index == 1 else x
        return torch.tanh(conv(p["to_image"], relu(batch_norm(p["norm"], x))))

    network = networks.BigGANGenerator((32, 32, 3), width=4, embedded_classes=3, shared_size=5, attention=(16,))
    check(network, transcription, rng.standard_normal((3, 8)), LABELS, draw=drawn)


def test_biggan_discriminator(drawn):
    def transcription(p, x, label):
        for index, down in enumerate((True, True, False, False)):
            x = down_block(p[f"block_{index}"], x, down, index == 0)
            x = attention(p["attention_0"], x) if index == 0 else x
        return projected(p["head"], x, label)

    network = networks.BigGANDiscriminator(width=4, projected_classes=3, attention=(16,))
    check(network, transcription, rng.standard_normal((3, 32, 32, 3)), LABELS, draw=drawn)


def test_biggan_deep_generator(drawn):
    """16 pixels: at each size a block that keeps it and one that doubles it; the shortcut drops channels, then doubles."""

    def bottleneck(p, x, condition, doubles):
        h = conv(p["conv_1"], relu(linear_norm(p["norm_1"], x, condition)))
        h = relu(linear_norm(p["norm_2"], h, condition))
        h = conv(p["conv_2"], double(h) if doubles else h)
        h = conv(p["conv_3"], relu(linear_norm(p["norm_3"], h, condition)))
        h = conv(p["conv_4"], relu(linear_norm(p["norm_4"], h, condition)))
        shortcut = x[:, : h.shape[1]]
        return h + (double(shortcut) if doubles else shortcut)

    def transcription(p, z, label):
        condition = torch.cat([z, p["shared_embedding"]["embedding"][label]], 1)
        x = first_map(p["project"], condition, 4, 4)
        for index in range(4):
            x = bottleneck(p[f"block_{index}"], x, condition, index % 2 == 1)
            x = attention(p["attention_1"], x) if index == 1 else x
        return torch.tanh(conv(p["to_image"], relu(batch_norm(p["norm"], x))))

    network = networks.BigGANDeepGenerator((16, 16, 3), width=4, embedded_classes=3, shared_size=5, attention=(8,))
    check(network, transcription, rng.standard_normal((3, 6)), LABELS, draw=drawn)


def test_biggan_deep_discriminator(drawn):
    """64 pixels: a block that halves and one that keeps the size, 1 to 16 channels; a 1x1 makes those that are new."""
    halves = (True, False) * 4

    def bottleneck(p, x, down):
        h = conv(p["conv_1"], relu(x))
        h = conv(p["conv_2"], relu(h))
        h = relu(conv(p["conv_3"], relu(h)))
        h, shortcut = (halve(h), halve(x)) if down else (h, x)
        if "shortcut" in p:
            shortcut = torch.cat([shortcut, conv(p["shortcut"], shortcut)], 1)
        return conv(p["conv_4"], h) + shortcut

    def transcription(p, x, label):
        x = conv(p["from_image"], x)
        for index, down in enumerate(halves):
            x = bottleneck(p[f"block_{index}"], x, down)
        return projected(p["head"], x, label)

    network = networks.BigGANDeepDiscriminator(width=2, projected_classes=3, attention=())
    check(network, transcription, rng.standard_normal((3, 64, 64, 3)), LABELS, draw=drawn)


def test_the_order_of_a_flattened_map_is_this_librarys():
    """What `first_map` and `flat` take for granted: by place, then by channel."""
    x = torch.arange(24.0).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(to_channels_last(x).reshape(-1)[:2], [0.0, 12.0])
