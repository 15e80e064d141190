"""The game that the others vary: one generator, one discriminator, any objective.

"Generative Adversarial Nets", Goodfellow et al. 2014 (arXiv:1406.2661). With convolutional networks it is DCGAN (Radford,
Metz and Chintala 2015, arXiv:1511.06434).
"""

from collections.abc import Callable

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import OBJECTIVES


def gan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    latent: str = "normal",
    objective: str = "non_saturating",
    discriminator_steps: int = 1,
) -> Game:
    """An unconditional GAN.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Network images -> logits (B,).
        latent_size: Components of z.
        latent: "normal" or "uniform".
        objective: A name in `jaxgan.losses.OBJECTIVES`.
        discriminator_steps: Discriminator turns for each generator turn (k in Algorithm 1).
    """
    losses = OBJECTIVES[objective]
    draw = Latent(latent_size, latent)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        fake = nets.generator(draw(key, len(batch["image"])))
        # Real and fake pass as batches of their own, each with its own batch-norm statistics.
        real_logits, fake_logits = nets.discriminator(batch["image"]), nets.discriminator(fake)
        return losses.discriminator(real_logits, fake_logits), Aux(
            {"d_real": jax.nn.sigmoid(real_logits).mean(), "d_fake": jax.nn.sigmoid(fake_logits).mean()}
        )

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        logits = nets.discriminator(nets.generator(draw(key, len(batch["image"]))))
        return losses.generator(logits), Aux({"d_fake": jax.nn.sigmoid(logits).mean()})

    # Both turns draw the same z: the generator answers for the very fakes that the discriminator has just judged.
    return Game(
        players={"generator": generator, "discriminator": discriminator},
        inputs={"generator": lambda batch: (draw.example(),), "discriminator": lambda batch: (batch["image"],)},
        stages=(
            Stage(
                (
                    Turn("discriminator", discriminator_loss, repeats=discriminator_steps, randomness="latent"),
                    Turn("generator", generator_loss, randomness="latent"),
                )
            ),
        ),
        abilities={"sample": sampler(draw)},
    )


def sampler(draw: Latent) -> Callable[..., jax.Array]:
    """The ability to sample of every game whose generator maps z to images."""

    def sample(nets: Nets, key: jax.Array, number: int, truncation: float | None = None) -> jax.Array:
        return nets.generator(draw(key, number, truncation))

    return sample
