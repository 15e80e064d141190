"""RGAN and RaGAN: "The relativistic discriminator", Jolicoeur-Martineau 2018 (arXiv:1807.00734)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import relativistic
from jaxgan.parts import Draws, Term, two_player_game


def rgan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    form: str = "pairing",
    loss: str = "standard",
    discriminator_steps: int = 1,
    reuse_fakes: bool = False,
    terms: Sequence[Term] = (),
) -> Game:
    """Is this real more realistic than that fake? And the generator is asked the other way round.

    Args:
        generator: Network z (B, latent_size) -> samples (B, ...).
        discriminator: Network samples -> scores (B,).
        latent_size: Components of z ~ N(0, I).
        form: "pairing" (RGAN), "average" (RaGAN: each against the average of the others) or "centred".
        loss: "standard", "least_squares" or "hinge".
        discriminator_steps: Discriminator turns for each generator turn.
        reuse_fakes: See `dcgan`.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Eq. 8, on pairs: L_D = -E[log sigmoid(C(x) - C(g))],  L_G = -E[log sigmoid(C(g) - C(x))]
    return two_player_game(
        generator,
        discriminator,
        Draws(Latent(latent_size)),
        relativistic(form, loss),
        terms,
        discriminator_steps=discriminator_steps,
        reuse_fakes=reuse_fakes,
    )
