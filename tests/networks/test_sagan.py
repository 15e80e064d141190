"""SAGAN's networks: the residual and the DCGAN networks with attention, layer by layer."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import sagan
from jaxgan.networks import DCGANDiscriminator, DCGANGenerator, ResNetDiscriminator, ResNetGenerator
from jaxgan.training.plan import plan_without_data


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


def attention(channels):
    """The paper's: C / 8 channels for query, key and value, and back to C; without biases; and gamma."""
    return 4 * channels * (channels // 8) + 1


def sizes(variant):
    state = plan_without_data(sagan.get_config(variant)).abstract_state()
    return {name: sum(leaf.size for leaf in jax.tree.leaves(one.params)) for name, one in state.players.items()}


def test_parameters_of_the_paper():
    generator = 129 * 4 * 4 * 1024 + attention(128) + 2 * 64 + conv(64, 3, 3)
    for before, after in itertools.pairwise((1024, 1024, 512, 256, 128, 64)):
        generator += conv(before, after, 3) + conv(after, after, 3) + conv(before, after, 1)
        generator += 2 * 1000 * (before + after)  # a gain and an offset for each class
    discriminator = conv(3, 64, 3) + conv(64, 64, 3) + conv(3, 64, 1) + attention(64) + 1025 + 1000 * 1024
    for before, after in itertools.pairwise((64, 128, 256, 512, 1024, 1024)):
        # "Wide": the first convolution widens.
        discriminator += conv(before, after, 3) + conv(after, after, 3)
        discriminator += conv(before, after, 1) if before != after else 0
    assert sizes("paper") == {"generator": generator, "discriminator": discriminator}


def test_parameters_of_the_tutorial():
    """Transposed 4x4 layers 100-512-256-128-64-3 with batch norm, and attention at 4x4 and 8x8; without biases."""
    widths = (100, 512, 256, 128, 64)
    generator = sum(16 * before * after + 2 * after for before, after in itertools.pairwise(widths)) + 16 * 64 * 3
    generator += attention(512) + attention(256)
    # The mirror, with biases, for it has no batch norm.
    widths = (3, 64, 128, 256, 512, 1)
    discriminator = sum(conv(before, after, 4) for before, after in itertools.pairwise(widths))
    discriminator += attention(512) + attention(256)
    assert sizes("tutorial") == {"generator": generator, "discriminator": discriminator}


def test_spectral_norm_is_on_every_layer_but_the_printed_one():
    state = plan_without_data(sagan.get_config("tutorial")).abstract_state()
    generator, discriminator = (set(state.players[name].constraint) for name in ("generator", "discriminator"))
    assert "attention_0/query/kernel" in generator and "up_3/kernel" in generator
    assert "to_image/kernel" not in generator and "logit/kernel" in discriminator


CASES = [
    (ResNetGenerator((16, 16, 1), widths=(8, 8, 8), attention=(8, 16)), (3, 5)),
    (ResNetDiscriminator(widths=(8, 8), attention=(8, 4)), (3, 16, 16, 1)),
    (DCGANGenerator((32, 16, 1), width=8, attention=(8, 16)), (3, 5)),
    (DCGANDiscriminator(width=8, norm="none", attention=(16, 8)), (3, 32, 32, 1)),
]


@pytest.mark.parametrize(("network", "inputs"), CASES)
def test_attention_begins_as_nothing_and_then_counts(network, inputs, drawn, run, normal):
    x = normal(*inputs)
    params = drawn(network, x)
    layers = {name for name in params if name.startswith("attention")}
    assert len(layers) == 2
    plain = {name: layer for name, layer in params.items() if name not in layers}
    without = run(network.clone(attention=()), plain, x)
    silent = plain | {name: params[name] | {"gamma": jnp.float32(0)} for name in layers}
    np.testing.assert_allclose(run(network, silent, x), without, rtol=1e-5, atol=1e-5)
    assert np.abs(run(network, params, x) - without).max() > 1e-3


@pytest.mark.parametrize(("network", "inputs"), [CASES[0], CASES[2]])
@pytest.mark.parametrize("form", ["paper", "released"])
def test_where_pixels_look(network, inputs, form, drawn, normal):
    network = network.clone(attention_form=form)
    x = normal(*inputs)
    params = drawn(network, x)
    image, looks = jax.jit(lambda p, z: network.apply({"params": p}, z, attention_maps=True))(params, x)
    shrunk = 1 if form == "paper" else 2
    for weights, side in zip(looks, network.attention, strict=True):
        _, height, width, h, w = weights.shape
        assert height == side and (h, w) == (height // shrunk, width // shrunk)
        np.testing.assert_allclose(weights.sum((3, 4)), 1, rtol=1e-5)
    assert image.shape[1:] == network.output_shape


@pytest.mark.parametrize(("network", "inputs"), CASES)
def test_maps_that_there_are_not_are_refused(network, inputs, shapes):
    with pytest.raises(ValueError, match=r"has no map of side 64 for attention=\(8, 64\): name sides"):
        shapes(network.clone(attention=(8, 64)), inputs)
