"""ProGAN: "Progressive Growing of GANs for Improved Quality, Stability, and Variation", Karras et al. 2017.

arXiv:1710.10196. Both networks start at 4x4 pixels and grow by a level at a time, each faded in while images go by.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.layers import average_pool, upsample_nearest
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Pair,
    Term,
    Terms,
    make_pair,
    merged,
    sample_abilities,
    scores_of,
)
from jaxgan.parts.terms import drift as drift_term
from jaxgan.parts.terms import gradient_penalty


@dataclasses.dataclass(frozen=True)
class Level(Stage):
    """A stage of growth.

    Attributes:
        resolution: Side of the images, in pixels.
        fade_images: Real images during which alpha rises from 0 to 1; 0 starts at 1.
    """

    resolution: int = 4
    fade_images: int = 0


def progan(
    generator: Player,
    discriminator: Player,
    *,
    resolution: int = 1024,
    latent_size: int = 512,
    fade_images: int = 800_000,
    stable_images: int = 800_000,
    batch_sizes: Mapping[str, int] | None = None,
    penalty: float = 10.0,
    drift: float = 1e-3,
    terms: Sequence[Term] = (),
) -> Game:
    """WGAN-GP with drift on networks that grow; equalised learning rates come with the players, as their constraint.

    Args:
        generator: Network (z, resolution=r, alpha=a) -> images (B, r, r, C).
        discriminator: The critic, network (images, resolution=r, alpha=a) -> scores (B,).
        resolution: Side of the final images, a power of two; data come at this size and are averaged down. The data's own, in
            a config.
        latent_size: Components of z ~ N(0, I), which the generator normalises.
        fade_images: Real images during which a new level fades in (800,000; the authors' second program: 600,000).
        stable_images: Real images shown after that, before the next level.
        batch_sizes: Images in a minibatch by resolution, {"256": 14, ...}; others take the run's own.
        penalty: lambda of the gradient penalty.
        drift: Weight of E[C(x)^2] over reals, which keeps the scores near zero (appendix A.1).
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    draws = Draws(Latent(latent_size))
    # Appendix A.1: L' = L + lambda E[(|| grad || - 1)^2] + eps_drift E[C(x)^2]
    extra = Terms((gradient_penalty(penalty), drift_term(drift), *terms))

    def alpha(nets: Nets) -> jax.Array:
        # How far the present level has faded in, by images shown, not by steps.
        fade = nets.stage.fade_images
        return jnp.minimum(nets.clock.stage_images / fade, 1.0) if fade else jnp.float32(1.0)

    def reals(nets: Nets, images: jax.Array) -> jax.Array:
        """The data as the present level sees them: averaged down, and faded like the generator's output."""
        images = average_pool(images, resolution // nets.stage.resolution)
        if not nets.stage.fade_images:
            return images
        coarse = upsample_nearest(average_pool(images, 2), 2)
        return coarse + alpha(nets) * (images - coarse)

    def generate(nets: Nets, z: jax.Array, label: None = None) -> jax.Array:
        return nets.generator(z, resolution=nets.stage.resolution, alpha=alpha(nets))

    def score(nets: Nets, images: jax.Array, **options: bool) -> jax.Array:
        return nets.discriminator(images, resolution=nets.stage.resolution, alpha=alpha(nets), **options)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Pair:
        real, latent = reals(nets, batch["image"]), draws.latent(key, len(batch["image"]))
        fields: dict[str, Any] = {"discriminate": score, "generate": generate, "latent": latent}
        return make_pair(nets, DISCRIMINATOR, real, generate(nets, latent), batch, memory, **fields)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        gap = pair.fake_logits.mean() - pair.real_logits.mean()
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        return gap + cost, Aux(metrics | {"wasserstein": -gap, "alpha": alpha(nets)}, memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return cost - extra.fake_logits(pair).mean(), Aux(metrics, memory)

    turns = (
        Turn(DISCRIMINATOR, discriminator_loss),
        Turn(GENERATOR, generator_loss),
        *extra.lazy_turns(lambda *args: [drawn(*args)]),
    )
    levels = []
    for index in range(round(math.log2(resolution)) - 1):
        side = 4 * 2**index
        levels.append(
            Level(
                turns,
                name=f"{side}x{side}",
                # The first level has nothing to fade from; the last one goes on until the run ends.
                until_images=stable_images + index * (fade_images + stable_images) if side < resolution else None,
                reset_optimizers=True,
                batch_size=(batch_sizes or {}).get(str(side)),
                resolution=side,
                fade_images=fade_images if index else 0,
            )
        )

    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: draws.generator_inputs, DISCRIMINATOR: draws.discriminator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=tuple(levels),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities=sample_abilities(draws, generate),
    )
