"""Triple-GAN: "Triple Generative Adversarial Nets", Li, Xu, Zhu and Zhang 2017 (arXiv:1703.02291)."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn, uniform_labels
from jaxgan.errors import UserError
from jaxgan.losses import semi_supervised
from jaxgan.losses.semi_supervised import cross_entropy
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Pair,
    Term,
    Terms,
    as_verdict,
    classify_ability,
    judge_ability,
    known_classes,
    merged,
    sample_abilities,
    scores_of,
)
from jaxgan.parts.inferred_labels import labelled_image
from jaxgan.parts.self_supervision import CLASSIFIER


def triple_gan(
    generator: Player,
    classifier: Player,
    discriminator: Player,
    *,
    num_classes: int = 0,
    latent_size: int = 100,
    latent: str = "uniform",
    alpha: float = 0.5,
    adversarial: float = 0.5,
    pseudo_discriminative: float = 0.1,
    pseudo_from: int = 0,
    labelled_one_in: int = 1,
    entropy: float = 0.3,
    balance: float = 1e-3,
    pretraining_steps: int = 0,
    pretraining_balance: float | None = None,
    terms: Sequence[Term] = (),
) -> Game:
    """A classifier and a generator make pairs of an image and a label, which a discriminator tells from real ones.

    Minibatches hold "image", without labels, and "labelled_image" with its "label", as many of each. As in section 3.3 of the
    paper, half of the images without labels stand beside the classifier's labels among the real pairs; the others are the
    classifier's own. Labels that are inferred are the likeliest classes.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        classifier: Network images -> a Verdict with class logits (B, num_classes).
        discriminator: Network images, labels -> scores (B,).
        num_classes: K; the data's own, in a config.
        latent_size: Components of z.
        latent: Its distribution; the authors' program takes U(0, 1), which differs from "uniform" by scale and offset only.
        alpha: Share of the classifier's pairs among those that the discriminator refuses.
        adversarial: Weight of the discriminator's verdict in the classifier's loss; alpha in the paper. 0, as for the other
            three weights, leaves a classifier trained on the labels alone, the baseline.
        pseudo_discriminative: alpha_P, weight of the loss on generated images and the labels they were made for.
        pseudo_from: That loss begins after so many steps, when the generator makes something; 300 epochs in the paper.
        labelled_one_in: One labelled image of so many of a minibatch is among the real pairs: 100 in the program for MNIST, so
            that nearly all of those have inferred labels, and the discriminator does not learn the few by heart.
        entropy: Weight of the entropy of each prediction on images without labels.
        balance: Weight of the cross-entropy of equal shares and the mean prediction on them.
        pretraining_steps: Steps in which the classifier learns alone; 30 epochs in the program, where labels are few.
        pretraining_balance: `balance` in those steps, 0.3 in the program; None: the same.
        terms: What the losses of generator and discriminator have beside these; see `jaxgan.parts.terms`.
    """
    if labelled_one_in < 1:
        raise UserError(f"labelled_one_in={labelled_one_in}, but it must be at least 1")
    classes = known_classes(num_classes)
    draws, extra = Draws(Latent(latent_size, latent), classes, "uniform"), Terms(terms, cross_entropy=True)

    def inferred(nets: Nets, images: jax.Array) -> jax.Array:
        return jax.lax.stop_gradient(nets.bare[CLASSIFIER](images).class_logits.argmax(-1))

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Pair:
        also = batch["image"][::2]
        known = slice(max(1, len(batch["label"]) // labelled_one_in))
        label = jnp.concatenate([batch["label"][known], inferred(nets, also).astype(batch["label"].dtype)])
        told = {**batch, "image": jnp.concatenate([labelled_image(batch)[known], also]), "label": label}
        return draws.pair(nets, told, memory, key)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair, images = drawn(nets, batch, memory, key), batch["image"][1::2]
        classified = as_verdict(nets.discriminator(images, inferred(nets, images))).score
        # Eq. 3: E_p[log D(x, y)] + alpha E_{p_c}[log(1 - D(x, y))] + (1 - alpha) E_{p_g}[log(1 - D(G(y, z), y))]
        loss = jax.nn.softplus(-pair.real_logits).mean() + alpha * jax.nn.softplus(classified).mean()
        loss += (1 - alpha) * jax.nn.softplus(pair.fake_logits).mean()
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        said = {"d_real": pair.real_logits, "d_fake": pair.fake_logits, "d_classified": classified}
        metrics |= {name: jax.nn.sigmoid(logits).mean() for name, logits in said.items()}
        return loss + cost, Aux(metrics, memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        # (1 - alpha) E_{p_g}[log(1 - D(G(y, z), y))], in its non-saturating form, as in the program
        loss = (1 - alpha) * jax.nn.softplus(-extra.fake_logits(pair)).mean()
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return loss + cost, Aux(metrics, memory)

    def learned(nets: Nets, batch: Batch, balance: float) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
        """The classifier's loss without the others, its logits on the images without labels, and metrics."""
        logits = nets[CLASSIFIER](labelled_image(batch)).class_logits
        unlabelled = nets[CLASSIFIER](batch["image"]).class_logits
        # R_L = E_p[-log p_c(y|x)], and the regularisation of the images without labels
        supervised = cross_entropy(logits, batch["label"])
        uncertainty, imbalance = semi_supervised.entropy(unlabelled), semi_supervised.imbalance(unlabelled)
        metrics = {"supervised": supervised, "entropy": uncertainty, "imbalance": imbalance}
        metrics["label_accuracy"] = (logits.argmax(-1) == batch["label"]).mean()
        return supervised + entropy * uncertainty + balance * imbalance, unlabelled, metrics

    def classifier_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        loss, logits, metrics = learned(nets, batch, balance)
        # E[p_c(y|x) log(1 - D(x, y))] at the likeliest y, in the program's form: - p_c log D, with no gradient through D's y
        likeliest = jax.nn.softmax(logits).max(-1)
        refused = jax.nn.softplus(-as_verdict(nets.discriminator(batch["image"], logits.argmax(-1))).score)
        loss += adversarial * (likeliest * refused).mean()
        # R_P = E_{p_g}[-log p_c(y|x)]: of the classifier alone, for the generator would make what is easy to classify
        label = uniform_labels(jax.random.fold_in(key, 1), len(batch["image"]), classes)
        latents = draws.latent(key, len(label))
        made = cross_entropy(nets[CLASSIFIER](nets.generator(latents, label)).class_logits, label)
        loss += pseudo_discriminative * (nets.clock.step >= pseudo_from) * made
        return loss, Aux(metrics | {"generated": made})

    def pretraining_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        loss, _, metrics = learned(nets, batch, balance if pretraining_balance is None else pretraining_balance)
        return loss, Aux(metrics)

    pretraining = Stage((Turn("pretraining", pretraining_loss, (CLASSIFIER,)),), "pretraining", pretraining_steps)
    turns = (
        Turn(DISCRIMINATOR, discriminator_loss),
        Turn(GENERATOR, generator_loss),
        Turn(CLASSIFIER, classifier_loss),
        *extra.lazy_turns(lambda *args: [drawn(*args)]),
    )
    return Game(
        players={
            GENERATOR: generator.with_network(embedded_classes=classes),
            CLASSIFIER: classifier.with_network(class_logits=classes),
            DISCRIMINATOR: discriminator.with_network(embedded_classes=classes),
        },
        inputs={
            GENERATOR: draws.generator_inputs,
            CLASSIFIER: lambda batch: (labelled_image(batch),),
            DISCRIMINATOR: draws.discriminator_inputs,
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        # The program's classifier has another Adam when it is no longer alone.
        stages=(pretraining, Stage(turns, reset_optimizers=True)) if pretraining_steps else (Stage(turns),),
        memory=lambda key, batch: merged(extra.first_memory()),
        few_labels=True,
        abilities=sample_abilities(draws)
        | {"classify": classify_ability(CLASSIFIER), "judge": judge_ability(num_classes=classes)},
    )
