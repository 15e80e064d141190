"""SRGAN: "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", Ledig et al. 2017.

arXiv:1609.04802. A network learns to enlarge images by squared errors (SRResNet); then an adversary, and a distance in the maps
of a network that sees, give back the textures over which squared errors average.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.core.tiling import Tiling
from jaxgan.errors import UserError
from jaxgan.losses import l2, non_saturating
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Pair,
    Rotations,
    Term,
    Terms,
    as_verdict,
    make_pair,
    merged,
    read,
    scores_of,
    upscale_ability,
)
from jaxgan.parts.self_supervision import CLASSIFIER

_UNKNOWN_REACH = 32  # of a network that does not say how far it sees
_REFERENCE = 16  # the newest small images, whose batch statistics norm pictures that are enlarged


def srgan(
    generator: Player,
    discriminator: Player,
    classifier: Player,
    *,
    scale_factor: int = 0,
    pretraining_steps: int = 1000,
    content: Callable[[jax.Array], jax.Array] | None = None,
    content_weight: float = 1.0,
    adversarial: float = 1e-3,
    terms: Sequence[Term] = (),
) -> Game:
    """Super-resolution: squared errors first, then a perceptual loss.

    The paper compares contents in VGG19. Where that is not there, the maps are those of a classifier that learns in the first
    stage, without labels, to tell by how much an image was rotated (Gidaris et al. 2018, arXiv:1803.07728); which of the two it
    was stands among the metrics, "generator/given_content". Batch norm in the generator is by the statistics of the training's
    last images when pictures are enlarged, so that a picture's tiles, and pictures, do not depend on each other.

    Args:
        generator: Network small images (B, h, w, C) -> large ones (B, H, W, C), with a field `scale_factor`. Its property
            `reach` says by how many small pixels tiles must overlap.
        discriminator: Network large images -> logits (B,).
        classifier: Network large images (square) -> a Verdict with class logits, and with `features=True` maps.
        scale_factor: H / h; the data's own, in a config.
        pretraining_steps: Steps of the first stage; 0: the adversary is there from the start.
        content: Images in [-1, 1] -> maps; None: the classifier's.
        content_weight: Of the content loss.
        adversarial: Weight of the adversarial loss (Eq. 3).
        terms: What the losses of the second stage have beside these; see `jaxgan.parts.terms`.

    Raises:
        UserError: There is no scale factor.
    """
    if scale_factor < 2:
        raise UserError("srgan needs images beside smaller ones: set data.scale_factor, to 2 for example")
    rotations = Rotations()
    generator = generator.with_network(scale_factor=scale_factor)
    classifier = classifier.with_network(class_logits=len(rotations))
    extra = Terms(terms, cross_entropy=True)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair]:
        fake = nets.generator(batch["low_resolution"])
        return (make_pair(nets, DISCRIMINATOR, batch["image"], fake, batch, memory),)

    def maps(nets: Nets, images: jax.Array) -> jax.Array:
        return as_verdict(nets[CLASSIFIER](images, features=True)).features if content is None else content(images)

    def pretraining_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        # Eq. 4: the mean over pixels of (I_HR - G(I_LR))^2
        error = l2(nets.generator(batch["low_resolution"]), batch["image"])
        return error, Aux({"mse": error}, remembered(batch, memory))

    def classifier_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        logits = as_verdict(nets[CLASSIFIER](rotations.rotated(batch["image"]))).class_logits
        loss, accuracy = rotations.loss(logits)
        return loss, Aux({"rotation_accuracy": accuracy})

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        # Eq. 2: -E[log D(I_HR)] - E[log(1 - D(G(I_LR)))]
        loss = non_saturating.discriminator(pair.real_logits, pair.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, (pair,), memory, key)
        return loss + cost, Aux(metrics | read(non_saturating, pair), memory, scores_of((pair,)))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        # Eq. 3: l_SR = l_X + 10^-3 l_Gen
        # Eq. 5: l_X is the mean over a map of (phi(I_HR) - phi(G(I_LR)))^2
        distance = l2(maps(nets, pair.fake), jax.lax.stop_gradient(maps(nets, pair.real)))
        # Eq. 6: l_Gen = -log D(G(I_LR))
        taken_for_real = non_saturating.generator(extra.fake_logits(pair))
        cost, metrics, memory = extra.add(GENERATOR, (pair,), memory, key)
        metrics |= {"adversarial": taken_for_real, "content": distance, "mse": l2(pair.fake, pair.real)}
        metrics["given_content"] = jnp.float32(content is not None)
        loss = content_weight * distance + adversarial * taken_for_real + cost
        return loss, Aux(metrics, remembered(batch, memory))

    def remembered(batch: Batch, memory: Memory) -> dict[str, jax.Array]:
        newest = jnp.concatenate([batch["low_resolution"], memory["reference"]])[:_REFERENCE]
        return {**memory, "reference": newest}

    def no_images(batch: Batch) -> jax.Array:
        return jnp.zeros((_REFERENCE, *batch["low_resolution"].shape[1:]))

    def upscale(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return jnp.clip(nets.generator.normalised_by(nets.memory["reference"])(images), -1.0, 1.0)

    first = (Turn(GENERATOR, pretraining_loss), Turn(CLASSIFIER, classifier_loss))
    second = (
        Turn(DISCRIMINATOR, discriminator_loss, randomness="fakes"),
        Turn(GENERATOR, generator_loss, randomness="fakes"),
        *extra.lazy_turns(drawn),
    )
    tiling = Tiling(scale_factor, getattr(generator.network, "reach", _UNKNOWN_REACH))
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator, CLASSIFIER: classifier},
        inputs={
            GENERATOR: lambda batch: (batch["low_resolution"],),
            DISCRIMINATOR: lambda batch: (batch["image"],),
            CLASSIFIER: lambda batch: (batch["image"],),
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(
            Stage(first, "srresnet", until_step=pretraining_steps),
            Stage(second, "srgan", reset_optimizers=True),
        ),
        memory=lambda key, batch: merged({"reference": no_images(batch)}, extra.first_memory()),
        abilities={"upscale": upscale_ability(upscale, tiling)},
    )
