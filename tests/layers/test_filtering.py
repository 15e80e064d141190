"""The filter against convolutions that PyTorch computes by definition: zeros between pixels, and a 4x4 window."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.layers.filtering import (
    SmoothConv,
    smooth_down_convolution,
    smooth_downsample,
    smooth_up_convolution,
    smooth_upsample,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8


def upfirdn(x, up, down, before, after):
    """Zeros between pixels, zeros beyond the border, the window (times `up` squared), every `down`-th pixel; x (B, C, H, W)."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height, 1, width, 1)
    x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(batch, channels, height * up, width * up)
    x = F.pad(x, (before, after, before, after))
    window = (up**2 * TAPS[:, None] * TAPS[None]).expand(channels, 1, 4, 4)
    return F.conv2d(x, window, groups=channels)[:, :, ::down, ::down]


def theirs_up_convolution(x, kernel):
    # Zeros between pixels; the last one of them is beyond the border.
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height, 1, width, 1)
    x = F.pad(x, (0, 1, 0, 0, 0, 1)).reshape(batch, channels, 2 * height, 2 * width)[:, :, :-1, :-1]
    y = F.conv2d(x, kernel, padding=2)  # 2H + 1
    return upfirdn(y, 1, 1, 1, 1) * 4


def theirs_down_convolution(x, kernel):
    return F.conv2d(upfirdn(x, 1, 1, 2, 2), kernel, stride=2)


# name: ours, theirs, whether there is a kernel
CASES = {
    "up": (lambda x, k: smooth_upsample(x), lambda x, k: upfirdn(x, 2, 1, 2, 1)),
    "down": (lambda x, k: smooth_downsample(x), lambda x, k: upfirdn(x, 1, 2, 1, 1)),
    "up convolution": (smooth_up_convolution, theirs_up_convolution),
    "down convolution": (smooth_down_convolution, theirs_down_convolution),
}


def values(name):
    """Ours and theirs: the result, its gradients, and the gradients of a penalty on the gradient by the images."""
    rng = np.random.default_rng(0)
    x, kernel = (
        rng.standard_normal((2, 6, 4, 3)).astype(np.float32),
        rng.standard_normal((3, 3, 3, 5)).astype(np.float32),
    )
    ours, theirs = CASES[name]

    def loss(x, kernel):
        return jnp.sin(ours(x, kernel)).sum()

    def penalty(x, kernel):
        return jnp.square(jax.grad(loss)(x, kernel)).sum()

    def all_of_them(x, kernel):
        return [ours(x, kernel), *jax.grad(loss, (0, 1))(x, kernel), *jax.grad(penalty, (0, 1))(x, kernel)]

    own = jax.jit(all_of_them)(x, kernel)

    tx = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    tk = torch.tensor(kernel).permute(3, 2, 0, 1).requires_grad_()
    y = theirs(tx, tk)
    first = torch.autograd.grad(torch.sin(y).sum(), (tx, tk), create_graph=True, allow_unused=True)
    second = torch.autograd.grad((first[0] ** 2).sum(), (tx, tk), allow_unused=True)
    images = [None if part is None else part.detach().permute(0, 2, 3, 1).numpy() for part in (y, first[0], second[0])]
    kernels = [None if part is None else part.detach().permute(2, 3, 1, 0).numpy() for part in (first[1], second[1])]
    return own, [images[0], images[1], kernels[0], images[2], kernels[1]]


@pytest.mark.parametrize("name", CASES)
def test_values_and_first_and_second_derivatives_equal_torch(name):
    for own, other in zip(*values(name), strict=True):
        if other is None:  # no kernel
            assert not np.any(own)
            continue
        assert own.shape == other.shape
        np.testing.assert_allclose(own, other, atol=2e-5 * np.abs(other).max(), rtol=1e-4)


def test_a_constant_stays_one_but_at_the_border():
    x = jnp.full((1, 8, 8, 1), 3.0)
    np.testing.assert_allclose(smooth_upsample(x)[0, 2:-2, 2:-2], 3.0, rtol=1e-6)
    np.testing.assert_allclose(smooth_downsample(x)[0, 1:-1, 1:-1], 3.0, rtol=1e-6)


def test_the_layer_of_1x1_works_at_the_lower_resolution():
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 3))
    for resample, expected in (("up", smooth_upsample), ("down", smooth_downsample)):
        layer = SmoothConv(5, resample, 1)
        params = layer.init(jax.random.key(1), x)["params"]
        params["bias"] = jnp.arange(5.0)
        own = layer.apply({"params": params}, x)
        np.testing.assert_allclose(
            own, np.asarray(expected(x)) @ np.asarray(params["kernel"][0, 0]) + np.arange(5.0), atol=1e-5
        )


def test_bad_input_is_refused_in_one_line():
    x, kernel = jnp.zeros((1, 3, 4, 2)), jnp.zeros((3, 3, 2, 2))
    with pytest.raises(UserError, match="smooth_downsample: a map of 3x4 cannot be halved"):
        smooth_downsample(x)
    with pytest.raises(UserError, match="smooth_down_convolution: a map of 3x4 cannot be halved"):
        smooth_down_convolution(x, kernel)
    with pytest.raises(UserError, match="smooth_up_convolution: a kernel of 5x5 taps: it is made for 3x3"):
        smooth_up_convolution(x, jnp.zeros((5, 5, 2, 2)))
