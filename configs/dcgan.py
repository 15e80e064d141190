"""DCGAN: Radford, Metz and Chintala 2015 (arXiv:1511.06434), the non-saturating game with convolutional networks.

python train.py --config=configs/dcgan.py            digits 16x16, one to three minutes on two CPU cores
python train.py --config=configs/dcgan.py:stacked    1,000 modes of stacked digits
python train.py --config=configs/dcgan.py:paper      64x64 images of a folder, as in the paper: 25 epochs of faces
python train.py --config=configs/dcgan.py:tutorial   64x64 images of a folder, PyTorch's tutorial layer by layer
"""

from ml_collections import ConfigDict

from jaxgan import config as jaxgan


def get_config(variant: str = "") -> ConfigDict:
    return jaxgan.variant(variant, {"": digits, "stacked": stacked, "paper": paper, "tutorial": tutorial})


def _players(config: ConfigDict, width: int, layout: str) -> None:
    for name, network in (("generator", "DCGANGenerator"), ("discriminator", "DCGANDiscriminator")):
        config.players[name] = jaxgan.player(
            jaxgan.named(network, width=width, layout=layout),
            jaxgan.named("adam", learning_rate=2e-4, b1=0.5, b2=0.999),
        )


def digits(config: ConfigDict) -> None:
    config.system = "gan"
    config.game = {"latent_size": 64, "reuse_fakes": True}
    _players(config, width=32, layout="torch")
    config.steps = 4500
    for player in config.players.values():
        player.optimizer.learning_rate = 5e-4
        player.schedule = jaxgan.named("linear_decay", start=2250, stop=4500)
    config.players.generator.average = jaxgan.named("half_life", images=10_000, ramp_up=0.1)
    config.data.name = "digits"
    config.data.image_size = 16
    config.metrics = ("digit_fd",)


def short_digits(config: ConfigDict) -> None:
    """The same in a minute: what the configs of other objectives start from."""
    digits(config)
    config.steps = 2000
    for player in config.players.values():
        player.schedule = jaxgan.named("linear_decay", start=1000, stop=2000)
    config.log_every, config.evaluate_every = 100, 1000


def stacked(config: ConfigDict) -> None:
    digits(config)
    config.data.name = "stacked_digits"
    config.evaluate_samples = 25_600
    config.metrics = ("stacked_modes",)


def paper(config: ConfigDict) -> None:
    config.system = "gan"
    config.game = {"latent_size": 100, "latent": "uniform", "reuse_fakes": True}
    _players(config, width=128, layout="paper")
    config.data.name = "folder"
    config.data.path = "data/faces"
    config.data.image_size = 64
    config.data.channels = 3
    config.batch_size = 128
    config.steps = 70_000  # about 25 epochs of 350,000 faces
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000


def tutorial(config: ConfigDict) -> None:
    paper(config)
    config.game.latent = "normal"
    _players(config, width=64, layout="torch")
    config.data.path = "data/celeba"
    config.steps = 8_000  # 5 epochs of CelebA's 202,599 images, 128 at a time
    config.sample_every = 500
