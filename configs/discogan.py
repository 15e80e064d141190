"""DiscoGAN: Kim et al. 2017 (arXiv:1703.05192), translation between two domains without pairs, likened in features.

python train.py --config=configs/discogan.py        digits and inverted digits 16x16, a minute on two CPU cores
python train.py --config=configs/discogan.py:paper  two folders of photographs, 64x64, as the authors' program has it
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "discogan"
    config.game = {"reconstruction": 0.5, "first_reconstruction": 0.01, "curriculum_steps": 50}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    for name in ("generator_ab", "generator_ba"):
        config.players[name] = player(named("DiscoGANTranslator", widths=(32, 64)), adam, schedule=half)
    for name in ("discriminator_a", "discriminator_b"):
        config.players[name] = player(named("DiscoGANDiscriminator", widths=(16, 32)), adam, schedule=half)
    config.data.name = "digits_translation"
    config.batch_size = 32
    config.steps = 400
    config.log_every, config.sample_every, config.evaluate_every = 20, 100, 200
    return config


def paper() -> ConfigDict:
    """The program's decay of 1e-5 takes biases and gains too."""
    config = default()
    config.system = "discogan"
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    small = (named("l2_decay", weight=1e-5),)
    for name in ("generator_ab", "generator_ba"):
        config.players[name] = player(named("DiscoGANTranslator"), adam, constraints=small)
    for name in ("discriminator_a", "discriminator_b"):
        config.players[name] = player(named("DiscoGANDiscriminator"), adam, constraints=small)
    config.data.name = "two_folders"
    config.data.path = "data/shoes2handbags"
    config.data.image_size = 64
    config.batch_size = 64
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


VARIANTS = {"": digits, "paper": paper}

_BOUNDS = {
    "agreement_ab": ">= 0.85",
    "agreement_ba": ">= 0.85",
    "cycle_l1": "<= 0.08",
    "cycle_l1_aba_noisy": "<= 0.085",
    "counterpart_mse_ab": "<= 0.02",
    "counterpart_mse_ba": "<= 0.02",
}
CHECKS = {
    "": Check(_BOUNDS),
    "without reconstruction": Check(
        _BOUNDS, changes={"game.reconstruction": 0.0, "game.first_reconstruction": 0.0}, control=True
    ),
}
