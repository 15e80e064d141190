"""pix2pix: "Image-to-Image Translation with Conditional Adversarial Networks", Isola et al. 2017 (arXiv:1611.07004)."""

from collections.abc import Sequence
from typing import Any

import jax

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import l1, non_saturating
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Pair,
    Term,
    Terms,
    make_pair,
    merged,
    read,
    scores_of,
)
from jaxgan.parts.domains import any_size, translate_ability


def pix2pix(
    generator: Player,
    discriminator: Player,
    *,
    source: str = "a",
    target: str = "b",
    reconstruction: float = 100.0,
    adversarial: float = 1.0,
    terms: Sequence[Term] = (),
) -> Game:
    """Translation learned from pairs: the output must be near the true one, and look true beside the input.

    There is no latent: the generator's dropout is its noise, at test as in training.

    Args:
        generator: Network x (B, H, W, C) -> y (B, H, W, C'), with dropout.
        discriminator: Network x, y -> logits of patches (B, H', W').
        source: The array of a minibatch that is translated.
        target: The array that it is translated to, its counterpart.
        reconstruction: lambda, weight of the distance to the counterpart (section 3.3); 0 leaves a conditional GAN.
        adversarial: Weight of the adversarial losses; 0 leaves a regression, which blurs.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    extra = Terms(terms, cross_entropy=True, objective_weight=0.5 * adversarial)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair]:
        x, y = batch[source], batch[target]

        def discriminate(nets: Nets, images: jax.Array, **options: Any) -> Any:
            return nets.discriminator(x, images, **options)

        pair = make_pair(nets, DISCRIMINATOR, y, nets.generator(x), batch, memory, discriminate=discriminate)
        return (pair,)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        # Eq. 1: L_cGAN = E[log D(x, y)] + E[log(1 - D(x, G(x)))], halved for the discriminator (section 3.3)
        loss = 0.5 * non_saturating.discriminator(pair.real_logits, pair.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, (pair,), memory, key)
        return adversarial * loss + cost, Aux(metrics | read(non_saturating, pair), memory, scores_of((pair,)))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        # Eq. 3 and 4: L_cGAN + lambda E || y - G(x) ||_1
        taken_for_real, distance = non_saturating.generator(extra.fake_logits(pair)), l1(pair.fake, pair.real)
        cost, metrics, memory = extra.add(GENERATOR, (pair,), memory, key)
        metrics |= {"adversarial": taken_for_real, "l1": distance}
        return adversarial * taken_for_real + reconstruction * distance + cost, Aux(metrics, memory)

    def translate(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        return nets.generator(images)

    # The generator answers for the very images that the discriminator has judged, and is run once for both.
    turns = (
        Turn(DISCRIMINATOR, discriminator_loss, randomness="dropout"),
        Turn(GENERATOR, generator_loss, randomness="dropout"),
        *extra.lazy_turns(drawn),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={
            GENERATOR: lambda batch: (batch[source],),
            DISCRIMINATOR: lambda batch: (batch[source], batch[target]),
        },
        outputs={GENERATOR: lambda batch: batch[target]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities={
            "translate": translate_ability(
                translate, (source, target), one_way=True, draws=True, tiling=any_size(generator)
            )
        },
        paired=(source, target),
    )
