"""Disentangled features: Chou, Yeh, Lee and Lee 2018 (arXiv:1804.02812), content and style as two codes.

python train.py --config=configs/disentangle.py  digits plain, with a bar and dim, a minute on two CPU cores
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "disentangle"
    config.game = {"content_size": 16, "style_size": 4, "adversarial": 0.1}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.content_encoder = player(named("MLPEncoder"), adam, schedule=half)
    config.players.style_encoder = player(named("MLPEncoder", hidden=(64,)), adam, schedule=half)
    config.players.generator = player(named("MLPGenerator"), adam, schedule=half)
    config.players.domain_classifier = player(named("MLPDiscriminator", hidden=(128,)), adam, schedule=half)
    config.data.name, config.data.domains = "digits_translation", ("digits", "bar", "dim")
    config.batch_size = 22  # of each of the three
    config.metrics = ("swapped_styles", "reconstruction")
    config.steps = 3000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 1000, 3000
    return config


VARIANTS = {"": digits}

_BOUNDS = {"domain_accuracy": ">= 0.9", "agreement": ">= 0.85"}
CHECKS = {
    "": Check(_BOUNDS),
    "a content that may tell its domain": Check(_BOUNDS, changes={"game.adversarial": 0.0}, control=True),
}
