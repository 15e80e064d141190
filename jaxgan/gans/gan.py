"""The game that most others vary: one generator, one discriminator, any objective, any terms beside it.

"Generative Adversarial Nets", Goodfellow et al. 2014 (arXiv:1406.2661). With other networks, objectives and terms it is
DCGAN, LSGAN, f-GAN, WGAN-GP, DRAGAN, SNGAN, RGAN, BigGAN or R3GAN: each of them is a file in `configs/`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.augment import adaptive
from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn, uniform_labels
from jaxgan.core.schedules import Schedule
from jaxgan.gans.terms import DISCRIMINATOR, GENERATOR, Hand, Term
from jaxgan.losses import Objective, make_objective, only_best


def gan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    latent: str = "normal",
    objective: Objective | Mapping[str, Any] | str = "non_saturating",
    terms: Sequence[Term] = (),
    discriminator_steps: int = 1,
    reuse_fakes: bool = False,
    conditional: bool = False,
    num_classes: int | None = None,
    reference_size: int = 0,
    top_k: Schedule | None = None,
    ada: Mapping[str, Any] | None = None,
) -> Game:
    """One generator against one discriminator.

    A conditional game's fakes take the labels of the minibatch they stand against, a draw from the data's own p(y).

    Args:
        generator: Network z (B, latent_size) [, labels (B,)] -> images (B, ...).
        discriminator: Network images [, labels] -> logits (B,).
        latent_size: Components of z.
        latent: Its distribution; see `jaxgan.core.Latent`.
        objective: The pair of losses, or its name in `jaxgan.losses.OBJECTIVES`, or {"name": ..., settings}.
        terms: What their losses have beside it; see `jaxgan.gans.terms`.
        discriminator_steps: Discriminator turns for each generator turn (k in Algorithm 1), each on fresh reals and fakes.
        reuse_fakes: The generator answers for the fakes that the discriminator has just judged instead of for fresh ones,
            and is run once for both (DCGAN's programs).
        conditional: Whether both networks are told the label.
        num_classes: Number of classes; a conditional game needs it to draw labels.
        reference_size: For a generator with virtual batch norm, called with a reference batch behind the latents: how many
            reference latents are drawn, once, when the game begins (Salimans et al. 2016, arXiv:1606.03498, section 3.4).
        top_k: Share of a minibatch's fakes, the best-scored ones, that the generator learns from, by the game's clock
            (Sinha et al. 2020, arXiv:2002.06224: from 1 down to 0.5 or 0.75).
        ada: Settings of `jaxgan.augment.adaptive.update`, which steers the probability of an adaptive view.
    """
    if conditional and not num_classes:
        raise ValueError("a conditional GAN needs num_classes; give it, or data that have labels")
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise ValueError(f"terms of one game need names of their own, but these are {', '.join(names)}")
    losses = make_objective(objective)
    draw = Latent(latent_size, latent)

    def reference(memory: Memory) -> tuple[jax.Array, ...]:
        return (memory["reference"],) if reference_size else ()

    def deal(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Hand:
        labels = (batch["label"],) if conditional else ()
        score = lambda images: nets.discriminator(images, *labels)  # noqa: E731
        features = lambda images: nets.discriminator(images, *labels, features=True)[1]  # noqa: E731
        generate = lambda z: nets.generator(z, *labels, *reference(memory))  # noqa: E731
        real, z = batch["image"], draw(key, len(batch["image"]))
        fake = generate(z)
        # Real and fake pass as batches of their own, each with its own batch-norm statistics.
        return Hand(nets, score, features, generate, real, z, fake, score(real), score(fake), memory)

    def with_terms(loss: jax.Array, turn: str, hand: Hand, key: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
        values = {}
        for index, term in enumerate(terms):
            if term.turn == turn and term.every == 1:
                cost, values[term.name] = term.weighted(hand, jax.random.fold_in(key, index))
                loss += cost
        return loss, values

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        hand = deal(nets, batch, memory, key)
        adversarial = losses.discriminator(hand.real_logits, hand.fake_logits)
        loss, metrics = with_terms(adversarial, DISCRIMINATOR, hand, key)
        metrics |= {"d_real": losses.read(hand.real_logits).mean(), "d_fake": losses.read(hand.fake_logits).mean()}
        remembered = dict(memory) | {term.name: term.remember(hand) for term in terms if term.remember is not None}
        if ada is not None:
            remembered["ada"] = adaptive.update(memory["ada"], hand.real_logits, **ada)
            metrics["augment_probability"] = remembered["ada"].p
        return loss, Aux(metrics, remembered)

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        hand = deal(nets, batch, memory, key)
        fake_logits = hand.fake_logits if top_k is None else only_best(hand.fake_logits, top_k(nets.clock))
        # What an objective or a term does not look at (the reals' logits, as a rule) the compiler leaves out.
        adversarial = losses.generator(fake_logits, hand.real_logits)
        loss, metrics = with_terms(adversarial, GENERATOR, hand, key)
        return loss, Aux(metrics | {"d_fake": losses.read(hand.fake_logits).mean()})

    def lazy(term: Term) -> Turn:
        def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
            return term.weighted(deal(nets, batch, memory, key), key)[0], Aux()

        return Turn(term.name, loss, (term.turn,), every=term.every, lazy=True)

    def sample_classes(
        nets: Nets, key: jax.Array, number: int, label: jax.Array | None = None, truncation: float | None = None
    ) -> jax.Array:
        latent_key, label_key = jax.random.split(key)
        label = uniform_labels(label_key, number, num_classes or 1) if label is None else label
        return nets.generator(draw(latent_key, number, truncation), label, *reference(nets.memory))

    def sample(nets: Nets, key: jax.Array, number: int, truncation: float | None = None) -> jax.Array:
        return nets.generator(draw(key, number, truncation), *reference(nets.memory))

    def judge(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return nets.discriminator(images)

    def memory(key: jax.Array, example: Batch) -> Memory:
        first = {term.name: term.start for term in terms if term.remember is not None}
        first |= {"ada": adaptive.start()} if ada is not None else {}
        return first | ({"reference": draw(key, reference_size)} if reference_size else {})

    label = (jnp.zeros((1,), jnp.int32),) if conditional else ()
    randomness = "latent" if reuse_fakes else ""
    turns = (
        Turn(DISCRIMINATOR, discriminator_loss, repeats=discriminator_steps, randomness=randomness),
        Turn(GENERATOR, generator_loss, randomness=randomness),
        *(lazy(term) for term in terms if term.every > 1),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={
            GENERATOR: lambda batch: (draw.example(), *label),
            DISCRIMINATOR: lambda batch: (batch["image"], *((batch["label"],) if conditional else ())),
        },
        stages=(Stage(turns),),
        memory=memory,
        abilities={"sample": sample_classes} if conditional else {"sample": sample, "judge": judge},
    )


def sampler(draw: Latent) -> Callable[..., jax.Array]:
    """The ability to sample of every game whose generator maps z to images."""

    def sample(nets: Nets, key: jax.Array, number: int, truncation: float | None = None) -> jax.Array:
        return nets.generator(draw(key, number, truncation))

    return sample
