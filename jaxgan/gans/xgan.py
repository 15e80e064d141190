"""XGAN: "XGAN: Unsupervised Image-to-Image Translation for Many-to-Many Mappings", Royer et al. 2017 (arXiv:1711.05139).

What a translation means, not how it looks, must be what was translated: the consistency is that of codes.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import Objective, l1, l2, make_objective
from jaxgan.parts import Adversaries, Term, merged
from jaxgan.parts.domain_codes import CLASSIFIER, attribute_cost, code_like, encode_ability
from jaxgan.parts.domains import any_size, domain_images, translate_ability
from jaxgan.parts.two_domains import DOMAINS, other, total


def xgan(
    encoder: Player,
    decoder: Player,
    code_classifier: Player,
    discriminator_a: Player,
    discriminator_b: Player,
    *,
    domain: float = 1.0,
    semantic: float = 0.5,
    adversarial: float = 1.0,
    objective: Objective | str = "non_saturating",
    terms: Sequence[Term] = (),
) -> Game:
    """Unpaired translation between domains A and B; the weights are those of a public program, the paper's are not known.

    The paper's fifth loss, likeness to a face network's features, needs such a network and is left out.

    Args:
        encoder: Network images (B, H, W, C), "a" or "b" -> codes (B, ...), the last layers one for both domains.
        decoder: Network codes (B, ...), "a" or "b" -> images (B, H, W, C), the first layers one for both.
        code_classifier: Network codes -> a Verdict with one class logit (B, 1): is this the code of an image of B?
        discriminator_a: Network images -> logits, is this from A?
        discriminator_b: The same for B.
        domain: w_d, weight of what the encoders hide of the domain from the code classifier.
        semantic: w_s, weight of the distance of a translation's code to that of what was translated.
        adversarial: w_g, weight of the discriminators' judgement.
        objective: Of the discriminators; any of `jaxgan.losses.OBJECTIVES`.
        terms: What the losses have beside these, for each domain; see `jaxgan.parts.terms`.
    """
    adversaries = Adversaries(make_objective(objective), terms)
    moving = ("encoder", "decoder")

    def encoded(nets: Nets, batch: Batch) -> dict[str, jax.Array]:
        return {each: nets.encoder(batch[each], each) for each in DOMAINS}

    def fakes(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> dict[str, jax.Array]:
        codes = encoded(nets, batch)
        return {each: nets.decoder(codes[other(each)], each) for each in DOMAINS}

    def domain_cost(nets: Nets, codes: dict[str, jax.Array]) -> jax.Array:
        both = jnp.concatenate([codes["a"], codes["b"]])
        return attribute_cost(nets, both, jnp.repeat(jnp.arange(2.0), len(codes["a"]))[:, None])

    def classifier_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        return domain_cost(nets, encoded(nets, batch)), Aux()

    def autoencoders_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        codes, made = encoded(nets, batch), fakes(nets, batch, memory, key)
        taken, cost, metrics, memory = adversaries.generators_loss(
            adversaries.pairs(nets, batch, memory, made), memory, key
        )
        # L_rec: E || x - d_k(e_k(x)) ||^2 in each domain k
        lost = total(l2(nets.decoder(codes[each], each), batch[each]) for each in DOMAINS)
        # L_sem: E || e_1(x) - e_2(g_12(x)) ||_1, and the same from 2 to 1
        again = encoded(nets, made)
        meant = total(l1(codes[each], again[other(each)]) for each in DOMAINS)
        # L_dann: the classifier's cost, which the encoders raise (its gradient is reversed on the way to them)
        hidden = domain_cost(nets, codes)
        loss = lost - domain * hidden + semantic * meant + adversarial * taken + cost
        return loss, Aux(metrics | {"reconstruction": lost, "semantic": meant, "domain": hidden}, memory)

    def translate(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        return nets.decoder(nets.encoder(images, source), target)

    codes_of_a = lambda batch: (code_like(encoder, batch["a"]),)  # noqa: E731
    return Game(
        players={
            "encoder": encoder,
            "decoder": decoder,
            CLASSIFIER: code_classifier.with_network(class_logits=1),
            "discriminator_a": discriminator_a,
            "discriminator_b": discriminator_b,
        },
        inputs={
            "encoder": lambda batch: (domain_images(batch, 2)[0],),
            "decoder": codes_of_a,
            CLASSIFIER: codes_of_a,
            "discriminator_a": lambda batch: (batch["a"],),
            "discriminator_b": lambda batch: (batch["b"],),
        },
        outputs={"decoder": lambda batch: batch["a"]},
        stages=(
            Stage(
                (
                    adversaries.turn(fakes),
                    Turn(CLASSIFIER, classifier_loss),
                    Turn("autoencoders", autoencoders_loss, moving),
                    *adversaries.lazy_turns(fakes, moving),
                )
            ),
        ),
        memory=lambda key, batch: merged(adversaries.extra.first_memory()),
        abilities={
            "translate": translate_ability(translate, DOMAINS, tiling=any_size(encoder)),
            "encode": encode_ability(lambda nets, images, source: nets.encoder(images, source), DOMAINS),
        },
    )
