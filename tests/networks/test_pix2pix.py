"""pix2pix's networks: the published sizes, torch, and the patch that a logit sees."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.networks import ConditionalPatchDiscriminator, PatchDiscriminator, UNetTranslator, pix2pix
from jaxgan.networks.noise import dropout

IMAGE = (1, 256, 256, 3)


def test_published_numbers_of_parameters(count):
    assert count(UNetTranslator(IMAGE[1:]), IMAGE) == 54_413_955
    assert count(ConditionalPatchDiscriminator(), IMAGE, IMAGE) == 2_768_705


def test_other_patches_have_the_layers_of_the_paper(shapes):
    def widths(receptive_field):
        params = shapes(ConditionalPatchDiscriminator(receptive_field), IMAGE, IMAGE)["patches"]
        return [params[f"conv_{index}"]["kernel"].shape for index in range(len(params)) if f"conv_{index}" in params]

    assert widths(1) == [(1, 1, 6, 64), (1, 1, 64, 128)]
    assert widths(16) == [(4, 4, 6, 64), (4, 4, 64, 128)]
    assert [shape[3] for shape in widths(70)] == [64, 128, 256, 512]
    assert [shape[3] for shape in widths(286)] == [64, 128, 256, 512, 512, 512]


def test_layers_of_the_u_net(shapes):
    params = shapes(UNetTranslator((256, 256, 3)), IMAGE)
    encoder = [params[f"down_{index}"]["kernel"].shape[2:] for index in range(8)]
    assert encoder == [(3, 64), (64, 128), (128, 256), (256, 512), *[(512, 512)] * 4]
    # the decoder from the inside: what it reads is twice as wide, but for the first layer
    decoder = [params[f"up_{index}"]["kernel"].shape[2:] for index in reversed(range(1, 8))]
    assert decoder == [(512, 512), *[(1024, 512)] * 3, (1024, 256), (512, 128), (256, 64)]
    assert params["to_image"]["kernel"].shape == (4, 4, 128, 3)
    norms = {name for name in params if "norm" in name}
    assert norms == {f"down_norm_{index}" for index in range(1, 7)} | {f"up_norm_{index}" for index in range(1, 8)}
    assert [name for name in params if "norm" not in name and "bias" in params[name]] == ["to_image"]


def torch_parameter(torch, params, name="kernel", axes=None):
    array = np.asarray(params[name])
    return torch.tensor(array.transpose(axes) if axes else array)


def torch_norm(torch, x, params):
    weight, bias = torch_parameter(torch, params, "scale"), torch_parameter(torch, params, "bias")
    return torch.nn.functional.batch_norm(x, None, None, weight, bias, training=True)


@pytest.mark.parametrize("channels", [2, 1])
def test_u_net_agrees_with_torch(channels, drawn, normal):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x = normal(3, 8, 16, 2)
    network = UNetTranslator((8, 16, channels), width=3, levels=3)
    params = drawn(network, x)

    def down(x, name):
        return functional.conv2d(x, torch_parameter(torch, params[name], axes=(3, 2, 0, 1)), stride=2, padding=1)

    def up(x, name, bias=None):
        kernel = torch_parameter(torch, params[name], axes=(2, 3, 0, 1))
        return functional.conv_transpose2d(x, kernel, bias, stride=2, padding=1)

    inputs = torch.tensor(np.asarray(x)).requires_grad_()
    first = down(inputs.permute(0, 3, 1, 2), "down_0")
    second = torch_norm(torch, down(functional.leaky_relu(first, 0.2), "down_1"), params["down_norm_1"])
    third = down(functional.leaky_relu(second, 0.2), "down_2")
    h = torch_norm(torch, up(third.relu(), "up_2"), params["up_norm_2"])
    h = torch_norm(torch, up(torch.cat([h, second], 1).relu(), "up_1"), params["up_norm_1"])
    h = up(torch.cat([h, first], 1).relu(), "to_image", torch_parameter(torch, params["to_image"], "bias"))
    expected = h.tanh().permute(0, 2, 3, 1)
    weight = normal(3, 8, 16, channels)
    (expected * torch.tensor(np.asarray(weight))).sum().backward()

    def total(x):
        y = network.apply({"params": params}, x)
        return (y * weight).sum(), y

    gradient, y = jax.jit(jax.grad(total, has_aux=True))(x)
    assert expected.std() > 0.1
    np.testing.assert_allclose(y, expected.detach(), atol=1e-4)
    np.testing.assert_allclose(gradient, inputs.grad, rtol=1e-3, atol=1e-3)


def test_discriminator_agrees_with_torch(drawn, normal):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x, y = normal(3, 16, 20, 1), normal(3, 16, 20, 2)[:, ::-1]
    network = ConditionalPatchDiscriminator(34, width=3)
    params = drawn(network, x, y)["patches"]
    inputs = [torch.tensor(np.asarray(image)).requires_grad_() for image in (x, y)]
    h = torch.cat(inputs, 3).permute(0, 3, 1, 2)
    for index, stride in enumerate((2, 2, 1)):
        kernel = torch_parameter(torch, params[f"conv_{index}"], axes=(3, 2, 0, 1))
        bias = None if index else torch_parameter(torch, params["conv_0"], "bias")
        h = functional.conv2d(h, kernel, bias, stride, 1)
        h = functional.leaky_relu(torch_norm(torch, h, params[f"norm_{index}"]) if index else h, 0.2)
    kernel = torch_parameter(torch, params["logit"], axes=(3, 2, 0, 1))
    expected = functional.conv2d(h, kernel, torch_parameter(torch, params["logit"], "bias"), 1, 1)[:, 0]
    expected.square().sum().backward()

    def total(x, y):
        logits = network.apply({"params": {"patches": params}}, x, y)
        return (logits**2).sum(), logits

    gradients, logits = jax.jit(jax.grad(total, (0, 1), has_aux=True))(x, y)
    np.testing.assert_allclose(logits, expected.detach(), atol=1e-4)
    for ours, theirs in zip(gradients, inputs, strict=True):
        np.testing.assert_allclose(ours, theirs.grad, rtol=1e-3, atol=1e-3)


def test_pixels_agree_with_numpy(drawn, run, normal):
    x, y = normal(2, 3, 4, 1), normal(2, 3, 4, 2)
    network = ConditionalPatchDiscriminator(1, width=3)
    params = drawn(network, x, y)
    layers = jax.tree.map(np.asarray, params["patches"])
    kernels = [layers[name]["kernel"][0, 0] for name in ("conv_0", "conv_1", "logit")]
    leaky = lambda h: np.where(h > 0, h, 0.2 * h)  # noqa: E731
    h = leaky(np.concatenate([x, y], -1) @ kernels[0] + layers["conv_0"]["bias"]) @ kernels[1]
    h = (h - h.mean((0, 1, 2))) / np.sqrt(h.var((0, 1, 2)) + 1e-5)
    h = leaky(h * layers["norm_1"]["scale"] + layers["norm_1"]["bias"]) @ kernels[2] + layers["logit"]["bias"]
    np.testing.assert_allclose(run(network, params, x, y), h[..., 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("receptive_field", "side", "middle"), [(1, 4, 2), (16, 32, 7), (34, 64, 7), (70, 128, 7)])
def test_receptive_field(receptive_field, side, middle, drawn, run, normal):
    # Without a norm: the statistics of a batch norm let every logit see the whole minibatch.
    network = ConditionalPatchDiscriminator(receptive_field, width=1, norm="none")
    x, y = normal(1, side, side, 1), normal(1, side, side, 1)[:, ::-1]
    params = drawn(network, x, y)
    gradients = jax.jit(jax.grad(lambda x, y: run(network, params, x, y)[0, middle, middle], (0, 1)))(x, y)
    for gradient in map(np.asarray, gradients):
        for axis in (1, 2):
            seen = np.flatnonzero(np.any(gradient != 0, axis=tuple({0, 1, 2, 3} - {axis})))
            assert seen.max() - seen.min() + 1 == receptive_field


@pytest.mark.parametrize(("receptive_field", "layers"), [(16, 1), (34, 2), (70, 3), (142, 4), (286, 5)])
def test_receptive_field_by_arithmetic(receptive_field, layers, shapes):
    # From the last layer back, a layer of kernel k and stride s makes n pixels s (n - 1) + k.
    image = (1, 256, 256, 1)
    params = shapes(ConditionalPatchDiscriminator(receptive_field, width=1), image, image)["patches"]
    alone = shapes(PatchDiscriminator(width=1, layers=layers, norm="batch"), (1, 256, 256, 2))
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, alone)
    pixels = 1
    for kernel, stride in [(4, 1), (4, 1), *[(4, 2)] * layers]:
        pixels = stride * (pixels - 1) + kernel
    assert pixels == receptive_field


def test_dropout_is_in_the_first_three_layers_of_the_decoder(drawn, normal, monkeypatch):
    x = normal(2, 32, 32, 1)
    network = UNetTranslator((32, 32, 1), width=2, levels=5, dropout_rate=0.3)
    params = drawn(network, x)
    seen = []

    def watched(module, x, rate):
        seen.extend([(x.shape, rate)] if rate else [])
        return dropout(module, x, rate)

    monkeypatch.setattr(pix2pix, "dropout", watched)
    play = jax.jit(lambda x, **rngs: network.apply({"params": params}, x, rngs=rngs))
    plain, again, first, second = play(x), play(x), *(play(x, dropout=jax.random.key(seed)) for seed in (0, 1))
    # 1x1 -> 2x2 -> 4x4 -> 8x8 -> 16x16 -> 32x32; traced with a key and without
    assert seen == 2 * [((2, 2, 2, 16), 0.3), ((2, 4, 4, 8), 0.3), ((2, 8, 8, 4), 0.3)]
    np.testing.assert_array_equal(plain, again)
    for one, other in itertools.combinations((plain, first, second), 2):
        assert np.abs(one - other).max() > 0.01


def test_small_images(shapes, drawn, run, normal):
    x = normal(4, 16, 16, 1)
    network = UNetTranslator((16, 16, 3), width=2, levels=4)
    y = run(network, drawn(network, x), x)
    assert y.shape == (4, 16, 16, 3)
    assert 0 < np.abs(y).max() <= 1
    assert shapes(UNetTranslator((4, 4, 1), width=2, levels=1), (1, 4, 4, 1)).keys() == {"down_0", "to_image"}


def test_bfloat16(drawn, normal):
    x = normal(2, 8, 8, 1)
    network = UNetTranslator((8, 8, 1), width=2, levels=2)
    params = drawn(network, x)
    rounded = jax.jit(network.clone(dtype=jnp.bfloat16).apply)({"params": params}, x)
    assert rounded.dtype == jnp.float32
    exact = jax.jit(network.apply)({"params": params}, x)
    assert 0 < np.linalg.norm(rounded - exact) < 0.1 * np.linalg.norm(exact)


def test_errors(shapes):
    with pytest.raises(UserError, match="images of 16x24 cannot be halved 8 times; resize them to multiples of 256"):
        shapes(UNetTranslator((16, 24, 1)), (1, 16, 24, 1))
    with pytest.raises(UserError, match="levels=0"):
        shapes(UNetTranslator((16, 16, 1), levels=0), (1, 16, 16, 1))
    with pytest.raises(UserError, match="does not know the shape of a sample"):
        shapes(UNetTranslator(), (1, 256, 256, 1))
    with pytest.raises(UserError, match="receptive_field=7 does not exist; choose one of 1, 16, 34, 70, 142, 286"):
        shapes(ConditionalPatchDiscriminator(7), (1, 16, 16, 1), (1, 16, 16, 1))
    with pytest.raises(UserError, match="a pair of 16x16 and 8x8 images"):
        shapes(ConditionalPatchDiscriminator(16), (1, 16, 16, 1), (1, 8, 8, 1))
