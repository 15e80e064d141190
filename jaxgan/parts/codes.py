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
    encode: Callable[[Nets, jax.Array], jax.Array | NormalCode], decode: Callable[[Nets, jax.Array], jax.Array]
) -> dict[str, Ability]:
    """What a game with an encoder and a decoder can do: "encode" and "reconstruct".

    Args:
        encode: (nets, images) -> their codes (B, D), or the densities that codes are drawn from; of these the means count.
        decode: (nets, codes) -> images.
    """

    def codes(nets: Nets, images: jax.Array, key: jax.Array | None = None) -> jax.Array:
        code = encode(nets, images)
        if not isinstance(code, NormalCode):
            return code
        return code.mean if key is None else code.draw(key)

    def encoded(nets: Nets, key: jax.Array, images: jax.Array, codes_are: str = _MEAN) -> jax.Array:
        return codes(nets, images, key if codes_are == _DRAWN else None)

    def reconstruct(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return decode(nets, codes(nets, images))

    images = Argument(IMAGES, "images to encode", required=True, array="image")
    which = Argument(CHOICE, "of a density of codes: its mean (default), or one that is drawn", (_MEAN, _DRAWN))
    return {
        "encode": Ability(encoded, {"images": images, "codes_are": which}, gives="latents", help="finds images' codes"),
        "reconstruct": Ability(
            reconstruct,
            {"images": Argument(IMAGES, "images to encode and decode", required=True, array="image")},
            gives="images",
            drawn="reconstructions",
            help="makes images again from their codes",
        ),
    }
