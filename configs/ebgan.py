"""EBGAN: Zhao, Mathieu and LeCun 2016 (arXiv:1609.03126), an autoencoder's reconstruction error as an energy, with a margin.

python train.py --config=configs/ebgan.py        digits 16x16, two minutes on two CPU cores; the autoencoder is pre-trained
python train.py --config=configs/ebgan.py:paper  64x64 faces, margin 20, with the pulling-away term
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "paper": paper})


def _players(config: ConfigDict, generator: ConfigDict, autoencoder: ConfigDict) -> None:
    config.system = "ebgan"
    for name, network in (("generator", generator), ("discriminator", autoencoder)):
        config.players[name] = jaxgan.player(network, jaxgan.named("adam", learning_rate=1e-3, b1=0.5, b2=0.999))


def digits(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("DCGANGenerator", width=32, layout="torch"),
        jaxgan.named("MLPAutoencoder", hidden=(256, 64)),
    )
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    config.game = {"latent_size": 64, "margin": 4.0, "repelling": 0.1, "pretraining_steps": 300}
    config.data.name = "digits"
    config.data.image_size = 16
    config.steps = 3000
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", start=1500, stop=3000)
    config.log_every, config.evaluate_every = 100, 1000
    config.metrics = ("digit_fd",)


def paper(config: ConfigDict) -> None:
    _players(
        config,
        jaxgan.named("DCGANGenerator", width=128, layout="torch"),
        jaxgan.named("ConvAutoencoder"),
    )
    config.game = {"latent_size": 100, "margin": 20.0, "repelling": 0.1}
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.batch_size = 128
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
