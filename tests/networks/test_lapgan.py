"""LAPGAN's networks: the published sizes, torch, the plane of a label, and small images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import (
    LAPGANCoarseDiscriminator,
    LAPGANCoarseGenerator,
    LAPGANDiscriminator,
    LAPGANGenerator,
)


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


def test_parameters_of_the_paper(count):
    level, noise = (2, 28, 28, 3), (2, 28, 28, 1)
    generator = conv(64, 64, 7) + conv(64, 3, 5)
    assert count(LAPGANGenerator((28, 28, 3)), noise, level) == conv(4, 64, 7) + generator == 218_179
    # maps of (28 - 4 - 5) // 2 + 1 = 10 pixels
    discriminator = conv(64, 64, 5) + 64 * 10 * 10 + 1
    assert count(LAPGANDiscriminator(), level, level) == conv(3, 64, 5) + discriminator == 113_729
    # a plane from 10 classes is one more input
    plane = 11 * 28 * 28
    shown = count(LAPGANGenerator((28, 28, 3), embedded_classes=10), noise, level, "label")
    assert shown == plane + conv(5, 64, 7) + generator
    shown = count(LAPGANDiscriminator(embedded_classes=10), level, level, "label")
    assert shown == plane + conv(4, 64, 5) + discriminator
    # 100 latents; 192 pixels
    generator = 101 * 1200 + 1201 * 1200 + 1201 * 192
    assert count(LAPGANCoarseGenerator((8, 8, 3)), (2, 100)) == generator == 1_792_992
    discriminator = 193 * 600 + 601 * 600 + 601
    assert count(LAPGANCoarseDiscriminator(), (2, 8, 8, 3)) == discriminator == 477_001
    assert count(LAPGANCoarseGenerator((8, 8, 3), embedded_classes=10), (2, 100), "label") == generator + 10 * 1200
    assert count(LAPGANCoarseDiscriminator(embedded_classes=10), (2, 8, 8, 3), "label") == discriminator + 10 * 600


@pytest.fixture
def level(normal):
    """Noise, residuals, coarse images and labels of a level, for numpy and torch."""
    generator = np.random.default_rng(4)
    residual, coarse = (jnp.asarray(generator.standard_normal((3, 12, 10, 2), np.float32)) for _ in range(2))
    return normal(3, 12, 10, 1), residual, coarse, jnp.asarray([2, 0, 2])


def torch_layer(torch, params):
    """A function of torch tensors (B, C, H, W) or (B, D) with the kernel and bias of a layer of ours."""
    kernel, bias = (torch.tensor(np.asarray(params[name])) for name in ("kernel", "bias"))
    if kernel.ndim == 2:
        return lambda x: x @ kernel + bias
    return lambda x, **options: torch.nn.functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, **options)


def torch_plane(torch, params, label, height, width):
    onehot = torch.nn.functional.one_hot(torch.tensor(np.asarray(label, np.int64)), 3).float()
    return torch_layer(torch, params["label_plane"])(onehot).relu().reshape(-1, 1, height, width)


def test_generator_agrees_with_torch(level, drawn, normal):
    torch = pytest.importorskip("torch")
    noise, _, coarse, label = level
    network = LAPGANGenerator((12, 10, 2), (4, 5), embedded_classes=3)
    params = drawn(network, noise, coarse, label)
    inputs = [torch.tensor(np.asarray(array)).requires_grad_() for array in (noise, coarse)]
    x = torch.cat([*(array.permute(0, 3, 1, 2) for array in inputs), torch_plane(torch, params, label, 12, 10)], 1)
    x = torch_layer(torch, params["conv_0"])(x, padding=3).relu()
    x = torch_layer(torch, params["conv_1"])(x, padding=3).relu()
    expected = torch_layer(torch, params["to_residual"])(x, padding=2).permute(0, 2, 3, 1)
    weight = normal(3, 12, 10, 2)
    (expected * torch.tensor(np.asarray(weight))).sum().backward()

    def total(noise, coarse):
        y = network.apply({"params": params}, noise, coarse, label)
        return (y * weight).sum(), y

    gradients, y = jax.jit(jax.grad(total, (0, 1), has_aux=True))(noise, coarse)
    # linear: nothing bounds it
    assert expected.abs().max() > 1
    np.testing.assert_allclose(y, expected.detach(), atol=1e-4)
    for ours, theirs in zip(gradients, inputs, strict=True):
        np.testing.assert_allclose(ours, theirs.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("padding", "pixels"), [("VALID", 0), ("SAME", 2)])
def test_discriminator_agrees_with_torch(padding, pixels, level, drawn):
    torch = pytest.importorskip("torch")
    _, residual, coarse, label = level
    network = LAPGANDiscriminator((4, 5), padding=padding, embedded_classes=3)
    params = drawn(network, residual, coarse, label)
    inputs = [torch.tensor(np.asarray(array)).requires_grad_() for array in (residual, coarse)]
    x = (inputs[0] + inputs[1]).permute(0, 3, 1, 2)
    x = torch.cat([x, torch_plane(torch, params, label, 12, 10)], 1)
    x = torch_layer(torch, params["conv_0"])(x, padding=pixels).relu()
    x = torch_layer(torch, params["conv_1"])(x, padding=pixels, stride=2).relu()
    flat = x.permute(0, 2, 3, 1).reshape(3, -1)
    score = torch_layer(torch, params["logit"])(flat)[:, 0]
    score.square().sum().backward()

    def total(residual, coarse):
        verdict = network.apply({"params": params}, residual, coarse, label, features=True)
        return (verdict.score**2).sum(), verdict

    gradients, verdict = jax.jit(jax.grad(total, (0, 1), has_aux=True))(residual, coarse)
    np.testing.assert_allclose(verdict.score, score.detach(), atol=1e-4)
    np.testing.assert_allclose(verdict.features, flat.detach(), atol=1e-4)
    assert verdict.class_logits is None
    for ours, theirs in zip(gradients, inputs, strict=True):
        np.testing.assert_allclose(ours, theirs.grad, rtol=1e-3, atol=1e-3)


def test_coarse_networks_are_chains_of_matrices(drawn, run, normal):
    z, label = normal(4, 5), np.asarray([1, 0, 2, 1])
    images = normal(4, 2, 3, 2)
    onehot = np.eye(3)[label]
    generator = LAPGANCoarseGenerator((2, 3, 2), (6, 7), embedded_classes=3)
    discriminator = LAPGANCoarseDiscriminator((6, 7), embedded_classes=3)
    for network, given, last in ((generator, z, "output"), (discriminator, images, "logit")):
        params = jax.tree.map(np.asarray, drawn(network, given, label))
        h = np.concatenate([np.asarray(given).reshape(4, -1), onehot], 1)
        for name in ("hidden_0", "hidden_1"):
            h = np.maximum(h @ params[name]["kernel"] + params[name]["bias"], 0)
        expected = h @ params[last]["kernel"] + params[last]["bias"]
        expected = expected.reshape(4, 2, 3, 2) if last == "output" else expected[:, 0]
        np.testing.assert_allclose(run(network, params, given, label), expected, rtol=1e-4, atol=1e-5)
    verdict = discriminator.apply({"params": params}, images, label, features=True)
    np.testing.assert_allclose(verdict.features, h, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [8, 16])
def test_small_images(size, shapes):
    image, noise = (2, size, size, 1), (2, size, size, 1)
    shapes(LAPGANGenerator((size, size, 1)), noise, image)
    padding = "VALID" if size == 16 else "SAME"
    params = shapes(LAPGANDiscriminator(padding=padding), image, image)
    # a map of (16 - 4 - 5) // 2 + 1 or 8 / 2 pixels: 4 each
    assert params["logit"]["kernel"].shape == (4 * 4 * 64, 1)


def test_dropout(level, drawn):
    # In one minibatch of copies the logits differ only by what is dropped.
    _, residual, coarse, _ = (jnp.tile(array[:1], (300, *[1] * (array.ndim - 1))) for array in level)
    network = LAPGANDiscriminator((2, 1), dropout_rate=0.5)
    params = drawn(network, residual, coarse)
    play = jax.jit(
        lambda key: network.apply({"params": params}, residual, coarse, features=True, rngs={"dropout": key})
    )
    score, features, *_ = play(jax.random.key(0))
    np.testing.assert_allclose(features, np.tile(features[:1], (300, 1)), atol=1e-5)
    # Each of the products of feature and weight is doubled or dropped: their sum has their sum of squares as variance.
    products = np.asarray(features[0]) * params["logit"]["kernel"][:, 0]
    assert np.any(products != 0)
    np.testing.assert_allclose(np.std(score), np.linalg.norm(products), rtol=0.2)
    small = LAPGANCoarseDiscriminator((4, 4), dropout_rate=0.9)
    params = drawn(small, coarse)
    verdict = small.apply({"params": params}, coarse, features=True, rngs={"dropout": jax.random.key(0)})
    assert np.std(verdict.features, axis=0).max() > 0
    assert np.std(small.apply({"params": params}, coarse)) < 1e-5


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_compute_dtype(dtype, normal):
    image, noise, label, z = normal(2, 9, 9, 1), normal(2, 9, 9, 1), jnp.arange(2), normal(2, 5)
    for network, inputs in (
        (LAPGANGenerator((9, 9, 1), embedded_classes=3, dtype=dtype), (noise, image, label)),
        (LAPGANDiscriminator(embedded_classes=3, dtype=dtype), (image, image, label)),
        (LAPGANCoarseGenerator((9, 9, 1), (4,), embedded_classes=3, dtype=dtype), (z, label)),
        (LAPGANCoarseDiscriminator((4,), embedded_classes=3, dtype=dtype), (image, label)),
    ):
        params = jax.eval_shape(network.init, jax.random.key(0), *inputs)["params"]
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
        program = jax.jit(network.apply).trace({"params": params}, *inputs)
        assert ("bf16" in str(program.jaxpr)) == (dtype == jnp.bfloat16)
        assert program.out_info.dtype == jnp.float32


def test_errors(shapes):
    image, noise = (2, 8, 8, 1), (2, 8, 8, 1)
    with pytest.raises(UserError, match=r'8x8 are too small for padding="VALID"; use padding="SAME"'):
        shapes(LAPGANDiscriminator(), image, image)
    with pytest.raises(UserError, match="padding='REFLECT' does not exist"):
        shapes(LAPGANDiscriminator(padding="REFLECT"), image, image)
    with pytest.raises(UserError, match="writes 16x16 pixels, but its noise have 8x8"):
        shapes(LAPGANGenerator((16, 16, 1)), noise, image)
    with pytest.raises(UserError, match="embedded_classes=0 but got labels"):
        shapes(LAPGANDiscriminator(padding="SAME"), image, image, "label")
    with pytest.raises(UserError, match="embedded_classes=3 but got no labels"):
        shapes(LAPGANCoarseGenerator((8, 8, 1), embedded_classes=3), (2, 5))
