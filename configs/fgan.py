"""f-GAN: Nowozin, Cseke and Tomioka 2016 (arXiv:1606.00709), any f-divergence by its convex conjugate.

The divergence is a field: --config.game.objective.divergence=pearson, one of the ten of `jaxgan.losses.DIVERGENCES`.

python train.py --config=configs/fgan.py              digits 16x16 and the KL divergence, a minute on two CPU cores
python train.py --config=configs/fgan.py:kl           a normal density fitted to a mixture of two: KL covers both modes,
python train.py --config=configs/fgan.py:reverse_kl   and the reverse KL seeks one
python train.py --config=configs/fgan.py:paper        MNIST; Parzen-window scores -2,101 to 429 in the paper
"""

from ml_collections import ConfigDict

from configs import dcgan, gan
from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "kl": kl, "reverse_kl": reverse_kl, "paper": paper})


def _objective(divergence: str) -> dict[str, str]:
    return {"name": "f_divergence", "divergence": divergence, "generator": "practical"}


def digits(config: ConfigDict) -> None:
    dcgan.short_digits(config)
    config.game.objective = _objective("kl")


def _misspecified(config: ConfigDict, divergence: str) -> None:
    """Section 2.5: the generator is affine, so that its density is normal whatever it learns."""
    gan.gaussian1d(config)
    config.players.generator.network = jaxgan.named("MLPGenerator", hidden=(), output="linear")
    config.players.discriminator.network = jaxgan.named("MLPDiscriminator", hidden=(64, 64), activation="tanh")
    # The bound itself, not the practical loss: the divergence is what is studied.
    config.game.objective = _objective(divergence) | {"generator": "theoretical"}
    config.game.discriminator_steps = 2
    config.data.name = "mixture1d"
    config.data.scale = 0.5
    config.steps = 6000
    for player in config.players.values():
        player.optimizer.learning_rate = 2e-3
        player.schedule = jaxgan.named("linear_decay", start=3000, stop=6000)


def kl(config: ConfigDict) -> None:
    _misspecified(config, "kl")


def reverse_kl(config: ConfigDict) -> None:
    _misspecified(config, "reverse_kl")


def paper(config: ConfigDict) -> None:
    gan.tutorial(config)
    for player in config.players.values():
        player.optimizer.b1 = 0.5
    config.game = {"latent_size": 100, "latent": "uniform", "objective": _objective("kl")}
    config.players.generator.network = jaxgan.named("MLPGenerator", hidden=(1200, 1200), norm="batch")
    config.players.discriminator.network = jaxgan.named("MLPDiscriminator", hidden=(240, 240), activation="elu")
    config.batch_size = 4096
    config.steps = 20_000
