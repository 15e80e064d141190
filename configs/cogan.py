"""CoGAN: Liu and Tuzel 2016 (arXiv:1606.07536), pairs of images of two domains, of which no pair is ever seen.

python train.py --config=configs/cogan.py         digits and inverted digits 16x16, minutes on two CPU cores
python train.py --config=configs/cogan.py:untied  the same without shared layers: two GANs that happen to have one latent
python train.py --config=configs/cogan.py:paper   two folders of 28x28 pictures, such as MNIST's digits and their edges
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "cogan"
    config.game = {"latent_size": 32}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    average = named("half_life", images=5_000, ramp_up=0.1)
    network = named("CoGANGenerator", widths=(128, 64, 32), tied=("inner",))
    config.players.generator = player(network, adam, average=average)
    network = named("CoGANDiscriminator", widths=(32, 64), hidden=256, tied=("inner",))
    config.players.discriminator = player(network, adam)
    config.data.name = "digits_translation"
    config.metrics = ("domain_pairs",)
    config.batch_size = 64
    config.steps = 1000  # later on the discriminator knows its 719 digits of each domain by heart, and some get rare
    config.log_every, config.sample_every, config.evaluate_every = 50, 250, 500
    return config


def untied() -> ConfigDict:
    config = digits()
    config.players.generator.network.tied = config.players.discriminator.network.tied = ()
    return config


def paper() -> ConfigDict:
    """The program's decay of 5e-4 takes biases and gains too, and stands beside means over both domains: sums here."""
    config = default()
    config.system = "cogan"
    config.game = {"latent_size": 100}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    small = (named("l2_decay", weight=2 * 5e-4),)
    config.players.generator = player(named("CoGANGenerator"), adam, constraints=small)
    config.players.discriminator = player(named("CoGANDiscriminator"), adam, constraints=small)
    config.data.name = "two_folders"
    config.data.path = "data/mnist_and_edges"
    config.data.image_size, config.data.channels = 28, 1
    config.batch_size = 64
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "untied": untied, "paper": paper}

_BOUNDS = {"pair_agreement": ">= 0.75", "digits_present": ">= 10"}
CHECKS = {"": Check(_BOUNDS), "without shared layers": Check(_BOUNDS, "untied", control=True)}
