"""Fader networks: Lample et al. 2017 (arXiv:1706.00409), an attribute that the code hides, and the decoder is told.

python train.py --config=configs/domain_adversarial.py        digits with and without a bar 16x16, a minute on two CPU cores
python train.py --config=configs/domain_adversarial.py:dim    digits in full and in faint ink
python train.py --config=configs/domain_adversarial.py:paper  two folders of 256x256 faces, with and without an attribute
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "domain_adversarial"
    config.game = {"domain": 0.03, "ramp_steps": 500}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    # Without the paper's batch norm: of translations it would know the statistics of one domain alone.
    config.players.encoder = player(named("FaderEncoder", widths=(16, 32, 32), norm="none"), adam, schedule=half)
    config.players.decoder = player(named("FaderDecoder", widths=(16, 32, 32), norm="none"), adam, schedule=half)
    network = named("CodeClassifier", hidden=(128,), dropout_rate=0.3)
    config.players.code_classifier = player(network, adam, schedule=half)
    config.data.name = "digits_translation"
    config.data.domain = "bar"
    config.batch_size = 64
    config.steps = 2000
    config.log_every, config.sample_every, config.evaluate_every = 50, 500, 1000
    return config


def dim() -> ConfigDict:
    config = digits()
    config.data.domain = "dim"
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "domain_adversarial"
    config.game = {"domain": 1e-4, "ramp_steps": 500_000}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.players.encoder = player(named("FaderEncoder"), adam)
    config.players.decoder = player(named("FaderDecoder"), adam)
    network = named("CodeClassifier", widths=(512, 512), hidden=(512,), norm="batch", dropout_rate=0.3)
    config.players.code_classifier = player(network, adam)
    config.data.name = "two_folders"
    config.data.path = "data/glasses"
    config.data.image_size = 256
    config.data.flip = True
    config.batch_size = 16  # of each folder: 32 in all
    config.steps = 1000 * 1563  # 1,000 epochs, as the program counts them, of 50,000 images
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "dim": dim, "paper": paper}

# An image that the swap leaves as it is is still of its own domain, and one that lost its digit is not read.
_BOUNDS = {
    "domain_ab": ">= 0.95",
    "domain_ba": ">= 0.95",
    "agreement_ab": ">= 0.9",
    "agreement_ba": ">= 0.9",
}
CHECKS = {
    "": Check(_BOUNDS),
    "the code hides nothing": Check(_BOUNDS, changes={"game.domain": 0.0}, control=True),
    "faint ink": Check(_BOUNDS, "dim"),
}
