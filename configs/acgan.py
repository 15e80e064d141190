"""AC-GAN: Odena, Olah and Shlens 2017 (arXiv:1610.09585), a discriminator that tells the class of every image.

python train.py --config=configs/acgan.py        digits 16x16 with labels, two minutes on two CPU cores
python train.py --config=configs/acgan.py:paper  ImageNet at 128x128, ten classes of it
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "acgan"
    config.game = {"latent_size": 32}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("ACGANGenerator", widths=(128, 64)),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(
        named("ACGANDiscriminator", widths=(32, 64, 64, 128), dropout_rate=0.3), adam, schedule=half
    )
    config.data.name = "digits"
    config.steps = 2000
    config.log_every, config.evaluate_every = 100, 1000
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "acgan"
    config.game = {"latent_size": 110}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.players.generator = player(named("ACGANGenerator"), adam)
    config.players.discriminator = player(named("ACGANDiscriminator"), adam)
    config.data.name = "folder"
    config.data.path = "data/imagenet10"
    config.data.image_size = 128
    config.batch_size = 100
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

_BOUNDS = {"class_accuracy": ">= 0.95", "digit_fd": "<= 25"}
CHECKS = {
    "": Check(_BOUNDS, baselines={"class_accuracy": "0.10 (chance)"}),
    "without the class losses": Check(_BOUNDS, changes={"game.class_weight": 0.0}, control=True),
}
