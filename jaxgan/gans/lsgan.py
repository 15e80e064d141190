"""LSGAN: "Least Squares Generative Adversarial Networks", Mao et al. 2016 (arXiv:1611.04076)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses.adversarial import least_squares_objective
from jaxgan.parts import Draws, Term, two_player_game


def lsgan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    latent: str = "normal",
    fake_target: float = 0.0,
    real_target: float = 1.0,
    generator_target: float = 1.0,
    reuse_fakes: bool = False,
    terms: Sequence[Term] = (),
) -> Game:
    """Regression to targets instead of cross-entropies; the discriminator ends without a sigmoid.

    Args:
        generator: Network z (B, latent_size) -> samples (B, ...).
        discriminator: Network samples -> scores (B,).
        latent_size: Components of z.
        latent: Their distribution; see `jaxgan.core.Latent`.
        fake_target: a.
        real_target: b.
        generator_target: c. The published codings are a, b, c = 0, 1, 1 (Eq. 9) and -1, 1, 0 (Eq. 8), whose optimum is
            Pearson's chi-squared.
        reuse_fakes: See `dcgan`.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Eq. 2: L_D = 1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2],  L_G = 1/2 E[(D(G(z)) - c)^2]
    objective = least_squares_objective(fake_target, real_target, generator_target)
    draws = Draws(Latent(latent_size, latent))
    return two_player_game(generator, discriminator, draws, objective, terms, reuse_fakes=reuse_fakes)
