"""LAPGAN: Denton et al. 2015 (arXiv:1506.05751), images made coarse to fine by a GAN for each level of a Laplacian pyramid.

python train.py --config=configs/lapgan.py        digits with labels, 4x4, 8x8 and 16x16, two minutes on two CPU cores
python train.py --config=configs/lapgan.py:paper  CIFAR-10 at 32x32 with labels, 8x8 to 32x32
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "lapgan"
    config.game = {"latent_size": 32, "conditional": True}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    average = named("half_life", images=10_000, ramp_up=0.1)
    config.players.generator = {
        "level_0": player(named("LAPGANCoarseGenerator", hidden=(256, 256)), adam, average=average, schedule=half),
        "level_1": player(named("LAPGANGenerator", widths=(32, 32)), adam, average=average, schedule=half),
        "level_2": player(named("LAPGANGenerator", widths=(32, 32)), adam, average=average, schedule=half),
    }
    fine = named("LAPGANDiscriminator", widths=(32, 32), padding="SAME")
    config.players.discriminator = {
        "level_0": player(named("LAPGANCoarseDiscriminator", hidden=(256, 256)), adam, schedule=half),
        "level_1": player(fine, adam, schedule=half),
        "level_2": player(fine, adam, schedule=half),
    }
    config.data.name = "digits"
    config.steps = 1500
    config.log_every, config.evaluate_every = 100, 500
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "lapgan"
    config.game = {"latent_size": 100, "conditional": True}
    # The learning rate falls by 1 / 1.00004 an epoch, the momentum rises from 0.5 by 0.0008 to 0.7 or 0.8; it stays between.
    sgd = named("sgd", learning_rate=0.02, momentum=0.6)
    # There the discriminator's loss is the mean over 64 reals and 64 fakes together, half of the sum of two means.
    half = named("sgd", learning_rate=0.01, momentum=0.6)
    config.players.generator = {
        "level_0": player(named("LAPGANCoarseGenerator"), sgd),
        "level_1": player(named("LAPGANGenerator"), sgd),
        "level_2": player(named("LAPGANGenerator"), sgd),
    }
    config.players.discriminator = {
        "level_0": player(named("LAPGANCoarseDiscriminator"), half),
        "level_1": player(named("LAPGANDiscriminator"), half),
        "level_2": player(named("LAPGANDiscriminator"), half),
    }
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.batch_size = 128
    config.steps = 100_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

_BOUNDS = {"class_accuracy": ">= 0.9", "digit_fd": "<= 25", "gain": ">= 0.1", "residual_error": "<= 0.25"}
_UNTRAINED = {f"players.generator.{level}.optimizer.learning_rate": 1e-9 for level in ("level_1", "level_2")}
CHECKS = {
    "": Check(_BOUNDS, baselines={"class_accuracy": "0.10 (chance)"}, computed="levels_of_detail"),
    "without learned detail": Check(_BOUNDS, changes=_UNTRAINED, computed="levels_of_detail", control=True),
}
