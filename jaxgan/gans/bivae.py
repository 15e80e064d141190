"""A bidirectional autoencoder: images by way of codes, and codes by way of images, without an adversary.

What BiGAN is compared with in "Adversarial Feature Learning", Donahue et al. 2016 (arXiv:1605.09782), section 4.1: the latent
regressor and the autoencoder, here as one game.
"""

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import l2
from jaxgan.parts import ENCODER, GENERATOR, Draws, code_abilities, sample_abilities


def bivae(
    encoder: Player,
    generator: Player,
    *,
    latent_size: int = 50,
    latent: str = "normal",
    latent_weight: float = 1.0,
) -> Game:
    """Its optimum is BiGAN's, E and G each other's inverse; away from it, images blur where BiGAN's turn into others.

    Args:
        encoder: Network x (B, ...) -> codes (B, latent_size).
        generator: Network z (B, latent_size) -> images (B, ...).
        latent_size: Components of z.
        latent: Their distribution; see `jaxgan.core.Latent`.
        latent_weight: Of the loop that begins at latents; 0 leaves a plain autoencoder.
    """
    draws = Draws(Latent(latent_size, latent))

    def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        x, z = batch["image"], draws.latent(key, len(batch["image"]))
        # E || x - G(E(x)) ||^2 + E || z - E(G(z)) ||^2, means over entries
        images, latents = l2(nets.generator(nets.encoder(x)), x), l2(nets.encoder(nets.generator(z)), z)
        return images + latent_weight * latents, Aux({"images": images, "latents": latents})

    return Game(
        players={ENCODER: encoder.with_network(outputs=latent_size), GENERATOR: generator},
        inputs={ENCODER: lambda batch: (batch["image"],), GENERATOR: draws.generator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage((Turn("loops", loss, (ENCODER, GENERATOR)),)),),
        abilities=sample_abilities(draws)
        | code_abilities(lambda nets, images: nets.encoder(images), lambda nets, codes: nets.generator(codes)),
    )
