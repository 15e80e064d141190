"""S2GAN-CO: "High-Fidelity Image Generation With Fewer Labels", Lucic et al. 2019 (arXiv:1903.02271), section 3.2.

No classifier is trained before: a linear head on the discriminator's own features learns the few labels and infers the others.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Batch, Game, Latent, Memory, Nets, Player
from jaxgan.losses.semi_supervised import cross_entropy
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Rotations,
    SelfSupervision,
    Term,
    classify_ability,
    known_classes,
)
from jaxgan.parts.inferred_labels import Labelled, inferred_label_game, labelled_image
from jaxgan.parts.self_supervision import features_of, head_inputs


def s2gan_co(
    generator: Player,
    discriminator: Player,
    class_head: Player,
    rotation_head: Player | None = None,
    *,
    num_classes: int = 0,
    latent_size: int = 120,
    latent: str = "normal",
    label_weight: float = 1.0,
    rotations: tuple[int, ...] = (0, 90, 180, 270),
    discriminator_rotation: float = 1.0,
    generator_rotation: float = 0.2,
    rotated_one_in: int = 8,
    discriminator_steps: int = 2,
    labels: str = "uniform",
    terms: Sequence[Term] = (),
) -> Game:
    """BigGAN's game on labels of which the discriminator infers most; with a rotation head it is S3GAN-CO.

    Minibatches hold "image", without labels, and "labelled_image" with its "label", as many of each. Both are reals of the
    game: the ones beside inferred labels, the others beside known ones.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        discriminator: Network images, labels -> scores (B,), and with `features=True` a Verdict with features.
        class_head: Network features (B, F) -> class logits (B, num_classes).
        rotation_head: Network features (B, F) -> logits (B, number of rotations); None: no self-supervision.
        num_classes: K; the data's own, in a config.
        latent_size: Components of z.
        latent: Their distribution.
        label_weight: Of the class loss on the known labels. 0 leaves a head that never saw a label, a control.
        rotations: Angles of the self-supervised task, in degrees; they must be told apart, see `jaxgan.parts.Rotations`.
        discriminator_rotation: beta, of the rotation loss on reals in the discriminator's turn.
        generator_rotation: alpha, of that on fakes in the generator's turn; 1 and 0.2 are the defaults of the authors' program.
        rotated_one_in: One image of so many of a minibatch is shown at all angles.
        discriminator_steps: Discriminator turns for each generator turn.
        labels: Of fakes: "uniform", as in the paper, or "minibatch", those inferred for the reals.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    draws = Draws(Latent(latent_size, latent), known_classes(num_classes), labels)

    def class_logits(nets: Nets, images: jax.Array) -> jax.Array:
        # c_CT(D~(x)): features that the label beside them has no part in
        return nets.class_head(features_of(nets, images, jnp.zeros(len(images), jnp.int32)))

    def labelled(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Labelled:
        inferred = class_logits(nets, batch["image"]).argmax(-1).astype(batch["label"].dtype)
        images = jnp.concatenate([labelled_image(batch), batch["image"]])
        return images, jnp.concatenate([batch["label"], inferred])

    def beside(nets: Nets, batch: Batch) -> tuple[jax.Array, dict[str, jax.Array]]:
        # - E[log p(c_CT(D~(x)) = y)] over the known labels
        logits = class_logits(nets, labelled_image(batch))
        classes = cross_entropy(logits, batch["label"])
        return label_weight * classes, {
            "classes": classes,
            "label_accuracy": (logits.argmax(-1) == batch["label"]).mean(),
        }

    game = inferred_label_game(
        {
            GENERATOR: generator,
            DISCRIMINATOR: discriminator,
            "class_head": class_head.with_network(class_logits=num_classes),
        },
        draws,
        labelled,
        terms,
        rotation_head=rotation_head,
        self_supervision=SelfSupervision(
            Rotations(rotations), discriminator_rotation, generator_rotation, rotated_one_in
        ),
        discriminator_steps=discriminator_steps,
        beside=beside,
        inputs={
            "class_head": head_inputs(discriminator.with_network(projected_classes=num_classes), told=True),
        },
    )
    return dataclasses.replace(
        game,
        abilities={**game.abilities, "classify": classify_ability(class_logits=class_logits)},
        few_labels=True,
    )
