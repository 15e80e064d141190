"""A VAE-GAN whose discriminator tells three kinds of images: real, reconstructed, generated.

Of "Autoencoding beyond pixels using a learned similarity metric", Larsen et al. 2015 (arXiv:1512.09300), as it is taught.
"""

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player
from jaxgan.gans.vaegan import Decoded, vaegan_game
from jaxgan.losses.semi_supervised import log_odds, taken_for
from jaxgan.parts import DISCRIMINATOR, as_verdict

REAL, RECONSTRUCTED, GENERATED = range(3)


def vaegan_three_way(
    encoder: Player,
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 128,
    feature_weight: float = 1e-6,
    adversarial: float = 1.0,
    prior_weight: float = 1.0,
) -> Game:
    """A VAE-GAN in which reconstructions and generated images are kinds of their own: the decoder fails in two ways.

    Args:
        encoder: Network x (B, ...) -> (B, 2 latent_size).
        generator: The decoder, a network z (B, latent_size) -> images (B, ...).
        discriminator: Network images -> Verdict with class logits (B, 3), and with `features=True` also features, Dis_l.
        latent_size: Components of z.
        feature_weight: gamma; see `jaxgan.gans.vaegan`.
        adversarial: Weight of the losses by the kinds, of the decoder and of the discriminator.
        prior_weight: Of the encoder's share in the game: its reconstructions are to be taken for generated images, which they
            are when codes lie as the prior's do. 0 leaves the encoder out of it, as in the VAE-GAN of two kinds.
    """

    def logits(nets: Nets, images: jax.Array) -> jax.Array:
        return as_verdict(nets.discriminator(images)).class_logits

    def realness(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return log_odds(logits(nets, images), REAL)

    def discriminates(
        nets: Nets, batch: Batch, memory: Memory, key: jax.Array, decoded: Decoded
    ) -> tuple[jax.Array, Aux]:
        # - log D(real | x) - log D(reconstructed | Dec(Enc(x))) - log D(generated | Dec(z))
        costs = {
            "real": taken_for(logits(nets, batch["image"]), REAL),
            "reconstructed": taken_for(logits(nets, decoded.reconstructed), RECONSTRUCTED),
            "generated": taken_for(logits(nets, decoded.generated), GENERATED),
        }
        scores = {DISCRIMINATOR: realness(nets, key, batch["image"])}
        return adversarial * sum(costs.values(), jnp.zeros(())), Aux(costs, scores=scores)

    def deceives(nets: Nets, batch: Batch, memory: Memory, key: jax.Array, decoded: Decoded) -> tuple[jax.Array, Aux]:
        # - log D(real | Dec(Enc(x))) - log D(real | Dec(z))
        cost = taken_for(logits(nets, decoded.reconstructed), REAL) + taken_for(logits(nets, decoded.generated), REAL)
        return adversarial * cost, Aux({"adversarial": cost})

    def encodes(nets: Nets, batch: Batch, memory: Memory, key: jax.Array, decoded: Decoded) -> tuple[jax.Array, Aux]:
        # - log D(generated | Dec(Enc(x)))
        cost = taken_for(logits(nets, decoded.reconstructed), GENERATED)
        return prior_weight * cost, Aux({"taken_for_generated": cost})

    return vaegan_game(
        encoder,
        generator,
        discriminator.with_network(class_logits=3),
        Latent(latent_size),
        feature_weight,
        discriminates,
        deceives,
        judge=realness,
        encodes=encodes if prior_weight else None,
    )
