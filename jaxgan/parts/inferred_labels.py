"""Conditional GANs whose labels are inferred: Lucic et al. 2019 (arXiv:1903.02271), by whatever gives the labels."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.losses import hinge
from jaxgan.parts.abilities import classify_ability, sample_abilities
from jaxgan.parts.draws import Draws, known_classes
from jaxgan.parts.pairs import Pair, scores_of
from jaxgan.parts.self_supervision import (
    CLASSIFIER,
    PRETRAINING_HEAD,
    ROTATION_HEAD,
    Rotations,
    SelfSupervision,
    head_inputs,
    pretraining_stage,
)
from jaxgan.parts.terms import DISCRIMINATOR, GENERATOR, Term
from jaxgan.parts.two_players import read
from jaxgan.parts.weighted import Terms, merged

Labelled = tuple[jax.Array, jax.Array]  # images and their labels, known or inferred


def inferred_label_stage(
    draws: Draws,
    labelled: Callable[[Nets, Batch, Memory, jax.Array], Labelled],
    extra: Terms,
    discriminator_steps: int,
    self_supervision: SelfSupervision | None = None,
    beside: Callable[[Nets, Batch], tuple[jax.Array, dict[str, jax.Array]]] | None = None,
    heads: Sequence[str] = (),
) -> Stage:
    """A conditional GAN with the hinge loss, on labels that a function gives.

    Args:
        draws: What a turn draws; its discriminator is told the labels.
        labelled: (nets, batch, memory, key) -> the reals and the labels that both networks are told of them.
        extra: The terms.
        discriminator_steps: Discriminator turns for each generator turn.
        self_supervision: S3GAN's; None: none.
        beside: (nets, batch) -> what else the discriminator's loss has, and metrics.
        heads: Players beside "rotation_head" that move with the discriminator.
    """

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array, fakes: int = 1) -> Pair:
        image, label = labelled(nets, batch, memory, jax.random.fold_in(key, 3))
        told = {**batch, "image": image, "label": jax.lax.stop_gradient(label)}
        return draws.pair(nets, told, memory, key, fakes)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        value = hinge.discriminator(pair.real_logits, pair.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        metrics |= read(hinge, pair)
        if self_supervision is not None:
            rotation, accuracy = self_supervision.loss(nets, pair.real, pair.batch["label"])
            value += self_supervision.discriminator_weight * rotation
            metrics |= {"rotation": rotation, "rotation_accuracy": accuracy}
        if beside is not None:
            more, of_more = beside(nets, batch)
            value, metrics = value + more, metrics | of_more
        return value + cost, Aux(metrics, memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key, draws.fakes)
        value = hinge.generator(extra.fake_logits(pair))
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        if self_supervision is not None:
            rotation, accuracy = self_supervision.loss(nets, pair.fake, pair.fake_label)
            value += self_supervision.generator_weight * rotation
            metrics |= {"rotation": rotation, "rotation_accuracy": accuracy}
        return value + cost, Aux(metrics | {"d_fake": pair.fake_logits.mean()}, memory)

    judges = (DISCRIMINATOR, *heads, *([ROTATION_HEAD] if self_supervision else []))
    return Stage(
        (
            Turn(DISCRIMINATOR, discriminator_loss, judges, repeats=discriminator_steps),
            Turn(GENERATOR, generator_loss),
            *extra.lazy_turns(lambda *args: [drawn(*args)]),
        )
    )


def inferred_label_game(
    players: Mapping[str, Player],
    draws: Draws,
    labelled: Callable[[Nets, Batch, Memory, jax.Array], Labelled],
    terms: Sequence[Term],
    *,
    before: Sequence[Stage] = (),
    rotation_head: Player | None = None,
    self_supervision: SelfSupervision | None = None,
    discriminator_steps: int = 1,
    beside: Callable[[Nets, Batch], tuple[jax.Array, dict[str, jax.Array]]] | None = None,
    inputs: Mapping[str, Any] | None = None,
    memory: Callable[[jax.Array, Batch], Memory] | None = None,
) -> Game:
    """The game of `inferred_label_stage`, which can "sample".

    Args:
        players: "generator", "discriminator", and others: those that `before` moves, or heads that move with the discriminator.
        draws: As there, and so are `labelled`, `discriminator_steps` and `beside`.
        labelled: See `draws`.
        terms: What the losses have beside these.
        before: Stages that are played first.
        rotation_head: The player of the self-supervision.
        self_supervision: S3GAN's; it has an effect where there is a head.
        discriminator_steps: See `draws`.
        beside: See `draws`.
        inputs: Of the other players.
        memory: What the game remembers beside what its terms do.
    """
    classes = draws.num_classes
    generator = players[GENERATOR].with_network(embedded_classes=classes)
    discriminator = players[DISCRIMINATOR].with_network(projected_classes=classes)
    all_players = {**players, GENERATOR: generator, DISCRIMINATOR: discriminator}
    all_inputs = {
        GENERATOR: draws.generator_inputs,
        DISCRIMINATOR: lambda batch: (batch["image"], jnp.zeros(len(batch["image"]), jnp.int32)),
        **(inputs or {}),
    }
    supervised = None
    if self_supervision is not None and rotation_head is not None:
        supervised = self_supervision
        all_players[ROTATION_HEAD] = rotation_head.with_network(class_logits=len(supervised.rotations))
        all_inputs[ROTATION_HEAD] = head_inputs(discriminator, told=True)
    extra = Terms(terms)
    earlier = {name for stage in before for turn in stage.turns for name in turn.players}
    heads = [name for name in players if name not in {GENERATOR, DISCRIMINATOR, *earlier}]
    stage = inferred_label_stage(draws, labelled, extra, discriminator_steps, supervised, beside, heads)

    def first_memory(key: jax.Array, batch: Batch) -> Memory:
        return merged(extra.first_memory(), {} if memory is None else memory(key, batch))

    return Game(
        players=all_players,
        inputs=all_inputs,
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(*before, stage),
        memory=first_memory,
        abilities=sample_abilities(draws),
    )


def labelled_image(batch: Batch) -> jax.Array:
    """The minibatch's images whose labels are known.

    Raises:
        UserError: There are none.
    """
    if "labelled_image" not in batch:
        raise UserError(
            "this game learns from a few labels beside images without: say how many are known, data.labelled=140"
        )
    return batch["labelled_image"]


def few_label_game(
    generator: Player,
    discriminator: Player,
    classifier: Player,
    pretraining_head: Player,
    rotation_head: Player | None,
    self_supervision: SelfSupervision | None,
    draws: Draws,
    terms: Sequence[Term],
    *,
    rotations: Rotations,
    pretraining_steps: int,
    label_weight: float,
    discriminator_steps: int,
) -> Game:
    """S2GAN, and with self-supervision S3GAN: a classifier is trained first, then a GAN on the labels that it infers.

    Arguments are those of `jaxgan.gans.s3gan`.
    """
    classifier = classifier.with_network(class_logits=known_classes(draws.num_classes))

    def labelled(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Labelled:
        # c_S2L(F(x)), the likeliest class, of every real image as it is; the classifier no longer moves
        return batch["image"], nets.bare[CLASSIFIER](batch["image"]).class_logits.argmax(-1)

    players = {
        GENERATOR: generator,
        DISCRIMINATOR: discriminator,
        CLASSIFIER: classifier,
        PRETRAINING_HEAD: pretraining_head.with_network(class_logits=len(rotations)),
    }
    game = inferred_label_game(
        players,
        draws,
        labelled,
        terms,
        before=(pretraining_stage(rotations, pretraining_steps, label_weight),),
        rotation_head=rotation_head,
        self_supervision=self_supervision,
        discriminator_steps=discriminator_steps,
        inputs={
            CLASSIFIER: lambda batch: (labelled_image(batch),),
            PRETRAINING_HEAD: head_inputs(classifier),
        },
    )
    abilities = {**game.abilities, "classify": classify_ability(CLASSIFIER)}
    return dataclasses.replace(game, abilities=abilities, few_labels=True)
