"""Semi-supervised GAN: "Improved Techniques for Training GANs", Salimans et al. 2016 (arXiv:1606.03498), section 5.

The discriminator is a classifier of K classes that knows a further one, "generated", whose logit is pinned to 0.
"""

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.gans.gan import sampler
from jaxgan.losses import feature_matching, semi_supervised


def improved_gan(
    generator: Player,
    discriminator: Player,
    *,
    num_classes: int,
    latent_size: int = 100,
    latent: str = "uniform",
    unsupervised: float = 1.0,
    matching: str = "l2",
) -> Game:
    """A few labels, many images without, and a generator that matches features.

    Minibatches hold "image", without labels, and "labelled_image" with its "label", as many of each.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Network images -> class logits (B, num_classes), with `features=True` also features (B, F).
        num_classes: K, of the discriminator's logits.
        latent_size: Components of z.
        latent: Its distribution; the authors' programs take U(0, 1), which differs from "uniform" by scale and offset only.
        unsupervised: Weight of the real-or-generated loss; 0 leaves a classifier trained on the labels alone, the baseline.
        matching: "l2", as in the paper (Eq. of section 3.1), or "l1", as in the authors' programs for CIFAR and SVHN.
    """
    draw = Latent(latent_size, latent)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        labelled = nets.discriminator(batch["labelled_image"])
        real = semi_supervised.realness(nets.discriminator(batch["image"]))
        fake = semi_supervised.realness(nets.discriminator(nets.generator(draw(key, len(batch["image"])))))
        # L = L_supervised + L_unsupervised: -E[log p(y | x, y <= K)]  and  -E[log D(x)] - E[log(1 - D(G(z)))], halved in
        # the authors' programs, with D(x) = Z / (Z + 1), Z = sum over k of exp(l_k)
        supervised = semi_supervised.cross_entropy(labelled, batch["label"])
        adversarial = 0.5 * (jax.nn.softplus(-real).mean() + jax.nn.softplus(fake).mean())
        metrics = {
            "supervised": supervised,
            "label_accuracy": (labelled.argmax(-1) == batch["label"]).mean(),
            "d_real": jax.nn.sigmoid(real).mean(),
            "d_fake": jax.nn.sigmoid(fake).mean(),
        }
        return supervised + unsupervised * adversarial, Aux(metrics)

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        features = lambda images: nets.discriminator(images, features=True)[1]  # noqa: E731
        fake = nets.generator(draw(key, len(batch["image"])))
        # || E f(x) - E f(G(z)) ||^2
        return feature_matching(features(batch["image"]), features(fake), matching), Aux()

    def classify(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return nets.discriminator(images)

    return Game(
        players={"generator": generator, "discriminator": discriminator},
        inputs={"generator": lambda batch: (draw.example(),), "discriminator": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("discriminator", discriminator_loss), Turn("generator", generator_loss))),),
        abilities={"sample": sampler(draw), "classify": classify},
    )
