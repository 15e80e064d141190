"""Any number of domains: their images in a minibatch, and the ability to carry images from one to another."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Batch, Nets, Player
from jaxgan.core.abilities import DOMAIN, IMAGES
from jaxgan.core.arrays import domain_arrays
from jaxgan.core.tiling import Tiling
from jaxgan.errors import UserError


def domain_images(batch: Batch, number: int) -> list[jax.Array]:
    """The images of each of so many domains, all of one shape (B, H, W, C).

    Raises:
        UserError: A domain is not there, or their shapes differ.
    """
    arrays = domain_arrays(number)
    if missing := [name for name in arrays if name not in batch]:
        raise UserError(f"this game plays on {number} domains, but a minibatch has no array {missing[0]!r}")
    images = [batch[name] for name in arrays]
    for name, each in zip(arrays, images, strict=True):
        if each.shape[1:] != images[0].shape[1:]:
            raise UserError(
                f"this game takes domains of one shape, but those of 'a' are {images[0].shape[1:]} and those of {name!r} "
                f"{each.shape[1:]}: set one size and as many channels for all"
            )
    return images


def all_domains(batch: Batch, number: int) -> tuple[jax.Array, jax.Array]:
    """The images of all domains as one minibatch (B * number, H, W, C), and their domains, one-hot (B * number, number)."""
    # Entry by entry, so that each device of a mesh keeps its own share.
    images = jnp.stack(domain_images(batch, number), axis=1)
    labels = jnp.tile(jnp.eye(number, dtype=jnp.float32), (len(images), 1))
    return images.reshape(-1, *images.shape[2:]), labels


def one_domain(batch: Batch, number: int, which: jax.Array) -> jax.Array:
    """The images (B, H, W, C) of one of the domains, `which` an int32 ()."""
    return jnp.stack(domain_images(batch, number))[which]


def attribute_words(attributes: Sequence[str]) -> tuple[str, ...]:
    """What can be asked for: each attribute, and that it be taken away."""
    return tuple(word for name in attributes for word in (name, f"no_{name}"))


def any_size(*players: Player) -> Tiling | None:
    """How these players' networks together take images of any size; None where one of them takes but one.

    A network that does says by its property `multiple` what must divide the sides of its images, and by `least` how small they
    may be, if that is more.
    """
    multiples = [getattr(player.network, "multiple", 0) for player in players]
    if not all(multiples):
        return None
    multiple = math.lcm(*multiples)
    least = max(getattr(player.network, "least", 1) for player in players)
    return Tiling(1, None, multiple, -(-least // multiple) * multiple)


def translate_ability(
    translate: Callable[..., jax.Array] | None,
    domains: Sequence[str],
    one_way: bool = False,
    draws: bool = False,
    guesses: bool = False,
    attributes: Sequence[str] = (),
    change: Callable[..., jax.Array] | None = None,
    tiling: Tiling | None = None,
) -> Ability:
    """Carries images into another domain, or gives and takes attributes.

    Args:
        translate: (nets, images, source, target) -> images.
        domains: Names of the arrays of a minibatch, one for each domain, the usual target last.
        one_way: Whether the last one is the only target.
        draws: As in `Ability`.
        guesses: Whether the game finds the source of images by itself; `translate` is then given None for it.
        attributes: Targets beside the domains: each of these, and "no_" before it.
        change: (nets, images, target) -> images, for such targets.
        tiling: As in `Ability`; see `any_size`.
    """
    targets, sources = (tuple(domains[-1:]), tuple(domains[:-1])) if one_way else (tuple(domains),) * 2
    words = attribute_words(attributes)

    def ability(
        nets: Nets,
        key: jax.Array,
        images: jax.Array,
        target: str | None = domains[-1] if domains else None,
        source: str | None = None,
    ) -> jax.Array:
        if target in words and change is not None:
            return change(nets, images, target)
        others = [domain for domain in sources if domain != target]
        if source is None and not guesses:
            if len(others) > 1:
                raise UserError(
                    f"translate: of which domain are the images? Say source={' or '.join(map(repr, others))}"
                )
            source = others[0]
        if source == target:
            raise UserError(f"translate: source and target are both {target!r}: choose another target")
        assert translate is not None
        return translate(nets, images, source, target)

    usual = f"the domain to carry them into (default: {domains[-1]})" if domains else "what to give or to take away"
    takes: dict[str, Argument] = {
        "images": Argument(IMAGES, "images to translate", required=True),
        "target": Argument(DOMAIN, usual, (*targets, *words), required=not domains, several=True),
    }
    if domains:
        only = "the only other one" if len({*targets, *sources}) == 2 else "none"
        unsaid = "the discriminator's guess" if guesses else only
        help = f"the domain they are of (default: {unsaid})"
        takes["source"] = Argument(DOMAIN, help, sources, guessed=guesses)
    fields: dict[str, Any] = {"draws": draws, "tiling": tiling}
    return Ability(
        ability, takes, gives="images", drawn="translations", help="carries images into another domain", **fields
    )
