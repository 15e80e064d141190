"""DCGAN: Radford, Metz and Chintala 2015 (arXiv:1511.06434), the non-saturating game with convolutional networks.

python train.py --config=configs/dcgan.py            digits 16x16, one to three minutes on two CPU cores
python train.py --config=configs/dcgan.py:stacked    1,000 modes of stacked digits
python train.py --config=configs/dcgan.py:paper      64x64 images of a folder, as in the paper: 25 epochs of faces
python train.py --config=configs/dcgan.py:tutorial   64x64 images of a folder, PyTorch's tutorial layer by layer
python train.py --config=configs/dcgan.py:cpu32      your folder at 32x32: up to 11 minutes on two CPU cores
python train.py --config=configs/dcgan.py:gpu32      your folder at 32x32: 0.28 GiB, about 0.28 hours of an L4
python train.py --config=configs/dcgan.py:gpu64      your folder at 64x64: 0.49 GiB, about 0.48 hours of an L4
python train.py --config=configs/dcgan.py:gpu128     your folder at 128x128: 2.0 GiB, about 1.8 hours of an L4
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, own_pictures, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "dcgan"
    config.game = {"latent_size": 64, "latent": "normal"}
    adam = named("adam", learning_rate=5e-4, b1=0.5, b2=0.999)
    half = named("linear_decay", start=0.5)
    config.players.generator = player(
        named("DCGANGenerator", width=32, layout="torch"),
        adam,
        average=named("half_life", images=10_000, ramp_up=0.1),
        schedule=half,
    )
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=32, layout="torch"),
        adam,
        schedule=half,
        # Without it (Sonderby et al. 2016, arXiv:1610.04490) a haze stays on the black ground, which no real digit has.
        views=(named("instance_noise", deviation=0.1),),
    )
    config.data.name = "digits"
    config.steps = 4500
    return config


def stacked() -> ConfigDict:
    config = digits()
    config.players.discriminator.views = ()
    config.data.name = "stacked_digits"
    config.evaluate_samples = 25_600
    return config


def paper() -> ConfigDict:
    config = default()
    config.system = "dcgan"
    config.game = {"latent_size": 100}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    # 1e-8 as in the authors' Theano program
    config.players.generator = player(named("DCGANGenerator", width=128, norm_epsilon=1e-8), adam)
    config.players.discriminator = player(named("DCGANDiscriminator", width=128, norm_epsilon=1e-8), adam)
    config.data.name = "folder"
    config.data.path = "data/faces"
    config.data.image_size = 64
    config.batch_size = 128
    config.steps = 70_000  # about 25 epochs of 350,000 faces
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


def tutorial() -> ConfigDict:
    config = paper()
    config.game.latent = "normal"
    for each in config.players.values():
        each.network.update({"width": 64, "layout": "torch", "norm_epsilon": 1e-5})
    config.data.path = "data/celeba"
    config.data.resample = "bilinear"
    config.steps = 5 * 1583  # 5 epochs of CelebA's 202,599 images, 128 at a time
    config.log_every, config.sample_every = 50, 500
    return config


def cpu32() -> ConfigDict:
    return own_pictures(digits(), 32, batch_size=64, steps=8000)


def gpu(size: int, width: int, batch_size: int = 128, steps: int = 100_000) -> ConfigDict:
    """The tutorial's game for longer, so that its rates fall in the end; samples are those of an average."""
    config = own_pictures(tutorial(), size, batch_size, steps)
    config.players.generator.average = named("half_life", images=10_000, ramp_up=0.1)
    for each in config.players.values():
        each.network.width = width
        each.schedule = named("linear_decay", start=0.5)
    return config


VARIANTS = {
    "": digits,
    "stacked": stacked,
    "paper": paper,
    "tutorial": tutorial,
    "cpu32": cpu32,
    "gpu32": lambda: gpu(32, width=128),
    "gpu64": lambda: gpu(64, width=64),
    "gpu128": lambda: gpu(128, width=64),
}

CHECKS = {
    "": Check({"digit_fd": "<= 12", "digits_present": ">= 10"}),
    "stacked digits": Check({"modes": ">= 950", "reverse_kl": "<= 0.6"}, "stacked"),
}
