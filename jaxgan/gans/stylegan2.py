"""StyleGAN2: "Analyzing and Improving the Image Quality of StyleGAN", Karras et al. 2019 (arXiv:1912.04958)."""

from collections.abc import Mapping, Sequence

from jaxgan.core import Game, Player
from jaxgan.core.schedules import Run
from jaxgan.errors import UserError
from jaxgan.parts import Term, known_classes
from jaxgan.parts.growth import Growth
from jaxgan.parts.styles import style_game
from jaxgan.parts.terms import path_length, r1


def stylegan2(
    generator: Player,
    discriminator: Player,
    *,
    resolution: int = 1024,
    latent_size: int = 512,
    gamma: float | None = 10.0,
    r1_every: int = 16,
    path_weight: float = 2.0,
    path_every: int = 4,
    path_shrink: int = 2,
    mixing: float = 0.9,
    truncated_slots: int | None = None,
    grow: bool = False,
    first_resolution: int = 8,
    fade_images: int = 600_000,
    stable_images: int = 600_000,
    batch_sizes: Mapping[str, int] | None = None,
    conditional: bool = False,
    num_classes: int = 0,
    inversion_steps: int = 200,
    terms: Sequence[Term] = (),
    run: Run | None = None,
) -> Game:
    """The non-saturating loss, with R1 and path length regularisation played lazily.

    A lazy term is a turn of its own, so that its player takes k + 1 updates in k steps: with c = k / (k + 1), the paper gives
    Adam the learning rate c times as large, and both decays to the power of c (appendix B). The discriminator moves first in a
    step; in the authors' program, the generator.

    Args:
        generator: As in `jaxgan.parts.styles.style_game`.
        discriminator: Network images [, labels] -> scores (B,).
        resolution: Side of the images, a power of two. The data's own, in a config.
        latent_size: Components of z ~ N(0, I), which the generator normalises.
        gamma: Weight of R1, gamma / 2 E[|| grad C(x) ||^2]. None: 0.0002 resolution^2 / batch size, the rule of StyleGAN2-ADA
            (arXiv:2006.06676; its programs' setting "auto") for data that nobody has tuned it on.
        r1_every: Steps between two turns of R1.
        path_weight: Weight of path length regularisation; 0 leaves it out.
        path_every: Steps between two turns of it: 8 in the paper, 4 in the authors' programs.
        path_shrink: It is computed on this fraction of the minibatch, 2 for half of it.
        mixing: Share of the images that are made of two styles, in [0, 1].
        truncated_slots: How many slots, the coarsest ones, truncation is for; None: all.
        grow: Whether plain networks grow, as in configurations A to D.
        first_resolution: Side of the first images, if they grow.
        fade_images: As in `progan`.
        stable_images: As in `progan`.
        batch_sizes: As in `progan`.
        conditional: Whether both networks are told the label.
        num_classes: Classes of the label; the data's own, in a config.
        inversion_steps: Steps of the ability "invert"; 1,000 in the paper.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
        run: How long the run is, with its batch size; for `gamma` None.

    Raises:
        UserError: A setting is out of range; or `gamma` None without a run.
    """
    if gamma is None:
        if run is None:
            raise UserError("stylegan2: gamma=None depends on the batch size: give the run, or a number")
        gamma = 0.0002 * resolution**2 / run.batch_size
    paths = (path_length(path_weight, every=path_every, shrink=path_shrink),) if path_weight else ()
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
        terms=(r1(gamma, every=r1_every), *paths, *terms),
    )
