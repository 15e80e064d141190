"""GAN: "Generative Adversarial Nets", Goodfellow et al. 2014 (arXiv:1406.2661)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import Objective, make_objective
from jaxgan.parts import Draws, Term, two_player_game


def gan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    latent: str = "normal",
    objective: Objective | str = "non_saturating",
    discriminator_steps: int = 1,
    terms: Sequence[Term] = (),
) -> Game:
    """The first game: D learns to tell data from fakes, G to be taken for data.

    Args:
        generator: Network z (B, latent_size) -> samples (B, ...).
        discriminator: Network samples -> logits (B,).
        latent_size: Components of z.
        latent: Their distribution; see `jaxgan.core.Latent`.
        objective: "non_saturating", with which section 3 trains, "minimax", Eq. 1, or any of `jaxgan.losses.OBJECTIVES`.
        discriminator_steps: k in Algorithm 1.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Eq. 1: min_G max_D E[log D(x)] + E[log(1 - D(G(z)))]; section 3: G maximises E[log D(G(z))] instead
    return two_player_game(
        generator,
        discriminator,
        Draws(Latent(latent_size, latent)),
        make_objective(objective),
        terms,
        discriminator_steps=discriminator_steps,
    )
