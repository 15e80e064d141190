"""What a discriminator is shown instead of bare images: augmentations and noise, each a `Player.view`."""

from collections.abc import Callable

from jaxgan.augment import adaptive
from jaxgan.augment.diff_augment import diff_augment
from jaxgan.augment.flip_and_shift import flip_and_shift
from jaxgan.augment.noise import instance_noise
from jaxgan.augment.pipe import ada, augment_pipe
from jaxgan.core import View

VIEWS: dict[str, Callable[..., View]] = {
    "ada": ada,
    "augment_pipe": augment_pipe,
    "diff_augment": diff_augment,
    "instance_noise": instance_noise,
}

__all__ = ["VIEWS", "ada", "adaptive", "augment_pipe", "diff_augment", "flip_and_shift", "instance_noise"]
