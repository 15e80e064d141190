"""ProGAN: "Progressive Growing of GANs for Improved Quality, Stability, and Variation", Karras et al. 2017.

arXiv:1710.10196. Both networks start at 4x4 pixels and grow by a level at a time, each faded in while images go by.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Turn
from jaxgan.losses import wasserstein
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Pair,
    Term,
    Terms,
    judge_ability,
    make_pair,
    merged,
    sample_abilities,
    scores_of,
)
from jaxgan.parts.growth import Growth, alpha, level
from jaxgan.parts.terms import drift as drift_term
from jaxgan.parts.terms import gradient_penalty


def progan(
    generator: Player,
    discriminator: Player,
    *,
    resolution: int = 1024,
    latent_size: int = 512,
    fade_images: int = 800_000,
    stable_images: int = 800_000,
    batch_sizes: Mapping[str, int] | None = None,
    first_resolution: int = 4,
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
        first_resolution: Side of the first images; `resolution` for networks that do not grow.
        penalty: lambda of the gradient penalty.
        drift: Weight of E[C(x)^2] over reals, which keeps the scores near zero (appendix A.1).
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    growth = Growth(resolution, fade_images, stable_images, batch_sizes, first_resolution)
    draws = Draws(Latent(latent_size))
    # Appendix A.1: L' = L + lambda E[(|| grad || - 1)^2] + eps_drift E[C(x)^2]
    extra = Terms((gradient_penalty(penalty), drift_term(drift), *terms))

    def generate(nets: Nets, z: jax.Array, label: None = None) -> jax.Array:
        return nets.generator(z, **level(nets))

    def score(nets: Nets, images: jax.Array, **options: bool) -> jax.Array:
        return nets.discriminator(images, **level(nets), **options)

    def judge(nets: Nets, images: jax.Array) -> jax.Array:
        return score(nets, growth.reals(nets, images))

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Pair:
        real, latent = growth.reals(nets, batch["image"]), draws.latent(key, len(batch["image"]))
        fields: dict[str, Any] = {"discriminate": score, "generate": generate, "latent": latent}
        return make_pair(nets, DISCRIMINATOR, real, generate(nets, latent), batch, memory, **fields)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        gap = pair.fake_logits.mean() - pair.real_logits.mean()
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        metrics |= {"wasserstein": -gap, "alpha": alpha(nets)}
        return gap + cost, Aux(metrics, memory, scores_of([pair], wasserstein))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return cost - extra.fake_logits(pair).mean(), Aux(metrics, memory)

    turns = (
        Turn(DISCRIMINATOR, discriminator_loss),
        Turn(GENERATOR, generator_loss),
        *extra.lazy_turns(lambda *args: [drawn(*args)]),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: draws.generator_inputs, DISCRIMINATOR: draws.discriminator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=growth.stages(turns),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities=sample_abilities(draws, generate) | {"judge": judge_ability(score=judge)},
    )
