"""R3GAN: published sizes, grouped convolutions and whole networks against torch, and the initialisation."""

import itertools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import r3gan
from jaxgan.networks import R3GANDiscriminator, R3GANGenerator
from jaxgan.networks.r3gan import _Block, dense_groups, native_groups, wide_groups
from jaxgan.training.plan import plan_without_data

FFHQ_256 = (768, 768, 768, 768, 384, 192, 96)


def block(width):
    """1x1 to twice the width and 3x3 in groups of 16, both with biases; 1x1 back without."""
    wide = 2 * width
    return (width * wide + wide) + (9 * 16 * wide + wide) + wide * width


@pytest.mark.parametrize(
    ("size", "widths", "generator", "discriminator"),
    [
        (32, (768,) * 4, 20_732_160, 20_683_776),  # CIFAR-10
        (64, (768, 768, 768, 768, 384), 22_429_824, 22_381_440),  # FFHQ
        (256, FFHQ_256, 23_057_952, 23_009_568),
        (32, (1536,) * 4, 79_213_056, 79_116_288),  # ImageNet
    ],
)
def test_parameters_of_the_paper(size, widths, generator, discriminator, count):
    shared = sum(2 * block(width) for width in widths)
    shared += sum(before * after for before, after in itertools.pairwise(widths) if before != after)
    shared += 4 * 4 * widths[0] + 3 * widths[-1]
    assert count(R3GANGenerator((size, size, 3), widths=widths), (2, 64)) == shared + 64 * widths[0] == generator
    assert count(R3GANDiscriminator(widths), (2, size, size, 3)) == shared + widths[0] == discriminator


def test_parameters_with_classes(count):
    # An embedding of 64 components beside z, and one of 768 against as many outputs.
    plain = count(R3GANGenerator((32, 32, 3)), (2, 64))
    assert count(R3GANGenerator((32, 32, 3), embedded_classes=10), (2, 64), "label") == plain + 10 * 64 + 64 * 768
    plain = count(R3GANDiscriminator(), (2, 32, 32, 3))
    assert count(R3GANDiscriminator(projected_classes=10), (2, 32, 32, 3), "label") == plain + 10 * 768 + 767 * 768


# Layers of the authors' networks for CIFAR-10 as their --preset=CIFAR10 --cond=1 makes them, in PyTorch's shapes.
BLOCK = [(1536, 768, 1, 1), (1536,), (1536, 16, 3, 3), (1536,), (768, 1536, 1, 1)]
PUBLISHED = {
    "generator": [(64, 10), (768, 4, 4), (768, 64 + 64), *(8 * BLOCK), (3, 768, 1, 1)],
    "discriminator": [(768, 3, 1, 1), *(8 * BLOCK), (768, 1, 4, 4), (768, 768), (768, 10)],
}


def test_the_published_command_is_conditional():
    def sizes(variant):
        players = plan_without_data(r3gan.get_config(variant)).abstract_state().players
        return {name: sum(leaf.size for leaf in jax.tree.leaves(player.params)) for name, player in players.items()}

    layers = {name: sum(map(math.prod, shapes)) for name, shapes in PUBLISHED.items()}
    assert sizes("paper") == layers == {"generator": 20_781_952, "discriminator": 21_280_512}
    # The published commands for faces have no --cond.
    assert sizes("ffhq64") == {"generator": 22_429_824, "discriminator": 22_381_440}
    assert sizes("ffhq256") == {"generator": 23_057_952, "discriminator": 23_009_568}


def test_widths_and_groups(shapes):
    params = shapes(R3GANGenerator((256, 256, 3), widths=FFHQ_256), (2, 64))
    # The published cardinalities at twice the width: 96, 96, 96, 96, 48, 24, 12 groups
    kernels = [params[f"block_{stage}_1"]["conv_2"]["kernel"].shape for stage in range(7)]
    assert [shape[3] // shape[2] for shape in kernels] == [96, 96, 96, 96, 48, 24, 12]
    assert [name for name in params if name.startswith("widen")] == ["widen_4", "widen_5", "widen_6"]
    for size, base in ((16, 4), (28, 7)):
        params = shapes(R3GANGenerator((size, size, 1), widths=(16, 8, 8), blocks=1), (2, 8))
        assert params["basis"].shape == (base, base, 16)
        params = shapes(R3GANDiscriminator((16, 8, 8), blocks=1), (2, size, size, 1))
        assert params["basis"].shape == (base, base, 16)
        assert params["from_image"]["kernel"].shape == (1, 1, 1, 8)


# Groups of 4 that fit one dense convolution, of 16 that need several for CPUs and for TPUs, and one wider than CPUs' get.
@pytest.mark.parametrize(("channels", "size"), [(12, 4), (192, 16), (72, 72)])
@pytest.mark.parametrize("form", [dense_groups, wide_groups, native_groups])
def test_grouped_convolution_agrees_with_torch(channels, size, form, normal):
    torch = pytest.importorskip("torch")
    x, kernel = normal(2, 5, 4, channels), normal(3, 3, size, channels)
    t = torch.tensor(np.asarray(x).transpose(0, 3, 1, 2), requires_grad=True)
    weight = torch.tensor(np.asarray(kernel).transpose(3, 2, 0, 1), requires_grad=True)
    y = torch.nn.functional.conv2d(t, weight, padding=1, groups=channels // size)
    torch.sin(y).sum().backward()
    np.testing.assert_allclose(jax.jit(form)(x, kernel), y.detach().numpy().transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-3)
    gradients = jax.jit(jax.grad(lambda x, kernel: jnp.sin(form(x, kernel)).sum(), argnums=(0, 1)))(x, kernel)
    np.testing.assert_allclose(gradients[0], t.grad.numpy().transpose(0, 2, 3, 1), rtol=1e-3, atol=3e-3)
    np.testing.assert_allclose(gradients[1], weight.grad.numpy().transpose(2, 3, 1, 0), rtol=1e-3, atol=3e-3)


def test_groups_go_by_the_platform_that_a_step_is_lowered_for(drawn, normal):
    network = _Block(depth=1, group_width=16)
    x = normal(2, 6, 6, 128)
    params = drawn(network, x)
    slopes = jax.grad(lambda x, params: jnp.sin(network.apply({"params": params}, x)).sum())
    traced = jax.jit(jax.grad(lambda params: jnp.square(slopes(x, params)).sum())).trace(params)

    def groups(platform):
        """Of the most divided convolution, gradients among them."""
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        return max(map(int, re.findall(r"feature_group_count = (\d+) ", text)))

    # 256 channels in groups of 16: each its own, joined to 128 channels, and dense ones.
    assert {platform: groups(platform) for platform in ("cuda", "tpu", "cpu")} == {"cuda": 16, "tpu": 2, "cpu": 1}


def tensor(torch, value, axes=None):
    value = np.asarray(value)
    return torch.tensor(value if axes is None else value.transpose(axes))


def torch_stage(torch, x, params, groups):
    """One residual block for each entry of `params`."""
    conv = torch.nn.functional.conv2d
    for layer in params:
        weights = [tensor(torch, layer[f"conv_{index}"]["kernel"], (3, 2, 0, 1)) for index in (1, 2, 3)]
        biases = [tensor(torch, layer[f"conv_{index}"]["bias"]) for index in (1, 2)]
        h = torch.nn.functional.leaky_relu(conv(x, weights[0], biases[0]), 0.2)
        h = torch.nn.functional.leaky_relu(conv(h, weights[1], biases[1], padding=1, groups=groups), 0.2)
        x = x + conv(h, weights[2])
    return x


def torch_filter(torch, channels):
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return (row[:, None] * row[None]).expand(channels, 1, 4, 4)


def test_generator_agrees_with_torch(drawn, run, normal):
    torch = pytest.importorskip("torch")
    network = R3GANGenerator((8, 12, 2), widths=(6, 4), blocks=2, group_width=4)
    z = normal(3, 5)
    params = drawn(network, z)
    x = tensor(torch, z) @ tensor(torch, params["project"]["kernel"])
    x = x[:, :, None, None] * tensor(torch, params["basis"], (2, 0, 1))[None]
    x = torch_stage(torch, x, [params["block_0_0"], params["block_0_1"]], groups=3)
    x = torch.nn.functional.conv2d(x, tensor(torch, params["widen_1"]["kernel"], (3, 2, 0, 1)))
    # Zeros between the pixels, and the filter with four times its gain
    x = torch.nn.functional.conv_transpose2d(x, 4 * torch_filter(torch, 4), stride=2, padding=1, groups=4)
    x = torch_stage(torch, x, [params["block_1_0"], params["block_1_1"]], groups=2)
    x = torch.nn.functional.conv2d(x, tensor(torch, params["to_image"]["kernel"], (3, 2, 0, 1)))
    expected = x.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(run(network, params, z), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_discriminator_and_its_penalty_agree_with_torch(drawn, normal):
    torch = pytest.importorskip("torch")
    network = R3GANDiscriminator((6, 4), blocks=1, group_width=4)
    x = normal(3, 8, 12, 2)
    params = drawn(network, x)
    leaves = {"from_image": tensor(torch, params["from_image"]["kernel"], (3, 2, 0, 1)).requires_grad_()}
    t = tensor(torch, x, (0, 3, 1, 2)).requires_grad_()
    h = torch.nn.functional.conv2d(t, leaves["from_image"])
    h = torch_stage(torch, h, [params["block_1_0"]], groups=2)
    h = torch.nn.functional.conv2d(h, torch_filter(torch, 4), stride=2, padding=1, groups=4)
    h = torch.nn.functional.conv2d(h, tensor(torch, params["widen_0"]["kernel"], (3, 2, 0, 1)))
    h = torch_stage(torch, h, [params["block_0_0"]], groups=3)
    h = torch.nn.functional.conv2d(h, tensor(torch, params["basis"], (2, 0, 1))[:, None], groups=6)[:, :, 0, 0]
    logits = h @ tensor(torch, params["logit"]["kernel"])[:, 0]
    (gradient,) = torch.autograd.grad(logits.sum(), t, create_graph=True)
    penalty = gradient.square().sum()
    penalty.backward()

    def ours(params):
        judge = lambda x: network.apply({"params": params}, x)  # noqa: E731
        gradient = jax.grad(lambda x: judge(x).sum())(x)
        return jnp.square(gradient).sum(), judge(x)

    (value, scores), slopes = jax.jit(jax.value_and_grad(ours, has_aux=True))(params)
    np.testing.assert_allclose(scores, logits.detach().numpy(), rtol=1e-4, atol=1e-4 * np.abs(scores).max())
    np.testing.assert_allclose(value, penalty.item(), rtol=1e-4)
    expected = leaves["from_image"].grad.numpy().transpose(2, 3, 1, 0)
    np.testing.assert_allclose(slopes["from_image"]["kernel"], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_labels(drawn, run, normal):
    # A label's embedding is appended to z ...
    network = R3GANGenerator((8, 8, 3), widths=(4, 4), blocks=1, group_width=4, embedded_classes=3)
    plain = network.clone(embedded_classes=0)
    z, label = normal(3, 5), jnp.array([2, 0, 2])
    params = drawn(network, z, label)
    rows = params["class_embedding"]["embedding"][label]
    longer = {name: value for name, value in params.items() if name != "class_embedding"}
    expected = run(plain, longer, jnp.concatenate([z, rows], axis=1))
    np.testing.assert_allclose(run(network, params, z, label), expected, rtol=1e-5, atol=1e-5)
    # ... and multiplied with the discriminator's outputs.
    network = R3GANDiscriminator((4, 4), blocks=1, group_width=4, projected_classes=3)
    x = normal(3, 8, 8, 1)
    params = drawn(network, x, label)
    logits, features, *_ = network.apply({"params": params}, x, label, features=True)
    expected = np.sum(features @ params["logit"]["kernel"] * params["class_embedding"]["embedding"][label], axis=1)
    np.testing.assert_allclose(logits, expected, rtol=1e-4)


def test_initialisation(initialised):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 4, 4, 32), np.float32))
    network = _Block(depth=8, group_width=16)
    params = initialised(network, x)
    gain = np.sqrt(2 / 1.04) * 8**-0.25
    np.testing.assert_allclose(np.std(params["conv_1"]["kernel"]), gain / np.sqrt(32), rtol=0.05)
    np.testing.assert_allclose(np.std(params["conv_2"]["kernel"]), gain / np.sqrt(9 * 16), rtol=0.05)
    # The last convolution is zero: a block starts as the identity.
    np.testing.assert_array_equal(network.apply({"params": params}, x), x)
    params = initialised(R3GANDiscriminator((64, 32), blocks=1), np.zeros((1, 8, 8, 3), np.float32))
    np.testing.assert_allclose(np.std(params["basis"]), 1 / 4, rtol=0.1)
    np.testing.assert_allclose(np.std(params["widen_0"]["kernel"]), 1 / np.sqrt(32), rtol=0.1)
    np.testing.assert_allclose(np.std(params["logit"]["kernel"]), 1 / np.sqrt(64), rtol=0.3)


@pytest.mark.parametrize(
    ("network", "inputs", "words"),
    [
        (
            R3GANGenerator((30, 30, 3)),
            [(2, 8)],
            "R3GANGenerator doubles its first map 3 times, but 30x30 is no multiple of 8",
        ),
        (R3GANGenerator((8, 8, 3), widths=(6, 6)), [(2, 8)], "12 channels do not divide into groups of 16"),
        (R3GANDiscriminator((8, 8, 8), blocks=1), [(2, 6, 6, 3)], "a map of 3x3 cannot be halved"),
        (R3GANDiscriminator((8, 8), projected_classes=3), [(2, 8, 8, 3)], "projected_classes=3 but got no labels"),
    ],
)
def test_errors(network, inputs, words, shapes):
    with pytest.raises(ValueError, match=words):
        shapes(network, *inputs)


def test_the_first_stages_keep_full_precision():
    common = {"widths": (16, 16, 16), "blocks": 1, "full_precision_stages": 1, "dtype": jnp.bfloat16}
    for network, example in (
        (R3GANGenerator((16, 16, 1), **common), jnp.zeros((2, 8))),
        (R3GANDiscriminator(**common), jnp.zeros((2, 16, 16, 1))),
    ):

        def run(key, network=network, example=example):
            return network.init_with_output(key, example, capture_intermediates=True)

        outputs, variables = jax.eval_shape(run, jax.random.key(0))
        found = {
            f"block_{stage}_0": variables["intermediates"][f"block_{stage}_0"]["__call__"][0] for stage in range(3)
        }
        assert [value.dtype for value in found.values()] == [jnp.float32, jnp.bfloat16, jnp.bfloat16]
        assert outputs.dtype == jnp.float32
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables["params"]))
