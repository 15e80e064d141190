"""ProGAN, StarGAN, DiscoGAN and UNIT, transcribed from their papers' tables."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from tests.parity.torch_layers import (
    batch_norm,
    check,
    conv,
    dense,
    double,
    flat,
    halve,
    instance_norm,
    leaky,
    pixel_norm,
    torch,
    transposed,
)

relu = torch.relu
pytestmark = pytest.mark.slow
rng = np.random.default_rng(0)


def test_progan_generator_while_a_level_fades_in(drawn):
    """4x4, then 3x3 at 4; a doubling and two 3x3 at 8; 0.7 of the old image, doubled, and 0.3 of the new one."""

    def layer(p, x):
        return pixel_norm(leaky(conv(p, x)))

    def transcription(p, z):
        x = pixel_norm(leaky(transposed(p["project"], pixel_norm(z)[:, :, None, None], stride=1, padding=0)))
        old = layer(p["level_4"]["conv_0"], x)
        x = layer(p["level_8"]["conv_1"], layer(p["level_8"]["conv_0"], double(old)))
        return 0.7 * double(conv(p["to_rgb_4"], old)) + 0.3 * conv(p["to_rgb_8"], x)

    network = networks.ProGANGenerator((8, 8, 3), base_width=16, max_width=6)
    check(network, transcription, rng.standard_normal((3, 6)), draw=drawn, alpha=0.3)


@pytest.mark.parametrize("fused", [False, True])
def test_progan_discriminator_while_a_level_fades_in(drawn, fused):
    """Two 3x3 and a halving at 8; the deviation over the batch as a map, 3x3 and two dense layers at 4."""

    def transcription(p, x):
        new = leaky(conv(p["level_8"]["conv_0"], leaky(conv(p["from_rgb_8"], x))))
        new = conv(p["level_8"]["conv_1"], new)
        new = leaky(halve(new)) if fused else halve(leaky(new))
        h = 0.7 * leaky(conv(p["from_rgb_4"], halve(x))) + 0.3 * new
        deviation = (h.var(0, unbiased=False) + 1e-8).sqrt().mean()
        h = torch.cat([h, deviation.expand(len(h), 1, 4, 4)], 1)
        h = leaky(dense(p["dense"], flat(leaky(conv(p["level_4"]["conv_0"], h)))))
        return dense(p["score"], h)[:, 0]

    network = networks.ProGANDiscriminator(base_width=16, max_width=6, group_size=3, fused=fused)
    check(network, transcription, rng.standard_normal((3, 8, 8, 3)), draw=drawn, alpha=0.3)


def test_stargan_generator(drawn):
    """Table 4: the label as maps beside the image; instance norm and ReLU behind all but the last layer."""

    def layer(p, x, name, norm, **settings):
        return relu(instance_norm(p[norm], conv(p[name], x, **settings)))

    def transcription(p, x, condition):
        x = torch.cat([x, condition[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        x = layer(p, x, "stem", "stem_norm")
        for index in range(2):
            x = layer(p, x, f"down_{index}", f"down_norm_{index}", stride=2, padding=1)
        h = layer(p, x, "block_0_conv_1", "block_0_norm_1")
        x = x + instance_norm(p["block_0_norm_2"], conv(p["block_0_conv_2"], h))
        for index in range(2):
            x = relu(instance_norm(p[f"up_norm_{index}"], transposed(p[f"up_{index}"], x)))
        return torch.tanh(conv(p["to_image"], x))

    network = networks.StarGANGenerator((12, 16, 3), width=2, blocks=1)
    check(network, transcription, rng.standard_normal((2, 12, 16, 3)), rng.standard_normal((2, 4)), draw=drawn)


def test_stargan_discriminator(drawn):
    """Table 5: LeakyReLU 0.01; 3x3 to the scores of patches, and a convolution of the map's size to the classes."""

    def transcription(p, x):
        for index in range(2):
            x = leaky(conv(p[f"conv_{index}"], x, stride=2, padding=1), 0.01)
        return torch.cat([flat(conv(p["score"], x)), flat(conv(p["classes"], x, padding=0))], 1)

    network = networks.StarGANDiscriminator(class_logits=4, width=3, layers=2)
    check(
        network,
        transcription,
        rng.standard_normal((3, 16, 16, 3)),
        draw=drawn,
        result=lambda verdict: jnp.concatenate([verdict.score.reshape(3, -1), verdict.class_logits], axis=1),
    )


def test_discogan_translator(drawn):
    """Halvings to one vector and doublings back; no norm on the first and the last layer."""

    def transcription(p, x):
        x = leaky(conv(p["down_0"], x, stride=2, padding=1))
        x = leaky(batch_norm(p["down_norm_1"], conv(p["down_1"], x, stride=2, padding=1)))
        x = leaky(batch_norm(p["bottleneck_norm"], conv(p["bottleneck"], x, padding=0)))
        x = relu(batch_norm(p["first_map_norm"], transposed(p["first_map"], x, stride=1, padding=0)))
        x = relu(batch_norm(p["up_norm_0"], transposed(p["up_0"], x)))
        return torch.tanh(transposed(p["to_image"], x))

    network = networks.DiscoGANTranslator((16, 16, 3), widths=(3, 4), bottleneck=5)
    check(network, transcription, rng.standard_normal((4, 16, 16, 3)), draw=drawn)


def test_discogan_discriminator(drawn):
    def transcription(p, x):
        x = leaky(conv(p["conv_0"], x, stride=2, padding=1))
        x = leaky(batch_norm(p["norm_1"], conv(p["conv_1"], x, stride=2, padding=1)))
        return dense(p["logit"], flat(x))[:, 0]

    network = networks.DiscoGANDiscriminator(widths=(3, 4))
    check(network, transcription, rng.standard_normal((4, 16, 16, 3)), draw=drawn)


def residual(p, x):
    """UNIT's: 3x3, instance norm, ReLU, 3x3, instance norm."""
    h = relu(instance_norm({}, conv(p["block_0_conv_1"], x)))
    return x + instance_norm({}, conv(p["block_0_conv_2"], h))


def test_unit_encoder(drawn):
    """7x7 and a 3x3 that halves, of the second domain; residual blocks, the last of both."""

    def transcription(p, x):
        own = p["outer_b"]
        x = leaky(conv(own["down_0"], leaky(conv(own["stem"], x)), stride=2))
        return residual(p["inner"], residual(own["blocks"], x))

    network = networks.UNITEncoder(width=3, downsamples=1, blocks=1)
    check(network, transcription, rng.standard_normal((2, 12, 8, 3)), draw=drawn, domain="b")


def test_unit_decoder(drawn):
    """Residual blocks, the first of both domains; a 3x3 that doubles, and 1x1, of the first domain."""

    def transcription(p, x):
        own = p["outer_a"]
        x = residual(own["blocks"], residual(p["inner"], x))
        return torch.tanh(conv(own["to_image"], leaky(transposed(own["up_0"], x, output_padding=1))))

    network = networks.UNITDecoder((12, 8, 3), downsamples=1, blocks=1)
    check(network, transcription, rng.standard_normal((2, 6, 4, 6)), draw=drawn, domain="a")
