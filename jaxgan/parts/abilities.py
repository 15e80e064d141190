"""The usual abilities: to sample, attend, judge, classify, enlarge; `jaxgan.parts.domains` has that to translate."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Nets, Player
from jaxgan.core.abilities import IMAGES, LABEL, LATENTS, NUMBER, STRENGTH
from jaxgan.core.tiling import Tiling
from jaxgan.parts.draws import Draws
from jaxgan.parts.pairs import as_verdict

NUMBER_ARGUMENT = Argument(NUMBER, "how many", required=True)
TRUNCATION = Argument(STRENGTH, "draw latents again that exceed this: less variety, more quality")


def sample_abilities(draws: Draws, generate: Callable[..., jax.Array] | None = None) -> dict[str, Ability]:
    """What a generator of latents can do: "sample", and its two halves, "latents" and "generate".

    Args:
        draws: What the game draws.
        generate: (nets, latents, label or None) -> images; None: the player "generator", as `draws` calls it.
    """

    def call(nets: Nets, latents: jax.Array, label: jax.Array | None) -> jax.Array:
        return nets.generator(latents, *draws.condition(label), *draws.reference(nets.memory))

    make = generate or call

    def latents(nets: Nets, key: jax.Array, number: int, truncation: Any = None) -> jax.Array:
        return draws.latent(key, number, truncation)

    def from_latents(nets: Nets, key: jax.Array, latents: jax.Array, label: jax.Array | None = None) -> jax.Array:
        return make(nets, latents, draws.label(key, latents.shape[0], label))

    def sample(
        nets: Nets, key: jax.Array, number: int, label: jax.Array | None = None, truncation: Any = None
    ) -> jax.Array:
        return make(nets, *draws.latent_and_label(key, number, label, truncation))

    return {
        "sample": sample_ability(sample, draws.num_classes),
        "latents": Ability(
            latents, {"number": NUMBER_ARGUMENT, "truncation": TRUNCATION}, gives="latents", help="draws latents"
        ),
        "generate": Ability(
            from_latents,
            {
                "latents": Argument(LATENTS, "an .npz of latents", required=True),
                **label_argument(draws.num_classes),
            },
            gives="images",
            help="makes images of latents",
        ),
    }


def attend_abilities(draws: Draws, generator: Player) -> dict[str, Ability]:
    """Of a generator whose network has attention, where a pixel looks while samples are made; {} for others.

    The map is that of the last layer with attention, the nearest to the image, as in figure 5 of SAGAN (Zhang et al. 2018,
    arXiv:1805.08318). The same key makes the samples that "sample" draws.

    Args:
        draws: What the game draws.
        generator: The player. A network with attention says so by its field `attention`, and gives its maps when it is called
            with `attention_maps=True`.
    """
    if not getattr(generator.network, "attention", ()):
        return {}

    def attend(
        nets: Nets, key: jax.Array, number: int, label: jax.Array | None = None, row: Any = 0.5, column: Any = 0.5
    ) -> jax.Array:
        latents, label = draws.latent_and_label(key, number, label)
        images, maps = nets.generator(
            latents, *draws.condition(label), *draws.reference(nets.memory), attention_maps=True
        )
        if not maps:
            return jnp.full_like(images, -1.0)  # no map of these images has the side that the network names
        weights = maps[-1]
        at = [
            jnp.minimum((jnp.asarray(where) * side).astype(int), side - 1)
            for where, side in zip((row, column), weights.shape[1:3], strict=True)
        ]
        seen = weights[:, at[0], at[1]]
        seen = 2 * seen / seen.max(axis=(1, 2), keepdims=True) - 1
        for axis in (1, 2):
            # Each pixel of the (pooled) map becomes a block.
            seen = jnp.take(seen, jnp.arange(images.shape[axis]) * seen.shape[axis] // images.shape[axis], axis=axis)
        return jnp.broadcast_to(seen[..., None], images.shape)

    takes = {
        "number": NUMBER_ARGUMENT,
        **label_argument(draws.num_classes),
        "row": Argument(
            STRENGTH, "the pixel's place from the top (0) to the bottom (1; default: 0.5)", bounds=(0.0, 1.0)
        ),
        "column": Argument(
            STRENGTH, "the pixel's place from the left (0) to the right (1; default: 0.5)", bounds=(0.0, 1.0)
        ),
    }
    help = "draws where a pixel of each sample looks: brightest where most"
    return {"attend": Ability(attend, takes, gives="images", drawn="attention", help=help)}


def sample_ability(sample: Callable[..., jax.Array], num_classes: int = 0) -> Ability:
    """To draw samples.

    Args:
        sample: (nets, key, number, truncation=...) and, with classes, label=... -> images.
        num_classes: It takes labels, of so many classes; 0: none.
    """
    takes = {"number": NUMBER_ARGUMENT, **label_argument(num_classes), "truncation": TRUNCATION}
    return Ability(sample, takes, gives="images", drawn="samples", help="draws samples")


def label_argument(num_classes: int) -> dict[str, Argument]:
    """The argument "label" of an ability, where there are classes; {} where there are none."""
    return {"label": Argument(LABEL, "the class of each", classes=num_classes)} if num_classes else {}


def with_own_classes(abilities: Mapping[str, Ability], called: str) -> dict[str, Ability]:
    """The abilities of a game that finds its classes itself, which the help calls `called`: what the data call theirs, such as
    "cat", is none of them, even where there are as many."""
    found = {}
    for name, ability in abilities.items():
        takes = {
            each: dataclasses.replace(argument, help=f"the {called} of each") if argument.kind == LABEL else argument
            for each, argument in ability.takes.items()
        }
        found[name] = dataclasses.replace(ability, takes=takes, own_classes=True)
    return found


def judge_ability(
    num_classes: int = 0,
    score: Callable[..., Any] | None = None,
    decide: Callable[[jax.Array], jax.Array] = lambda scores: scores,
) -> Ability:
    """How real a discriminator finds images: scores (B,), higher for what looks more real.

    Args:
        num_classes: It is told their labels, of so many classes; 0: none. Nothing else can be told.
        score: (nets, images [, labels]) -> its verdict; None: that of the player "discriminator".
        decide: As in `jaxgan.losses.Objective`: above 0 for what it takes for real. An energy is low for that.
    """

    def judge(nets: Nets, key: jax.Array, images: jax.Array, label: jax.Array | None = None) -> jax.Array:
        asked = (images,) if label is None else (images, label)
        return decide(as_verdict(score(nets, *asked) if score else nets.discriminator(*asked)).score)

    takes = {"images": Argument(IMAGES, "images to judge", required=True, array="image")}
    if num_classes:
        takes["label"] = Argument(LABEL, "the class that they are said to be of", required=True, classes=num_classes)
    return Ability(judge, takes, gives="scores", help="says how real images look to the discriminator")


def match_ability(player: str = "discriminator", num_classes: int = 0) -> Ability:
    """How well a conditional discriminator finds that images fit classes: scores (B,), above 0 for a match.

    Args:
        player: Its name. One with a score for the match alone gives that, one with a single score gives it.
        num_classes: The labels are of so many classes.
    """

    def match(nets: Nets, key: jax.Array, images: jax.Array, label: jax.Array) -> jax.Array:
        return as_verdict(nets[player](images, label)).fit

    takes = {
        "images": Argument(IMAGES, "images to judge", required=True, array="image"),
        "label": Argument(LABEL, "the class that they are said to be of", required=True, classes=num_classes),
    }
    return Ability(match, takes, gives="scores", help="says how well images fit a class")


def classify_ability(
    player: str = "discriminator",
    class_logits: Callable[[Nets, jax.Array], jax.Array] | None = None,
    of_domains: bool = False,
) -> Ability:
    """What a network that tells classes apart says of images: class logits (B, K).

    Args:
        player: Whose verdict has them.
        class_logits: (nets, images) -> the logits, where no player has them by itself.
        of_domains: Whether they are of the domains of the data, not of its labels.
    """

    def of_player(nets: Nets, images: jax.Array) -> jax.Array:
        return as_verdict(nets[player](images)).class_logits

    logits = class_logits or of_player

    def classify(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return logits(nets, images)

    takes = {"images": Argument(IMAGES, "images to classify", required=True, array="image")}
    help = f"says which {'domain' if of_domains else 'class'} images are of"
    return Ability(classify, takes, gives="class_logits", help=help, of_domains=of_domains)


def upscale_ability(upscale: Callable[..., jax.Array], tiling: Tiling, array: str = "low_resolution") -> Ability:
    """Enlarges images of any size.

    Args:
        upscale: (nets, key, images (B, h, w, C)) -> images (B, factor * h, factor * w, C').
        tiling: By how much, and how far it sees.
        array: Of a minibatch, whose channels those images have.
    """
    takes = {"images": Argument(IMAGES, "images to enlarge", required=True, array=array)}
    help = "enlarges images of any size"
    return Ability(upscale, takes, gives="images", drawn="enlargements", help=help, tiling=tiling)
