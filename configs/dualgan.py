"""DualGAN: Yi et al. 2017 (arXiv:1704.02510), translation between two domains without pairs, by Wasserstein critics.

python train.py --config=configs/dualgan.py        digits and inverted digits 16x16, a minute on two CPU cores
python train.py --config=configs/dualgan.py:paper  two folders of photographs, 256x256: U-Nets and 70x70 patches
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "dualgan"
    config.game = {"reconstruction": 20.0, "discriminator_steps": 2}
    rmsprop = named("rmsprop", learning_rate=1e-3, decay=0.9)
    half = named("linear_decay", start=0.5)
    for name in ("generator_ab", "generator_ba"):
        # Not the paper's U-Net: what passes beside its smallest map is of the wrong ink, and digits are exchanged.
        network = named("ResNetTranslator", width=16, blocks=2, downsamples=1)
        config.players[name] = player(network, rmsprop, schedule=half)
    for name in ("discriminator_a", "discriminator_b"):
        network = named("PatchDiscriminator", width=24, layers=2, norm="none")
        config.players[name] = player(network, rmsprop, constraints=(named("clip", limit=0.1),), schedule=half)
    config.data.name = "digits_translation"
    config.batch_size = 32
    config.steps = 300
    config.log_every, config.sample_every, config.evaluate_every = 20, 100, 200
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "dualgan"
    config.game = {"reconstruction": 500.0, "discriminator_steps": 3}
    # What TensorFlow adds and starts from, where the authors' program says nothing; from memory.
    rmsprop = named("rmsprop", learning_rate=5e-5, decay=0.9, eps=1e-10, initial_scale=1.0)
    for name in ("generator_ab", "generator_ba"):
        config.players[name] = player(named("UNetTranslator"), rmsprop)
    for name in ("discriminator_a", "discriminator_b"):
        network = named("PatchDiscriminator", norm="batch")
        config.players[name] = player(network, rmsprop, constraints=(named("clip", limit=0.01),))
    config.data.name = "two_folders"
    config.data.path = "data/day2night"
    config.data.image_size = 256
    config.batch_size = 1
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

_BOUNDS = {
    "agreement_ab": ">= 0.85",
    "agreement_ba": ">= 0.85",
    "cycle_l1": "<= 0.1",
    "cycle_l1_aba_noisy": "<= 0.1",
    "counterpart_mse_ab": "<= 0.02",
    "counterpart_mse_ba": "<= 0.02",
}
CHECKS = {
    "": Check(_BOUNDS),
    "without reconstruction": Check(_BOUNDS, changes={"game.reconstruction": 0.0}, control=True),
}
