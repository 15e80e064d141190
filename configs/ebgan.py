"""EBGAN: Zhao, Mathieu and LeCun 2016 (arXiv:1609.03126), an autoencoder's reconstruction error as an energy, with a margin.

python train.py --config=configs/ebgan.py        digits 16x16, two minutes on two CPU cores; the autoencoder is pre-trained
python train.py --config=configs/ebgan.py:paper  64x64 faces, margin 20, with the pulling-away term
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "ebgan"
    config.game = {"latent_size": 64, "margin": 4.0, "repelling": 0.1, "pretraining_steps": 300}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(named("MLPAutoencoder", hidden=(256, 64)), adam, schedule=half)
    config.data.name = "digits"
    config.steps = 3000
    config.log_every, config.evaluate_every = 100, 1000
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "ebgan"
    config.game = {"latent_size": 100, "margin": 20.0, "repelling": 0.1}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    config.players.generator = player(named("DCGANGenerator", width=128, layout="torch"), adam)
    config.players.discriminator = player(named("ConvAutoencoder"), adam)
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.batch_size = 128
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

CHECKS = {
    "": Check(
        {"digit_fd": "<= 25", "digits_present": ">= 10", "fake_energy": ">= 1", "noise_energy": ">= 2"},
        computed="energies",
    ),
}
