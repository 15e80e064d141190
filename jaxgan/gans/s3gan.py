"""S3GAN: "High-Fidelity Image Generation With Fewer Labels", Lucic et al. 2019 (arXiv:1903.02271), section 3.3.

S2GAN whose discriminator also tells by which angle an image was rotated, and whose generator makes images of which it can.
"""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.parts import Draws, Rotations, SelfSupervision, Term, known_classes
from jaxgan.parts.inferred_labels import few_label_game


def s3gan(
    generator: Player,
    discriminator: Player,
    classifier: Player,
    pretraining_head: Player,
    rotation_head: Player,
    *,
    num_classes: int = 0,
    latent_size: int = 120,
    latent: str = "normal",
    rotations: tuple[int, ...] = (0, 90, 180, 270),
    pretraining_steps: int = 1000,
    label_weight: float = 0.5,
    discriminator_rotation: float = 1.0,
    generator_rotation: float = 0.2,
    rotated_one_in: int = 8,
    discriminator_steps: int = 2,
    labels: str = "uniform",
    terms: Sequence[Term] = (),
) -> Game:
    """S2GAN with self-supervision; minibatches and labels are as there.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        discriminator: Network images, labels -> scores (B,), and with `features=True` a Verdict with features.
        classifier: Network images -> a Verdict with class logits (B, num_classes), and with `features=True` features (B, F).
        pretraining_head: Network features (B, F) -> logits (B, number of rotations).
        rotation_head: Network features of the discriminator (B, F) -> logits (B, number of rotations).
        num_classes: K; the data's own, in a config.
        latent_size: Components of z.
        latent: Their distribution.
        rotations: Angles of the self-supervised task, in degrees; they must be told apart, see `jaxgan.parts.Rotations`.
        pretraining_steps: Steps in which the classifier is trained; the GAN begins after them.
        label_weight: gamma, of the labels beside the rotations. 0 leaves a classifier that never saw a label, a control.
        discriminator_rotation: beta, of the rotation loss on reals in the discriminator's turn.
        generator_rotation: alpha, of that on fakes in the generator's turn; 1 and 0.2 are the defaults of the authors' program.
        rotated_one_in: One image of so many of a minibatch is shown at all angles.
        discriminator_steps: Discriminator turns for each generator turn.
        labels: Of fakes: "uniform", as in the paper, or "minibatch", those inferred for the reals.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    draws = Draws(Latent(latent_size, latent), known_classes(num_classes), labels)
    # L_D has beside the hinge  - beta/|R| sum over r of E[log p(c_R(D~(x^r)) = r)],
    # L_G  - alpha/|R| sum over r of E[log p(c_R(D~(G(z, y)^r)) = r)]
    task = Rotations(rotations)
    return few_label_game(
        generator,
        discriminator,
        classifier,
        pretraining_head,
        rotation_head,
        SelfSupervision(task, discriminator_rotation, generator_rotation, rotated_one_in),
        draws,
        terms,
        rotations=task,
        pretraining_steps=pretraining_steps,
        label_weight=label_weight,
        discriminator_steps=discriminator_steps,
    )
