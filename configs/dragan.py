"""DRAGAN: Kodali et al. 2017 (arXiv:1705.07215), the first GAN with a gradient penalty around the data.

L_D + lambda E[(|| grad C(x + delta) || - 1)^2], lambda = 10; delta as in the authors' program, or the paper's normal noise by
--config.game.terms.dragan.perturbation=paper.

python train.py --config=configs/dragan.py        digits 16x16, two minutes on two CPU cores
python train.py --config=configs/dragan.py:ring8  eight Gaussians on a circle
python train.py --config=configs/dragan.py:paper  64x64 images of a folder
"""

from ml_collections import ConfigDict

from configs import dcgan, gan
from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "ring8": ring8, "paper": paper})


def _penalised(config: ConfigDict, weight: float = 10.0) -> None:
    config.game.terms = {"dragan": {"weight": weight, "perturbation": "author"}}


def digits(config: ConfigDict) -> None:
    dcgan.short_digits(config)
    config.players.discriminator.network.norm = "none"  # the penalty is on each image's own gradient
    _penalised(config)


def ring8(config: ConfigDict) -> None:
    gan.ring8(config)
    _penalised(config, weight=1.0)  # 10 is for images: on two coordinates it holds the discriminator back


def paper(config: ConfigDict) -> None:
    dcgan.tutorial(config)
    config.players.discriminator.network.norm = "none"
    for player in config.players.values():
        player.optimizer = jaxgan.named("adam", learning_rate=1e-4, b1=0.5, b2=0.9)
    config.game.latent = "uniform"
    _penalised(config)
    config.batch_size = 64
    config.steps = 50_000
