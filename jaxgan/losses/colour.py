"""What holds the colours of one image at two sizes together."""

import jax
import jax.numpy as jnp

from jaxgan.losses.adversarial import as_float32


def colour_consistency(
    fine: jax.Array, coarse: jax.Array, mean_weight: float = 1.0, covariance_weight: float = 5.0
) -> jax.Array:
    """lambda_1 ||mu_fine - mu_coarse||^2 + lambda_2 ||Sigma_fine - Sigma_coarse||_F^2, averaged over the batch; float32 ().

    Zhang et al. 2017, StackGAN++ (arXiv:1710.10916), Eq. 8: mu is the mean of an image's pixels and Sigma their covariance. The
    finer image is to follow: no gradient reaches the coarse one. (The authors' program takes means over the 3 and the 9 entries
    for the sums.)

    Args:
        fine: (B, H, W, C).
        coarse: (B, h, w, C).
        mean_weight: lambda_1.
        covariance_weight: lambda_2.
    """
    (mean, covariance), (wanted_mean, wanted) = moments(fine), moments(jax.lax.stop_gradient(coarse))
    means = jnp.square(mean - wanted_mean).sum(axis=-1)
    covariances = jnp.square(covariance - wanted).sum(axis=(-2, -1))
    return (mean_weight * means + covariance_weight * covariances).mean()


def moments(images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean (B, C) and covariance (B, C, C) of the pixels of each image (B, H, W, C), float32."""
    pixels = as_float32(images).reshape(len(images), -1, images.shape[-1])
    mean = pixels.mean(axis=1)
    centred = pixels - mean[:, None]
    return mean, jnp.einsum("bpc,bpd->bcd", centred, centred) / pixels.shape[1]
