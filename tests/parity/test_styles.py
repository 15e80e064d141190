"""StyleGAN and StyleGAN2, generators and discriminators, transcribed from their papers (arXiv:1812.04948 and 1912.04958)."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from jaxgan.networks import stylegan
from tests.parity.torch_layers import (
    check,
    conv,
    dense,
    double,
    flat,
    functional,
    halve,
    instance_norm,
    leaky,
    pixel_norm,
    torch,
)

pytestmark = pytest.mark.slow
rng = np.random.default_rng(0)
SMALL = {"base_width": 16, "max_width": 4, "style_width": 5, "mapping_layers": 2}


def rectified(x):
    """LeakyReLU with the gain that keeps a variance of 1."""
    return math.sqrt(2) * leaky(x)


def filtered(x, padding, gain=1.0):
    """[1, 3, 3, 1] along both axes of each channel, over a map with zeros around it: (left, right, top, bottom)."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
    kernel = (gain * torch.outer(taps, taps)).expand(x.shape[1], 1, 4, 4)
    return functional.conv2d(functional.pad(x, padding), kernel, groups=x.shape[1])


def with_zeros(x):
    """Zeros to the right of each pixel and below it."""
    batch, channels, height, width = x.shape
    stretched = torch.zeros(batch, channels, height, 2, width, 2, dtype=x.dtype)
    stretched[:, :, :, 0, :, 0] = x
    return stretched.reshape(batch, channels, 2 * height, 2 * width)


def upsampled(x):
    """Second paper, appendix B: zeros between pixels, then the filter, four times as strong."""
    return filtered(with_zeros(x), (2, 1, 2, 1), gain=4.0)


def downsampled(x):
    return filtered(x, (1, 1, 1, 1))[:, :, ::2, ::2]


def up_conv(weight, x):
    """3x3 over the map with zeros between its pixels, wherever it touches one, and the filter. `weight`: (D, C, 3, 3)."""
    stretched = with_zeros(x)[:, :, :-1, :-1]
    return filtered(functional.conv2d(stretched, weight, padding=2), (1, 1, 1, 1), gain=4.0)


def down_conv(p, x):
    return functional.conv2d(filtered(x, (2, 2, 2, 2)), oihw(p["kernel"]), p["bias"], stride=2)


def oihw(kernel):
    return kernel.permute(3, 2, 0, 1).contiguous()


def mapping(p, z):
    z = pixel_norm(z)
    for index in range(2):
        z = rectified(dense(p[f"dense_{index}"], z))
    return z


def noise(slot, size):
    """The numbers that stand for the noise where none is drawn: an input, as far as a transcription goes."""
    with jax.enable_x64(True):
        numbers = np.asarray(jax.random.normal(jax.random.key(slot), (size * size,)))
    return torch.tensor(numbers).reshape(1, 1, size, size)


def by_channel(vectors):
    return vectors[..., None, None]


# ---- StyleGAN


def test_stylegan_generator_while_a_level_fades_in(drawn):
    """Figure 1b: a constant; noise, bias, LeakyReLU, AdaIN behind it and behind each 3x3; the first 3x3 of a level doubles."""

    def style(p, x, w, slot):
        x = rectified(x + by_channel(p["noise"]) * noise(slot, x.shape[-1]) + by_channel(p["bias"]))
        scale, shift = dense(p["style"], w).chunk(2, dim=1)
        return (1 + by_channel(scale)) * instance_norm({}, x, 1e-8) + by_channel(shift)

    def transcription(p, z):
        w, p = mapping(p["mapping"], z), p["synthesis"]
        x = p["constant"].permute(2, 0, 1).expand(len(z), -1, -1, -1)
        x = style(p["style_4_0"], x, w, 0)
        x = old = style(p["style_4_1"], conv(p["conv_4"], x), w, 1)
        x = style(p["style_8_0"], up_conv(oihw(p["conv_8_up"]["kernel"]), x), w, 2)
        x = style(p["style_8_1"], conv(p["conv_8"], x), w, 3)
        return 0.7 * double(conv(p["to_rgb_4"], old)) + 0.3 * conv(p["to_rgb_8"], x)

    network = networks.StyleGANGenerator((8, 8, 3), **SMALL)
    check(network, transcription, rng.standard_normal((3, 6)), draw=drawn, alpha=0.3)


# ---- StyleGAN2


@pytest.mark.parametrize("structure", ["skip", "residual"])
def test_stylegan2_generator(drawn, structure):
    """Figures 2d and 7: each sample has kernels of its own, scaled by its style (Eq. 1) and back to unit norm (Eq. 3)."""

    def modulated(p, x, w, operation, demodulate=True):
        results, styles = [], dense(p["style"], w)
        for sample, scales in zip(x, styles, strict=True):
            kernel = oihw(p["kernel"]) * scales[None, :, None, None]
            if demodulate:
                kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
            results.append(operation(kernel, sample[None]))
        return torch.cat(results)

    def same(kernel, x):
        return functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2)

    def layer(p, name, x, w, slot, operation=same):
        x = modulated(p[name], x, w, operation)
        return rectified(x + p[f"{name}_noise"] * noise(slot, x.shape[-1]) + by_channel(p[f"{name}_bias"]))

    def image(p, size, x, w):
        return modulated(p[f"to_rgb_{size}"], x, w, same, demodulate=False) + by_channel(p[f"to_rgb_{size}_bias"])

    def transcription(p, z):
        w, p = mapping(p["mapping"], z), p["synthesis"]
        first = layer(p, "conv_4", p["constant"].permute(2, 0, 1).expand(len(z), -1, -1, -1), w, 0)
        x = layer(p, "conv_8", layer(p, "conv_8_up", first, w, 1, up_conv), w, 2)
        if structure == "skip":
            return upsampled(image(p, 4, first, w)) + image(p, 8, x, w)
        x = (x + upsampled(conv(p["skip_8"], first))) / math.sqrt(2)
        return image(p, 8, x, w)

    network = networks.StyleGAN2Generator((8, 8, 3), structure=structure, **SMALL)
    check(network, transcription, rng.standard_normal((3, 6)), draw=drawn)


# ---- the discriminator of both


@pytest.mark.parametrize("structure", ["plain", "skip", "residual"])
def test_stylegan_discriminator(drawn, monkeypatch, structure):
    """3x3, and 3x3 that halves; the deviation over groups of consecutive samples, 3x3, two dense layers at 4x4."""

    def transcription(p, x):
        read = rectified(conv(p["from_rgb_8"], x))
        h = rectified(down_conv(p["conv_8_down"], rectified(conv(p["conv_8"], read))))
        if structure == "plain":  # while its level of 8 fades in
            h = 0.7 * rectified(conv(p["from_rgb_4"], halve(x))) + 0.3 * h
        elif structure == "skip":
            h = h + rectified(conv(p["from_rgb_4"], downsampled(x)))
        else:
            h = (h + conv(p["skip_8"], downsampled(read))) / math.sqrt(2)
        groups = h.reshape(2, 2, *h.shape[1:])
        deviation = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        h = torch.cat([h, deviation.repeat_interleave(2)[:, None, None, None].expand(-1, 1, 4, 4)], 1)
        h = rectified(dense(p["dense"], flat(rectified(conv(p["conv_4"], h)))))
        return dense(p["score"], h)[:, 0]

    single = stylegan.Conv  # the last convolution is in single precision whatever the network's `dtype`
    monkeypatch.setattr(stylegan, "Conv", lambda *args, **fields: single(*args, **{"dtype": jnp.float32} | fields))
    network = networks.StyleGANDiscriminator(base_width=16, max_width=4, structure=structure, group_size=2)
    options = {"alpha": 0.3} if structure == "plain" else {}
    check(network, transcription, rng.standard_normal((4, 8, 8, 3)), draw=drawn, **options)
