"""Bidirectional autoencoder: Donahue, Krahenbuhl and Darrell 2016 (arXiv:1605.09782), what their BiGAN is compared with.

python train.py --config=configs/bivae.py  digits 16x16, a minute on two CPU cores
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "bivae"
    config.game = {"latent_size": 8}
    adam = named("adam", learning_rate=1e-3, b1=0.9, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.encoder = player(named("MLPEncoder"), adam, schedule=half)
    config.players.generator = player(named("MLPGenerator"), adam, schedule=half)
    config.data.name = "digits"
    config.metrics = ("reconstruction", "default")
    config.steps = 4000
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 100, 1000, 1000, 4000
    return config


VARIANTS = {"": digits}

# Alike, but blurred; see `bigan` for the opposite.
_BOUNDS = {
    "reconstruction_agreement": ">= 0.93",
    "reconstruction_sharpness": "<= 0.97",
    "reconstruction_mse": "<= 0.05",
    "latent_mse": "<= 0.05",
}
CHECKS = {
    "": Check(_BOUNDS),
    "without the loop of latents": Check(_BOUNDS, changes={"game.latent_weight": 0.0}, control=True),
}
