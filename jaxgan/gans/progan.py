"""ProGAN: "Progressive Growing of GANs for Improved Quality, Stability, and Variation", Karras et al. 2017.

arXiv:1710.10196. Both networks start at 4x4 pixels and grow by a level at a time, each faded in while images go by.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.layers import average_pool, upsample_nearest
from jaxgan.losses import gradient_penalty, interpolate


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
    critic: Player,
    *,
    resolution: int = 1024,
    latent_size: int = 512,
    fade_images: int = 800_000,
    stable_images: int = 800_000,
    batch_sizes: dict[str, int] | None = None,
    penalty: float = 10.0,
    drift: float = 1e-3,
) -> Game:
    """WGAN-GP with drift on networks that grow; equalised learning rates come with the players, as their constraint.

    Args:
        generator: Network (z, resolution=r, alpha=a) -> images (B, r, r, C).
        critic: Network (images, resolution=r, alpha=a) -> scores (B,).
        resolution: Side of the final images, a power of two; data come at this size and are averaged down.
        latent_size: Components of z ~ N(0, I), which the generator normalises.
        fade_images: Real images during which a new level fades in (800,000; the authors' second program: 600,000).
        stable_images: Real images shown after that, before the next level.
        batch_sizes: Images in a minibatch by resolution, {"256": 14, ...}; others take the run's own.
        penalty: lambda of the gradient penalty.
        drift: Weight of E[C(x)^2] over reals, which keeps the scores near zero (appendix A.1).
    """
    draw = Latent(latent_size)

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

    def generate(nets: Nets, z: jax.Array) -> jax.Array:
        return nets.generator(z, resolution=nets.stage.resolution, alpha=alpha(nets))

    def critic_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        latent_key, mix_key = jax.random.split(key)

        def score(images: jax.Array) -> jax.Array:
            return nets.critic(images, resolution=nets.stage.resolution, alpha=alpha(nets))

        real = reals(nets, batch["image"])
        fake = generate(nets, draw(latent_key, len(real)))
        real_scores = score(real)
        gap = score(fake).mean() - real_scores.mean()
        steepness = gradient_penalty(score, interpolate(mix_key, real, fake))
        # Appendix A.1: L' = L + lambda E[(|| grad || - 1)^2] + eps_drift E[C(x)^2]
        loss = gap + penalty * steepness + drift * jnp.square(real_scores).mean()
        return loss, Aux({"wasserstein": -gap, "penalty": steepness, "alpha": alpha(nets)})

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        fake = generate(nets, draw(key, len(batch["image"])))
        return -nets.critic(fake, resolution=nets.stage.resolution, alpha=alpha(nets)).mean(), Aux()

    def sample(nets: Nets, key: jax.Array, number: int, truncation: float | None = None) -> jax.Array:
        return generate(nets, draw(key, number, truncation))

    turns = (Turn("critic", critic_loss), Turn("generator", generator_loss))
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
        players={"generator": generator, "critic": critic},
        inputs={"generator": lambda batch: (draw.example(),), "critic": lambda batch: (batch["image"],)},
        stages=tuple(levels),
        abilities={"sample": sample},
    )
