"""StarGAN: "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation", Choi et al. 2018.

arXiv:1711.09020. One translator for all domains, which is told the target; the discriminator tells which domain images are of.
"""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.core.arrays import domain_arrays
from jaxgan.errors import UserError
from jaxgan.losses import l1, wasserstein
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Pair,
    Term,
    Terms,
    classify_ability,
    make_pair,
    merged,
    read,
    scores_of,
)
from jaxgan.parts.domains import all_domains, any_size, attribute_words, translate_ability
from jaxgan.parts.terms import gradient_penalty


@dataclasses.dataclass(frozen=True)
class LabelSet:
    """Images, and what is said of them: of which domain they are, or which attributes they have.

    Attributes:
        name: Tells the sets of a game apart; "" where there is one.
        drawn: batch -> images (B, H, W, C) and their labels, float32 (B, size): one-hot, or each 0 or 1.
        first: Where its labels begin among those of all sets.
        size: How many labels it has.
        exclusive: Whether an image has exactly one of them.
    """

    name: str
    drawn: Callable[[Batch], tuple[jax.Array, jax.Array]]
    first: int
    size: int
    exclusive: bool

    def classification(self, class_logits: jax.Array, labels: jax.Array) -> jax.Array:
        """-E[log D_cls(c | x)] (Eq. 2 and 3), float32 (): a softmax, or a sum over attributes; logits of other sets do not
        matter."""
        logits = class_logits[:, self.first : self.first + self.size]
        if self.exclusive:
            return -(labels * jax.nn.log_softmax(logits)).sum(axis=-1).mean()
        return (jax.nn.softplus(logits) - labels * logits).sum(axis=-1).mean()


def stargan(
    generator: Player,
    discriminator: Player,
    *,
    domains: tuple[str, ...] = (),
    attributes: tuple[str, ...] = (),
    classification: float = 1.0,
    reconstruction: float = 10.0,
    identity: float = 0.0,
    penalty: float = 10.0,
    discriminator_steps: int = 5,
    terms: Sequence[Term] = (),
) -> Game:
    """Translation among any number of domains, or changes of attributes, by one network.

    With both, these are two label sets, of images of their own: a mask vector tells the generator which set the labels are
    of, and unknown labels are 0 (section 3.2). Each step plays the turns of one set and then of the other.

    Args:
        generator: Network x (B, H, W, C), condition (B, K) -> y (B, H, W, C): the labels of all sets and, with two, the mask.
        discriminator: The critic, images -> a Verdict with scores (B, ...) and class logits (B, number of labels).
        domains: What the domains are called whose images are the arrays "a", "b" ...; in a config, the data's own.
        attributes: What the columns of the array "attributes" of "image" are called; in a config, the data's own.
        classification: lambda_cls, weight of the classification losses.
        reconstruction: lambda_rec, weight of the distance after the way there and back; 0 lets an image lose what it shows.
        identity: Weight of the distance between an image and its translation to where it is from. The paper has none (0), and
            then nothing tells which image of a domain is another one's translation, as long as the way there and back is kept.
        penalty: lambda_gp of the gradient penalty.
        discriminator_steps: Discriminator turns for each generator turn.
        terms: What the losses have beside these, for each label set; see `jaxgan.parts.terms`.

    Raises:
        UserError: There are neither several domains nor attributes.
    """
    sets = label_sets(domains, attributes)
    labels = sum(each.size for each in sets)
    discriminator = discriminator.with_network(class_logits=labels)
    extra = Terms((gradient_penalty(penalty), *terms), [each.name for each in sets])

    def condition(own: LabelSet, label: jax.Array) -> jax.Array:
        # Eq. 7: c~ = [c_1, ..., c_n, m], with zeros for the labels that are not known
        whole = jnp.pad(label, ((0, 0), (own.first, labels - own.first - own.size)))
        if len(sets) == 1:
            return whole
        mask = jax.nn.one_hot(jnp.full(len(label), sets.index(own)), len(sets))
        return jnp.concatenate([whole, mask], axis=-1)

    def drawn(
        own: LabelSet, nets: Nets, batch: Batch, memory: Memory, key: jax.Array
    ) -> tuple[Pair, jax.Array, jax.Array]:
        real, origin = own.drawn(batch)
        target = jax.random.permutation(key, origin)  # targets are as frequent as the labels of the data are
        fake = nets.generator(real, condition(own, target))
        return make_pair(nets, DISCRIMINATOR, real, fake, batch, memory, name=own.name), origin, target

    def turns(own: LabelSet) -> tuple[Turn, Turn]:
        def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
            pair, origin, _ = drawn(own, nets, batch, memory, key)
            # Eq. 8: L_adv = E[D_src(x)] - E[D_src(G(x, c))] - lambda_gp E[(|| grad D_src(x^) ||_2 - 1)^2], and
            # Eq. 5: L_D = -L_adv + lambda_cls L_cls^r
            adversarial = wasserstein.discriminator(pair.real_logits, pair.fake_logits)
            classes = own.classification(pair.real_verdict.class_logits, origin)
            cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
            metrics |= read(wasserstein, pair) | {"classes": classes}
            return adversarial + classification * classes + cost, Aux(metrics, memory, scores_of([pair], wasserstein))

        def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
            pair, origin, target = drawn(own, nets, batch, memory, key)
            # Eq. 6: L_G = L_adv + lambda_cls L_cls^f + lambda_rec L_rec
            adversarial = wasserstein.generator(extra.fake_logits(pair))
            classes = own.classification(pair.fake_verdict.class_logits, target)
            # Eq. 4: L_rec = E[|| x - G(G(x, c), c') ||_1], c' where x came from
            back = l1(nets.generator(pair.fake, condition(own, origin)), pair.real)
            cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
            metrics |= {"adversarial": adversarial, "classes": classes, "reconstruction": back}
            loss = adversarial + classification * classes + reconstruction * back + cost
            if identity:
                # as in CycleGAN, section 5.2: E[|| G(x, c') - x ||_1], an image of its own domain is left as it is
                kept = l1(nets.generator(pair.real, condition(own, origin)), pair.real)
                loss += identity * kept
                metrics["identity"] = kept
            return loss, Aux(metrics, memory)

        suffix = f"_{own.name}" if own.name else ""
        return (
            Turn(DISCRIMINATOR + suffix, discriminator_loss, (DISCRIMINATOR,), repeats=discriminator_steps),
            Turn(GENERATOR + suffix, generator_loss, (GENERATOR,)),
        )

    def guess(nets: Nets, images: jax.Array, own: LabelSet) -> jax.Array:
        return nets.discriminator(images).class_logits[:, own.first : own.first + own.size]

    def translate(nets: Nets, images: jax.Array, source: str | None, target: str) -> jax.Array:
        own = sets[0]
        to = domain_arrays(len(domains)).index(target)
        label = jnp.broadcast_to(jax.nn.one_hot(to, own.size), (images.shape[0], own.size))
        made = nets.generator(images, condition(own, label))
        if source is not None:
            return made
        # What is of the target already, as the discriminator sees it, stays as it is.
        there = guess(nets, images, own).argmax(axis=-1) == to
        return jnp.where(there[:, None, None, None], images, made)

    def change(nets: Nets, images: jax.Array, word: str) -> jax.Array:
        own = sets[-1]
        which, on = divmod(attribute_words(attributes).index(word), 2)
        label = (guess(nets, images, own) > 0).astype(jnp.float32).at[:, which].set(1.0 - on)
        return nets.generator(images, condition(own, label))

    def first_images(batch: Batch) -> jax.Array:
        return sets[0].drawn(batch)[0]

    everything = tuple(turn for own in sets for turn in turns(own))
    lazy = extra.lazy_turns(lambda *args: [drawn(own, *args)[0] for own in sets])
    abilities = {
        "translate": translate_ability(
            translate if domains else None,
            domain_arrays(len(domains)),
            guesses=True,
            attributes=attributes,
            change=change,
            tiling=any_size(generator),
        )
    }
    if domains:
        of = lambda nets, images: guess(nets, images, sets[0])  # noqa: E731
        abilities["classify"] = classify_ability(class_logits=of, of_domains=True)
    width = labels + (len(sets) if len(sets) > 1 else 0)
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={
            GENERATOR: lambda batch: (first_images(batch)[:1], jnp.zeros((1, width))),
            DISCRIMINATOR: lambda batch: (first_images(batch)[:1],),
        },
        outputs={GENERATOR: first_images},
        stages=(Stage((*everything, *lazy)),),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities=abilities,
    )


def label_sets(domains: Sequence[str], attributes: Sequence[str]) -> tuple[LabelSet, ...]:
    """What a game with these domains and attributes learns from.

    Raises:
        UserError: There are neither several domains nor attributes.
    """
    if len(domains) < 2 and not attributes:
        raise UserError(
            "stargan needs several domains or attributes: give domains=('photo', 'painting'), or other data"
        )

    def of_domains(batch: Batch) -> tuple[jax.Array, jax.Array]:
        return all_domains(batch, len(domains))

    def of_attributes(batch: Batch) -> tuple[jax.Array, jax.Array]:
        return batch["image"], batch["attributes"]

    both = bool(domains) and bool(attributes)
    sets = [LabelSet("domains" if both else "", of_domains, 0, len(domains), True)] if domains else []
    if attributes:
        sets.append(LabelSet("attributes" if both else "", of_attributes, len(domains), len(attributes), False))
    return tuple(sets)
