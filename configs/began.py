"""BEGAN: Berthelot, Schumm and Metz 2017 (arXiv:1703.10717), autoencoder losses of reals and fakes held in balance.

gamma trades diversity for quality: --config.game.gamma=0.3.

python train.py --config=configs/began.py        digits 16x16, a minute and a half on two CPU cores
python train.py --config=configs/began.py:paper  64x64 faces
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "paper": paper})


def _players(config: ConfigDict, rate: float, **size: int) -> None:
    config.system = "began"
    for name, network in (("generator", "BEGANGenerator"), ("discriminator", "BEGANAutoencoder")):
        config.players[name] = jaxgan.player(
            jaxgan.named(network), jaxgan.named("adam", learning_rate=rate, b1=0.5, b2=0.999)
        )
        config.players[name].network.update(size)
    config.players.discriminator.network.hidden = 64


def digits(config: ConfigDict) -> None:
    _players(config, rate=3e-4, width=16)
    for player in config.players.values():
        # Held at its first rate, the generator narrows to the digits that are easiest to reconstruct.
        player.schedule = jaxgan.named("linear_decay", start=250, stop=750)
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    config.players.discriminator.network.hidden = 24
    config.game = {"latent_size": 32, "gamma": 0.9, "gain": 0.5}  # the gain of a run this short
    config.data.name = "digits"
    config.data.image_size = 16
    config.steps = 750
    config.log_every, config.sample_every, config.evaluate_every = 25, 150, 250
    config.metrics = ("digit_fd",)


def paper(config: ConfigDict) -> None:
    _players(config, rate=1e-4, width=64)
    for player in config.players.values():
        player.optimizer.b1 = 0.9  # Adam's own: the program's 0.5 is never passed on
        player.schedule = jaxgan.named("exponential_decay", factor=0.5 ** (1 / 100_000), floor=0.2)
    config.game = {"latent_size": 64, "gamma": 0.5, "gain": 1e-3}
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.batch_size = 16
    config.steps = 500_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
