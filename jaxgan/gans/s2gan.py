"""S2GAN: "High-Fidelity Image Generation With Fewer Labels", Lucic et al. 2019 (arXiv:1903.02271), section 3.1.

A classifier learns from a few labels and from rotations; then a conditional GAN is trained on the labels that it infers.
"""

from collections.abc import Sequence

from jaxgan.core import Game, Latent, Player
from jaxgan.parts import Draws, Rotations, Term, known_classes
from jaxgan.parts.inferred_labels import few_label_game


def s2gan(
    generator: Player,
    discriminator: Player,
    classifier: Player,
    pretraining_head: Player,
    *,
    num_classes: int = 0,
    latent_size: int = 120,
    latent: str = "normal",
    rotations: tuple[int, ...] = (0, 90, 180, 270),
    pretraining_steps: int = 1000,
    label_weight: float = 0.5,
    discriminator_steps: int = 2,
    labels: str = "uniform",
    terms: Sequence[Term] = (),
) -> Game:
    """BigGAN's game on inferred labels.

    Minibatches hold "image", without labels, and "labelled_image" with its "label", as many of each. The paper labels the data
    once, between the stages; here a minibatch is labelled when it comes, by the same classifier, which no longer moves. With
    the classifier's norm "layer" the two are the same; with "batch" a label depends a little on its minibatch.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        discriminator: Network images, labels -> scores (B,).
        classifier: Network images -> a Verdict with class logits (B, num_classes), and with `features=True` features (B, F).
        pretraining_head: Network features (B, F) -> logits (B, number of rotations).
        num_classes: K; the data's own, in a config.
        latent_size: Components of z.
        latent: Their distribution.
        rotations: Angles of the self-supervised task, in degrees; they must be told apart, see `jaxgan.parts.Rotations`.
        pretraining_steps: Steps in which the classifier is trained; the GAN begins after them.
        label_weight: gamma, of the labels beside the rotations. 0 leaves a classifier that never saw a label, a control.
        discriminator_steps: Discriminator turns for each generator turn.
        labels: Of fakes: "uniform", as in the paper, or "minibatch", those inferred for the reals.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    draws = Draws(Latent(latent_size, latent), known_classes(num_classes), labels)
    return few_label_game(
        generator,
        discriminator,
        classifier,
        pretraining_head,
        None,
        None,
        draws,
        terms,
        rotations=Rotations(rotations),
        pretraining_steps=pretraining_steps,
        label_weight=label_weight,
        discriminator_steps=discriminator_steps,
    )
