"""SAGAN: "Self-Attention Generative Adversarial Networks", Zhang et al. 2018 (arXiv:1805.08318)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import hinge
from jaxgan.parts import Draws, Term, known_classes, two_player_game


def sagan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 128,
    discriminator_steps: int = 1,
    conditional: bool = False,
    labels: str = "uniform",
    num_classes: int = 0,
    terms: Sequence[Term] = (),
) -> Game:
    """SNGAN's game, in which each pixel of both networks may look at all others, one step of each player, at two rates.

    What makes it itself stands in its players: attention (section 3) is their networks' field `attention`; spectral norm of
    both is their constraint, and the two time scales are their optimisers' rates. A generator with attention can "attend".

    The authors' program differs from the paper, and the field `attention_form` of the networks chooses: "paper" has values of
    C / 8 channels and keys for every pixel, "released" values of C / 2 and keys max-pooled 2x2. The program's Adam has b2
    0.999, where the paper says 0.9.

    Args:
        generator: Network z (B, latent_size) [, labels (B,)] -> images (B, ...).
        discriminator: Network images [, labels] -> scores (B,).
        latent_size: Components of z ~ N(0, I).
        discriminator_steps: Discriminator turns for each generator turn.
        conditional: Whether both networks are told the label: class-conditional batch norm, and the label by projection.
        labels: Of fakes: "uniform", as in the authors' program, or "minibatch", as the reals'.
        num_classes: Classes of the label; the data's own, in a config.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # Eq. 4: L_D = E[max(0, 1 - D(x, y))] + E[max(0, 1 + D(G(z), y))],  L_G = -E[D(G(z), y)]
    classes = known_classes(num_classes) if conditional else 0
    draws = Draws(Latent(latent_size), classes, labels)
    return two_player_game(generator, discriminator, draws, hinge, terms, discriminator_steps=discriminator_steps)
