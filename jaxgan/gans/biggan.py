"""BigGAN: "Large Scale GAN Training for High Fidelity Natural Image Synthesis", Brock et al. 2018 (arXiv:1809.11096)."""

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn, uniform_labels
from jaxgan.core.constraints import orthogonal_regularization
from jaxgan.losses import hinge


def biggan(
    generator: Player,
    discriminator: Player,
    *,
    num_classes: int,
    latent_size: int = 120,
    discriminator_steps: int = 2,
    orthogonal: float = 1e-4,
) -> Game:
    """A class-conditional GAN with the hinge loss; spectral norm comes with the players, as their constraint.

    Fakes take the labels of the minibatch they stand against, a draw from the data's own p(y); the paper draws them
    uniformly, which is the same for ImageNet's balanced classes and wrong for unbalanced ones.

    Args:
        generator: Network (z (B, latent_size), labels (B,)) -> images (B, H, W, C).
        discriminator: Network (images, labels) -> logits (B,).
        num_classes: Number of classes.
        latent_size: Components of z ~ N(0, I), over all its chunks.
        discriminator_steps: Discriminator turns for each generator turn.
        orthogonal: Strength of the generator's orthogonal regularisation (Eq. 3), the shared embedding left out.
    """
    draw = Latent(latent_size)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        label = batch["label"]
        fake = nets.generator(draw(key, len(label)), label)
        real_logits, fake_logits = nets.discriminator(batch["image"], label), nets.discriminator(fake, label)
        return hinge.discriminator(real_logits, fake_logits), Aux(
            {"logit_real": real_logits.mean(), "logit_fake": fake_logits.mean()}
        )

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        label = batch["label"]
        adversarial = hinge.generator(nets.discriminator(nets.generator(draw(key, len(label)), label), label))
        # Eq. 3: R(W) = beta || W' W * (1 - I) ||_F^2
        regularizer = orthogonal_regularization(nets.generator.params, exclude="shared_embedding")
        return adversarial + orthogonal * regularizer, Aux({"adversarial": adversarial, "orthogonal": regularizer})

    def sample(
        nets: Nets,
        key: jax.Array,
        number: int,
        label: jax.Array | None = None,
        truncation: float | None = None,
    ) -> jax.Array:
        latent_key, label_key = jax.random.split(key)
        label = uniform_labels(label_key, number, num_classes) if label is None else label
        return nets.generator(draw(latent_key, number, truncation), label)

    return Game(
        players={"generator": generator, "discriminator": discriminator},
        inputs={
            "generator": lambda batch: (draw.example(), jnp.zeros((1,), jnp.int32)),
            "discriminator": lambda batch: (batch["image"], batch["label"]),
        },
        stages=(
            Stage(
                (
                    Turn("discriminator", discriminator_loss, repeats=discriminator_steps),
                    Turn("generator", generator_loss),
                )
            ),
        ),
        abilities={"sample": sample},
    )
