"""The game of StyleGAN and StyleGAN2: a generator of two halves, z to w and w to images, and what can be done between them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.losses import non_saturating
from jaxgan.mesh import batch_mean, shard_batch
from jaxgan.parts.abilities import judge_ability
from jaxgan.parts.draws import Draws
from jaxgan.parts.growth import Growth, alpha, level
from jaxgan.parts.pairs import Pair, make_pair, scores_of
from jaxgan.parts.style_abilities import style_abilities
from jaxgan.parts.terms import DISCRIMINATOR, GENERATOR, Term
from jaxgan.parts.two_players import read
from jaxgan.parts.weighted import Terms, merged

_MEAN = "w_mean"  # the entry of the memory that holds the mean of w


class Styles:
    """Draws styles and makes images of them.

    Args:
        latent: The distribution of z.
        resolution: Side of the final images.
        num_classes: Both networks are told the label, one of so many; 0: no labels.
        mixing: Share of the images that are made of two styles.
        truncated_slots: How many slots, the coarsest ones, are truncated; None: all.
    """

    def __init__(
        self, latent: Latent, resolution: int, num_classes: int, mixing: float, truncated_slots: int | None
    ) -> None:
        self.latent, self.num_classes = latent, num_classes
        self._resolution, self._mixing, self._truncated = resolution, mixing, truncated_slots

    def slots(self, nets: Nets) -> int:
        """Styles of an image: two for each resolution from 4x4 to the present one."""
        side = getattr(nets.stage, "resolution", self._resolution)
        return 2 * side.bit_length() - 4

    def map(self, nets: Nets, z: jax.Array, label: jax.Array | None) -> jax.Array:
        """z (B, latent) to w (B, D)."""
        told = (label,) if self.num_classes else ()
        return nets.generator(z, *told, method="map")

    def broadcast(self, nets: Nets, w: jax.Array) -> jax.Array:
        """w (B, D), or already one style for each slot, (B, slots D), as (B, slots, D)."""
        width = nets.memory[_MEAN].shape[0]
        if w.shape[1] == width:
            return jnp.broadcast_to(w[:, None], (w.shape[0], self.slots(nets), width))
        count = self.slots(nets)
        if w.shape[1] % width or w.shape[1] < count * width:
            raise UserError(
                f"styles of {w.shape[1]} components: this game has {width}, or {count} times as many, a style for each slot"
            )
        return w.reshape(w.shape[0], -1, width)[:, :count]

    def mixed(self, nets: Nets, w: jax.Array, label: jax.Array | None, key: jax.Array) -> jax.Array:
        """Styles (B, slots, D): w, and from a random slot on, in some of the images, that of another z.

        Mixing regularisation, Karras, Laine and Aila 2018 (arXiv:1812.04948), section 3.1. Each image is mixed or not by its
        own coin, at its own slot; in the authors' programs a minibatch shares both.
        """
        styles = jnp.broadcast_to(w[:, None], (len(w), self.slots(nets), w.shape[1]))
        if not self._mixing:
            return styles
        other_key, coin_key, slot_key = jax.random.split(key, 3)
        other = self.map(nets, self.latent(other_key, len(w)), label)
        first = jax.random.randint(slot_key, (len(w),), 1, self.slots(nets))
        # The first slot of the second style: behind the last one where nothing is mixed.
        first = jnp.where(jax.random.bernoulli(coin_key, self._mixing, (len(w),)), first, self.slots(nets))
        second = jnp.arange(self.slots(nets))[None] >= shard_batch(first)[:, None]
        return jnp.where(second[:, :, None], other[:, None], styles)

    def truncated(self, nets: Nets, styles: jax.Array, psi: Any) -> jax.Array:
        """w_mean + psi (w - w_mean), appendix B of the same paper, in the coarsest slots.

        Args:
            nets: The players.
            styles: (B, slots, D).
            psi: A number, or one for each slot; None: as they are.
        """
        if psi is None:
            return styles
        count = self.slots(nets)
        psi = jnp.broadcast_to(jnp.asarray(psi, jnp.float32), (count,))
        psi = jnp.where(jnp.arange(count) < (self._truncated or count), psi, 1.0)
        mean = nets.memory[_MEAN][None, None]
        return mean + psi[None, :, None] * (styles - mean)

    def images(self, nets: Nets, styles: jax.Array) -> jax.Array:
        """Styles (B, slots, D) as images of the present resolution."""
        told = level(nets) if hasattr(nets.stage, "resolution") else {}
        return nets.generator(styles, method="synthesize", **told)


def style_game(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int,
    resolution: int,
    num_classes: int,
    mixing: float,
    truncated_slots: int | None,
    growth: Growth | None,
    terms: Sequence[Term],
    inversion_steps: int = 200,
    mean_decay: float = 0.995,
) -> Game:
    """Non-saturating, with mixed styles, and the moving mean of w in its memory.

    Args:
        generator: Network with the methods `map`, (z [, labels]) -> w (B, D), and `synthesize`, styles (B, slots, D) -> images;
            its field `style_width` is D. Called, it does both.
        discriminator: Network images [, labels] -> scores (B,).
        latent_size: Components of z ~ N(0, I), which the generator normalises.
        resolution: Side of the images, a power of two.
        num_classes: Both networks are told the label, one of so many; 0: no labels.
        mixing: Share of the images that are made of two styles, in [0, 1].
        truncated_slots: How many slots, the coarsest ones, truncation is for; None: all.
        growth: How the networks grow; None: they do not.
        terms: What the losses have beside the objective.
        inversion_steps: Steps of the ability "invert".
        mean_decay: Share of the mean of w that a turn keeps.

    Raises:
        UserError: A setting is out of range, or the generator has no mapping.
    """
    network, width = generator.network, getattr(generator.network, "style_width", None)
    if resolution < 4 or resolution & (resolution - 1):
        raise UserError(
            f"styles: images of {resolution} pixels, but it must be a power of two from 4 on: resize the images"
        )
    if not 0 <= mixing <= 1:
        raise UserError(f"styles: mixing={mixing} is a share of the images, in [0, 1]")
    if inversion_steps < 1:
        raise UserError(f"styles: inversion_steps={inversion_steps}, but it must be at least 1")
    if truncated_slots is not None and truncated_slots < 1:
        raise UserError(f"styles: truncated_slots={truncated_slots}, but it must be at least 1")
    if width is None or not all(hasattr(type(network), name) for name in ("map", "synthesize")):
        raise UserError(
            f"{type(network).__name__} has no mapping to styles (methods map and synthesize, field style_width), which this "
            "game mixes and truncates: take StyleGANGenerator or StyleGAN2Generator"
        )
    if mixing and not getattr(network, "mapping_layers", 1):
        raise UserError(f"mixing={mixing} needs a mapping network: set mapping_layers, or mixing=0")
    draws = Draws(Latent(latent_size), num_classes)
    styles = Styles(draws.latent, resolution, num_classes, mixing, truncated_slots)
    if num_classes:
        generator = generator.with_network(embedded_classes=num_classes)
        discriminator = discriminator.with_network(projected_classes=num_classes)
    extra = Terms(terms, decide=non_saturating.decide, cross_entropy=non_saturating.cross_entropy)

    def score(nets: Nets, images: jax.Array, *label: jax.Array, **options: Any) -> jax.Array:
        return nets.discriminator(images, *label, **(level(nets) if growth else {}), **options)

    def seen(nets: Nets, images: jax.Array) -> jax.Array:
        return growth.reals(nets, images) if growth else images

    def judge(nets: Nets, images: jax.Array, *label: jax.Array) -> jax.Array:
        return score(nets, seen(nets, images), *label)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair, Memory]:
        real = seen(nets, batch["image"])
        label, z = batch["label"] if num_classes else None, draws.latent(key, len(real))
        mix_key = jax.random.fold_in(key, 1)

        def from_latents(nets: Nets, z: jax.Array) -> jax.Array:
            return styles.images(nets, styles.mixed(nets, styles.map(nets, z, label), label, mix_key))

        def discriminate(nets: Nets, images: jax.Array, **options: Any) -> jax.Array:
            return score(nets, images, *draws.condition(label), **options)

        w = styles.map(nets, z, label)
        mixed = styles.mixed(nets, w, label, mix_key)
        mean = batch_mean(jax.lax.stop_gradient(w), 0)
        memory = {**memory, _MEAN: mean_decay * memory[_MEAN] + (1 - mean_decay) * mean}
        fields: dict[str, Any] = {
            "discriminate": discriminate,
            "generate": from_latents,
            "latent": z,
            "fake_label": label,
        }
        fields |= {"styles": mixed, "synthesize": styles.images}
        return make_pair(nets, DISCRIMINATOR, real, styles.images(nets, mixed), batch, memory, **fields), memory

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair, memory = drawn(nets, batch, memory, key)
        adversarial = non_saturating.discriminator(pair.real_logits, pair.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        metrics |= read(non_saturating, pair) | ({"alpha": alpha(nets)} if growth else {})
        return adversarial + cost, Aux(metrics, memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair, memory = drawn(nets, batch, memory, key)
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        adversarial = non_saturating.generator(extra.fake_logits(pair), pair.real_logits)
        return adversarial + cost, Aux(metrics | {"d_fake": non_saturating.read(pair.fake_logits).mean()}, memory)

    turns = (
        Turn(DISCRIMINATOR, discriminator_loss),
        Turn(GENERATOR, generator_loss),
        *extra.lazy_turns(lambda *args: [drawn(*args)[0]]),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: draws.generator_inputs, DISCRIMINATOR: draws.discriminator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=growth.stages(turns) if growth else (Stage(turns),),
        memory=lambda key, batch: merged({_MEAN: jnp.zeros((width,))}, extra.first_memory()),
        means=(_MEAN, "terms"),
        abilities=style_abilities(styles, draws, inversion_steps) | {"judge": judge_ability(num_classes, judge)},
    )
