"""WGAN: Arjovsky, Chintala and Bottou 2017 (arXiv:1701.07875), a critic with clipped weights, five turns to one.

python train.py --config=configs/wgan.py             digits 16x16, two minutes on two CPU cores
python train.py --config=configs/wgan.py:gaussian1d  the critic's gap follows the exact Wasserstein distance
python train.py --config=configs/wgan.py:paper       64x64 images of a folder, DCGAN's networks
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "wgan"
    config.game = {"latent_size": 64}
    rmsprop = named("rmsprop", learning_rate=5e-4)
    late = named("linear_decay", start=2 / 3, final=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        rmsprop,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=late,
    )
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=32, layout="torch"),
        rmsprop,
        constraints=(named("clip", limit=0.01),),
        schedule=late,
    )
    config.data.name = "digits"
    config.steps = 1500
    config.log_every, config.evaluate_every = 100, 1000
    return config


def gaussian1d() -> ConfigDict:
    config = default()
    config.system = "wgan"
    config.game = {"latent_size": 1}
    late = named("linear_decay", start=2 / 3, final=0.5)
    # A slow generator, so that the critic is near its best all the time, and its gap near the distance; and no average of
    # it, for the critic's gap is that of the generator as it is.
    config.players.generator = player(
        named("MLPGenerator", hidden=(64, 64), output="linear"),
        named("rmsprop", learning_rate=5e-5),
        schedule=late,
    )
    config.players.discriminator = player(
        named("MLPDiscriminator", hidden=(64, 64)),
        named("rmsprop", learning_rate=1e-3),
        constraints=(named("clip", limit=0.1),),
        schedule=late,
    )
    config.data.name = "gaussian1d"
    config.batch_size = 256
    config.steps = 3000
    config.evaluate_samples = 10_000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 50, 500, 50, 2000
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "wgan"
    config.game = {"latent_size": 100}
    # PyTorch's defaults, which the authors' program keeps
    rmsprop = named("rmsprop", learning_rate=5e-5, decay=0.99, eps=1e-8, eps_in_sqrt=False)
    config.players.generator = player(named("DCGANGenerator", width=64, layout="torch"), rmsprop)
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=64, layout="torch"), rmsprop, constraints=(named("clip", limit=0.01),)
    )
    config.data.name = "folder"
    config.data.path = "data/bedrooms"
    config.data.image_size = 64
    config.batch_size = 64
    config.steps = 100_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 500, 5000
    return config


VARIANTS = {"": digits, "gaussian1d": gaussian1d, "paper": paper}

CHECKS = {
    "": Check({"digit_fd": "<= 25", "digits_present": ">= 10"}),
    "a normal density": Check({"rank_correlation": ">= 0.8"}, "gaussian1d", computed="critic_follows_wasserstein"),
}
