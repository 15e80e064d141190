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
from jaxgan.errors import UserError
from jaxgan.layers.boxes import crop, paste
from jaxgan.losses import l1, non_saturating
from jaxgan.losses.semi_supervised import cross_entropy
from jaxgan.mesh import shard_batch
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Pair, Term, Terms, make_pair, merged, scores_of
from jaxgan.parts.abilities import NUMBER_ARGUMENT

_REMEMBERED = 64  # graphs of the data, for samples that are asked for without one
_GRAPH_NETWORK, _OBJECT_DISCRIMINATOR = "graph_network", "object_discriminator"


def sg2im(
    graph_network: Player,
    generator: Player,
    discriminator: Player,
    object_discriminator: Player,
    *,
    resolution: int = 64,
    latent_size: int = 32,
    object_size: int = 32,
    reconstruction: float = 1.0,
    box_weight: float = 10.0,
    mask_weight: float = 0.1,
    class_weight: float = 0.1,
    adversarial: float = 0.01,
    terms: Sequence[Term] = (),
) -> Game:
    """Images from scene graphs. Layouts are made of the true boxes in training, and of those of the graph network in samples.

    Minibatches hold "image", "graph", "boxes" and "masks", as those of the source `scenes` (`jaxgan.data.scenes`). The weights
    are those of the authors' program, but for that of masks, which is 0 there for data without true ones.

    Args:
        graph_network: Network graphs (B, SIZE), noise (B, N, latent_size) -> (boxes (B, N, 4), mask logits (B, N, S, S),
            vectors (B, N, D)), as `jaxgan.networks.SceneGraphNetwork`; S is that of the data's masks, else a UserError.
        generator: Network layouts (B, H, W, D) -> images.
        discriminator: Network images -> logits.
        object_discriminator: Network objects (B N, object_size, object_size, C) -> a Verdict with class logits.
        resolution: Side of the images; the data's own, in a config.
        latent_size: Components of each object's noise.
        object_size: Pixels of the side to which objects are cut out.
        reconstruction: Weight of the distance of pixels, L1.
        box_weight: Of the squared errors of the boxes.
        mask_weight: Of the cross-entropy of the masks.
        class_weight: Of the cross-entropy of the objects' kinds, on the generator's side; on the discriminator's it is 1, of
            real objects and of fake ones.
        adversarial: Of both adversarial losses; 0 leaves a regression.
        terms: What the losses have beside these, for each of the pairs "image" and "object"; see `jaxgan.parts.terms`.
    """
    object_discriminator = object_discriminator.with_network(class_logits=len(KINDS))
    extra = Terms(terms, ("image", "object"), cross_entropy=True)

    def arranged(nets: Nets, graph: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        noise = jax.random.normal(key, (len(graph), SLOTS, latent_size))
        return nets.graph_network(graph, shard_batch(noise))

    def placed(boxes: jax.Array, masks: jax.Array, size: tuple[int, ...]) -> jax.Array:
        return paste(jax.nn.sigmoid(masks), boxes, (size[0], size[1]))

    def painted(nets: Nets, shapes: jax.Array, vectors: jax.Array) -> jax.Array:
        # Section 3, "scene layout": the sum over objects of their vectors, where their masks lie in their boxes
        return nets.generator(jnp.einsum("bnyx,bnd->byxd", shapes, vectors))

    def objects_of(batch: Batch) -> tuple[jax.Array, jax.Array]:
        """Boxes (B, N, 4) and kinds (B, N); in a place without an object stands the first one again."""
        kinds = split(batch["graph"])[0]
        present = kinds.sum(axis=-1) > 0
        place = jnp.where(present, jnp.arange(SLOTS)[None], present.argmax(axis=1, keepdims=True))
        boxes = jnp.take_along_axis(batch["boxes"].reshape(-1, SLOTS, 4), place[..., None], axis=1)
        return boxes, jnp.take_along_axis(kinds.argmax(axis=-1), place, axis=1)

    def cut(images: jax.Array, batch: Batch) -> jax.Array:
        pieces = crop(images, objects_of(batch)[0], (object_size, object_size))
        return pieces.reshape(-1, *pieces.shape[2:])

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[tuple[Pair, Pair], Any]:
        real = batch["image"]
        found = arranged(nets, batch["graph"], key)
        shapes = placed(batch["boxes"].reshape(-1, SLOTS, 4), found[1], real.shape[1:3])
        fake = painted(nets, shapes, found[2])
        whole = make_pair(nets, DISCRIMINATOR, real, fake, batch, memory, name="image")
        pieces = cut(real, batch), cut(fake, batch)
        return (whole, make_pair(nets, _OBJECT_DISCRIMINATOR, *pieces, batch, memory, name="object")), found

    def discriminators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs, _ = drawn(nets, batch, memory, key)
        # Section 3, "discriminators": E[log D(x)] + E[log(1 - D(G(.)))], of images and of objects, whose kinds are told too:
        # those that fakes were asked for as well, as in the authors' program
        losses = {f"loss_{one.name}": non_saturating.discriminator(one.real_logits, one.fake_logits) for one in pairs}
        kinds = objects_of(batch)[1].reshape(-1)
        losses["classes"] = cross_entropy(pairs[1].real_verdict.class_logits, kinds)
        losses["fake_classes"] = cross_entropy(pairs[1].fake_verdict.class_logits, kinds)
        cost, metrics, memory = extra.add(DISCRIMINATOR, pairs, memory, key)
        return sum(losses.values(), cost), Aux(metrics | losses, memory, scores_of(pairs))

    def generators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs, (boxes, masks, _) = drawn(nets, batch, memory, key)
        present = split(batch["graph"])[0].sum(axis=-1)
        # Section 3, "training": a weighted sum of six losses
        apart = jnp.square(boxes - batch["boxes"].reshape(boxes.shape)).mean(axis=-1)
        true = 0.5 + 0.5 * batch["masks"].transpose(0, 3, 1, 2)
        if masks.shape != true.shape:
            raise UserError(
                f"the graph network's masks are {masks.shape[2]}x{masks.shape[3]}, but those of the data "
                f"{true.shape[2]}x{true.shape[3]}: set its mask_size"
            )
        wrong = (jax.nn.softplus(masks) - true * masks).mean(axis=(2, 3))  # the logits' cross-entropy
        losses = {
            "l1": l1(pairs[0].fake, pairs[0].real),
            "box": (present * apart).sum() / present.sum(),
            "mask": (present * wrong).sum() / present.sum(),
            "adversarial_image": non_saturating.generator(extra.fake_logits(pairs[0])),
            "adversarial_object": non_saturating.generator(extra.fake_logits(pairs[1])),
            "classes": cross_entropy(pairs[1].fake_verdict.class_logits, objects_of(batch)[1].reshape(-1)),
        }
        weights = (reconstruction, box_weight, mask_weight, adversarial, adversarial, class_weight)
        cost, metrics, memory = extra.add(GENERATOR, pairs, memory, key)
        cost += sum(weight * loss for weight, loss in zip(weights, losses.values(), strict=True))
        graphs = jnp.concatenate([batch["graph"], memory["graphs"]])[:_REMEMBERED]
        return cost, Aux(metrics | losses, {**memory, "graphs": graphs})

    def asked(nets: Nets, key: jax.Array, number: int, scene: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        graph_key, key = jax.random.split(key)
        if scene is None:
            scene = nets.memory["graphs"][jax.random.randint(graph_key, (number,), 0, _REMEMBERED)]
        boxes, masks, vectors = arranged(nets, scene, key)
        return placed(boxes, masks, (resolution, resolution)), vectors

    def sample(nets: Nets, key: jax.Array, number: int, scene: jax.Array | None = None) -> jax.Array:
        return painted(nets, *asked(nets, key, number, scene))

    def layout(nets: Nets, key: jax.Array, number: int, scene: jax.Array | None = None) -> jax.Array:
        shapes = asked(nets, key, number, scene)[0].sum(axis=1)
        return 2.0 * jnp.clip(shapes, 0.0, 1.0)[..., None] - 1.0

    def graph_inputs(batch: Batch) -> tuple[jax.Array, jax.Array]:
        return batch["graph"][:1], jnp.zeros((1, SLOTS, latent_size))

    def layouts(batch: Batch) -> tuple[jax.Array]:
        vectors = graph_network.shapes(*graph_inputs(batch))[2]
        return (jnp.zeros((1, *batch["image"].shape[1:3], vectors.shape[-1])),)

    sides = {DISCRIMINATOR: (DISCRIMINATOR, _OBJECT_DISCRIMINATOR), GENERATOR: (_GRAPH_NETWORK, GENERATOR)}
    turns = (
        Turn("discriminators", discriminators_loss, sides[DISCRIMINATOR], randomness="fakes"),
        Turn("generators", generators_loss, sides[GENERATOR], randomness="fakes"),
        *extra.lazy_turns(lambda *args: drawn(*args)[0], sides),
    )
    what = Argument(
        GRAPH, "what to draw, such as '3 left of 5; 7 above 3' (default: graphs of the data)", array="graph"
    )
    takes = {"number": NUMBER_ARGUMENT, "scene": what}
    help = "draws where the objects of a scene are to be, as their masks"
    return Game(
        players={
            _GRAPH_NETWORK: graph_network,
            GENERATOR: generator,
            DISCRIMINATOR: discriminator,
            _OBJECT_DISCRIMINATOR: object_discriminator,
        },
        inputs={
            _GRAPH_NETWORK: graph_inputs,
            GENERATOR: layouts,
            DISCRIMINATOR: lambda batch: (batch["image"],),
            _OBJECT_DISCRIMINATOR: lambda batch: (cut(batch["image"], batch),),
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(
            {"graphs": jnp.zeros((_REMEMBERED, *batch["graph"].shape[1:]))}, extra.first_memory()
        ),
        abilities={
            "sample": Ability(sample, takes, gives="images", drawn="samples", help="draws pictures of scene graphs"),
            "layout": Ability(layout, takes, gives="images", drawn="samples", help=help),
        },
    )
