"""Direct translation: Taigman, Polyak and Wolf 2016 (arXiv:1611.02200), one way without pairs, its features kept.

python train.py --config=configs/direct_translation.py      digits to full ink 16x16, by a deep translator; minutes on two cores
python train.py --config=configs/direct_translation.py:dtn  the same out of the features alone, as the paper's DTN has it
python train.py --config=configs/direct_translation.py:paper  house numbers to handwritten digits 32x32; 90.66 % accuracy
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    """A shallow translator keeps the digit by itself; this one passes 32 numbers, and without f makes any digit of any."""
    config = default()
    config.system = "direct_translation"
    config.game = {"features": 3.0, "identity": 0.0, "through_features": False, "pretraining_steps": 300}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    network = named("DiscoGANTranslator", widths=(32, 64), bottleneck=32)
    config.players.generator = player(network, adam)
    config.players.discriminator = player(named("DiscoGANDiscriminator", widths=(32, 64)), adam)
    # Whose features of an image do not depend on those beside it. Its score, beside the classes, nobody asks for.
    config.players.classifier = player(named("ACGANDiscriminator", widths=(16, 32, 64), norm="none"), adam)
    config.data.name = "digits_translation"
    config.data.domain = "thresholded"
    config.metrics = ("translation", "paired_translation")
    config.batch_size = 64
    config.steps = 1300
    config.log_every, config.sample_every, config.evaluate_every = 50, 325, 650
    return config


def dtn() -> ConfigDict:
    config = digits()
    config.game.update({"through_features": True, "identity": 3.0, "three_kinds": True})
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    config.players.generator = player(named("DCGANGenerator", width=32), adam)
    config.players.discriminator = player(named("DCGANDiscriminator", width=32), adam)
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "direct_translation"
    config.game = {"features": 15.0, "identity": 15.0, "through_features": True, "three_kinds": True}
    config.game.update({"pretraining_steps": 20_000, "num_classes": 10})
    adam = named("adam", learning_rate=3e-4, b1=0.9, b2=0.999)
    config.players.generator = player(named("DCGANGenerator", layout="torch"), adam)
    config.players.discriminator = player(named("DCGANDiscriminator", layout="torch"), adam)
    config.players.classifier = player(named("DTNClassifier"), adam)
    config.data.name = "two_folders"
    config.data.path = "data/svhn2mnist"  # train/A/0 to train/A/9: SVHN's extra split; train/B: MNIST
    config.data.image_size = 32
    config.data.channels = 3
    config.batch_size = 100
    config.steps = 40_000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 5000, 5000
    return config


VARIANTS = {"": digits, "dtn": dtn, "paper": paper}

# The first proves that digits stay what they are, the second that their ink is full: an image that is left as it is has 0.23.
_BOUNDS = {"agreement_ab": ">= 0.85", "sharpness": ">= 0.6"}
CHECKS = {
    "": Check(_BOUNDS),
    "without the features": Check(_BOUNDS, changes={"game.features": 0.0}, control=True),
    "out of the features": Check(_BOUNDS, "dtn"),
}
