"""LSGAN: Mao et al. 2016 (arXiv:1611.04076), squared distances to targets instead of cross-entropies; no sigmoid.

python train.py --config=configs/lsgan.py          digits 16x16, a minute on two CPU cores; targets 0, 1, 1
python train.py --config=configs/lsgan.py:pearson  the same with the coding -1, 1, 0, whose optimum is Pearson's chi-squared
python train.py --config=configs/lsgan.py:ring8    eight Gaussians on a circle
python train.py --config=configs/lsgan.py:paper    112x112 scenes
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "lsgan"
    config.game = {"latent_size": 64, "reuse_fakes": True}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(named("DCGANDiscriminator", width=32, layout="torch"), adam, schedule=half)
    config.data.name = "digits"
    config.steps = 2000
    config.log_every, config.evaluate_every = 100, 1000
    return config


def pearson() -> ConfigDict:
    config = digits()
    config.game.update({"fake_target": -1.0, "real_target": 1.0, "generator_target": 0.0})
    return config


def ring8() -> ConfigDict:
    config = default()
    config.system = "lsgan"
    config.game = {"latent_size": 2}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.9)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("MLPGenerator", hidden=(128, 128), output="linear"),
        adam,
        average=named("half_life", images=100_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(named("MLPDiscriminator", hidden=(128, 128)), adam, schedule=half)
    config.data.name = "ring8"
    config.data.scale = 1 / 1.414
    config.batch_size = 256
    config.steps = 6000
    config.evaluate_samples = 2500
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 500, 1000, 2000
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "lsgan"
    config.game = {"latent_size": 1024, "latent": "uniform"}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    config.players.generator = player(named("DCGANGenerator", width=128), adam)
    config.players.discriminator = player(named("DCGANDiscriminator", width=128), adam)
    config.data.name = "folder"
    config.data.path = "data/bedrooms"
    config.data.image_size = 112
    config.batch_size = 64
    config.steps = 70_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "pearson": pearson, "ring8": ring8, "paper": paper}

_DIGITS = {"digit_fd": "<= 25", "digits_present": ">= 10"}
_SMOOTH = (named("spectral_regularization", weight=0.1),)
CHECKS = {
    "": Check(_DIGITS),
    "Pearson's coding": Check(_DIGITS, "pearson"),
    "eight Gaussians": Check({"modes": ">= 6", "high_quality": ">= 0.6"}, "ring8"),
    "spectral-norm regularisation": Check(
        _DIGITS | {"sigma": "<= 0.65"},
        changes={"players.discriminator.constraints": _SMOOTH},
        computed="largest_singular_values",
    ),
    "without that regularisation": Check({"sigma": "<= 0.65"}, computed="largest_singular_values", control=True),
}
