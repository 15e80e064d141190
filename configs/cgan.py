"""CGAN: Mirza and Osindero 2014 (arXiv:1411.1784), both networks are told the class.

python train.py --config=configs/cgan.py             digits 16x16 with labels, a minute on two CPU cores
python train.py --config=configs/cgan.py:mismatched  and reals beside wrong classes as a third term (Reed et al. 2016)
python train.py --config=configs/cgan.py:separate    the same, by a score for realness and one for the match
python train.py --config=configs/cgan.py:tutorial    MNIST, a vector of each class beside z and beside the image, 50 epochs
python train.py --config=configs/cgan.py:paper       MNIST, the paper's maxout networks; Parzen-window score 132 there
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "cgan"
    config.game = {"latent_size": 32}
    config.players.generator = player(
        named("ConditionalMLPGenerator", hidden=(128, 128), activation="relu", norm="batch"),
        named("adam", learning_rate=1e-3, b1=0.5, b2=0.999),
        average=named("half_life", images=10_000, ramp_up=0.1),
    )
    config.players.discriminator = player(
        named("ConditionalMLPDiscriminator", hidden=(256, 128), dropout_rate=0.3),
        named("adam", learning_rate=5e-4, b1=0.5, b2=0.999),
    )
    config.data.name = "digits"
    config.steps = 6000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 2000, 2000
    return config


def mismatched() -> ConfigDict:
    config = digits()
    config.game.mismatched = 0.5
    return config


def separate() -> ConfigDict:
    config = mismatched()
    config.players.discriminator.network.separate = True
    return config


def tutorial() -> ConfigDict:
    config = default()
    config.system = "cgan"
    config.game = {"latent_size": 100}
    adam = named("adam", learning_rate=1e-4, b1=0.9, b2=0.999)
    config.players.generator = player(named("ConditionalMLPGenerator"), adam)
    config.players.discriminator = player(named("ConditionalMLPDiscriminator"), adam)
    config.data.name = "tfds:mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.steps = 50 * 937  # the last 32 images of an epoch are left for the next
    config.log_every, config.sample_every, config.checkpoint_every = 100, 937, 9370
    return config


def paper() -> ConfigDict:
    config = tutorial()
    # z in the unit cube is this one, scaled and moved.
    config.game = {"latent_size": 100, "latent": "uniform", "labels": "minibatch"}
    # The learning rate falls by 1 / 1.00004 an update, down to 1e-6; the momentum, which rose from 0.5 to 0.7, stays between.
    sgd = named("sgd", learning_rate=0.1, momentum=0.6)
    half = named("sgd", learning_rate=0.05, momentum=0.6)  # the first GAN's program halves the discriminator's loss
    falling = named("exponential_decay", factor=1 / 1.00004, floor=1e-5)
    config.players.generator = player(named("MaxoutCGANGenerator"), sgd, schedule=falling)
    config.players.discriminator = player(named("MaxoutCGANDiscriminator"), half, schedule=falling)
    config.batch_size = 100
    config.steps = 480 * 600  # until the rate is at its end; the paper does not say when it stops
    return config


VARIANTS = {"": digits, "mismatched": mismatched, "separate": separate, "tutorial": tutorial, "paper": paper}

_BOUNDS = {"class_accuracy": ">= 0.95", "digit_fd": "<= 10"}
_MATCH = _BOUNDS | {"match_margin": ">= 0.5"}
_CHANCE = {"class_accuracy": "0.10 (chance)"}
CHECKS = {
    "": Check(_BOUNDS, baselines=_CHANCE),
    "mismatched pairs": Check(_MATCH, "mismatched", baselines=_CHANCE, computed="match_margin"),
    "two scores": Check(_MATCH, "separate", baselines=_CHANCE, computed="match_margin"),
    "without mismatched pairs": Check(
        _MATCH, "mismatched", changes={"game.mismatched": 0.0}, control=True, computed="match_margin"
    ),
    "a discriminator that is not told": Check(_BOUNDS, changes={"game.told": False}, control=True),
}
