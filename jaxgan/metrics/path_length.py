"""The perceptual path length: how much an image changes, to the eye, along a small step between two latents.

Karras, Laine and Aila 2019, "A Style-Based Generator Architecture for GANs" (arXiv:1812.04948), section 4.1.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import UserError

EPSILON = 1e-4


def slerp(a: jax.Array, b: jax.Array, t: jax.Array) -> jax.Array:
    """Spherical interpolation of latents (B, D) at t (B, 1): a at t = 0, b at t = 1; parallel ones linearly."""
    unit = lambda x: x / jnp.maximum(jnp.linalg.norm(x, axis=1, keepdims=True), 1e-12)  # noqa: E731
    # (sin((1 - t) w) a + sin(t w) b) / sin w, w the angle between a and b
    angle = jnp.arccos(jnp.clip(jnp.sum(unit(a) * unit(b), axis=1, keepdims=True), -1.0, 1.0))
    sine = jnp.sin(angle)
    safe = jnp.where(sine < 1e-6, 1.0, sine)
    return jnp.where(sine < 1e-6, lerp(a, b, t), (jnp.sin((1.0 - t) * angle) * a + jnp.sin(t * angle) * b) / safe)


def lerp(a: jax.Array, b: jax.Array, t: jax.Array) -> jax.Array:
    """Linear interpolation of latents (B, D) at t (B, 1)."""
    return a + t * (b - a)


def squared_speeds(
    generate: Callable[[jax.Array], jax.Array],
    distance: Callable[[jax.Array, jax.Array], jax.Array],
    a: jax.Array,
    b: jax.Array,
    t: jax.Array,
    interpolate: Callable[[jax.Array, jax.Array, jax.Array], jax.Array] = slerp,
    epsilon: float = EPSILON,
) -> jax.Array:
    """d(G(path(t)), G(path(t + epsilon))) / epsilon^2 for each pair of latents; pure.

    Args:
        generate: Latents (B, D) -> images (B, H, W, C) float32, never rounded to 8 bits: that would multiply the result.
        distance: Pairs of such images -> (B,), quadratic in a small difference, as LPIPS is.
        a: (B, D), where paths begin.
        b: (B, D), where they end.
        t: (B,) in [0, 1): where on them.
        interpolate: `slerp` in Z (StyleGAN's l_Z), `lerp` in W.
        epsilon: The step.

    Returns:
        (B,) float32.
    """
    t = t[:, None]
    # l = E[ d(G(path(t)), G(path(t + eps))) / eps^2 ]
    # In full float32: a GPU's TensorFloat-32 or a TPU's bfloat16 rounds products by more than the step changes them.
    with jax.default_matmul_precision("highest"):
        first, second = generate(interpolate(a, b, t)), generate(interpolate(a, b, t + epsilon))
        return distance(first, second) / epsilon**2


def path_length(speeds: np.ndarray, trim: bool = True) -> float:
    """The mean of `squared_speeds`, as NVIDIA's programs take it: without what lies below the 1st or above the 99th percentile.

    Args:
        speeds: (N,), finite.
        trim: False keeps all.

    Raises:
        UserError: None, or some that are not finite.
    """
    speeds = np.asarray(speeds, np.float64)
    if not speeds.size or not np.isfinite(speeds).all():
        raise UserError("path length: there are no distances, or some are not finite; look at the generator's images")
    if trim:
        low, high = np.percentile(speeds, 1, method="lower"), np.percentile(speeds, 99, method="higher")
        speeds = speeds[(speeds >= low) & (speeds <= high)]
    return float(speeds.mean())
