"""Rotations as a task that needs no labels: for a classifier that is trained before the GAN, and for a discriminator.

"Self-Supervised GANs via Auxiliary Rotation Loss", Chen et al. 2018 (arXiv:1811.11212); "High-Fidelity Image Generation With
Fewer Labels", Lucic et al. 2019 (arXiv:1903.02271).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.losses.semi_supervised import cross_entropy
from jaxgan.parts.pairs import as_verdict
from jaxgan.parts.terms import DISCRIMINATOR

CLASSIFIER, PRETRAINING_HEAD, ROTATION_HEAD = "classifier", "pretraining_head", "rotation_head"


@dataclasses.dataclass(frozen=True)
class Rotations:
    """The task: to tell by which of these angles an image was rotated.

    It must have an answer. Of handwritten digits 0, 1 and 8 look alike when turned around, and a 6 is a 9: take (0, 90) there,
    an upright digit or a lying one, which can be told of all ten.

    Attributes:
        degrees: Multiples of 90, from 0 to 270, counter-clockwise; two or more.
    """

    degrees: tuple[int, ...] = (0, 90, 180, 270)

    def __post_init__(self) -> None:
        given = tuple(self.degrees)
        if len(given) < 2 or len(set(given)) < len(given) or not set(given) <= {0, 90, 180, 270}:
            raise UserError(f"rotations={given}: choose two or more of 0, 90, 180, 270, each once")

    def __len__(self) -> int:
        return len(self.degrees)

    def rotated(self, images: jax.Array) -> jax.Array:
        """All images at the first angle, then all at the next: (R * B, H, W, C).

        Raises:
            UserError: The images are not square.
        """
        if images.ndim != 4 or images.shape[1] != images.shape[2]:
            raise UserError(
                f"rotations need square images, but these are {images.shape[1:]}: choose one number for data.image_size"
            )
        return jnp.concatenate([jnp.rot90(images, angle // 90, axes=(1, 2)) for angle in self.degrees])

    def loss(self, logits: jax.Array) -> tuple[jax.Array, jax.Array]:
        """-1/R sum over r of E[log p(r | x^r)] and the share of right answers, of logits (R * B, R) of `rotated`."""
        angle = jnp.repeat(jnp.arange(len(self)), len(logits) // len(self))
        return cross_entropy(logits, angle), (logits.argmax(-1) == angle).mean()


@dataclasses.dataclass(frozen=True)
class SelfSupervision:
    """What rotations add to the losses of both sides: the player "rotation_head" reads them off the discriminator's features.

    Attributes:
        rotations: The task.
        discriminator_weight: Of the loss on rotated reals, in the discriminator's turn (beta in the paper).
        generator_weight: Of the loss on rotated fakes, in the generator's turn (alpha).
        one_in: One image of so many is shown at all angles; those are the last of a minibatch. With 4 angles and one_in=8,
            half a minibatch is of rotated images.
    """

    rotations: Rotations = Rotations()
    discriminator_weight: float = 1.0
    generator_weight: float = 0.2
    one_in: int = 8

    def __post_init__(self) -> None:
        if self.one_in < 1:
            raise UserError(f"rotated_one_in={self.one_in}, but it must be at least 1")

    def loss(self, nets: Nets, images: jax.Array, label: jax.Array) -> tuple[jax.Array, jax.Array]:
        """As `Rotations.loss`, of images (B, H, W, C) that the discriminator is told a label (B,) of."""
        number = max(1, len(images) // self.one_in)
        label = jnp.tile(label[-number:], len(self.rotations))
        shown = self.rotations.rotated(images[-number:])
        return self.rotations.loss(nets[ROTATION_HEAD](features_of(nets, shown, label)))


def features_of(nets: Nets, images: jax.Array, *told: jax.Array) -> jax.Array:
    """The discriminator's features (B, F), which do not depend on the labels that it may be told beside.

    Raises:
        UserError: Its network gives none.
    """
    if not nets[DISCRIMINATOR].takes("features"):
        raise UserError("this game reads the discriminator's features, but its network has no keyword features")
    return as_verdict(nets[DISCRIMINATOR](images, *told, features=True)).features


def pretraining_stage(rotations: Rotations, steps: int, label_weight: float = 0.0) -> Stage:
    """A classifier learns rotations, and what it can from the few labels, before the GAN is trained.

    Its turn moves "classifier", a network whose verdicts have features and class logits, and "pretraining_head", which reads
    the rotation off these features.

    Args:
        rotations: The task.
        steps: How many.
        label_weight: gamma of the loss on labelled images, which are rotated too; 0: none are looked at.
    """

    def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        # Section 3.1: -1/|R| sum over r of { E[log p(c_R(F(x^r)) = r)] + gamma E[log p(c_S2L(F(x^r)) = y)] }
        seen = nets[CLASSIFIER](rotations.rotated(batch["image"]), features=True)
        value, accuracy = rotations.loss(nets[PRETRAINING_HEAD](seen.features))
        metrics = {"rotation": value, "rotation_accuracy": accuracy}
        if label_weight:
            logits = nets[CLASSIFIER](rotations.rotated(batch["labelled_image"])).class_logits
            label = jnp.tile(batch["label"], len(rotations))
            classes = cross_entropy(logits, label)
            metrics |= {"classes": classes, "label_accuracy": (logits.argmax(-1) == label).mean()}
            value += label_weight * classes
        return value, Aux(metrics)

    return Stage((Turn("pretraining", loss, (CLASSIFIER, PRETRAINING_HEAD)),), name="pretraining", until_step=steps)


def head_inputs(player: Player, told: bool = False) -> Callable[[Batch], tuple[Any, ...]]:
    """What a head is initialised with: features (1, F) like those of a player's network, which is told labels or not."""

    def inputs(batch: Batch) -> tuple[Any, ...]:
        args = (batch["image"], *([jnp.zeros(len(batch["image"]), jnp.int32)] if told else []))
        return (jnp.zeros((1, *player.shapes(*args, features=True).features.shape[1:])),)

    return inputs
