"""Encoders: codes that are drawn, and what a game with an encoder and a decoder can do."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Nets
from jaxgan.core.abilities import CHOICE, IMAGES
from jaxgan.mesh import shard_batch

ENCODER = "encoder"
_MEAN, _DRAWN = "mean", "drawn"


class NormalCode(NamedTuple):
    """A normal density of codes for each image, with independent components: q(z | x).

    Attributes:
        mean: float32 (B, D).
        log_variance: float32 (B, D).
    """

    mean: jax.Array
    log_variance: jax.Array

    @staticmethod
    def of(outputs: jax.Array) -> "NormalCode":
        """The density that an encoder's 2 D outputs (B, 2 D) are read as: the means, then the logarithms of variances."""
        mean, log_variance = jnp.split(outputs, 2, axis=1)
        return NormalCode(mean, log_variance)

    def draw(self, key: jax.Array) -> jax.Array:
        """A code of each, (B, D), through which gradients reach both fields.

        "Auto-Encoding Variational Bayes", Kingma and Welling 2013 (arXiv:1312.6114), section 2.4: the reparametrisation trick.
        """
        # z = mu + sigma * epsilon, epsilon ~ N(0, I)
        return self.mean + jnp.exp(0.5 * self.log_variance) * shard_batch(jax.random.normal(key, self.mean.shape))


def code_abilities(
    encode: Callable[[Nets, jax.Array], jax.Array | NormalCode],
    decode: Callable[[Nets, jax.Array], jax.Array],
    densities: bool = False,
    array: str = "image",
) -> dict[str, Ability]:
    """What a game with an encoder and a decoder can do: "encode" and "reconstruct".

    Args:
        encode: (nets, images) -> their codes (B, D), or the densities of codes, of which the means are decoded.
        decode: (nets, codes) -> images.
        densities: Whether `encode` gives densities; "encode" then also gives codes that are drawn from them.
        array: Of a minibatch, whose images these are.
    """

    def codes(nets: Nets, key: jax.Array, images: jax.Array, which: str = _MEAN) -> jax.Array:
        code = encode(nets, images)
        if not isinstance(code, NormalCode):
            return code
        return code.draw(key) if which == _DRAWN else code.mean

    def reconstruct(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return decode(nets, codes(nets, key, images))

    takes = {"images": Argument(IMAGES, "images to encode", required=True, array=array)}
    which = Argument(
        CHOICE, "of the density of an image's codes: its mean (default), or one that is drawn", (_MEAN, _DRAWN)
    )
    return {
        "encode": Ability(
            codes, takes | ({"which": which} if densities else {}), gives="latents", help="finds the codes of images"
        ),
        "reconstruct": Ability(
            reconstruct, takes, gives="images", drawn="reconstructions", help="makes images again from their codes"
        ),
    }
