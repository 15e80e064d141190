"""DINOv2 ViT-L/14, the network of FD-DINOv2.

Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision" (2023, arXiv:2304.07193); Stein et al.,
"Exposing flaws of generative model evaluation metrics" (2023, arXiv:2306.04675) compare images by its class token. Their
program resizes by Pillow's bicubic on 8-bit images; `clean` is the same filter without the rounding, which they offer too.
"""

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

# ImageNet's means and deviations, as for VGG16.
from jaxgan.errors import UserError
from jaxgan.features.vgg import normalize as normalize

SIZE = 224
_HIGHEST = jax.lax.Precision.HIGHEST
# The released table of positions belongs to images of 518x518 in patches of 14.
_TABLE_SIDE = 37


class DINOv2(nn.Module):
    """Normalised images (B, 224, 224, 3) float32 -> the last layer's normalised class token (B, width) float32.

    The positions of 37x37 patches become those of 16x16 as in the original, which is part of the protocol: bicubic
    interpolation without antialias at a scale of 16.1 / 37, not 16 / 37 (its "offset" of 0.1).

    Attributes:
        width: Of a token, 1024 in ViT-L.
        depth: Blocks, 24 in ViT-L.
        heads: Of each attention, 16 in ViT-L.

    Raises:
        UserError: Images of another shape.
    """

    width: int = 1024
    depth: int = 24
    heads: int = 16

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps images (B, 224, 224, 3) to (B, width)."""
        if x.shape[1:] != (SIZE, SIZE, 3):
            raise UserError(f"DINOv2: images of shape {x.shape}; resize them to (B, {SIZE}, {SIZE}, 3)")
        x = nn.Conv(self.width, (14, 14), strides=14, padding="VALID", precision=_HIGHEST, name="patch_embed")(x)
        side = x.shape[1]
        x = x.reshape(len(x), side * side, self.width)
        token = self.param("cls_token", nn.initializers.normal(0.02), (self.width,))
        positions = self.param("pos_embed", nn.initializers.normal(0.02), (1 + _TABLE_SIDE**2, self.width))
        x = jnp.concatenate([jnp.broadcast_to(token[None, None], (len(x), 1, self.width)), x], axis=1)
        x += positions_at(positions, side)[None]
        for index in range(self.depth):
            x = Block(self.heads, name=f"block_{index}")(x)
        return nn.LayerNorm(epsilon=1e-6, name="norm")(x[:, 0])


class Block(nn.Module):
    """A pre-norm transformer block with layer scale: tokens (B, T, width) -> (B, T, width)."""

    heads: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps tokens (B, T, width) to the same shape."""
        width = x.shape[-1]

        def scaled(y: jax.Array, name: str) -> jax.Array:
            return y * self.param(name, nn.initializers.ones, (width,))[None, None]

        # x + gamma_1 * attention(norm(x)), then x + gamma_2 * mlp(norm(x))
        y = nn.LayerNorm(epsilon=1e-6, name="norm_1")(x)
        x += scaled(Attention(self.heads, name="attention")(y), "scale_1")
        y = nn.LayerNorm(epsilon=1e-6, name="norm_2")(x)
        y = nn.gelu(nn.Dense(4 * width, precision=_HIGHEST, name="mlp_1")(y), approximate=False)
        return x + scaled(nn.Dense(width, precision=_HIGHEST, name="mlp_2")(y), "scale_2")


class Attention(nn.Module):
    """Self-attention with one dense layer for queries, keys and values: (B, T, width) -> (B, T, width)."""

    heads: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps tokens (B, T, width) to the same shape."""
        batch, tokens, width = x.shape
        qkv = nn.Dense(3 * width, precision=_HIGHEST, name="qkv")(x).reshape(batch, tokens, 3, self.heads, -1)
        query, key, value = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
        # softmax(q k^T / sqrt(d)) v
        scores = jnp.einsum("bqhd,bkhd->bhqk", query / math.sqrt(width // self.heads), key, precision=_HIGHEST)
        x = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), value, precision=_HIGHEST)
        return nn.Dense(width, precision=_HIGHEST, name="project")(x.reshape(batch, tokens, width))


def positions_at(table: jax.Array, side: int) -> jax.Array:
    """Position embeddings for `side` x `side` patches.

    Args:
        table: (1 + 37 * 37, width), the class token's first.
        side: Patches along a side.

    Returns:
        (1 + side * side, width).
    """
    if side == _TABLE_SIDE:
        return table
    weights = _bicubic(side)
    grid = table[1:].reshape(_TABLE_SIDE, _TABLE_SIDE, -1)
    grid = jnp.einsum("oh,hwc->owc", weights, grid, precision=_HIGHEST)
    grid = jnp.einsum("ow,hwc->hoc", weights, grid, precision=_HIGHEST)
    return jnp.concatenate([table[:1], grid.reshape(side * side, -1)])


def _bicubic(side: int) -> np.ndarray:
    """Weights (side, 37) float32 of PyTorch's bicubic interpolation (a = -3/4) at a scale of (side + 0.1) / 37."""
    source = (np.arange(side) + 0.5) * (_TABLE_SIDE / (side + 0.1)) - 0.5
    first, weights, a = np.floor(source).astype(int), np.zeros((side, _TABLE_SIDE)), -0.75
    for offset in range(-1, 3):
        x = np.abs(source - first - offset)
        near, far = ((a + 2.0) * x - (a + 3.0)) * x**2 + 1.0, (((x - 5.0) * x + 8.0) * x - 4.0) * a
        # Beyond the border the border's pixel counts again.
        column = np.clip(first + offset, 0, _TABLE_SIDE - 1)
        np.add.at(weights, (np.arange(side), column), np.where(x <= 1.0, near, far))
    return weights.astype(np.float32)


def from_torch(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of `DINOv2` by path, "block_0/attention/qkv/kernel" for one, from `dinov2_vitl14_pretrain.pth`."""
    params = {
        "cls_token": state["cls_token"].reshape(-1),
        "pos_embed": state["pos_embed"][0],
        # OIHW to HWIO
        "patch_embed/kernel": state["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "patch_embed/bias": state["patch_embed.proj.bias"],
        "norm/scale": state["norm.weight"],
        "norm/bias": state["norm.bias"],
    }
    dense = {"attn.qkv": "attention/qkv", "attn.proj": "attention/project", "mlp.fc1": "mlp_1", "mlp.fc2": "mlp_2"}
    for index in range(1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))):
        theirs, ours = f"blocks.{index}", f"block_{index}"
        for layer, name in dense.items():
            params[f"{ours}/{name}/kernel"] = state[f"{theirs}.{layer}.weight"].T
            params[f"{ours}/{name}/bias"] = state[f"{theirs}.{layer}.bias"]
        for half in "12":
            params[f"{ours}/norm_{half}/scale"] = state[f"{theirs}.norm{half}.weight"]
            params[f"{ours}/norm_{half}/bias"] = state[f"{theirs}.norm{half}.bias"]
            params[f"{ours}/scale_{half}"] = state[f"{theirs}.ls{half}.gamma"]
    return params
