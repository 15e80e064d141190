"""Convolutions and transposed convolutions (first version: plain lax ops)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.nn.initializers import Initializer

from jaxgan.layers.resampling import reflect_pad

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def conv(x, kernel, strides: int | Sequence[int] = 1, padding: str | int = "SAME"):
    if padding == "REFLECT":
        x, padding = reflect_pad(x, (kernel.shape[0] - 1) // 2), "VALID"
    if isinstance(padding, int):
        padding = ((padding, padding),) * 2
    strides = (strides, strides) if isinstance(strides, int) else tuple(strides)
    return lax.conv_general_dilated(x, kernel.astype(x.dtype), strides, padding, dimension_numbers=_DIMENSIONS)


def up_conv(x, kernel, strides: int = 2, padding: int = 1, output_padding: int = 0):
    pads = [(k - 1 - padding, k - 1 - padding + output_padding) for k in kernel.shape[:2]]
    return lax.conv_general_dilated(
        x, kernel[::-1, ::-1].astype(x.dtype), (1, 1), pads, lhs_dilation=(strides, strides), dimension_numbers=_DIMENSIONS
    )


class Conv(nn.Module):
    features: int
    kernel_size: int | tuple[int, int] = (3, 3)
    strides: int | tuple[int, int] = 1
    padding: str | int = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x):
        size = (self.kernel_size,) * 2 if isinstance(self.kernel_size, int) else tuple(self.kernel_size)
        kernel = self.param("kernel", self.kernel_init, (*size, x.shape[-1], self.features), jnp.float32)
        y = conv(x.astype(self.dtype), kernel, self.strides, self.padding)
        if self.use_bias:
            y = y + self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(y.dtype)[None, None, None]
        return y


class UpConv(nn.Module):
    features: int
    kernel_size: int | tuple[int, int] = 4
    strides: int = 2
    padding: int = 1
    output_padding: int = 0
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x):
        size = (self.kernel_size,) * 2 if isinstance(self.kernel_size, int) else tuple(self.kernel_size)
        kernel = self.param("kernel", self.kernel_init, (*size, x.shape[-1], self.features), jnp.float32)
        y = up_conv(x.astype(self.dtype), kernel, self.strides, self.padding, self.output_padding)
        if self.use_bias:
            y = y + self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(y.dtype)[None, None, None]
        return y
