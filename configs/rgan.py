"""RGAN and RaGAN: Jolicoeur-Martineau 2018 (arXiv:1807.00734), is this real more realistic than that fake?

The form and the loss are fields: --config.game.objective.form=pairing|average|centred and
--config.game.objective.loss=standard|least_squares|hinge.

python train.py --config=configs/rgan.py          digits 16x16, pairs, the standard loss; a minute on two CPU cores
python train.py --config=configs/rgan.py:average  each against the average of the others (RaGAN)
python train.py --config=configs/rgan.py:paper    CIFAR-10, spectral norm, RaGAN with the hinge loss
"""

from ml_collections import ConfigDict

from configs import dcgan, sngan
from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "average": average, "paper": paper})


def digits(config: ConfigDict) -> None:
    dcgan.short_digits(config)
    config.game.objective = {"name": "relativistic", "form": "pairing", "loss": "standard"}


def average(config: ConfigDict) -> None:
    digits(config)
    config.game.objective.form = "average"


def paper(config: ConfigDict) -> None:
    sngan.cnn(config)
    for player in config.players.values():
        player.optimizer = jaxgan.named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.game = {
        "latent_size": 128,
        "objective": {"name": "relativistic", "form": "average", "loss": "hinge"},
        "discriminator_steps": 1,
    }
    config.batch_size = 32
    config.steps = 100_000
