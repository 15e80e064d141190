"""WGAN: Arjovsky, Chintala and Bottou 2017 (arXiv:1701.07875), a critic with clipped weights, five turns to one.

python train.py --config=configs/wgan.py             digits 16x16, two minutes on two CPU cores
python train.py --config=configs/wgan.py:gaussian1d  the critic's gap follows the exact Wasserstein distance
python train.py --config=configs/wgan.py:paper       64x64 images of a folder, DCGAN's networks
"""

from ml_collections import ConfigDict

from configs import dcgan, gan
from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "gaussian1d": gaussian1d, "paper": paper})


def _wasserstein(config: ConfigDict, rate: float) -> None:
    config.system = "wgan"
    config.game = {"latent_size": config.game.latent_size}
    for player in config.players.values():
        player.optimizer = jaxgan.named("rmsprop", learning_rate=rate)
    config.players.discriminator.constraint = jaxgan.named("clip", limit=0.01)


def digits(config: ConfigDict) -> None:
    dcgan.short_digits(config)
    _wasserstein(config, rate=5e-4)
    config.steps = 1500


def gaussian1d(config: ConfigDict) -> None:
    gan.gaussian1d(config)
    _wasserstein(config, rate=5e-4)
    # A slow generator, so that the critic is near its best all the time, and its gap near the distance.
    config.players.discriminator.constraint.limit = 0.1
    config.players.discriminator.optimizer.learning_rate = 1e-3
    config.players.generator.optimizer.learning_rate = 5e-5
    config.players.generator.average = jaxgan.named("none")  # the critic's gap is that of the generator as it is
    config.log_every, config.evaluate_every = 50, 50
    config.steps = 3000


def paper(config: ConfigDict) -> None:
    dcgan.tutorial(config)
    _wasserstein(config, rate=5e-5)
    config.data.path = "data/bedrooms"
    config.batch_size = 64
    config.steps = 100_000
