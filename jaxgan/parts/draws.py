"""What a turn draws: how many fakes, of which classes, and beside which reals."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Batch, Latent, Memory, Nets, uniform_labels
from jaxgan.core.abilities import checked_labels
from jaxgan.errors import UserError
from jaxgan.mesh import shard_batch
from jaxgan.parts.pairs import Pair, as_verdict, judged

LABELS = ("minibatch", "uniform")


@dataclasses.dataclass(frozen=True)
class Draws:
    """How a game of one generator and one discriminator draws the pair that a turn is played on.

    Attributes:
        latent: The distribution of z.
        num_classes: Both networks are told the label of each image, one of so many; 0: no labels.
        labels: Of fakes: "minibatch", those of the reals they stand beside, a draw from the data's own p(y); or "uniform", each
            class equally likely.
        told: Whether the discriminator is told the labels too; AC-GAN's is not, it tells them.
        fakes: Fakes for each real in the generator's turn: SNGAN and WGAN-GP train it on twice as many.
        joint: Reals and fakes pass the discriminator in one call, and share batch norm's statistics.
        mismatched: The discriminator is also shown the reals beside labels of another class.
        reference_size: For a generator with virtual batch norm, called with a reference batch behind the latents: how many
            reference latents are drawn, once, when the game begins (Salimans et al. 2016, arXiv:1606.03498, section 3.4).
    """

    latent: Latent
    num_classes: int = 0
    labels: str = "minibatch"
    told: bool = True
    fakes: int = 1
    joint: bool = False
    mismatched: bool = False
    reference_size: int = 0

    def __post_init__(self) -> None:
        if self.labels not in LABELS:
            raise UserError(f"the fakes' labels={self.labels!r} are unknown: choose one of {', '.join(LABELS)}")
        if self.fakes < 1:
            raise UserError(f"fakes={self.fakes} for each real, but it must be at least 1")
        if self.mismatched and self.num_classes < 2:
            found = "one class alone" if self.num_classes else "none"
            raise UserError(f"mismatched pairs need labels of two classes, but this game has {found}")

    # ---- what networks are told beside their first argument

    def condition(self, label: jax.Array | None) -> tuple[Any, ...]:
        """The labels, where there are any."""
        return (label,) if self.num_classes else ()

    def reference(self, memory: Memory) -> tuple[Any, ...]:
        """The generator's reference batch, where there is one."""
        return (memory["reference"],) if self.reference_size else ()

    # ---- what samples are made from

    def label(self, key: jax.Array, number: int, label: jax.Array | None = None) -> jax.Array | None:
        """The labels asked for; where none were, in a game that has them, drawn ones, beside latents of the same key."""
        if not self.num_classes or label is not None:
            return label
        # Codes beside a latent fold 1 and 2 into the key, and networks that draw fold 1.
        return uniform_labels(jax.random.fold_in(key, 3), number, self.num_classes)

    def latent_and_label(
        self, key: jax.Array, number: int, label: jax.Array | None = None, truncation: Any = None
    ) -> tuple[jax.Array, jax.Array | None]:
        """Latents, those that the latent alone draws by this key, and labels in a game that has them."""
        return self.latent(key, number, truncation), self.label(key, number, label)

    # ---- what a turn is played on

    def pair(self, nets: Nets, batch: Batch, memory: Memory, key: jax.Array, fakes: int = 1) -> Pair:
        """Draws fakes and has both judged.

        Args:
            nets: Players "generator" and "discriminator".
            batch: The minibatch, with "image" and, with labels, "label".
            memory: What the game remembers.
            key: PRNG key.
            fakes: For each real.
        """
        real = batch["image"]
        number = fakes * len(real)
        latent = self.latent(key, number)
        label: Any = None
        if self.num_classes and self.labels == "uniform":
            label = uniform_labels(jax.random.fold_in(key, 1), number, self.num_classes)
        elif self.num_classes:
            label = jnp.tile(batch["label"], fakes) if fakes > 1 else batch["label"]

        def generate(nets: Nets, latent: jax.Array) -> jax.Array:
            return nets.generator(latent, *self.condition(label), *self.reference(memory))

        def beside(label: jax.Array | None) -> Callable[..., Any]:
            told = self.condition(label) if self.told else ()
            return lambda nets, images, **options: nets.discriminator(images, *told, **options)

        fake = generate(nets, latent)
        real_label: Any = batch.get("label")
        judges = beside(real_label), beside(label)
        before: Any = None
        if self.joint:
            labels = jnp.concatenate([real_label, label]) if label is not None else None
            both = as_verdict(beside(labels)(nets, jnp.concatenate([real, fake])))
            split = len(real)
            verdicts = jax.tree.map(lambda x: x[:split], both), jax.tree.map(lambda x: x[split:], both)
        else:
            verdicts, before = judged(nets, *judges, real, fake)
        fields: dict[str, Any] = {"generate": generate, "latent": latent, "fake_label": label, "judges": before}
        pair = Pair(nets, "discriminator", *judges, real, fake, *verdicts, batch, memory, **fields)
        if not self.mismatched:
            return pair
        # Another class for each image, all others equally likely.
        shift = jax.random.randint(jax.random.fold_in(key, 2), batch["label"].shape, 1, self.num_classes)
        wrong = (batch["label"] + shard_batch(shift)) % self.num_classes
        return pair._replace(mismatched_verdict=as_verdict(beside(wrong)(nets, real)))

    # ---- the game's inputs and memory

    def generator_inputs(self, batch: Batch) -> tuple[Any, ...]:
        """What the generator is initialised with."""
        return (self.latent.example(), *self.condition(jnp.zeros((1,), jnp.int32)))

    def discriminator_inputs(self, batch: Batch) -> tuple[Any, ...]:
        """What the discriminator is initialised with.

        Raises:
            UserError: The game needs labels, and the data have none.
        """
        label = (label_of(batch, self.num_classes),) if self.num_classes else ()
        return (batch["image"], *(label if self.told else ()))

    def first_memory(self, key: jax.Array) -> dict[str, Any]:
        """What it remembers."""
        return {"reference": self.latent(key, self.reference_size)} if self.reference_size else {}


def label_of(batch: Batch, num_classes: int) -> jax.Array:
    """The minibatch's labels.

    Raises:
        UserError: There are none; or, where they are known already, one is no class of so many.
    """
    if "label" not in batch:
        raise UserError(
            "this game needs class labels, which the data do not have: put images in a subfolder for each class"
        )
    return checked_labels(batch["label"], num_classes, "the minibatch's label")


def known_classes(num_classes: int) -> int:
    """The number of classes, for a game that cannot do without.

    Raises:
        UserError: It is not known.
    """
    if num_classes < 1:
        raise UserError("this game needs class labels: give num_classes, or data that have labels")
    return num_classes
