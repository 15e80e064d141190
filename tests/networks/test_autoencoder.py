"""Autoencoders as discriminators (EBGAN, BEGAN): energies in closed form, networks against numpy and torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import BEGANAutoencoder, BEGANGenerator, ConvAutoencoder, DCGANGenerator, MLPAutoencoder
from jaxgan.networks.autoencoder import reconstruction_error


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


def test_parameters_of_ebgan(count):
    # MNIST: 784-1024-784. 64 pixels: no bias where a batch norm (gain and offset) follows; all kernels are 4x4.
    assert count(MLPAutoencoder(), (2, 28, 28, 1)) == 785 * 1024 + 1025 * 784
    deep = 785 * 100 + (100 * 50 + 2 * 50) + (50 * 100 + 2 * 100) + 101 * 784
    assert count(MLPAutoencoder(hidden=(100, 50)), (2, 28, 28, 1)) == deep
    kernels = 16 * (64 * 128 + 128 * 256 + 256 * 128 + 128 * 64)
    expected = conv(3, 64, 4) + kernels + 2 * (128 + 256 + 128 + 64) + conv(64, 3, 4)
    assert count(ConvAutoencoder(), (2, 64, 64, 3)) == expected == 1_318_083
    # (1024)4c-(512)4c2s-(256)4c2s-(128)4c2s-(3)4c2s is DCGAN's generator at twice its width.
    kernels = 16 * (100 * 1024 + 1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    assert count(DCGANGenerator((64, 64, 3), width=128, layout="torch"), (2, 100)) == kernels + 2 * (
        1024 + 512 + 256 + 128
    )


@pytest.mark.parametrize(("size", "width", "sizes"), [(64, 64, 4), (128, 128, 5), (32, 64, 3)])
def test_parameters_of_began(size, width, sizes, count):
    # From 8x8 on, two convolutions at each size; the decoder is a generator.
    decoder = 65 * 8 * 8 * width + 2 * sizes * conv(width, width, 3) + conv(width, 3, 3)
    assert count(BEGANGenerator((size, size, 3), width=width), (2, 64)) == decoder
    # At the i-th size, i times the width; a third convolution halves the map.
    encoder = conv(3, width, 3)
    for i in range(1, sizes + 1):
        before, own = max(i - 1, 1) * width, i * width
        encoder += conv(before, own, 3) + conv(own, own, 3) + (conv(own, own, 3) if i < sizes else 0)
    encoder += (8 * 8 * sizes * width + 1) * 64
    assert count(BEGANAutoencoder(width=width), (2, size, size, 3)) == encoder + decoder


@pytest.mark.parametrize(("size", "base"), [(16, 8), (8, 8), (28, 14), (48, 12)])
def test_sizes_of_began(size, base, shapes):
    params = shapes(BEGANAutoencoder(width=2, hidden=3), (2, size, size, 1))
    assert params["decoder"]["project"]["kernel"].shape == (3, base * base * 2)
    assert params["decoder"]["to_image"]["kernel"].shape == (3, 3, 2, 1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("norm", [np.sqrt(8.0), 5.0]), ("mean_square", [2.0, 25 / 4]), ("mean_absolute", [2**0.5, 7 / 4])],
)
def test_energies(kind, expected):
    x = jnp.array([[[2.0, 2.0], [2.0, 2.0]], [[4.0, 0.0], [0.0, 0.0]]])
    y = jnp.array([[[2 - 2**0.5] * 2] * 2, [[0.0, -3.0], [0.0, 0.0]]])
    np.testing.assert_allclose(reconstruction_error(x, y, kind), expected, rtol=1e-5)
    assert reconstruction_error(x.astype(jnp.bfloat16), y.astype(jnp.bfloat16), kind).dtype == jnp.float32


def test_norm_has_a_gradient_where_it_is_zero():
    x = jnp.array([[3.0, 4.0], [0.0, 0.0]])
    gradient = jax.grad(lambda y: reconstruction_error(x, y, "norm").sum())(jnp.zeros((2, 2)))
    np.testing.assert_allclose(gradient, [[-0.6, -0.8], [0.0, 0.0]], rtol=1e-6)


def test_mlp_autoencoder_is_the_product_of_its_matrices(drawn, normal):
    network = MLPAutoencoder(hidden=(7, 3))
    x = normal(6, 2, 3)
    params = jax.tree.map(np.asarray, drawn(network, x))
    flat = np.asarray(x).reshape(6, 6)

    def norm(h, layer):
        return (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5) * layer["scale"] + layer["bias"]

    # Batch norm on every hidden layer but the first
    h = np.maximum(flat @ params["hidden_0"]["kernel"] + params["hidden_0"]["bias"], 0)
    code = np.maximum(norm(h @ params["hidden_1"]["kernel"], params["norm_1"]), 0)
    h = np.maximum(norm(code @ params["hidden_2"]["kernel"], params["norm_2"]), 0)
    y = np.tanh(h @ params["output"]["kernel"] + params["output"]["bias"])
    energy, features, *_ = network.apply({"params": params}, x, features=True)
    np.testing.assert_allclose(energy, np.linalg.norm(flat - y, axis=1), rtol=1e-5)
    np.testing.assert_allclose(features, code, atol=1e-5)
    reconstruction = network.apply({"params": params}, x, method="reconstruct")
    np.testing.assert_allclose(reconstruction, y.reshape(6, 2, 3), atol=1e-5)
    np.testing.assert_allclose(network.apply({"params": params}, x), energy)


def image(t):
    return t.detach().numpy().transpose(0, 2, 3, 1)


def load(torch, layer, params):
    """Copies a layer of ours into one of torch's."""
    axes = {4: (2, 3, 0, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else (3, 2, 0, 1), 2: (1, 0), 1: (0,)}
    weight = np.asarray(params.get("kernel", params.get("scale")))
    layer.weight.data = torch.tensor(weight.transpose(axes[weight.ndim]))
    if "bias" in params:
        layer.bias.data = torch.tensor(np.asarray(params["bias"]))


def test_conv_autoencoder_agrees_with_torch(drawn, normal):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    x = normal(3, 8, 12, 2)
    network = ConvAutoencoder(widths=(3, 5), energy="mean_square")
    params = drawn(network, x)
    encoder = [nn.Conv2d(2, 3, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(3, 5, 4, 2, 1, bias=False), nn.BatchNorm2d(5)]
    decoder = [nn.ConvTranspose2d(5, 3, 4, 2, 1, bias=False), nn.BatchNorm2d(3), nn.LeakyReLU(0.2)]
    encoder, decoder = (
        nn.Sequential(*encoder, nn.LeakyReLU(0.2)),
        nn.Sequential(*decoder, nn.ConvTranspose2d(3, 2, 4, 2, 1), nn.Tanh()),
    )
    names = ["down_0", "down_1", "down_norm_1", "up_0", "up_norm_0", "to_image"]
    layers = [layer for layer in (*encoder, *decoder) if list(layer.parameters())]
    for layer, name in zip(layers, names, strict=True):
        load(torch, layer, params[name])
    t = torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))
    code = encoder(t)
    y = decoder(code)
    run = jax.jit(
        lambda x: (
            network.apply({"params": params}, x, features=True),
            network.apply({"params": params}, x, method="reconstruct"),
        )
    )
    (energy, features, *_), reconstruction = run(x)
    np.testing.assert_allclose(reconstruction, image(y), atol=2e-5)
    np.testing.assert_allclose(features, image(code).reshape(3, -1), atol=2e-5)
    np.testing.assert_allclose(energy, (t - y).square().mean((1, 2, 3)).detach().numpy(), rtol=1e-4)


@pytest.mark.parametrize(("skip", "carry"), [(False, None), (True, None), (False, 0.75), (True, 0.25)])
def test_began_agrees_with_torch(skip, carry, drawn):
    torch = pytest.importorskip("torch")
    nn, functional = torch.nn, torch.nn.functional
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 1)), jnp.float32)
    network = BEGANAutoencoder(width=2, hidden=3, skip_connections=skip)
    params = drawn(network, x)

    def convolve(h, layer, name, stride=1):
        weight = torch.tensor(np.asarray(layer[name]["kernel"]).transpose(3, 2, 0, 1))
        bias = torch.tensor(np.asarray(layer[name]["bias"]))
        if stride == 2:  # TensorFlow's SAME: one row of zeros, below and on the right
            return functional.conv2d(functional.pad(h, (0, 1, 0, 1)), weight, bias, 2)
        return functional.conv2d(h, weight, bias, 1, 1)

    def dense(h, layer, name):
        return h @ torch.tensor(np.asarray(layer[name]["kernel"])) + torch.tensor(np.asarray(layer[name]["bias"]))

    t = torch.tensor(np.asarray(x).transpose(0, 3, 1, 2), requires_grad=True)
    elu = nn.ELU()

    def fade(h, layer, name):
        """A convolution from a map to one of the same size."""
        return (carry or 0) * h + (1 - (carry or 0)) * elu(convolve(h, layer, name))

    h = elu(convolve(t, params, "from_image"))
    h = fade(fade(h, params, "conv_0_0"), params, "conv_0_1")
    h = elu(convolve(h, params, "down_0", stride=2))
    h = fade(elu(convolve(h, params, "conv_1_0")), params, "conv_1_1")
    code = dense(h.permute(0, 2, 3, 1).reshape(2, -1), params, "code")
    decoder = params["decoder"]
    h = first = dense(code, decoder, "project").reshape(2, 8, 8, 2).permute(0, 3, 1, 2)
    h = fade(fade(h, decoder, "conv_0_0"), decoder, "conv_0_1")
    h = functional.interpolate(h, scale_factor=2, mode="nearest")
    if skip:
        h = torch.cat([h, functional.interpolate(first, scale_factor=2, mode="nearest")], dim=1)
        h = elu(convolve(h, decoder, "conv_1_0"))
    else:
        h = fade(h, decoder, "conv_1_0")
    h = fade(h, decoder, "conv_1_1")
    y = convolve(h, decoder, "to_image")
    error = (t - y).abs().mean((1, 2, 3))
    # The generator's gradient: through the image as what is encoded, and as what is to be reconstructed.
    error.sum().backward()

    def judge(x):
        error, code, *_ = network.apply({"params": params}, x, features=True, carry=carry)
        reconstruction = BEGANGenerator((16, 16, 1), 2, skip).apply({"params": params["decoder"]}, code, carry)
        return error.sum(), (error, code, reconstruction)

    # The decoder is a generator.
    (_, (ours, features, reconstruction)), gradient = jax.jit(jax.value_and_grad(judge, has_aux=True))(x)
    np.testing.assert_allclose(features, code.detach().numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(reconstruction, image(y), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours, error.detach().numpy(), rtol=1e-4)
    np.testing.assert_allclose(gradient, image(t.grad), rtol=1e-3, atol=1e-5)
    if carry is None:
        own = network.apply({"params": params}, x, method="reconstruct")
        np.testing.assert_allclose(own, reconstruction, rtol=1e-4, atol=1e-5)


def test_initialisation(initialised):
    params = initialised(ConvAutoencoder(widths=(8, 32)), np.zeros((1, 8, 8, 2), np.float32))
    np.testing.assert_allclose(np.std(params["down_1"]["kernel"]), 0.002, rtol=0.05)
    np.testing.assert_allclose(np.std(params["up_0"]["kernel"]), 0.002, rtol=0.05)


@pytest.mark.parametrize(
    ("network", "shape", "words"),
    [
        (ConvAutoencoder(), (2, 28, 28, 1), "28x28 cannot be halved 3 times"),
        (ConvAutoencoder(energy="l2"), (2, 8, 8, 1), "energy='l2' does not exist; choose one of 'norm', 'mean_square'"),
        (MLPAutoencoder(norm="instance"), (2, 8, 8, 1), "norm='instance'"),
    ],
)
def test_errors(network, shape, words, shapes):
    with pytest.raises(ValueError, match=words):
        shapes(network, shape)
