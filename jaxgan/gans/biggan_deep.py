"""BigGAN-deep: "Large Scale GAN Training for High Fidelity Natural Image Synthesis", Brock et al. 2018 (arXiv:1809.11096)."""

from collections.abc import Sequence

from jaxgan.core import Game, Player
from jaxgan.gans.biggan_like import biggan_like
from jaxgan.parts import Term


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
    return biggan_like(
        generator,
        discriminator,
        latent_size=latent_size,
        latent=latent,
        discriminator_steps=discriminator_steps,
        labels=labels,
        num_classes=num_classes,
        terms=terms,
    )
