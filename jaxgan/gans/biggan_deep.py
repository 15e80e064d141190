"""BigGAN-deep: "Large Scale GAN Training for High Fidelity Natural Image Synthesis", Brock et al. 2018 (arXiv:1809.11096)."""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import hinge
from jaxgan.parts import Draws, Term, known_classes, two_player_game


def biggan_deep(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 128,
    latent: str = "normal",
    discriminator_steps: int = 2,
    labels: str = "minibatch",
    num_classes: int = 0,
    terms: Sequence[Term] = (),
) -> Game:
    """BigGAN's game with the deeper networks of appendix B, whose every block is told the whole of z.

    Constraints, average, truncation and standing statistics are as in `biggan_like`.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        discriminator: Network images, labels -> scores (B,).
        latent_size: Components of z; of any number, for it is not split.
        latent: Their distribution; see `jaxgan.core.Latent`.
        discriminator_steps: Discriminator turns for each generator turn.
        labels: Of fakes: "minibatch", as the reals', or "uniform", as in the paper.
        num_classes: Classes of the label; the data's own, in a config.
        terms: What the losses have beside the objective; see `jaxgan.parts.terms`.
    """
    # L_D = E[max(0, 1 - D(x, y))] + E[max(0, 1 + D(G(z, y), y))],  L_G = -E[D(G(z, y), y)]
    draws = Draws(Latent(latent_size, latent), known_classes(num_classes), labels)
    return two_player_game(generator, discriminator, draws, hinge, terms, discriminator_steps=discriminator_steps)
