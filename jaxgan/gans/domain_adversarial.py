"""Fader networks: "Fader Networks: Manipulating Images by Sliding Attributes", Lample et al. 2017 (arXiv:1706.00409).

A domain-adversarial code: a classifier must not find the domain in it, so that the decoder has to be told, and can be told
another one.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Argument, Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import STRENGTH
from jaxgan.errors import UserError
from jaxgan.losses import l2
from jaxgan.parts.domain_codes import CLASSIFIER, attribute_cost, code_like, encode_ability
from jaxgan.parts.domains import all_domains, any_size, domain_images, translate_ability
from jaxgan.parts.two_domains import DOMAINS

_STRONGEST = 10.0  # the paper slides attributes up to there


def domain_adversarial(
    encoder: Player,
    decoder: Player,
    code_classifier: Player,
    *,
    domain: float = 1e-4,
    ramp_steps: int = 500_000,
) -> Game:
    """Unpaired translation between domains A and B, the two values of one attribute; no image is ever judged.

    The attribute must be a small change. Where every pixel differs, as in inverted digits, a code that hides the domain may
    as well take one digit for another.

    Args:
        encoder: Network images (B, H, W, C) -> codes (B, ...).
        decoder: Network codes, attributes (B, 1), 0 for A and 1 for B -> images (B, H, W, C).
        code_classifier: Network codes -> a Verdict with one class logit (B, 1): is this the code of an image of B?
        domain: lambda_E, weight of what the encoder hides of the domain from the classifier; at 0 the decoder need not be told.
        ramp_steps: Steps in which this weight rises from 0, linearly.
    """
    if ramp_steps < 1:
        raise UserError(f"ramp_steps={ramp_steps}, but the weight of the domain needs at least 1 step to rise in")

    def encoded(nets: Nets, batch: Batch) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Images of both domains, their codes, their attributes; in one call, or batch norm alone would hide the domain."""
        images, domains = all_domains(batch, len(DOMAINS))
        return images, nets.encoder(images), domains[:, 1:]

    def classifier_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        _, code, y = encoded(nets, batch)
        # Eq. 2: -E log P(y | E(x))
        return attribute_cost(nets, code, y), Aux()

    def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        # Eq. 3: E || D(E(x), y) - x ||^2 - lambda_E E log P(1 - y | E(x))
        x, code, y = encoded(nets, batch)
        lost = l2(nets.decoder(code, y), x)
        # As in the authors' program the classifier has no dropout here.
        hidden = attribute_cost(nets.bare, code, 1 - y)
        weight = domain * jnp.minimum(1.0, nets.clock.step / ramp_steps)
        return lost + weight * hidden, Aux({"reconstruction": lost, "hidden": hidden})

    def translate(nets: Nets, images: jax.Array, source: str, target: str, strength: Any = 1.0) -> jax.Array:
        start, end = (float(DOMAINS.index(each)) for each in (source, target))
        attributes = jnp.full((images.shape[0], 1), start + strength * (end - start))
        return nets.decoder(nets.encoder(images), attributes)

    def translated(
        nets: Nets, key: jax.Array, images: jax.Array, target: str = "b", source: str | None = None, strength: Any = 1.0
    ) -> jax.Array:
        so_far = translate_ability(functools.partial(translate, strength=strength), DOMAINS)
        return so_far.function(nets, key, images, target, source)

    ability = translate_ability(translate, DOMAINS, tiling=any_size(encoder))
    how_far = "how far to go: 0 stays in the source, 1 is the target (default), more exaggerates"
    takes = {**ability.takes, "strength": Argument(STRENGTH, how_far, bounds=(0.0, _STRONGEST))}
    codes_of_a = lambda batch: code_like(encoder, batch["a"])  # noqa: E731
    return Game(
        players={
            "encoder": encoder,
            "decoder": decoder,
            CLASSIFIER: code_classifier.with_network(class_logits=1),
        },
        inputs={
            "encoder": lambda batch: (domain_images(batch, 2)[0],),
            "decoder": lambda batch: (codes_of_a(batch), jnp.zeros((len(batch["a"]), 1))),
            CLASSIFIER: lambda batch: (codes_of_a(batch),),
        },
        outputs={"decoder": lambda batch: batch["a"]},
        stages=(Stage((Turn(CLASSIFIER, classifier_loss), Turn("autoencoder", loss, ("encoder", "decoder")))),),
        abilities={
            "translate": dataclasses.replace(ability, function=translated, takes=takes),
            "encode": encode_ability(lambda nets, images, source: nets.encoder(images), DOMAINS),
        },
    )
