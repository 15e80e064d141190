"""Codes of images of several domains: what reads the domain in them, and what is asked of the encoders."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Nets, Player
from jaxgan.core.abilities import DOMAIN, IMAGES
from jaxgan.mesh import shard_batch
from jaxgan.parts.pairs import as_verdict

CLASSIFIER = "code_classifier"


def attribute_cost(nets: Nets, code: jax.Array, attributes: jax.Array) -> jax.Array:
    """-E[log p(y | z)] of the player "code_classifier", the mean over attributes, float32 ().

    Args:
        nets: The players; the classifier gives a Verdict with class logits (B, K).
        code: z, (B, ...).
        attributes: y, (B, K), each 0 or 1.
    """
    logits = as_verdict(nets[CLASSIFIER](code)).class_logits
    return (jax.nn.softplus(logits) - attributes * logits).mean()


def with_noise(key: jax.Array, code: jax.Array) -> jax.Array:
    """z + N(0, I): a draw from q(z | x), whose mean is the code and whose variance is one."""
    return code + shard_batch(jax.random.normal(key, (code.size,), code.dtype)).reshape(code.shape)


def code_like(encoder: Player, images: jax.Array) -> jax.Array:
    """Zeros of the shape of the code of these images, to initialise what reads it."""
    code = encoder.shapes(images)
    return jnp.zeros(code.shape, code.dtype)


def encode_ability(encode: Callable[[Nets, jax.Array, str], jax.Array], domains: Sequence[str]) -> Ability:
    """The code of images, (B, D); `encode` is (nets, images, source) -> code (B, ...)."""

    def ability(nets: Nets, key: jax.Array, images: jax.Array, source: str = domains[0]) -> jax.Array:
        return encode(nets, images, source).reshape(len(images), -1)

    takes = {
        "images": Argument(IMAGES, "images to encode", required=True),
        "source": Argument(DOMAIN, f"the domain they are of (default: {domains[0]})", tuple(domains)),
    }
    return Ability(ability, takes, gives="latents", help="says what the code of images is")
