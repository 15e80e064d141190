"""What a trained StyleGAN can do: sample with truncation, map, synthesize, and find the styles of given images."""

from typing import Any

import jax

from jaxgan.core import Ability, Argument, Nets
from jaxgan.core.abilities import CHOICE, IMAGES, LATENTS, STRENGTH
from jaxgan.parts.abilities import NUMBER_ARGUMENT, label_argument
from jaxgan.parts.draws import Draws
from jaxgan.parts.inversion import inversion

_PSI = Argument(
    STRENGTH, "psi: how far styles keep from their mean; 1 as trained, 0 the mean itself", bounds=(-1.0, 1.0)
)


def style_abilities(styles: Any, draws: Draws, inversion_steps: int = 200) -> dict[str, Ability]:
    """The abilities of a game of styles.

    Noise for each pixel is drawn where a key for it is there (`Ability.draws`), and otherwise always the same: path lengths are
    measured so, as published.

    Args:
        styles: The game's `jaxgan.parts.styles.Styles`.
        draws: What the game draws.
        inversion_steps: Steps of "invert"; the paper has 1,000.
    """

    def latents(nets: Nets, key: jax.Array, number: int) -> jax.Array:
        return draws.latent(key, number)

    def map_(nets: Nets, key: jax.Array, latents: jax.Array, label: jax.Array | None = None) -> jax.Array:
        return styles.map(nets, latents, draws.label(key, latents.shape[0], label))

    def synthesize(nets: Nets, key: jax.Array, latents: jax.Array, truncation: Any = None) -> jax.Array:
        return styles.images(nets, styles.truncated(nets, styles.broadcast(nets, latents), truncation))

    def generate(
        nets: Nets, key: jax.Array, latents: jax.Array, label: jax.Array | None = None, truncation: Any = None
    ) -> jax.Array:
        return synthesize(nets, key, map_(nets, key, latents, label), truncation)

    def sample(
        nets: Nets, key: jax.Array, number: int, label: jax.Array | None = None, truncation: Any = None
    ) -> jax.Array:
        return generate(nets, key, *draws.latent_and_label(key, number, label), truncation)

    label = label_argument(draws.num_classes)
    search, found = inversion(styles, draws.latent, inversion_steps)
    return {
        "sample": Ability(
            sample,
            {"number": NUMBER_ARGUMENT, **label, "truncation": _PSI},
            gives="images",
            drawn="samples",
            help="draws samples",
            draws=True,
        ),
        "latents": Ability(latents, {"number": NUMBER_ARGUMENT}, gives="latents", help="draws latents"),
        "generate": Ability(
            generate,
            {"latents": Argument(LATENTS, "an .npz of latents", required=True), **label, "truncation": _PSI},
            gives="images",
            help="makes images of latents",
            draws=True,
        ),
        "map": Ability(
            map_,
            {"latents": Argument(LATENTS, "an .npz of latents", required=True), **label},
            gives="latents",
            help="carries latents to styles, W",
        ),
        "synthesize": Ability(
            synthesize,
            {
                "latents": Argument(LATENTS, "an .npz of styles, W or W+", required=True, space="w"),
                "truncation": _PSI,
            },
            gives="images",
            drawn="styles",
            help="makes images of styles, one for each image or for each slot",
            draws=True,
        ),
        "invert": Ability(
            found,
            {
                "images": Argument(IMAGES, "images to find the styles of", required=True, array="image"),
                "space": Argument(
                    CHOICE, "w, one style for each image (the default), or w+, one for each slot", ("w", "w+")
                ),
            },
            gives="latents",
            help="finds the styles of images",
            search=search,
        ),
    }
