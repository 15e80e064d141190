"""Penalties on a critic's gradient and scores, the points to take them at, and distances between images.

A critic is any function from images (B, ...) to logits, (B,) or a map of them: no layer of it may mix the images of a batch (no
batch norm), for the gradient of the sum of its logits must hold each image's own gradient. Penalties are float32 scalars before
any weight, go with every objective, and have finite gradients where the critic is flat. Critics with labels are closed over
them: `lambda x: nets.discriminator(x, label)`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.errors import UserError
from jaxgan.mesh import batch_mean, shard_batch

Critic = Callable[[jax.Array], jax.Array]


def interpolate(key: jax.Array, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Points on the lines between pairs: eps * real + (1 - eps) * fake, one eps ~ U(0, 1) for each pair.

    Gulrajani et al. 2017 (arXiv:1704.00028), Algorithm 1. One number per image: not per batch, not per pixel.

    Args:
        key: PRNG key.
        real: (B, ...).
        fake: The same shape.
    """
    # Drawn flat: a draw of many axes takes XLA:CPU seconds to compile.
    weight = shard_batch(jax.random.uniform(key, (len(real),), real.dtype)).reshape(-1, *(1,) * (real.ndim - 1))
    return weight * real + (1 - weight) * fake


def dragan_points(
    key: jax.Array, real: jax.Array, perturbation: str = "paper", variance: float = 10.0 / 127.5**2
) -> jax.Array:
    """Points around the data, where DRAGAN has `gradient_penalty`: Kodali et al. 2017 (arXiv:1705.07215).

    Args:
        key: PRNG key.
        real: (B, ...).
        perturbation: "paper": x + d with d ~ N(0, variance I). "author", as in the authors' code: a point, uniform for each
            image, on the line from x to x + s/2 u, with u ~ U[0, 1) for each pixel and s the standard deviation of all
            pixels of the minibatch.
        variance: c of the paper's noise; its 10 is for pixels in [0, 255], 10 / 127.5^2 is the same for [-1, 1].

    Returns:
        The same shape as `real`.

    Raises:
        UserError: An unknown perturbation.
    """
    if perturbation not in ("paper", "author"):
        raise UserError(f'dragan_points: perturbation {perturbation!r} is unknown: choose "paper" or "author"')
    if perturbation == "paper":
        noise = shard_batch(jax.random.normal(key, (real.size,), real.dtype))
        return real + variance**0.5 * noise.reshape(real.shape)
    noise_key, mix_key = jax.random.split(key)
    noise = shard_batch(jax.random.uniform(noise_key, (real.size,), real.dtype))
    axes = tuple(range(real.ndim))
    deviation = jnp.sqrt(batch_mean(jnp.square(real - batch_mean(real, axes)), axes))
    return interpolate(mix_key, real, real + 0.5 * deviation * noise.reshape(real.shape))


_REGIONS = ("between", "around", "reals", "fakes")


def penalty_points(key: jax.Array, real: jax.Array, fake: jax.Array, region: str = "between") -> jax.Array:
    """Where a critic's gradient is looked at.

    Args:
        key: PRNG key.
        real: (B, ...).
        fake: The same shape.
        region: "between": on the lines between pairs (`interpolate`), as in WGAN-GP; "around": around the reals
            (`dragan_points`, as the authors' program draws them), as in DRAGAN; "reals" or "fakes": at these themselves.

    Returns:
        The same shape as `real`.

    Raises:
        UserError: An unknown region.
    """
    if region not in _REGIONS:
        raise UserError(f"gradient penalty: region {region!r} is unknown: choose one of {', '.join(_REGIONS)}")
    if region == "between":
        return interpolate(key, real, fake)
    if region == "around":
        return dragan_points(key, real, "author")
    return real if region == "reals" else fake


def _squared_gradients(critic: Critic, points: jax.Array) -> jax.Array:
    """|| d C(x_i) / d x_i ||^2 over all but the first axis, float32 (B,)."""
    gradients = jax.grad(lambda x: critic(x).sum())(points)
    gradients = gradients.astype(jnp.promote_types(gradients.dtype, jnp.float32))
    return jnp.sum(jnp.square(gradients), axis=tuple(range(1, gradients.ndim)))


def gradient_norms(critic: Critic, points: jax.Array) -> jax.Array:
    """|| d C(x_i) / d x_i ||_2 over all but the first axis, (B,); its own gradient is 0, not NaN, where it is 0.

    Args:
        critic: (B, ...) -> logits.
        points: (B, ...).
    """
    squares = _squared_gradients(critic, points)
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)


def gradient_penalty(
    critic: Critic, points: jax.Array, target: float = 1.0, one_sided: bool = False, squared: bool = True
) -> jax.Array:
    """E[(|| grad C(x) ||_2 - target)^2] over the given points, float32 ().

    Gulrajani et al. 2017 (arXiv:1704.00028), Eq. 3, with target 1 on interpolated points and weight 10; DRAGAN has it on
    `dragan_points`. One-sided and not squared it is a hinge, E[max(0, || grad C(x) || - target)].

    Args:
        critic: (B, ...) -> logits.
        points: (B, ...), such as `penalty_points`.
        target: The norm that costs nothing.
        one_sided: Only norms above the target cost (section 4, "two-sided penalty").
        squared: False: E | || grad C(x) || - target |, which pulls a norm near the target as hard as one far from it.
    """
    excess = gradient_norms(critic, points) - target
    excess = jax.nn.relu(excess) if one_sided else excess
    return (jnp.square(excess) if squared else jnp.abs(excess)).mean()


def zero_centered_penalty(critic: Critic, points: jax.Array) -> jax.Array:
    """E[|| grad C(x) ||_2^2] over the given points, float32 ().

    Mescheder et al. 2018 (arXiv:1801.04406), Eq. 9 and 10: gamma/2 times this is R1 on reals and R2 on fakes; the half is the
    caller's. Their code (GAN_stability) multiplies without it, so that its reg_param of 10 is the paper's gamma = 20.
    Thanh-Tung, Tran and Venkatesh 2019 (arXiv:1902.03984) take it on `interpolate(key, real, fake)`, without the half.

    Args:
        critic: (B, ...) -> logits.
        points: (B, ...).
    """
    return _squared_gradients(critic, points).mean()


def drift(real_logits: jax.Array) -> jax.Array:
    """E[C(x)^2], which keeps a critic's scores near zero, float32 ().

    ProGAN (Karras et al. 2017, arXiv:1710.10196), appendix A.1, with weight 0.001.

    Args:
        real_logits: C(x) on reals, any shape.
    """
    return jnp.square(real_logits.astype(jnp.promote_types(real_logits.dtype, jnp.float32))).mean()


def l1(a: jax.Array, b: jax.Array) -> jax.Array:
    """Mean absolute difference over all entries."""
    return jnp.abs(a - b).mean()


def l2(a: jax.Array, b: jax.Array) -> jax.Array:
    """Mean squared difference over all entries."""
    return jnp.square(a - b).mean()
