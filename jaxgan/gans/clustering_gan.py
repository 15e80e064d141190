"""Clustering GAN: "High-Fidelity Image Generation With Fewer Labels", Lucic et al. 2019 (arXiv:1903.02271), section 3.1.

No labels at all: a network learns rotations, k-means finds clusters of its features, and a conditional GAN is trained with the
clusters for classes.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import IMAGES
from jaxgan.errors import UserError
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Draws, Rotations, SelfSupervision, Term
from jaxgan.parts.abilities import with_own_classes
from jaxgan.parts.clusters import first_centres, moved_centres, nearest, squared_distances
from jaxgan.parts.inferred_labels import Labelled, inferred_label_game
from jaxgan.parts.self_supervision import CLASSIFIER, PRETRAINING_HEAD, head_inputs, pretraining_stage

INFERRED = ("clusters", "random", "single")


def clustering_gan(
    generator: Player,
    discriminator: Player,
    classifier: Player,
    pretraining_head: Player,
    rotation_head: Player | None = None,
    *,
    clusters: int = 50,
    inferred: str = "clusters",
    latent_size: int = 120,
    latent: str = "normal",
    rotations: tuple[int, ...] = (0, 90, 180, 270),
    pretraining_steps: int = 1000,
    clustering_steps: int = 100,
    clustering_batch_size: int | None = None,
    discriminator_rotation: float = 1.0,
    generator_rotation: float = 0.2,
    rotated_one_in: int = 8,
    discriminator_steps: int = 2,
    labels: str = "minibatch",
    terms: Sequence[Term] = (),
) -> Game:
    """BigGAN's game on clusters; a label that it is asked for is the number of one.

    The centres are in the game's memory: k-means++ on the features of a first minibatch, then k-means by minibatches.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        discriminator: Network images, labels -> scores (B,), and with `features=True` a Verdict with features.
        classifier: Network images -> with `features=True` a Verdict with features (B, F).
        pretraining_head: Network features (B, F) -> logits (B, number of rotations).
        rotation_head: Network features of the discriminator (B, F) -> logits (B, number of rotations), for the paper's
            "clustering (SS)"; None: no self-supervision.
        clusters: How many.
        inferred: The labels of reals: "clusters"; or, for the paper's baselines, "random", each equally likely and drawn anew
            for each minibatch, or "single", the same for all.
        latent_size: Components of z.
        latent: Their distribution.
        rotations: Angles of the self-supervised task, in degrees; they must be told apart, see `jaxgan.parts.Rotations`.
        pretraining_steps: Steps in which the features are learned.
        clustering_steps: Steps of k-means after them; the GAN begins after these.
        clustering_batch_size: Images in a minibatch of k-means, at least `clusters`; None: the run's own.
        discriminator_rotation: beta, of the rotation loss on reals in the discriminator's turn.
        generator_rotation: alpha, of that on fakes in the generator's turn; 1 and 0.2 are the defaults of the authors' program.
        rotated_one_in: One image of so many of a minibatch is shown at all angles.
        discriminator_steps: Discriminator turns for each generator turn.
        labels: Of fakes: "minibatch", as the reals', for clusters differ in size, or "uniform".
        terms: What the losses have beside these; see `jaxgan.parts.terms`.

    Raises:
        UserError: `inferred` is none of these, or there are more clusters than images to begin with.
    """
    if inferred not in INFERRED:
        raise UserError(f"inferred={inferred!r} is unknown: choose one of {', '.join(INFERRED)}")
    if clusters < 1:
        raise UserError(f"clusters={clusters}, but it must be at least 1")
    task = Rotations(rotations)
    draws = Draws(Latent(latent_size, latent), 1 if inferred == "single" else clusters, labels)

    def features(nets: Nets, images: jax.Array) -> jax.Array:
        return nets.bare[CLASSIFIER](images, features=True).features

    def clustering(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        seen = features(nets, batch["image"])
        if len(seen) < clusters:
            raise UserError(
                f"{clusters} clusters begin at so many images, but a minibatch has {len(seen)}: raise clustering_batch_size"
            )
        begins = nets.clock.stage_step == 0
        centres = jnp.where(begins, first_centres(key, seen, clusters), memory["centres"])
        counts = jnp.where(begins, 0.0, memory["counts"])
        error = squared_distances(seen, centres).min(-1).mean()
        centres, counts = moved_centres(centres, counts, seen)
        memory = {**memory, "centres": centres, "counts": counts}
        return error, Aux({"used": (counts > 0).mean()}, memory)

    def labelled(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Labelled:
        images = batch["image"]
        if inferred == "clusters":
            return images, nearest(features(nets, images), memory["centres"])
        return images, jax.random.randint(key, (len(images),), 0, draws.num_classes)

    def first_memory(key: jax.Array, batch: Batch) -> Memory:
        (example,) = head_inputs(classifier)(batch)
        return {"centres": jnp.zeros((clusters, example.shape[1])), "counts": jnp.zeros(clusters)}

    def cluster(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return -squared_distances(features(nets, images), nets.memory["centres"])

    game = inferred_label_game(
        {
            GENERATOR: generator,
            DISCRIMINATOR: discriminator,
            CLASSIFIER: classifier,
            PRETRAINING_HEAD: pretraining_head.with_network(class_logits=len(task)),
        },
        draws,
        labelled,
        terms,
        before=(
            pretraining_stage(task, pretraining_steps),
            Stage(
                (Turn("clustering", clustering, players=()),),
                name="clustering",
                until_step=pretraining_steps + clustering_steps,
                batch_size=clustering_batch_size,
            ),
        ),
        rotation_head=rotation_head,
        self_supervision=SelfSupervision(task, discriminator_rotation, generator_rotation, rotated_one_in),
        discriminator_steps=discriminator_steps,
        inputs={CLASSIFIER: lambda batch: (batch["image"],), PRETRAINING_HEAD: head_inputs(classifier)},
        memory=first_memory,
    )
    ability = Ability(
        cluster,
        {"images": Argument(IMAGES, "images to assign", required=True, array="image")},
        gives="class_logits",
        help="says which cluster images are nearest to",
    )
    return dataclasses.replace(game, abilities=with_own_classes({**game.abilities, "cluster": ability}, "cluster"))
