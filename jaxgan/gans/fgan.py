"""f-GAN: "Training Generative Neural Samplers using Variational Divergence Minimization", Nowozin et al. 2016.

arXiv:1606.00709.
"""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import f_divergence
from jaxgan.parts import Draws, Term, two_player_game


def fgan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    latent: str = "normal",
    divergence: str = "kl",
    generator_loss: str = "practical",
    discriminator_steps: int = 1,
    reuse_fakes: bool = False,
    terms: Sequence[Term] = (),
) -> Game:
    """Any f-divergence between data and samples, by its convex conjugate.

    Args:
        generator: Network z (B, latent_size) -> samples (B, ...).
        discriminator: Network samples -> V(x) (B,).
        latent_size: Components of z.
        latent: Their distribution; see `jaxgan.core.Latent`.
        divergence: A name in `jaxgan.losses.DIVERGENCES`.
        generator_loss: "theoretical", the bound itself, or "practical" (section 3.2).
        discriminator_steps: Discriminator turns for each generator turn.
        reuse_fakes: See `dcgan`.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Eq. 6: F = E_p[g_f(V(x))] + E_q[-f*(g_f(V(x)))], which the discriminator maximises and the generator minimises;
    # in practice the generator maximises E_q[g_f(V(x))]
    return two_player_game(
        generator,
        discriminator,
        Draws(Latent(latent_size, latent)),
        f_divergence(divergence, generator_loss),
        terms,
        discriminator_steps=discriminator_steps,
        reuse_fakes=reuse_fakes,
    )
