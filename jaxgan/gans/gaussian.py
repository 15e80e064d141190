"""The normal toy: figure 1 of "Generative Adversarial Nets", Goodfellow et al. 2014 (arXiv:1406.2661), as a game."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import Objective, make_objective
from jaxgan.parts import Draws, Term, two_player_game


def gaussian(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 1,
    objective: Objective | str = "non_saturating",
    discriminator_steps: int = 1,
    terms: Sequence[Term] = (),
) -> Game:
    """Numbers from U(-1, 1) become numbers of a normal density, which has tails that the noise has not.

    The generator must learn a curved map, the quantiles of the normal density: an affine one can have its mean and deviation,
    but stays uniform. Its pictures are histograms beside the data's, with the discriminator's logit over them, as in figure 1.

    Args:
        generator: Network z (B, latent_size) -> numbers (B, 1).
        discriminator: Network numbers -> logits (B,).
        latent_size: Components of z, uniform on [-1, 1].
        objective: "non_saturating", "minimax", or another of `jaxgan.losses.OBJECTIVES`.
        discriminator_steps: Discriminator turns for each generator turn.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    draws = Draws(Latent(latent_size, "uniform"))
    return two_player_game(
        generator, discriminator, draws, make_objective(objective), terms, discriminator_steps=discriminator_steps
    )
