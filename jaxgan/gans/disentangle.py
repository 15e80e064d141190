"""Disentangled features: what an image shows, and in which style, as two codes.

After "Multi-target Voice Conversion without Parallel Data by Adversarially Learning Disentangled Audio Representations",
Chou et al. 2018 (arXiv:1804.02812), stage 1, with an encoder of the style in the place of a table of speakers.
"""

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import IMAGES
from jaxgan.errors import UserError
from jaxgan.losses import l2
from jaxgan.losses.semi_supervised import cross_entropy
from jaxgan.mesh import shard_batch
from jaxgan.parts import GENERATOR, as_verdict, code_abilities
from jaxgan.parts.domains import all_domains

_AUTOENCODER = ("content_encoder", "style_encoder", GENERATOR)


def disentangle(
    content_encoder: Player,
    style_encoder: Player,
    generator: Player,
    domain_classifier: Player,
    *,
    domains: tuple[str, ...] = (),
    content_size: int = 16,
    style_size: int = 4,
    adversarial: float = 0.1,
    classifier_steps: int = 2,
) -> Game:
    """The content code must not tell of the domain, and the style code comes from another image of it.

    Minibatches hold images of each domain: "a", "b", "c" ...

    Args:
        content_encoder: Network images (B, ...) -> (B, content_size).
        style_encoder: Network images (B, ...) -> (B, style_size).
        generator: The decoder, a network (B, content_size + style_size) -> images (B, ...).
        domain_classifier: Network (B, content_size) -> Verdict with class logits (B, num_domains).
        domains: What the domains are called; the data's own, in a config.
        content_size: Components of the content code.
        style_size: Components of the style code.
        adversarial: Weight of the content encoder's loss by the classifier. At 0 it tells all, and styles do nothing.
        classifier_steps: The classifier's turns for each of the autoencoder.
    """
    number = len(domains)
    if number < 2:
        raise UserError(
            "this game needs images of several domains: give domains, or data that have some, such as data.name='many_folders'"
        )

    def images_and_domains(batch: Batch) -> tuple[jax.Array, jax.Array]:
        """The images of all domains, entry by entry, (B * number, H, W, C), and which each is of, int32 (B * number,)."""
        images, one_hot = all_domains(batch, number)
        return images, one_hot.argmax(-1).astype(jnp.int32)

    def decode(nets: Nets, content: jax.Array, style: jax.Array) -> jax.Array:
        return nets.generator(jnp.concatenate([content, style], axis=1))

    def domain_logits(nets: Nets, content: jax.Array) -> jax.Array:
        return as_verdict(nets.domain_classifier(content)).class_logits

    def classifier_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        x, domain = images_and_domains(batch)
        logits = domain_logits(nets, nets.content_encoder(x))
        # - E[log p(domain | E_c(x))]
        return cross_entropy(logits, domain), Aux({"domain_accuracy": (logits.argmax(-1) == domain).mean()})

    def autoencoder_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        x, domain = images_and_domains(batch)
        content, style = nets.content_encoder(x), nets.style_encoder(x)
        # The style of another image of its domain tells nothing of this one but the domain.
        made = decode(nets, content, jnp.roll(style, number, axis=0))
        distance = l2(made, x)
        # The classifier is to take the content for that of another domain, drawn for each, as in Fader networks (Lample et al.
        # 2017, arXiv:1706.00409, Eq. 4): the negated cross-entropy of Chou et al. has no lower bound.
        shift = shard_batch(jax.random.randint(key, domain.shape, 1, number, domain.dtype))
        confusion = cross_entropy(domain_logits(nets, content), (domain + shift) % number)
        return distance + adversarial * confusion, Aux({"reconstruction": distance, "confusion": confusion})

    def restyle(nets: Nets, key: jax.Array, images: jax.Array, styles: jax.Array) -> jax.Array:
        return decode(nets, nets.content_encoder(images), nets.style_encoder(styles))

    def codes(nets: Nets, images: jax.Array) -> jax.Array:
        return jnp.concatenate([nets.content_encoder(images), nets.style_encoder(images)], axis=1)

    takes = {
        "images": Argument(IMAGES, "images whose content is kept", required=True, array="a"),
        "styles": Argument(IMAGES, "images whose style is taken, in turn", required=True, array="a"),
    }
    image = lambda batch: (all_domains(batch, number)[0],)  # noqa: E731
    return Game(
        players={
            "content_encoder": content_encoder.with_network(outputs=content_size),
            "style_encoder": style_encoder.with_network(outputs=style_size),
            GENERATOR: generator,
            "domain_classifier": domain_classifier.with_network(class_logits=number),
        },
        inputs={
            "content_encoder": image,
            "style_encoder": image,
            GENERATOR: lambda batch: (jnp.zeros((1, content_size + style_size)),),
            "domain_classifier": lambda batch: (jnp.zeros((1, content_size)),),
        },
        outputs={GENERATOR: lambda batch: batch["a"]},
        stages=(
            Stage(
                (
                    Turn("domain_classifier", classifier_loss, repeats=classifier_steps),
                    Turn("autoencoder", autoencoder_loss, _AUTOENCODER),
                )
            ),
        ),
        abilities={
            "restyle": Ability(
                restyle, takes, gives="images", drawn="restyled", help="gives images the style of others"
            ),
            **code_abilities(codes, lambda nets, codes: nets.generator(codes), array="a"),
        },
    )
