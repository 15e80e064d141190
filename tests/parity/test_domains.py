"""CoGAN, ComboGAN, XGAN and Fader networks, transcribed from their papers' tables and their authors' programs."""

import numpy as np
import pytest

from jaxgan import networks
from tests.parity.torch_layers import (
    batch_norm,
    check,
    conv,
    dense,
    flat,
    functional,
    instance_norm,
    leaky,
    torch,
    transposed,
)

relu = torch.relu
pytestmark = pytest.mark.slow
rng = np.random.default_rng(0)


def prelu(p, x):
    return torch.where(x > 0, x, p["negative_slope"] * x)


def test_cogan_generator(drawn):
    """Table 1 of the appendix: 3x3 transposed convolutions from n to 2 n - 1, shared; the last, 6x6, is a domain's own."""

    def transcription(p, z):
        own, shared = p["outer_b"], p["inner"]
        x = transposed(shared["first_map"], z[:, :, None, None], stride=1, padding=0)
        x = prelu(shared["prelu_0"], batch_norm({}, x))
        for index in (1, 2):
            x = prelu(shared[f"prelu_{index}"], batch_norm({}, transposed(shared[f"up_{index}"], x)))
        return torch.tanh(transposed(own["to_image"], x, stride=1, padding=1))

    # 3x2 to 5x3 to 9x5, and 12x8.
    network = networks.CoGANGenerator((12, 8, 2), widths=(5, 4, 3))
    check(network, transcription, rng.standard_normal((4, 6)), draw=drawn, domain="b")


def test_cogan_discriminator(drawn):
    """5x5 without padding and pooled maxima, the first a domain's own; a dense layer with PReLU."""

    def transcription(p, x):
        own, shared = p["outer_a"], p["inner"]
        x = functional.max_pool2d(conv(own["conv"], x, padding=0), 2)
        x = functional.max_pool2d(conv(shared["conv"], x, padding=0), 2)
        return dense(shared["logit"], prelu(shared["prelu"], dense(shared["dense"], flat(x))))[:, 0]

    network = networks.CoGANDiscriminator(widths=(3, 4), hidden=5)
    check(network, transcription, rng.standard_normal((3, 20, 16, 2)), draw=drawn, domain="a")


def reflected(p, x):
    """A convolution that pads by reflection."""
    padding = p["kernel"].shape[0] // 2
    return conv(p, functional.pad(x, (padding,) * 4, mode="reflect"), padding=0)


def combogan_block(p, x):
    """x + f(x): two 3x3 with instance norm, a PReLU between them."""
    h = prelu(p["block_0_slope"], instance_norm({}, reflected(p["block_0_conv_1"], x)))
    return x + instance_norm({}, reflected(p["block_0_conv_2"], h))


def test_combogan_encoder(drawn):
    """The first half of CycleGAN's generator: 7x7, 3x3 that halve the map and double its features, residual blocks."""

    def transcription(p, x):
        x = prelu(p["stem_slope"], instance_norm({}, reflected(p["stem"], x)))
        for index in range(2):
            x = conv(p[f"down_{index}"], x, stride=2)
            x = prelu(p[f"down_slope_{index}"], instance_norm({}, x))
        return combogan_block(p, x)

    network = networks.ComboGANEncoder(width=2, blocks=1)
    check(network, transcription, rng.standard_normal((2, 16, 12, 3)), draw=drawn)


def test_combogan_decoder(drawn):
    """The second half: residual blocks, 4x4 transposed convolutions, 7x7 and tanh."""

    def transcription(p, x):
        x = combogan_block(p, x)
        for index in range(2):
            x = prelu(p[f"up_slope_{index}"], instance_norm({}, transposed(p[f"up_{index}"], x)))
        return torch.tanh(reflected(p["to_image"], x))

    network = networks.ComboGANDecoder((16, 12, 3), blocks=1)
    check(network, transcription, rng.standard_normal((2, 4, 3, 8)), draw=drawn)


def test_xgan_encoder(drawn):
    """Convolutions that halve the map, the first a domain's own, then dense layers, the last of them linear."""

    def transcription(p, x):
        own, shared = p["outer_b"], p["inner"]
        x = relu(batch_norm(own["norm_0"], conv(own["down_0"], x, stride=2, padding=1)))
        x = relu(batch_norm(shared["norm_0"], conv(shared["down_0"], x, stride=2, padding=1)))
        return dense(shared["dense_2"], relu(dense(shared["dense_1"], flat(x))))

    network = networks.XGANEncoder(widths=(3, 4), own=1, hidden=(5, 4))
    check(network, transcription, rng.standard_normal((4, 8, 12, 3)), draw=drawn, domain="b")


def test_xgan_decoder(drawn):
    """A code to a map, shared doublings, and a domain's own ones, the last to the image."""

    def transcription(p, code):
        own, shared = p["outer_a"], p["inner"]
        x = transposed(shared["first_map"], code[:, :, None, None], stride=1, padding=0)
        x = relu(batch_norm(shared["norm_0"], x))
        x = relu(batch_norm(shared["norm_1"], transposed(shared["up_1"], x)))
        x = relu(batch_norm(own["norm_0"], transposed(own["up_0"], x)))
        return torch.tanh(transposed(own["to_image"], x))

    network = networks.XGANDecoder((16, 24, 3), widths=(5, 4, 3), own=2)
    check(network, transcription, rng.standard_normal((4, 6)), draw=drawn, domain="a")


def test_fader_encoder(drawn):
    """Section 4.1: layers C_k, 4x4 of stride 2 with batch norm and LeakyReLU; the first without norm."""

    def transcription(p, x):
        x = leaky(conv(p["down_0"], x, stride=2, padding=1))
        for index in (1, 2):
            x = leaky(batch_norm(p[f"norm_{index}"], conv(p[f"down_{index}"], x, stride=2, padding=1)))
        return x

    network = networks.FaderEncoder(widths=(2, 3, 4))
    check(network, transcription, rng.standard_normal((3, 16, 8, 3)), draw=drawn)


def test_fader_decoder(drawn):
    """The attributes, each as y and 1 - y, are constant maps beside the input of every layer."""

    def transcription(p, code, attributes):
        both = torch.cat([attributes, 1 - attributes], 1)[:, :, None, None]

        def told(x):
            return torch.cat([x, both.expand(-1, -1, *x.shape[2:])], 1)

        x = code
        for index in range(2):
            x = relu(batch_norm(p[f"norm_{index}"], transposed(p[f"up_{index}"], told(x))))
        return torch.tanh(transposed(p["to_image"], told(x)))

    network = networks.FaderDecoder((16, 8, 3), widths=(2, 3, 4))
    check(network, transcription, rng.standard_normal((3, 2, 1, 4)), rng.uniform(size=(3, 2)), draw=drawn)


def test_fader_discriminator(drawn):
    """A layer C_k for each halving of the code, with batch norm as the encoder's have, and two dense layers."""

    def transcription(p, x):
        x = leaky(batch_norm(p["norm_0"], conv(p["down_0"], x, stride=2, padding=1)))
        return dense(p["class_logits"], leaky(dense(p["hidden_0"], flat(x))))

    network = networks.CodeClassifier(widths=(5,), hidden=(4,), norm="batch", class_logits=3)
    code = rng.standard_normal((3, 4, 2, 4))
    check(network, transcription, code, draw=drawn, result=lambda verdict: verdict.class_logits)
