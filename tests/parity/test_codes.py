"""InfoGAN, VAE-GAN, BiGAN, BEGAN and Triple-GAN, transcribed from their papers' tables."""

import numpy as np
import pytest

from jaxgan import networks
from tests.parity.torch_layers import (
    batch_norm,
    check,
    conv,
    dense,
    double,
    first_map,
    flat,
    functional,
    leaky,
    one_hot,
    torch,
    transposed,
    weight_norm,
)

relu = torch.relu
pytestmark = pytest.mark.slow
rng = np.random.default_rng(0)
LABELS = np.array([0, 2, 1, 2], np.int32)


def test_infogan_generator(drawn):
    """Appendix C.1: two dense layers, two 4x4 that double; 2 sigmoid - 1."""

    def transcription(p, z):
        x = relu(batch_norm(p["norm_0"], dense(p["hidden"], z)))
        # The second layer's norm is of its units: it comes before they are a map.
        x = relu(batch_norm(p["norm_1"], dense(p["project"], x)))
        x = x.reshape(4, 3, 3, 4).permute(0, 3, 1, 2)
        x = relu(batch_norm(p["norm_2"], transposed(p["up"], x)))
        return 2 * torch.sigmoid(transposed(p["to_image"], x)) - 1

    network = networks.InfoGANGenerator((12, 12, 1), width=6, widths=(4, 3))
    check(network, transcription, rng.standard_normal((4, 5)), draw=drawn)


def test_infogan_discriminator(drawn):
    def transcription(p, x):
        x = leaky(conv(p["down_0"], x, stride=2, padding=1), 0.1)
        x = leaky(batch_norm(p["norm_1"], conv(p["down_1"], x, stride=2, padding=1)), 0.1)
        x = leaky(batch_norm(p["norm_2"], dense(p["hidden"], flat(x))), 0.1)
        return dense(p["logit"], x)[:, 0]

    network = networks.InfoGANDiscriminator(width=6, widths=(3, 4))
    check(network, transcription, rng.standard_normal((4, 12, 12, 1)), draw=drawn)


def test_infogan_head(drawn):
    def transcription(p, x):
        return dense(p["output"], leaky(batch_norm(p["norm"], dense(p["hidden"], x)), 0.1))

    check(networks.CodeHead(outputs=3, width=4), transcription, rng.standard_normal((5, 6)), draw=drawn)


def test_vaegan_encoder(drawn):
    """Table 1: 5x5 that halve, with batch norm and ReLU, and a dense layer with the same."""

    def transcription(p, x):
        for index in range(2):
            x = relu(batch_norm(p[f"norm_{index}"], conv(p[f"down_{index}"], x, stride=2)))
        return dense(p["output"], relu(batch_norm(p["dense_norm"], dense(p["dense"], flat(x)))))

    network = networks.VAEGANEncoder(outputs=4, widths=(3, 4), dense=5)
    check(network, transcription, rng.standard_normal((4, 12, 12, 2)), draw=drawn)


def test_vaegan_decoder(drawn):
    def transcription(p, z):
        x = relu(batch_norm(p["norm_0"], first_map(p["project"], z, 3, 3)))
        for index in (1, 2):
            x = transposed(p[f"up_{index}"], x, padding=2, output_padding=1)
            x = relu(batch_norm(p[f"norm_{index}"], x))
        return torch.tanh(conv(p["to_image"], x))

    network = networks.VAEGANGenerator((12, 12, 2), widths=(5, 4, 3))
    check(network, transcription, rng.standard_normal((4, 5)), draw=drawn)


def test_vaegan_discriminator(drawn):
    """A 5x5 that keeps the map, and 5x5 that halve it."""

    def transcription(p, x):
        x = relu(conv(p["conv_0"], x))
        for index in (1, 2):
            x = relu(batch_norm(p[f"norm_{index}"], conv(p[f"down_{index}"], x, stride=2)))
        return dense(p["output"], relu(batch_norm(p["dense_norm"], dense(p["dense"], flat(x)))))[:, 0]

    network = networks.VAEGANDiscriminator(widths=(3, 4, 5), dense=6)
    check(network, transcription, rng.standard_normal((4, 12, 12, 2)), draw=drawn)


def test_bigan_generator(drawn):
    def transcription(p, z):
        x = relu(batch_norm({}, dense(p["hidden_0"], z)))
        x = relu(batch_norm({}, dense(p["hidden_1"], x) + dense(p["latent_1"], z)))
        return (2 * torch.sigmoid(dense(p["output"], x)) - 1).reshape(4, 2, 3, 1).permute(0, 3, 1, 2)

    network = networks.BiGANGenerator((2, 3, 1), hidden=(6, 5))
    check(network, transcription, rng.standard_normal((4, 3)), draw=drawn)


def test_bigan_discriminator(drawn):
    """Images beside codes: every layer from the second on also gets the code."""

    def transcription(p, x, z):
        x = leaky(dense(p["hidden_0"], flat(x)))
        x = leaky(batch_norm({}, dense(p["hidden_1"], x) + dense(p["latent_1"], z)))
        return dense(p["output"], x)[:, 0]

    network = networks.BiGANDiscriminator(hidden=(6, 5))
    check(network, transcription, rng.standard_normal((4, 2, 3, 2)), rng.standard_normal((4, 3)), draw=drawn)


def began_decoder(p, code):
    """Two 3x3 with ELU at 8 and at 16; behind the doubling the first map is appended (section 3.5.1)."""
    first = first_map(p["project"], code, 8, 8)
    x = functional.elu(conv(p["conv_0_1"], functional.elu(conv(p["conv_0_0"], first))))
    x = torch.cat([double(x), double(first)], 1)
    x = functional.elu(conv(p["conv_1_1"], functional.elu(conv(p["conv_1_0"], x))))
    return conv(p["to_image"], x)


def test_began_generator(drawn):
    network = networks.BEGANGenerator((16, 16, 1), width=3, skip_connections=True)
    check(network, began_decoder, rng.standard_normal((3, 4)), draw=drawn)


def test_began_autoencoder(drawn):
    """3x3 with ELU: n features at 16, then one that halves, 2n at 8; a code, the decoder, and the mean absolute error."""

    def transcription(p, x):
        h = functional.elu(conv(p["from_image"], x))
        h = functional.elu(conv(p["conv_0_1"], functional.elu(conv(p["conv_0_0"], h))))
        # In TensorFlow, a 3x3 of stride 2 that keeps the border pads an even map on its right and below alone.
        h = functional.elu(conv(p["down_0"], functional.pad(h, (0, 1, 0, 1)), stride=2, padding=0))
        h = functional.elu(conv(p["conv_1_1"], functional.elu(conv(p["conv_1_0"], h))))
        return (x - began_decoder(p["decoder"], dense(p["code"], flat(h)))).abs().mean((1, 2, 3))

    network = networks.BEGANAutoencoder(width=3, hidden=4, skip_connections=True)
    check(network, transcription, rng.standard_normal((3, 16, 16, 1)), draw=drawn)


def test_triple_gan_generator(drawn):
    """The label stands beside the input of every layer; batch norm, softplus; weight norm at the end."""

    def transcription(p, z, label):
        label = one_hot(label, 3)
        x = z
        for index in range(2):
            x = dense(p[f"hidden_{index}"], torch.cat([x, label], 1))
            x = functional.softplus(batch_norm(p[f"norm_{index}"], x))
        x = torch.sigmoid(weight_norm(p["output"], torch.cat([x, label], 1)))
        return (2 * x - 1).reshape(4, 2, 3, 1).permute(0, 3, 1, 2)

    network = networks.TripleGANGenerator((2, 3, 1), hidden=(6, 5), embedded_classes=3)
    check(network, transcription, rng.standard_normal((4, 3)), LABELS, draw=drawn)


def test_triple_gan_discriminator(drawn):
    """Pixels in [0, 1]; the label stands beside every input, and beside that of the second layer twice."""

    def transcription(p, x, label):
        x, label = (flat(x) + 1) / 2, one_hot(label, 3)
        x = relu(weight_norm(p["hidden_0"], torch.cat([x, label], 1)))
        x = relu(weight_norm(p["hidden_1"], torch.cat([x, label, label], 1)))
        return weight_norm(p["logit"], torch.cat([x, label], 1))[:, 0]

    network = networks.TripleGANDiscriminator(hidden=(6, 5), embedded_classes=3)
    check(network, transcription, rng.standard_normal((4, 2, 3, 1)), LABELS, draw=drawn)


def test_triple_gan_classifier(drawn):
    """28 pixels: 5x5 to 24, pooled to 12; 3x3 kept and 3x3 to 10, pooled to 5; two 3x3 kept; the mean of the map."""

    def transcription(p, x):
        for index, padding in enumerate((0, 1, 0, 1, 1)):
            x = relu(batch_norm(p[f"norm_{index}"], conv(p[f"conv_{index}"], x, padding=padding)))
            x = functional.max_pool2d(x, 2) if padding == 0 else x
        return dense(p["class_logits"], x.mean((2, 3)))

    network = networks.TripleGANClassifier(class_logits=3, widths=(3, 4, 5))
    check(
        network,
        transcription,
        rng.standard_normal((2, 28, 28, 1)),
        draw=drawn,
        result=lambda verdict: verdict.class_logits,
    )
