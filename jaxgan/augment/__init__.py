"""What a discriminator is shown instead of bare images: augmentations and noise, each a `Player.view`."""

from collections.abc import Callable, Sequence

import jax

from jaxgan.augment import adaptive
from jaxgan.augment.diff_augment import diff_augment
from jaxgan.augment.flip_and_shift import flip_and_shift
from jaxgan.augment.noise import instance_noise
from jaxgan.augment.pipe import augment_pipe
from jaxgan.core import Clock, Memory, View


def chain(parts: Sequence[View]) -> View:
    """Several views, one after the other."""

    def view(key: jax.Array, images: jax.Array, clock: Clock, memory: Memory) -> jax.Array:
        for index, part in enumerate(parts):
            images = part(jax.random.fold_in(key, index), images, clock, memory)
        return images

    return view


VIEWS: dict[str, Callable[..., View]] = {
    "augment_pipe": augment_pipe,
    "chain": chain,
    "diff_augment": diff_augment,
    "instance_noise": instance_noise,
}

__all__ = ["VIEWS", "adaptive", "augment_pipe", "chain", "diff_augment", "flip_and_shift", "instance_noise"]
