"""DCGAN: "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks", Radford et al. 2015.

arXiv:1511.06434.
"""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import non_saturating
from jaxgan.parts import Draws, Term, two_player_game


def dcgan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    latent: str = "uniform",
    reuse_fakes: bool = True,
    terms: Sequence[Term] = (),
) -> Game:
    """The first GAN's game, on convolutions: the networks, `jaxgan.networks.dcgan`, are what is new.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Network images -> logits (B,).
        latent_size: Components of z.
        latent: Their distribution: "uniform" in the paper, "normal" in the tutorials.
        reuse_fakes: The generator answers for the fakes that the discriminator has just judged instead of for fresh ones, and
            is run once for both, as in the programs.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # L_D = -E[log D(x)] - E[log(1 - D(G(z)))],  L_G = -E[log D(G(z))]
    draws = Draws(Latent(latent_size, latent))
    return two_player_game(generator, discriminator, draws, non_saturating, terms, reuse_fakes=reuse_fakes)
