"""StyleGAN: "A Style-Based Generator Architecture for Generative Adversarial Networks", Karras, Laine and Aila 2018.

arXiv:1812.04948.
"""

from collections.abc import Mapping, Sequence

from jaxgan.core import Game, Player
from jaxgan.parts import Term, known_classes
from jaxgan.parts.growth import Growth
from jaxgan.parts.styles import style_game
from jaxgan.parts.terms import r1


def stylegan(
    generator: Player,
    discriminator: Player,
    *,
    resolution: int = 1024,
    latent_size: int = 512,
    gamma: float = 10.0,
    mixing: float = 0.9,
    truncated_slots: int | None = 8,
    grow: bool = True,
    first_resolution: int = 8,
    fade_images: int = 600_000,
    stable_images: int = 600_000,
    batch_sizes: Mapping[str, int] | None = None,
    conditional: bool = False,
    num_classes: int = 0,
    inversion_steps: int = 200,
    terms: Sequence[Term] = (),
) -> Game:
    """The non-saturating loss with R1, on a generator that is told its style at each layer.

    Equalised learning rates, a hundredth of them in the mapping, come with the players as their constraint.

    Args:
        generator: As in `jaxgan.parts.styles.style_game`.
        discriminator: Network (images [, labels], resolution=r, alpha=a) -> scores (B,).
        resolution: Side of the final images, a power of two. The data's own, in a config.
        latent_size: Components of z ~ N(0, I), which the generator normalises.
        gamma: Weight of R1, gamma / 2 E[|| grad C(x) ||^2].
        mixing: Share of the images that are made of two styles, in [0, 1].
        truncated_slots: How many slots, the coarsest ones, truncation is for: 8, up to 32x32, as published; None: all.
        grow: Whether the networks grow.
        first_resolution: Side of the first images.
        fade_images: As in `progan`.
        stable_images: As in `progan`.
        batch_sizes: As in `progan`.
        conditional: Whether both networks are told the label.
        num_classes: Classes of the label; the data's own, in a config.
        inversion_steps: Steps of the ability "invert".
        terms: What the losses have beside R1; see `jaxgan.parts.terms`.
    """
    return style_game(
        generator,
        discriminator,
        latent_size=latent_size,
        resolution=resolution,
        num_classes=known_classes(num_classes) if conditional else 0,
        mixing=mixing,
        truncated_slots=truncated_slots,
        growth=Growth(resolution, fade_images, stable_images, batch_sizes, first_resolution) if grow else None,
        inversion_steps=inversion_steps,
        terms=(r1(gamma), *terms),
    )
