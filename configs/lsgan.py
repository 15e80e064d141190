"""LSGAN: Mao et al. 2016 (arXiv:1611.04076), squared distances to targets instead of cross-entropies; no sigmoid.

python train.py --config=configs/lsgan.py          digits 16x16, a minute on two CPU cores; targets 0, 1, 1
python train.py --config=configs/lsgan.py:pearson  the same with the coding -1, 1, 0, whose optimum is Pearson's chi-squared
python train.py --config=configs/lsgan.py:ring8    eight Gaussians on a circle
python train.py --config=configs/lsgan.py:paper    112x112 scenes
"""

from ml_collections import ConfigDict

from configs import dcgan, gan
from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "pearson": pearson, "ring8": ring8, "paper": paper})


def digits(config: ConfigDict) -> None:
    dcgan.short_digits(config)
    config.game.objective = {"name": "least_squares"}


def pearson(config: ConfigDict) -> None:
    digits(config)
    config.game.objective = {"name": "least_squares", "fake_target": -1.0, "real_target": 1.0, "generator_target": 0.0}


def ring8(config: ConfigDict) -> None:
    gan.ring8(config)
    config.game.objective = {"name": "least_squares"}


def paper(config: ConfigDict) -> None:
    dcgan.paper(config)
    for player in config.players.values():
        player.optimizer.learning_rate = 1e-3
    config.game = {"latent_size": 1024, "latent": "uniform", "objective": {"name": "least_squares"}}
    config.data.path = "data/bedrooms"
    config.data.image_size = 112
    config.batch_size = 64
