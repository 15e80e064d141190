"""Configs that train in seconds: `:dcgan`, `:conditional`, `:wgan_gp`, `:cyclegan`, `:progan`, `:ring8`.

The games are the real ones. Where a real network would take long to compile, a smaller one of its kind stands in.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import config as jaxgan


class LabelledGenerator(nn.Module):
    """z (B, latent), labels (B,) -> images (B, S, S, C)."""

    image_size: int
    channels: int
    num_classes: int

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array) -> jax.Array:
        x = jnp.concatenate([z, nn.Embed(self.num_classes, 4)(label)], axis=1)
        x = nn.Dense(self.image_size**2 * self.channels)(nn.relu(nn.Dense(8)(x)))
        return jnp.tanh(x).reshape(-1, self.image_size, self.image_size, self.channels)


class LabelledDiscriminator(nn.Module):
    """Images, labels (B,) -> logits (B,)."""

    num_classes: int

    @nn.compact
    def __call__(self, images: jax.Array, label: jax.Array) -> jax.Array:
        x = nn.relu(nn.Dense(4)(images.reshape(len(images), -1)))
        return nn.Dense(1)(x * nn.Embed(self.num_classes, 4)(label))[:, 0]


class Filter(nn.Module):
    """Images -> images."""

    channels: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(nn.Conv(self.channels, (3, 3))(nn.relu(nn.Conv(4, (3, 3))(x))))


class Patches(nn.Module):
    """Images -> logits (B, H', W')."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Conv(1, (3, 3))(nn.relu(nn.Conv(4, (3, 3), strides=2)(x)))[..., 0]


jaxgan.NETWORKS.update(
    {network.__name__: network for network in (LabelledGenerator, LabelledDiscriminator, Filter, Patches)}
)


def get_config(variant: str = "dcgan") -> ConfigDict:
    makers = {
        "dcgan": dcgan,
        "conditional": conditional,
        "wgan_gp": wgan_gp,
        "cyclegan": cyclegan,
        "progan": progan,
        "ring8": ring8,
    }
    config = jaxgan.variant(variant, makers)
    config.batch_size, config.seed = 8, 3
    config.evaluate_samples, config.statistics_batches = 100, 2
    if variant == "dcgan":
        config.steps = 30
        config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 5, 10, 15, 7
    else:
        config.steps = 10
        config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 5, 10, 10, 0
    return config


def _player(network: ConfigDict, average: bool = False, constraint: str = "none") -> ConfigDict:
    return jaxgan.player(
        network,
        jaxgan.named("adam", learning_rate=1e-3, b1=0.5, b2=0.999),
        constraint=jaxgan.named(constraint),
        average=jaxgan.named("exponential", decay=0.9) if average else None,
    )


def _digits(config: ConfigDict) -> None:
    config.data.name = "digits"
    config.data.image_size = 8
    config.metrics = ("digit_fd",)


def dcgan(config: ConfigDict) -> None:
    _digits(config)
    config.system, config.game = "gan", {"latent_size": 4, "reuse_fakes": True}
    config.players.generator = _player(jaxgan.named("DCGANGenerator", width=8), average=True)
    config.players.discriminator = _player(jaxgan.named("DCGANDiscriminator", width=8))


def conditional(config: ConfigDict) -> None:
    _digits(config)
    config.data.require_labels = True
    config.metrics = ("digit_fd", "class_accuracy")
    config.system, config.game = "gan", {"latent_size": 6, "objective": "hinge", "conditional": True}
    config.players.generator = _player(jaxgan.named("LabelledGenerator"), True, "spectral_norm")
    config.players.discriminator = _player(jaxgan.named("LabelledDiscriminator"), constraint="spectral_norm")


def _penalised_critic(config: ConfigDict, latent_size: int, penalty: float) -> None:
    config.system = "gan"
    config.game = {
        "latent_size": latent_size,
        "objective": "wasserstein",
        "discriminator_steps": 2,
        "terms": {"gradient_penalty": {"weight": penalty}},
    }


def wgan_gp(config: ConfigDict) -> None:
    _digits(config)
    _penalised_critic(config, latent_size=4, penalty=10.0)
    config.players.generator = _player(jaxgan.named("MLPGenerator", hidden=(8,)))
    config.players.discriminator = _player(jaxgan.named("MLPDiscriminator", hidden=(8,)))


def cyclegan(config: ConfigDict) -> None:
    config.data.name = "digits_translation"
    config.data.image_size = 8
    config.metrics = ("translation",)
    config.system, config.game = "cyclegan", {"pool_size": 12}
    for name in ("generator_ab", "generator_ba"):
        config.players[name] = _player(jaxgan.named("Filter"))
    for name in ("discriminator_a", "discriminator_b"):
        config.players[name] = _player(jaxgan.named("Patches"))


def progan(config: ConfigDict) -> None:
    _digits(config)
    config.system = "progan"
    config.game = {"latent_size": 4, "fade_images": 40, "stable_images": 40, "batch_sizes": {"8": 16}}
    for name, network in (("generator", "ProGANGenerator"), ("critic", "ProGANDiscriminator")):
        config.players[name] = _player(jaxgan.named(network, base_width=4, max_width=4))


def ring8(config: ConfigDict) -> None:
    config.data.name = "ring8"
    config.metrics = ("modes",)
    _penalised_critic(config, latent_size=2, penalty=0.1)
    config.players.generator = _player(jaxgan.named("MLPGenerator", hidden=(8,), output="linear"), average=True)
    config.players.discriminator = _player(jaxgan.named("MLPDiscriminator", hidden=(8,)))
