"""Configs that train in seconds: `:dcgan`, `:conditional`, `:wgan_gp`, `:cyclegan`, `:progan`, `:ring8`."""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


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
    config.system, config.game = "gan", {"latent_size": 4}
    config.players.generator = _player(jaxgan.named("DCGANGenerator", width=8), average=True)
    config.players.discriminator = _player(jaxgan.named("DCGANDiscriminator", width=8))


def conditional(config: ConfigDict) -> None:
    _digits(config)
    config.data.image_size = 16
    config.data.require_labels = True
    config.metrics = ("digit_fd", "class_accuracy")
    config.system, config.game = "biggan", {"latent_size": 6, "discriminator_steps": 1}
    config.players.generator = _player(
        jaxgan.named("BigGANGenerator", width=4, shared_size=4, attention=()), True, "spectral_norm"
    )
    config.players.discriminator = _player(
        jaxgan.named("BigGANDiscriminator", width=4, attention=()), constraint="spectral_norm"
    )


def wgan_gp(config: ConfigDict) -> None:
    _digits(config)
    config.system, config.game = "wgan_gp", {"latent_size": 4, "n_critic": 2}
    config.players.generator = _player(jaxgan.named("MLPGenerator", hidden=(8,)))
    config.players.critic = _player(jaxgan.named("MLPDiscriminator", hidden=(8,)))


def cyclegan(config: ConfigDict) -> None:
    config.data.name = "digits_translation"
    config.data.image_size = 8
    config.metrics = ("translation",)
    config.system, config.game = "cyclegan", {"pool_size": 12}
    for name in ("generator_ab", "generator_ba"):
        config.players[name] = _player(jaxgan.named("ResNetTranslator", width=4, blocks=1, downsamples=1))
    for name in ("discriminator_a", "discriminator_b"):
        config.players[name] = _player(jaxgan.named("PatchDiscriminator", width=4, layers=1, norm="none"))


def progan(config: ConfigDict) -> None:
    _digits(config)
    config.system = "progan"
    config.game = {"latent_size": 4, "fade_images": 40, "stable_images": 40, "batch_sizes": {"8": 16}}
    for name, network in (("generator", "ProGANGenerator"), ("critic", "ProGANDiscriminator")):
        config.players[name] = _player(jaxgan.named(network, base_width=8, max_width=8))


def ring8(config: ConfigDict) -> None:
    config.data.name = "ring8"
    config.metrics = ("modes",)
    config.system, config.game = "wgan_gp", {"latent_size": 2, "n_critic": 2, "penalty": 0.1}
    config.players.generator = _player(jaxgan.named("MLPGenerator", hidden=(8,), output="linear"), average=True)
    config.players.critic = _player(jaxgan.named("MLPDiscriminator", hidden=(8,)))
