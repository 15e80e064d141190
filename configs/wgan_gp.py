"""WGAN-GP: Gulrajani et al. 2017 (arXiv:1704.00028), a critic with a penalty on its gradient, five turns to one.

python train.py --config=configs/wgan_gp.py            digits 16x16, about three minutes on two CPU cores
python train.py --config=configs/wgan_gp.py:grid25     25 Gaussians in the plane (the paper's figure 1), two minutes
python train.py --config=configs/wgan_gp.py:paper      CIFAR-10, the residual networks; IS 7.86 in the paper
python train.py --config=configs/wgan_gp.py:tutorial   64x64 images of a folder, DCGAN's networks without norm in the critic
python train.py --config=configs/wgan_gp.py:cpu32      your folder at 32x32
python train.py --config=configs/wgan_gp.py:gpu32      your folder at 32x32
python train.py --config=configs/wgan_gp.py:gpu64      your folder at 64x64: 0.37 GiB, about 1.0 hours of an L4
python train.py --config=configs/wgan_gp.py:gpu128     your folder at 128x128
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, own_pictures, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def digits() -> ConfigDict:
    config = default()
    config.system = "wgan_gp"
    config.game = {"latent_size": 32}
    adam = named("adam", learning_rate=5e-4, b1=0.0, b2=0.9)
    config.players.generator = player(
        named("ResNetGenerator", widths=(32, 32, 32)), adam, average=named("half_life", images=20_000, ramp_up=0.1)
    )
    config.players.discriminator = player(named("ResNetDiscriminator", widths=(32, 32, 32)), adam)
    config.data.name = "digits"
    config.steps = 200
    config.log_every, config.sample_every, config.evaluate_every = 20, 50, 100
    return config


def grid25() -> ConfigDict:
    config = default()
    config.system = "wgan_gp"
    config.game = {"latent_size": 2, "penalty": 0.1}
    adam = named("adam", learning_rate=1e-3, b1=0.5, b2=0.9)
    decay = named("linear_decay")
    config.players.generator = player(
        named("MLPGenerator", hidden=(256, 256, 256), output="linear"),
        adam,
        average=named("half_life", images=100_000, ramp_up=0.1),
        schedule=decay,
    )
    config.players.discriminator = player(
        named("MLPDiscriminator", hidden=(256, 256, 256), activation="relu"), adam, schedule=decay
    )
    config.data.name = "grid25"
    config.data.scale = 1 / 2.828  # as in the paper's code: a spread of about one
    config.batch_size = 256
    config.steps = 4000
    return config


def paper() -> ConfigDict:
    """As in the authors' program, without labels."""
    config = default()
    config.system = "wgan_gp"
    config.game = {"latent_size": 128, "generator_fakes": 2}
    adam = named("adam", learning_rate=2e-4, b1=0.0, b2=0.9)
    decay = named("linear_decay")
    config.players.generator = player(named("ResNetGenerator"), adam, schedule=decay)
    config.players.discriminator = player(named("ResNetDiscriminator"), adam, schedule=decay)
    config.data.name = "tfds:cifar10"
    config.data.image_size = 32
    config.data.dequantize = True
    config.steps = 100_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 1000, 5000
    return config


def tutorial() -> ConfigDict:
    config = default()
    config.system = "wgan_gp"
    config.game = {"latent_size": 128}
    adam = named("adam", learning_rate=1e-4, b1=0.0, b2=0.9)
    config.players.generator = player(named("DCGANGenerator", width=64, layout="torch"), adam)
    config.players.discriminator = player(named("DCGANDiscriminator", width=64, layout="torch", norm="none"), adam)
    config.data.name = "folder"
    config.data.path = "data/celeba"
    config.data.image_size = 64
    config.steps = 50_000
    config.log_every, config.sample_every, config.checkpoint_every = 100, 500, 5000
    return config


def cpu32() -> ConfigDict:
    config = own_pictures(digits(), 32, batch_size=32, steps=1000)
    for each in config.players.values():
        each.network.widths = (32, 32, 32, 32)
    return config


def gpu(size: int, batch_size: int = 64, steps: int = 100_000) -> ConfigDict:
    """The paper's networks at 32 pixels, the tutorial's above; samples are those of an average."""
    config = own_pictures(paper() if size == 32 else tutorial(), size, batch_size, steps)
    config.players.generator.average = named("half_life", images=10_000, ramp_up=0.1)
    return config


VARIANTS = {
    "": digits,
    "grid25": grid25,
    "paper": paper,
    "tutorial": tutorial,
    "cpu32": cpu32,
    "gpu32": lambda: gpu(32),
    "gpu64": lambda: gpu(64),
    "gpu128": lambda: gpu(128),
}

CHECKS = {
    "": Check(
        {"digit_fd": "<= 25", "digits_present": ">= 10", "gradient_norm_error": "<= 0.4"},
        computed="gradient_on_the_line",
    ),
    "25 Gaussians": Check({"modes": ">= 24", "high_quality": ">= 0.4"}, "grid25"),
}
