"""sg2im: "Image Generation from Scene Graphs", Johnson, Gupta and Fei-Fei 2018 (arXiv:1804.01622).

A graph of objects and relations becomes boxes and masks, these a layout, and the layout an image, which is judged as a whole
and object by object.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import GRAPH
from jaxgan.core.scene_graph import KINDS, SLOTS, split
from jaxgan.layers.boxes import crop, paste
from jaxgan.losses import l1, non_saturating
from jaxgan.losses.semi_supervised import cross_entropy
from jaxgan.mesh import shard_batch
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Pair, Term, Terms, make_pair, merged, scores_of
from jaxgan.parts.abilities import NUMBER_ARGUMENT

_REMEMBERED = 64  # graphs of the data, for samples that are asked for without one
_PAIRS = ("image", "object")
_PAINTERS = ("graph_network", GENERATOR)
_JUDGES = (DISCRIMINATOR, "object_discriminator")


def sg2im(
    graph_network: Player,
    generator: Player,
    discriminator: Player,
    object_discriminator: Player,
    *,
    resolution: int = 32,
    latent_size: int = 8,
    object_size: int = 8,
    reconstruction: float = 1.0,
    box_weight: float = 10.0,
    mask_weight: float = 0.1,
    class_weight: float = 0.1,
    adversarial: float = 0.1,
    terms: Sequence[Term] = (),
) -> Game:
    """Images from scene graphs. Layouts are made of the true boxes in training, of those of the graph network in samples.

    Args:
        graph_network: Network graphs (B, SIZE), noise (B, N, latent_size) -> (boxes (B, N, 4), mask logits (B, N, S, S),
            vectors (B, N, D)), as `jaxgan.networks.SceneGraphNetwork`; S is that of the data's masks.
        generator: Network layouts (B, H, W, D) -> images.
        discriminator: Network images -> logits.
        object_discriminator: Network objects (M, object_size, object_size, C) -> a Verdict with class logits.
        resolution: Side of the images; the data's own, in a config.
        latent_size: Components of each object's noise.
        object_size: Pixels of the side to which objects are cut out.
        reconstruction: Weight of the distance of pixels, L1.
        box_weight: Of the squared errors of the boxes. (The paper's program: 10.)
        mask_weight: Of the cross-entropy of the masks.
        class_weight: Of the cross-entropy of the objects' kinds, on both sides.
        adversarial: Of both adversarial losses; 0 leaves a regression.
        terms: What the losses have beside these, for each of the pairs "image" and "object"; see `jaxgan.parts.terms`.
    """
    object_discriminator = object_discriminator.with_network(class_logits=len(KINDS))
    extra = Terms(terms, _PAIRS, cross_entropy=True)

    def noise(key: jax.Array, number: int) -> jax.Array:
        draw = jax.random.normal(key, (number * SLOTS * latent_size,))
        return shard_batch(draw.reshape(number, SLOTS, latent_size))

    def painted(nets: Nets, boxes: jax.Array, masks: jax.Array, vectors: jax.Array, size: Any) -> jax.Array:
        # The layout: each object's vector where its mask lies in its box (section 3, "scene layout")
        shapes = paste(jax.nn.sigmoid(masks), boxes, size)
        return nets.generator(jnp.einsum("bnyx,bnd->byxd", shapes, vectors))

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[tuple[Pair, Pair], Any]:
        objects, _ = split(batch["graph"])
        real, boxes = batch["image"], batch["boxes"].reshape(-1, SLOTS, 4)
        found = nets.graph_network(batch["graph"], noise(key, len(real)))
        fake = painted(nets, boxes, found[1], found[2], real.shape[1:3])
        pieces = [cut(images, boxes) for images in (real, fake)]
        whole = make_pair(nets, DISCRIMINATOR, real, fake, batch, memory, name="image")
        parts = make_pair(nets, "object_discriminator", *pieces, batch, memory, name="object")
        kinds = objects.argmax(axis=-1).reshape(-1), objects.sum(axis=-1).reshape(-1)
        return (whole, parts), (found, boxes, kinds)

    def cut(images: jax.Array, boxes: jax.Array) -> jax.Array:
        return crop(images, boxes, (object_size, object_size)).reshape(-1, object_size, object_size, images.shape[3])

    def classes(logits: jax.Array, kinds: tuple[jax.Array, jax.Array]) -> jax.Array:
        # Places without an object do not count.
        kind, present = kinds
        own = jax.vmap(lambda one, each: cross_entropy(one[None], each[None]))(logits, kind)
        return (present * own).sum() / present.sum()

    def discriminators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs, (_, _, kinds) = drawn(nets, batch, memory, key)
        # Section 3, "discriminators": E[log D(x)] + E[log(1 - D(G(.)))] for images and for objects, and the objects' kinds
        losses = {f"loss_{one.name}": non_saturating.discriminator(one.real_logits, one.fake_logits) for one in pairs}
        told = classes(pairs[1].real_verdict.class_logits, kinds)
        cost, metrics, memory = extra.add(DISCRIMINATOR, pairs, memory, key)
        metrics |= losses | {"classes": told}
        return sum(losses.values(), cost) + told, Aux(metrics, memory, scores_of(pairs))

    def painters_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs, ((found, masks, _), boxes, kinds) = drawn(nets, batch, memory, key)
        present = kinds[1].reshape(-1, SLOTS, 1)
        # Section 3, "training": a weighted sum of six losses
        box = (present * jnp.square(found - boxes)).sum() / present.sum()
        true = 0.5 * batch["masks"].transpose(0, 3, 1, 2) + 0.5
        wrong = jax.nn.softplus(masks) - true * masks
        mask = (present[..., None] * wrong).sum() / present.sum() / true.shape[2] / true.shape[3]
        pixels = l1(pairs[0].fake, pairs[0].real)
        taken_for_real = [non_saturating.generator(extra.fake_logits(one)) for one in pairs]
        told = classes(pairs[1].fake_verdict.class_logits, kinds)
        cost, metrics, memory = extra.add(GENERATOR, pairs, memory, key)
        metrics |= {"box": box, "mask": mask, "l1": pixels, "classes": told}
        metrics |= {"adversarial_image": taken_for_real[0], "adversarial_object": taken_for_real[1]}
        loss = reconstruction * pixels + box_weight * box + mask_weight * mask + class_weight * told
        graphs = jnp.concatenate([batch["graph"], memory["graphs"]])[:_REMEMBERED]
        return loss + adversarial * sum(taken_for_real) + cost, Aux(metrics, {**memory, "graphs": graphs})

    def sample(nets: Nets, key: jax.Array, number: int, graph: jax.Array | None = None) -> jax.Array:
        if graph is None:
            known = nets.memory["graphs"]
            graph = known[jax.random.randint(jax.random.fold_in(key, 1), (number,), 0, len(known))]
        return painted(nets, *nets.graph_network(graph, noise(key, number)), (resolution, resolution))

    def graph_inputs(batch: Batch) -> tuple[jax.Array, jax.Array]:
        return batch["graph"][:1], jnp.zeros((1, SLOTS, latent_size))

    def layout(batch: Batch) -> tuple[jax.Array]:
        init = lambda key, *inputs: graph_network.network.init_with_output(key, *inputs)[0]  # noqa: E731
        _, _, vectors = jax.eval_shape(init, jax.random.key(0), *graph_inputs(batch))
        return (jnp.zeros((1, resolution, resolution, vectors.shape[-1])),)

    def first_memory(key: jax.Array, batch: Batch) -> dict[str, Any]:
        return merged({"graphs": jnp.zeros((_REMEMBERED, *batch["graph"].shape[1:]))}, extra.first_memory())

    turns = (
        Turn("discriminators", discriminators_loss, _JUDGES, randomness="fakes"),
        Turn("painters", painters_loss, _PAINTERS, randomness="fakes"),
        *extra.lazy_turns(lambda *args: drawn(*args)[0], {DISCRIMINATOR: _JUDGES, GENERATOR: _PAINTERS}),
    )
    takes = {
        "number": NUMBER_ARGUMENT,
        "graph": Argument(GRAPH, "what is in each, such as '3 left of 5; 7 above 3'"),
    }
    return Game(
        players={
            "graph_network": graph_network,
            GENERATOR: generator,
            DISCRIMINATOR: discriminator,
            "object_discriminator": object_discriminator,
        },
        inputs={
            "graph_network": graph_inputs,
            GENERATOR: layout,
            DISCRIMINATOR: lambda batch: (batch["image"],),
            "object_discriminator": lambda batch: (cut(batch["image"], batch["boxes"].reshape(-1, SLOTS, 4)),),
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=first_memory,
        abilities={"sample": Ability(sample, takes, gives="images", drawn="samples", help="draws samples")},
    )
