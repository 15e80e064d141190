"""SNGAN: "Spectral Normalization for Generative Adversarial Networks", Miyato et al. 2018 (arXiv:1802.05957).

With labels it is "cGANs with Projection Discriminator", Miyato and Koyama 2018 (arXiv:1802.05637).
"""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import Objective, make_objective
from jaxgan.parts import Draws, Term, known_classes, two_player_game


def sngan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 128,
    objective: Objective | str = "hinge",
    discriminator_steps: int = 5,
    generator_fakes: int = 1,
    conditional: bool = False,
    labels: str = "minibatch",
    num_classes: int = 0,
    terms: Sequence[Term] = (),
) -> Game:
    """A discriminator whose every weight has spectral norm 1: its player's constraint, `constraints.spectral_norm()`.

    Args:
        generator: Network z (B, latent_size) [, labels (B,)] -> images (B, ...).
        discriminator: Network images [, labels] -> scores (B,).
        latent_size: Components of z ~ N(0, I).
        objective: "hinge", Eq. 16 and 17, or another of `jaxgan.losses.OBJECTIVES`.
        discriminator_steps: Discriminator turns for each generator turn.
        generator_fakes: Fakes for each real in the generator's turn; the authors' program has 2.
        conditional: Whether both networks are told the label: class-conditional batch norm, and the label by projection.
        labels: Of fakes: "minibatch", as the reals', or "uniform", as in the authors' program.
        num_classes: Classes of the label; the data's own, in a config.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Eq. 16 and 17: L_D = E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))],  L_G = -E[D(G(z))]
    classes = known_classes(num_classes) if conditional else 0
    draws = Draws(Latent(latent_size), classes, labels, fakes=generator_fakes)
    return two_player_game(
        generator, discriminator, draws, make_objective(objective), terms, discriminator_steps=discriminator_steps
    )
