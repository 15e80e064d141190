"""Modulated convolutions: each sample's style scales the kernel."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.layers.conv import convolution
from jaxgan.layers.filtering import smooth_up_convolution


def modulated_convolution(
    x: jax.Array, kernel: jax.Array, style: jax.Array, demodulate: bool = True, up: bool = False, epsilon: float = 1e-8
) -> jax.Array:
    """A convolution whose kernel each sample's style scales, and that is scaled back to unit norm for each output channel.

    StyleGAN2 (Karras et al. 2019, arXiv:1912.04958), section 2.2: w' = s_i w (Eq. 1) and w'' = w' / sqrt(sum w'^2 + epsilon)
    (Eq. 3), over the input channels i and the window. Both are factors on channels, so that one kernel serves the whole batch:
    maps are scaled before the convolution and after it. The paper's grouped convolution by a kernel for each sample computes
    the same, as many products, and on a CPU its gradient takes tens of times as long.

    Args:
        x: (B, H, W, C), floating point.
        kernel: (h, w, C, D), h and w odd; 3x3 with `up`.
        style: s, float32 (B, C).
        demodulate: Whether it is scaled back; images are made without.
        up: Doubles the map; see `jaxgan.layers.filtering.smooth_up_convolution`.
        epsilon: See above.

    Returns:
        (B, H, W, D), or (B, 2H, 2W, D), in the dtype of `x`; factors are computed in float32.
    """
    x = x * style.astype(x.dtype)[:, None, None]
    y = smooth_up_convolution(x, kernel) if up else convolution(x, kernel)
    if demodulate:
        # sum over c, h, w of (s_c w_hwcd)^2 = sum over c of s_c^2 (sum over h, w of w_hwcd^2)
        norms = jnp.square(style) @ jnp.square(kernel).sum(axis=(0, 1))
        y = y * jax.lax.rsqrt(norms + epsilon).astype(y.dtype)[:, None, None]
    return y


class ModulatedConv(nn.Module):
    """`modulated_convolution` with a learned float32 "kernel" (h, w, C, features) and the style's affine map "style".

    Attributes:
        features: Channels of the output.
        kernel_size: Side of the kernel.
        demodulate: As in `modulated_convolution`.
        up: As there.
        kernel_init: Initialiser of the kernels, the style's too; its bias starts at 1.
        dtype: Compute and output dtype.
    """

    features: int
    kernel_size: int = 3
    demodulate: bool = True
    up: bool = False
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array) -> jax.Array:
        """(B, H, W, C) and w (B, D) to (B, H', W', features), without a bias."""
        channels = x.shape[-1]
        shape = (self.kernel_size, self.kernel_size, channels, self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        affine = nn.Dense(channels, kernel_init=self.kernel_init, bias_init=nn.initializers.ones, name="style")
        return modulated_convolution(x.astype(self.dtype), kernel, affine(w), self.demodulate, self.up)
