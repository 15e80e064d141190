"""DRAGAN: "On Convergence and Stability of GANs", Kodali et al. 2017 (arXiv:1705.07215)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import non_saturating
from jaxgan.parts import Draws, Term, two_player_game
from jaxgan.parts.terms import dragan as gradient_penalty_around_data


def dragan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    latent: str = "normal",
    penalty: float = 10.0,
    perturbation: str = "author",
    reuse_fakes: bool = False,
    terms: Sequence[Term] = (),
) -> Game:
    """The first GAN with a gradient penalty around the data.

    Args:
        generator: Network z (B, latent_size) -> samples (B, ...).
        discriminator: Network samples -> logits (B,); no layer may mix the samples of a batch.
        latent_size: Components of z.
        latent: Their distribution; see `jaxgan.core.Latent`.
        penalty: lambda.
        perturbation: "author", as in the program, or "paper", normal noise; see `jaxgan.losses.dragan_points`.
        reuse_fakes: See `dcgan`.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Section 2.3: L_D + lambda E[(|| grad D(x + delta) || - 1)^2]
    own = (gradient_penalty_around_data(penalty, perturbation),)
    draws = Draws(Latent(latent_size, latent))
    return two_player_game(generator, discriminator, draws, non_saturating, (*own, *terms), reuse_fakes=reuse_fakes)
