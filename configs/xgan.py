"""XGAN: Royer et al. 2017 (arXiv:1711.05139), translation between two domains through a code that keeps the meaning.

python train.py --config=configs/xgan.py        digits and inverted digits 16x16, minutes on two CPU cores
python train.py --config=configs/xgan.py:paper  two folders of 64x64 pictures, such as faces and cartoons
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "xgan"
    config.game = {"domain": 0.01, "semantic": 1.0, "adversarial": 0.1}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    network = named("XGANEncoder", widths=(16, 32), own=1, hidden=(64,), tied=("inner",))
    config.players.encoder = player(network, adam, schedule=half)
    network = named("XGANDecoder", widths=(64, 32), own=1, tied=("inner",))
    config.players.decoder = player(network, adam, schedule=half)
    config.players.code_classifier = player(named("CodeClassifier", hidden=(64,)), adam, schedule=half)
    for name in ("discriminator_a", "discriminator_b"):
        network = named("PatchDiscriminator", width=32, layers=2, norm="none")
        config.players[name] = player(network, adam, schedule=half)
    config.data.name = "digits_translation"
    config.metrics = ("translation", "common_codes")
    config.batch_size = 32
    config.steps = 1000
    config.log_every, config.sample_every, config.evaluate_every = 50, 250, 500
    return config


def paper() -> ConfigDict:
    """The weights and the widths are those of a public program."""
    config = default()
    config.system = "xgan"
    config.game = {"domain": 1.0, "semantic": 0.5, "adversarial": 1.0}
    adam = named("adam", learning_rate=1e-4, b1=0.9, b2=0.999)
    config.players.encoder = player(named("XGANEncoder"), adam)
    config.players.decoder = player(named("XGANDecoder"), adam)
    config.players.code_classifier = player(named("CodeClassifier"), adam)
    for name in ("discriminator_a", "discriminator_b"):
        config.players[name] = player(named("DiscoGANDiscriminator", widths=(16, 32, 32, 32), norm="none"), adam)
    config.data.name = "two_folders"
    config.data.path = "data/faces2cartoons"
    config.data.image_size = 64
    config.batch_size = 64
    config.steps = 100_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

# Digits agree without it; what semantic consistency adds is that the code survives the way to the other domain.
_BOUNDS = {
    "agreement_ab": ">= 0.9",
    "agreement_ba": ">= 0.9",
    "code_agreement": ">= 0.8",
    "code_loop": "<= 0.165",
}
CHECKS = {
    "": Check(_BOUNDS),
    "without semantic consistency": Check(_BOUNDS, changes={"game.semantic": 0.0}, control=True),
}
