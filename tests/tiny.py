"""Configs that train in seconds: `:dcgan`, `:conditional`, `:wgan_gp`, `:cyclegan`, `:progan`, `:ring8`, `:lapgan`,
`:vae`, `:disentangle`; `:breaking` is not finite at some steps.

The games and the networks are the real ones, as small as they go.
"""

from ml_collections import ConfigDict

from jaxgan.config import choose, default, named, player


def get_config(variant: str = "dcgan") -> ConfigDict:
    return choose(variant, VARIANTS)


def _default(steps: int = 10, every: int = 10) -> ConfigDict:
    config = default()
    config.batch_size, config.seed = 8, 3
    config.evaluate_samples, config.statistics_batches = 100, 2
    config.steps = steps
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 5, every, every, 0
    config.data.name = "digits"
    config.data.image_size = 8
    return config


def _player(network: ConfigDict, average: bool = False, constraint: str = "") -> ConfigDict:
    return player(
        network,
        named("adam", learning_rate=1e-3, b1=0.5, b2=0.999),
        constraints=(named(constraint),) if constraint else (),
        average=named("exponential", decay=0.9) if average else None,
    )


def dcgan() -> ConfigDict:
    config = _default(steps=30)
    config.evaluate_every, config.checkpoint_every = 15, 7
    config.system, config.game = "dcgan", {"latent_size": 4, "latent": "normal"}
    config.metrics = ("digit_fd",)
    config.players.generator = _player(named("DCGANGenerator", width=8), average=True)
    config.players.discriminator = _player(named("DCGANDiscriminator", width=8))
    return config


def breaking() -> ConfigDict:
    config = dcgan()
    config.log_every, config.sample_every, config.rollbacks = 1, 15, 10
    config.game.terms = (named("tests.parts_of_ones_own:breaks", probability=0.05),)
    return config


def conditional() -> ConfigDict:
    config = _default()
    config.metrics = ("digit_fd", "class_accuracy")
    config.system = "sngan"
    config.game = {"latent_size": 6, "conditional": True, "discriminator_steps": 1}
    config.players.generator = _player(named("ResNetGenerator", widths=(4, 4)), average=True)
    config.players.discriminator = _player(
        named("ResNetDiscriminator", widths=(4,), downsamples=1), constraint="spectral_norm"
    )
    return config


def _wgan_gp(config: ConfigDict, latent_size: int, penalty: float) -> None:
    config.system = "wgan_gp"
    config.game = {"latent_size": latent_size, "penalty": penalty, "discriminator_steps": 2}


def wgan_gp() -> ConfigDict:
    config = _default()
    config.metrics = ("digit_fd",)
    _wgan_gp(config, latent_size=4, penalty=10.0)
    config.players.generator = _player(named("MLPGenerator", hidden=(8,)))
    config.players.discriminator = _player(named("MLPDiscriminator", hidden=(8,)))
    return config


def ring8() -> ConfigDict:
    config = _default()
    config.data = {"name": "ring8"}
    config.metrics = ("modes",)
    _wgan_gp(config, latent_size=2, penalty=0.1)
    config.players.generator = _player(named("MLPGenerator", hidden=(8,), output="linear"), average=True)
    config.players.discriminator = _player(named("MLPDiscriminator", hidden=(8,)))
    return config


def cyclegan() -> ConfigDict:
    config = _default()
    config.data.name = "digits_translation"
    config.metrics = ("translation",)
    config.system, config.game = "cyclegan", {"pool_size": 12}
    for name in ("generator_ab", "generator_ba"):
        config.players[name] = _player(
            named("ResNetTranslator", width=4, blocks=1, downsamples=1, norm="none"),
        )
    for name in ("discriminator_a", "discriminator_b"):
        config.players[name] = _player(named("PatchDiscriminator", width=4, layers=1, norm="none"))
    return config


def progan() -> ConfigDict:
    config = _default()
    config.metrics = ("digit_fd",)
    config.system = "progan"
    config.game = {"latent_size": 4, "fade_images": 40, "stable_images": 40, "batch_sizes": {"8": 16}}
    for name, network in (("generator", "ProGANGenerator"), ("discriminator", "ProGANDiscriminator")):
        config.players[name] = _player(named(network, base_width=4, max_width=4))
    return config


def lapgan() -> ConfigDict:
    config = _default()
    config.metrics = ("digit_fd", "class_accuracy")
    config.system, config.game = "lapgan", {"latent_size": 4, "conditional": True}
    config.players.generator = {
        "level_0": _player(named("LAPGANCoarseGenerator", hidden=(8,)), average=True),
        "level_1": _player(named("LAPGANGenerator", widths=(4, 4)), average=True),
    }
    config.players.discriminator = {
        "level_0": _player(named("LAPGANCoarseDiscriminator", hidden=(8,))),
        "level_1": _player(named("LAPGANDiscriminator", widths=(4, 4), padding="SAME")),
    }
    return config


def vae() -> ConfigDict:
    config = _default()
    config.metrics = ("reconstruction",)
    config.system, config.game = "vae", {"latent_size": 4}
    config.players.encoder = _player(named("MLPEncoder", hidden=(8,)))
    config.players.generator = _player(named("MLPGenerator", hidden=(8,)), average=True)
    return config


def disentangle() -> ConfigDict:
    config = _default()
    config.data.name, config.data.domains = "digits_translation", ("digits", "bar", "dim")
    config.metrics = ("swapped_styles",)
    config.system, config.game = "disentangle", {"content_size": 4, "style_size": 2}
    for name in ("content_encoder", "style_encoder"):
        config.players[name] = _player(named("MLPEncoder", hidden=(8,)))
    config.players.generator = _player(named("MLPGenerator", hidden=(8,)))
    config.players.domain_classifier = _player(named("MLPDiscriminator", hidden=(8,)))
    return config


VARIANTS = {
    "dcgan": dcgan,
    "breaking": breaking,
    "conditional": conditional,
    "wgan_gp": wgan_gp,
    "cyclegan": cyclegan,
    "progan": progan,
    "ring8": ring8,
    "lapgan": lapgan,
    "vae": vae,
    "disentangle": disentangle,
}
