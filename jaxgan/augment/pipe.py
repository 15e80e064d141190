"""ADA's augmentation pipeline: many transformations, each applied to an image with probability p.

Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, "Training Generative Adversarial Networks with Limited Data" (2020,
arXiv:2006.06676), section 2 and appendix B. As long as p is below 1 none of them leaks: the distribution of the images can
be told from the distribution of what is shown, so a generator that matches the one matches the other.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.augment import adaptive
from jaxgan.augment.amplify import BANDS, amplify, normalized_gains
from jaxgan.augment.pixels import affine_warp, cut_out
from jaxgan.augment.smooth_warp import smooth_warp
from jaxgan.core import Clock, View
from jaxgan.core.schedules import Schedule
from jaxgan.errors import UserError
from jaxgan.layers import check_images
from jaxgan.mesh import shard_batch


def augment_pipe(categories: str | Mapping[str, float] = "bgc", probability: float | Schedule = 0.5) -> View:
    """Shows each image after the transformations that its own coins choose, in the order below.

    | category | transformation | drawn from |
    |---|---|---|
    | b | left-right flip | one time in two |
    | b | rotation by 0, 90, 180 or 270 degrees (between pixels if H - W is odd) | equally likely |
    | b | translation by whole pixels | U(-1/8, 1/8) of each side, rounded |
    | g | scaling | 2^N(0, 0.2^2) |
    | g | rotation, before and after the next | U(-pi, pi) |
    | g | scaling of x by s and y by 1/s | s = 2^N(0, 0.2^2) |
    | g | translation | N(0, (1/8)^2) of each side |
    | c | brightness | + N(0, 0.2^2) |
    | c | contrast | * 2^N(0, 0.5^2) |
    | c | flip of the luma axis | one time in two |
    | c | rotation about the luma axis (hue) | U(-pi, pi) |
    | c | saturation | * 2^N(0, 1) |
    | f | each of four octaves of frequencies amplified, the whole scaled back (`normalized_gains`) | * 2^N(0, 1) |
    | n | normal noise on every entry, of a deviation that is the image's own | abs(N(0, 0.1^2)) |
    | o | zeros in a rectangle of half the image's sides (cut-out) | centre anywhere on the image |

    Pixels that only move to pixels stay as they are; all other maps go through `smooth_warp`. Differs from the paper: beyond
    its edge an image is mirrored again and again. The paper's results are by "bgc": it found "f", "n" and "o" of little use
    beside them.

    Args:
        categories: Which ones; or, for each, a factor on its probability. R3GAN (Huang et al. 2024, arXiv:2501.05441) has
            {"b": 1.0, "g": 1.0, "c": 0.5, "o": 1.0} in its published code.
        probability: p, of each transformation of each image: a number, or a function of the game's clock, such as R3GAN's
            `schedules.cosine_ramp(stop=2e7, final=0.55, unit="images")`. `ada` adapts it.

    Returns:
        A view of float images (B, H, W, C) in [-1, 1] (which the result may leave). Colours need 1 or 3 channels; a grey
        image is treated as one whose three channels agree.

    Raises:
        UserError: A category or a probability is not one; or, when used, the images have other channels.
    """
    strengths = _strengths(categories)
    if not callable(probability) and not 0 <= probability <= 1:
        raise UserError(f"augment_pipe: the probability is {probability!r}, but must be in [0, 1] or a schedule")

    def apply(key: jax.Array, images: jax.Array, clock: Clock, state: Any, index: int = 0) -> jax.Array:
        return _augmented(strengths, key, images, probability(clock) if callable(probability) else probability, index)

    return View(apply, further=apply)


def ada(
    categories: str | Mapping[str, float] = "bgc",
    target: float = 0.6,
    images: int = 500_000,
    every: int = 4,
    start: float = 0.0,
) -> View:
    """The same, with a probability that adapts to how much the discriminator overfits: adaptive augmentation, section 3.

    It works in every game whose discriminator turns tell how reals were judged (`Aux.scores`).

    Args:
        categories: As in `augment_pipe`.
        target: See `jaxgan.augment.adaptive.update`.
        images: See there.
        every: See there.
        start: The first probability.

    Raises:
        UserError: A category, the target or a number is out of range.
    """
    strengths = _strengths(categories)
    adaptive.start(start)
    if not -1 < target < 1:
        raise UserError(f"adaptive augmentation: target={target}, but a mean of signs lies in (-1, 1)")
    if images < 1 or every < 1:
        raise UserError(f"adaptive augmentation: images={images} and every={every} must be at least 1")

    def apply(key: jax.Array, images: jax.Array, clock: Clock, state: adaptive.AdaState, index: int = 0) -> jax.Array:
        return _augmented(strengths, key, images, state.p, index)

    def update(state: adaptive.AdaState, scores: jax.Array) -> adaptive.AdaState:
        return adaptive.update(state, scores, target, images, every)

    return View(apply, lambda: adaptive.start(start), update, lambda state: {"ada_probability": state.p}, apply)


def _strengths(categories: str | Mapping[str, float]) -> dict[str, float]:
    strengths = dict.fromkeys(categories, 1.0) if isinstance(categories, str) else dict(categories)
    unknown = [name for name in strengths if name not in tuple("bgcfno")]
    if unknown or not strengths or not all(0 <= strength <= 1 for strength in strengths.values()):
        raise UserError(
            f"augment_pipe: categories are {categories!r}, but must be letters of 'bgcfno', or factors in [0, 1] by letter"
        )
    return strengths


def _augmented(
    strengths: Mapping[str, float], key: jax.Array, images: jax.Array, p: jax.Array | float, index: int = 0
) -> jax.Array:
    check_images("augment_pipe", images, "leave the view out for such data")
    batch, height, width, channels = images.shape
    if "c" in strengths and channels not in (1, 3):
        raise UserError(f"augment_pipe: colours ('c') need images of 1 or 3 channels, but these have {channels}")
    # As many numbers as blits, geometry, colours and cut-outs together take, and as filters and noise do.
    # `_Draws` splits its key, whose parts are what folding 0 and 1 into it gives: further numbers come by other ones.
    draws, further = _Draws(key, batch, 24, 7), _Draws(jax.random.fold_in(key, 2), batch, 5, 5)
    blit = jnp.broadcast_to(jnp.eye(3), (batch, 3, 3))
    if "b" in strengths:
        blit = _blit(draws, p * strengths["b"], blit, height, width)
    still = affine_warp(images, blit) if "b" in strengths else images
    if "g" in strengths:
        inverse = _move(draws, p * strengths["g"], blit, height, width)
        # Where no coin moves an image off its pixels, they stay exactly as they are.
        off = (inverse != blit).any(axis=(1, 2))[:, None, None, None]
        images = jnp.where(off, smooth_warp(images, inverse), still)
    else:
        images = still
    if "c" in strengths:
        images = _color(draws, p * strengths["c"], images)
    if "f" in strengths:
        images = _filter(further, p * strengths["f"], images)
    if "n" in strengths:
        deviation = further.chosen(p * strengths["n"], jnp.abs(further.normal(0.1)), 0.0)
        # Drawn flat: a draw of many axes takes XLA:CPU seconds to compile.
        own = jax.random.fold_in(jax.random.fold_in(key, 3), index)
        noise = shard_batch(jax.random.normal(own, (batch, height * width * channels)))
        images = images + (deviation[:, None] * noise).reshape(images.shape).astype(images.dtype)
    if "o" in strengths:
        hole = draws.chosen(p * strengths["o"], 0.5, 0.0)
        down, right = draws.uniform(0, height), draws.uniform(0, width)
        images = cut_out(images, down, right, hole * height, hole * width)
    return images


class _Draws:
    """Numbers for one batch, each (B,): one for each image.

    All of one kind are drawn at once: for XLA:CPU, compiling forty draws takes longer than compiling all else here.
    """

    def __init__(self, key: jax.Array, batch: int, uniforms: int, normals: int) -> None:
        uniform_key, normal_key = jax.random.split(key)
        self._uniform = iter(shard_batch(jax.random.uniform(uniform_key, (batch, uniforms))).T)
        self._normal = iter(shard_batch(jax.random.normal(normal_key, (batch, normals))).T)

    def uniform(self, low: float, high: float) -> jax.Array:
        return low + (high - low) * next(self._uniform)

    def normal(self, deviation: float) -> jax.Array:
        return deviation * next(self._normal)

    def integer(self, number: int) -> jax.Array:
        """One of 0, 1, ..., number - 1, as a float."""
        return jnp.floor(next(self._uniform) * number)

    def chosen(self, probability: jax.Array | float, value: jax.Array | float, otherwise: float) -> jax.Array:
        """The value where an image's coin, of this probability, says so; what does nothing elsewhere."""
        return jnp.where(next(self._uniform) < probability, value, otherwise)


# Inverses of maps of the plane, (B, 3, 3); x to the right and y downwards, in pixels from the image's centre.


def _scale(x: jax.Array, y: jax.Array) -> jax.Array:
    return _matrix((1 / x, 0.0, 0.0), (0.0, 1 / y, 0.0))


def _rotate(cosine: jax.Array, sine: jax.Array) -> jax.Array:
    return _matrix((cosine, sine, 0.0), (-sine, cosine, 0.0))


def _shift(x: jax.Array, y: jax.Array) -> jax.Array:
    return _matrix((1.0, 0.0, -x), (0.0, 1.0, -y))


def _matrix(*rows: tuple[jax.Array | float, ...]) -> jax.Array:
    entries = jnp.broadcast_arrays(*(entry for row in (*rows, (0.0, 0.0, 1.0)) for entry in row))
    return jnp.stack(entries, axis=-1).reshape(-1, 3, 3)


def _then(inverse: jax.Array, next_inverse: jax.Array) -> jax.Array:
    # (G_2 G_1)^-1 = G_1^-1 G_2^-1
    return jnp.matmul(inverse, next_inverse, precision="highest")


def _blit(draws: _Draws, p: jax.Array | float, inverse: jax.Array, height: int, width: int) -> jax.Array:
    """Pixel blitting: pixels go to pixels."""
    flip = draws.chosen(p, draws.integer(2), 0.0)
    inverse = _then(inverse, _scale(1 - 2 * flip, jnp.ones_like(flip)))
    # Written out, so that they are whole numbers: cos(pi / 2) is not 0.
    turns = draws.chosen(p, draws.integer(4), 0.0)
    cosine, sine = (jnp.where(turns == i, 1.0, 0.0) - jnp.where(turns == i + 2, 1.0, 0.0) for i in (0, 1))
    inverse = _then(inverse, _rotate(cosine, sine))
    right, down = draws.uniform(-0.125, 0.125), draws.uniform(-0.125, 0.125)
    moved = draws.chosen(p, 1.0, 0.0)
    return _then(inverse, _shift(moved * jnp.round(right * width), moved * jnp.round(down * height)))


def _move(draws: _Draws, p: jax.Array | float, inverse: jax.Array, height: int, width: int) -> jax.Array:
    """General geometric transformations."""
    scale = draws.chosen(p, jnp.exp2(draws.normal(0.2)), 1.0)
    inverse = _then(inverse, _scale(scale, scale))
    # P(before or after) = p: two rotations, each with probability 1 - sqrt(1 - p).
    p_rotation = 1 - jnp.sqrt(1 - jnp.minimum(p, 1.0))
    before, after = (draws.chosen(p_rotation, draws.uniform(-jnp.pi, jnp.pi), 0.0) for _ in range(2))
    stretch = draws.chosen(p, jnp.exp2(draws.normal(0.2)), 1.0)
    inverse = _then(inverse, _rotate(jnp.cos(before), jnp.sin(before)))
    inverse = _then(inverse, _scale(stretch, 1 / stretch))
    inverse = _then(inverse, _rotate(jnp.cos(after), jnp.sin(after)))
    right, down = draws.normal(0.125), draws.normal(0.125)
    moved = draws.chosen(p, 1.0, 0.0)
    return _then(inverse, _shift(moved * right * width, moved * down * height))


def _color(draws: _Draws, p: jax.Array | float, images: jax.Array) -> jax.Array:
    return recolor(
        images,
        brightness=draws.chosen(p, draws.normal(0.2), 0.0),
        contrast=draws.chosen(p, jnp.exp2(draws.normal(0.5)), 1.0),
        luma=draws.chosen(p, 1 - 2 * draws.integer(2), 1.0),
        hue=draws.chosen(p, draws.uniform(-jnp.pi, jnp.pi), 0.0),
        saturation=draws.chosen(p, jnp.exp2(draws.normal(1.0)), 1.0),
    )


def _filter(draws: _Draws, p: jax.Array | float, images: jax.Array) -> jax.Array:
    factors = jnp.stack([draws.chosen(p, jnp.exp2(draws.normal(1.0)), 1.0) for _ in range(BANDS)], axis=1)
    chosen = (factors != 1).any(axis=1)[:, None, None, None]
    return jnp.where(chosen, amplify(images, normalized_gains(factors)), images)


def recolor(
    images: jax.Array,
    brightness: jax.Array,
    contrast: jax.Array,
    luma: jax.Array,
    hue: jax.Array,
    saturation: jax.Array,
) -> jax.Array:
    """Changes each image's colours by an affine map of their space, composed in the order of the arguments.

    With v = (1, 1, 1) / sqrt(3), the luma axis, every matrix here is a I + b v v' + c [v]_x, and so is their product: it
    multiplies what lies along v, the grey part of a colour, by a + b, and turns and scales the rest.

    Args:
        images: (B, H, W, C), C being 1 or 3.
        brightness: float32 (B,), added.
        contrast: float32 (B,), factor on all.
        luma: float32 (B,), factor on the grey part, -1 or 1.
        hue: float32 (B,), angle of a rotation about v.
        saturation: float32 (B,), factor on all but the grey part.

    Returns:
        (B, H, W, C).
    """
    along, across = luma * contrast, saturation * contrast
    along, turned, twisted, offset = (
        value.reshape(-1, 1, 1, 1).astype(images.dtype)
        for value in (along, across * jnp.cos(hue), across * jnp.sin(hue), along * brightness)
    )
    grey = images.mean(axis=-1, keepdims=True)  # v v' x
    result = turned * images + (along - turned) * grey + offset
    if images.shape[-1] == 1:
        return result
    # v x (r, g, b) = (b - g, r - b, g - r) / sqrt(3)
    crossed = (jnp.roll(images, 1, axis=-1) - jnp.roll(images, -1, axis=-1)) / jnp.sqrt(3.0)
    return result + twisted * crossed
