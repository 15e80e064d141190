"""Modulated convolutions against PyTorch's grouped convolution of one kernel for each sample."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.layers.filtering import smooth_up_convolution
from jaxgan.layers.modulated import ModulatedConv, modulated_convolution

torch = pytest.importorskip("torch")
F = torch.nn.functional


def theirs(x, kernel, style, demodulate):
    """As the paper writes it: w' = s w, w'' = w' / sqrt(sum w'^2 + 1e-8), a kernel for each sample."""
    batch, channels, height, width = x.shape
    w = kernel[None] * style[:, None, :, None, None]  # (B, D, C, h, w)
    if demodulate:
        w = w * torch.rsqrt(w.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
    y = F.conv2d(x.reshape(1, -1, height, width), w.reshape(-1, channels, *kernel.shape[2:]), padding=1, groups=batch)
    return y.reshape(batch, -1, height, width)


@pytest.mark.parametrize("demodulate", [True, False])
def test_values_and_first_and_second_derivatives_equal_torch(demodulate):
    rng = np.random.default_rng(0)
    x, kernel, style = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 5, 4, 2), (3, 3, 2, 6), (3, 2)))

    def loss(x, kernel, style):
        return jnp.sin(modulated_convolution(x, kernel, style, demodulate)).sum()

    def length(x, kernel, style):  # a path length: the gradient by the style, of whose length the kernel learns
        return jnp.square(jax.grad(loss, 2)(x, kernel, style)).sum()

    def all_of_them(*inputs):
        y = modulated_convolution(*inputs, demodulate)
        return [y, *jax.grad(loss, (0, 1, 2))(*inputs), *jax.grad(length, (0, 1, 2))(*inputs)]

    own = jax.jit(all_of_them)(x, kernel, style)

    inputs = [torch.tensor(x).permute(0, 3, 1, 2), torch.tensor(kernel).permute(3, 2, 0, 1), torch.tensor(style)]
    inputs = [tensor.requires_grad_() for tensor in inputs]
    y = theirs(*inputs, demodulate)
    first = torch.autograd.grad(torch.sin(y).sum(), inputs, create_graph=True)
    second = torch.autograd.grad(first[2].square().sum(), inputs)
    orders = [(0, 2, 3, 1), (2, 3, 1, 0), (0, 1)]
    expected = [y.permute(orders[0])] + [
        part.permute(order) for parts in (first, second) for part, order in zip(parts, orders, strict=True)
    ]
    for ours, other in zip(own, expected, strict=True):
        other = other.detach().numpy()
        np.testing.assert_allclose(ours, other, atol=3e-5 * np.abs(other).max(), rtol=1e-4)


def test_demodulated_outputs_have_unit_deviation():
    """Of independent inputs of unit deviation, whatever kernel and style."""
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (4, 64, 64, 16))
    kernel = 7.0 * jax.random.normal(keys[1], (3, 3, 16, 8))
    style = jnp.exp(jax.random.normal(keys[2], (4, 16)))
    inside = modulated_convolution(x, kernel, style)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inside.std(axis=(1, 2)), 1.0, atol=0.08)
    raw = modulated_convolution(x, kernel, style, demodulate=False)[:, 1:-1, 1:-1]
    assert raw.std(axis=(1, 2)).min() > 10
    # With upsampling the kernel is scaled alike, before the filter.
    up, plain = (
        modulated_convolution(x[:, :8, :8], kernel, style, up=True),
        smooth_up_convolution(x[:, :8, :8] * style[:, None, None], kernel),
    )
    ratio = np.sqrt(np.einsum("bc,hwcd->bd", np.square(style), np.square(kernel)))[:, None, None]
    np.testing.assert_allclose(up * ratio, plain, rtol=1e-3, atol=1e-2)


def test_it_takes_the_products_of_one_plain_convolution():
    """Not those of a kernel for each sample, nor twice as many: by the compiler's own count."""
    x, kernel, style = jnp.zeros((8, 16, 16, 32)), jnp.zeros((3, 3, 32, 32)), jnp.zeros((8, 32))

    def count(function, *arguments):
        return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]

    modulated = count(lambda x, kernel, style: modulated_convolution(x, kernel, style), x, kernel, style)
    plain = count(lambda x, kernel: modulated_convolution(x, kernel, jnp.ones((8, 32)), demodulate=False), x, kernel)
    products = 2 * 8 * 16 * 16 * 9 * 32 * 32
    assert 0.8 * products < plain < modulated < 1.1 * products


def test_the_layer_computes_its_style_in_float32_and_its_maps_as_asked():
    layer = ModulatedConv(6, dtype=jnp.bfloat16)
    x, w = jnp.ones((2, 4, 4, 3)), jnp.ones((2, 5))
    params = layer.init(jax.random.key(0), x, w)["params"]
    assert params["style"]["bias"].tolist() == [1.0] * 3 and params["kernel"].dtype == jnp.float32
    assert layer.apply({"params": params}, x, w).dtype == jnp.bfloat16
